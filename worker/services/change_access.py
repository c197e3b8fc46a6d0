"""Change what a customer may use: a row and a fact in one commit, no request to anybody.

It follows a read of Stripe in the same look, so nobody loses access over an invoice that is paid.
Since it hurts like a letter, it obeys what letters obey: the switch, holds and a case's close.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from worker.domain.access import FULL, NONE, access_at_close, next_change
from worker.domain.case import Case
from worker.domain.decisions import Close, Decision, SetAccess
from worker.domain.engine_situation import PAUSED, SUBSCRIPTION_OVER
from worker.domain.facts import Fact
from worker.domain.identifiers import case_name
from worker.domain.readings import SubscriptionReading
from worker.domain.staff_words import StaffWords
from worker.domain.step_names import readable
from worker.ports import CaseChange, Tx
from worker.services.case_facts import case_fact
from worker.services.case_turn import Turn
from worker.services.permission import may_tell_access

OVER = "the subscription is over"
RESUMED = "the subscription was resumed"

WITHOUT_SERVICE = SUBSCRIPTION_OVER | {PAUSED}
"""A pause stops service and invoices alike (docs.stripe.com/billing/subscriptions/pause)."""


def change_access(turn: Turn, decision: Decision, act: SetAccess, *, news: Sequence[Fact]) -> None:
    """Record the step, what the customer may use, and the fact; the case is due again."""
    because = f"{readable(act.step).removesuffix(' (access)')} of {case_name(turn.case.id)}"

    written: list[Fact] = []

    def write(tx: Tx) -> Sequence[Fact]:
        tx.canaries.join(turn.case.id, now=turn.now)
        tx.cases.record_step(turn.case.id, act.step, done=True, at=turn.now, reason=act.access)
        after = tx.cases.load(turn.case.id) or turn.case
        planned = next_change(after, turn.policy, turn.situation().office_zone, now=turn.now)
        written.extend(
            tell_access(
                tx,
                turn.case,
                act.access,
                at=turn.now,
                because=because,
                until=planned.at if planned is not None else None,
            )
        )
        return written

    turn.finish(
        CaseChange(owner=decision.owner, next_action_at=turn.now),
        decision=decision,
        facts=news,
        also=write,
        unless=lambda tx: may_tell_access(tx, turn, turn.fence(tx)).later(turn.now),
    )
    if written:
        turn.ports.log.info(
            "access.changed",
            case=case_name(turn.case.id),
            customer=turn.case.customer_id,
            subscription=turn.case.subscription_id,
            step=act.step,
            access=act.access,
            business_at=turn.now,
        )


def access_after(tx: Tx, turn: Turn, close: Close) -> Sequence[Fact]:
    """Give access back, or take it, with a case's close, and return the fact where it changed."""
    if not turn.case.subscription_id:
        return []
    subscription = turn.invoice.subscription
    word = access_at_close(
        close.outcome,
        subscription_over=subscription is None or subscription.status in WITHOUT_SERVICE,
        leads=turn.around.leading_case is None,
        known=tx.access.known(
            customer_id=turn.case.customer_id, subscription_id=turn.case.subscription_id
        ),
    )
    because = f"closed: {close.reason}"
    if isinstance(close.reason, StaffWords):
        because = StaffWords(because)
    return tell_access(tx, turn.case, word, at=turn.now, because=because, until=None)


def tell_access(
    tx: Tx, case: Case, word: str, *, at: datetime, because: str, until: datetime | None
) -> Sequence[Fact]:
    """Write what the customer may use and return `access.changed`; nothing where it is so already.

    Args: until: when the next change is planned.
    """
    whose = {"customer_id": case.customer_id, "subscription_id": case.subscription_id}
    known = tx.access.known(**whose)
    if word == known:
        return []
    tx.access.put(word, **whose, case_id=case.id, at=at, because=because)
    data = _told(known, word, because, until=until)
    return [
        case_fact(case, "access.changed", at=at, occasion=_occasion(whose, word, at), data=data)
    ]


def access_of_the_gone(tx: Tx, subscription: SubscriptionReading, *, at: datetime) -> list[Fact]:
    """Take what is left of an access that dunning had changed, now that the subscription is over.

    It comes from Stripe's event: a cancel for the period's end takes effect long after its case.
    """
    whose = {"customer_id": subscription.customer_id, "subscription_id": subscription.id}
    known = tx.access.known(**whose)
    return [] if known in {FULL, NONE} else _by_event(tx, whose, known, NONE, OVER, at)


def access_of_the_resumed(tx: Tx, subscription: SubscriptionReading, *, at: datetime) -> list[Fact]:
    """Give back the access that a pause took, now that somebody resumed the subscription."""
    whose = {"customer_id": subscription.customer_id, "subscription_id": subscription.id}
    known = tx.access.known(**whose)
    return _by_event(tx, whose, known, FULL, RESUMED, at) if known == NONE else []


def _by_event(
    tx: Tx, whose: Mapping[str, str], known: str, word: str, because: str, at: datetime
) -> list[Fact]:
    tx.access.put(word, **whose, case_id=None, at=at, because=because)
    data = dict(whose) | _told(known, word, because, until=None)
    subject = whose["subscription_id"]
    return [Fact("access.changed", subject, at, _occasion(whose, word, at), data)]


def _told(known: str, word: str, because: str, *, until: datetime | None) -> dict[str, str]:
    """Return what `access.changed` tells beside whom it is about."""
    ends_at = until.isoformat() if until is not None else ""
    return {"from": known, "to": word, "until": ends_at, "because": because}


def _occasion(whose: Mapping[str, str], word: str, at: datetime) -> str:
    """Return what tells one change of a subscription's access from another."""
    return f"{whose['subscription_id']}:{word}:{at.isoformat()}"
