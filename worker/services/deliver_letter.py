"""Deliver one letter: claim, read Stripe again, render, commit to sending, send, mark."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.domain.case import LetterState
from worker.domain.engine_queued_letter import Against
from worker.domain.facts import Fact
from worker.domain.identifiers import case_name
from worker.domain.notices import LetterContent
from worker.domain.timetable import next_open
from worker.errors import ConfigError, GatewayRejected, ServiceUnavailable
from worker.ports import Control, LetterTask, RenderedNotice, SendOutcome, Tx
from worker.services.away import away_pause
from worker.services.case_turn import CasePorts, LeaseLostError, window_is_over
from worker.services.give_days import days_given_facts, give_days, take_days_back
from worker.services.letter_content import NotNeededError, NotNowError, read_content
from worker.services.permission import Permission, Verdict, may_prepare, may_send

LEASE = timedelta(seconds=120)
TRY_AGAIN = timedelta(minutes=10)
"""How soon a letter that was surely not sent is tried again."""
REJECTED_LOOK = timedelta(minutes=15)
"""How soon Stripe is asked again where our key was refused; a person must act before."""
TOO_LATE = "too late"

_STATES = {
    SendOutcome.SENT: LetterState.SENT,
    SendOutcome.UNKNOWN: LetterState.UNKNOWN,
    SendOutcome.REFUSED: LetterState.REFUSED,
}
_MAY_HAVE_ARRIVED = frozenset((LetterState.SENT, LetterState.UNKNOWN))
_FACTS = {
    LetterState.SENT: "notice.sent",
    LetterState.UNKNOWN: "notice.unknown",
    LetterState.REFUSED: "notice.failed",
    LetterState.SUPPRESSED: "notice.suppressed",
}


@dataclass(frozen=True, slots=True)
class Sent:
    """What is remembered of a letter beside its state."""

    reason: str = ""
    locale: str = ""
    template_digest: str = ""
    recipient_hash: str = ""
    rendered: bytes | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One letter in one sender's hands at one moment."""

    letter: LetterTask
    token: str
    ports: CasePorts
    now: datetime


def deliver_letter(letter_id: int, *, ports: CasePorts, now: datetime) -> str:
    """Deliver a queued letter that is due and return its new state; empty where it was not ours.

    A letter goes out at most once: an ambiguous end is `unknown`, reported and never repeated.
    Raises: ServiceUnavailable: a neighbour is away; nobody acts, the letter is rung for again.
    """
    token, wall_now = ports.new_token(), ports.clock.wall_now()
    with ports.ledger.begin() as tx:
        letter = tx.letters.claim(letter_id, now=now, wall_now=wall_now, token=token, lease=LEASE)
        control = tx.control.read()
        if letter is None or control is None:
            return ""
        permission = may_prepare(tx, letter, ports, now=now)
    at = Delivery(letter, token, ports, now)
    if not permission.granted:
        return _wait(at, permission)
    try:
        content = read_content(letter, ports=ports, now=now)
    except NotNeededError as error:
        return _settle(at, LetterState.SUPPRESSED, Sent(reason=str(error)))
    except NotNowError as error:
        return _not_now(at, error.against)
    except ServiceUnavailable:
        _wait_for_neighbour(at, control)
        raise
    except GatewayRejected as error:
        return _unreadable(at, error)
    return _send(at, content)


def _not_now(at: Delivery, against: Against) -> str:
    """Drop the letter or let it wait, as its case does; news that the case lacks wakes it."""
    if against.case_is_due and at.letter.case_id is not None:
        with at.ports.ledger.begin() as tx:
            tx.cases.wake(now=at.now, case_ids=[at.letter.case_id])
    if against.until is None:
        return _settle(at, LetterState.SUPPRESSED, Sent(reason=against.why))
    return _postpone(at, against.until, more_time=against.until - at.now)


def _wait_for_neighbour(at: Delivery, control: Control) -> None:
    """Give the letter back; while everybody waits for Stripe, no scan rings for each in turn."""
    if _is_too_late(at, at.now):
        _settle(at, LetterState.SUPPRESSED, Sent(reason=TOO_LATE))
        return
    paused_until = at.ports.clock.wall_now() + away_pause(control)
    with at.ports.ledger.begin() as tx:
        tx.letters.postpone(at.letter.id, token=at.token, until=at.now, paused_until=paused_until)


def _unreadable(at: Delivery, error: GatewayRejected) -> str:
    """What the letter is about is gone, or our key may not read it: then a person must help."""
    if error.status == 404:
        reason = "what it is about is gone at Stripe"
        return _settle(at, LetterState.SUPPRESSED, Sent(reason=reason))
    at.ports.log.error(
        "stripe.rejected", notice=at.letter.notice, error=str(error), do="dunning doctor"
    )
    return _later(at, at.now + REJECTED_LOOK)


def _later(at: Delivery, until: datetime, *, count_try: bool = False) -> str:
    """Postpone a letter that was surely not sent, unless it would then be too late."""
    if _is_too_late(at, until):
        return _settle(at, LetterState.SUPPRESSED, Sent(reason=TOO_LATE))
    return _postpone(at, until, count_try=count_try)


def _is_too_late(at: Delivery, when: datetime) -> bool:
    return at.letter.send_by is not None and when > at.letter.send_by


def _send(at: Delivery, content: LetterContent) -> str:
    letter, ports, now = at.letter, at.ports, at.now
    quiet = ports.configuration.notices.quiet
    open_at = next_open(
        now,
        ports.letters.zone_of(content.customer),
        quiet.send_between,
        weekdays_only=quiet.weekdays_only,
    )
    if open_at > now or _is_too_late(at, now):
        return _later(at, open_at)
    if not content.customer.email:
        reason = "the customer has no e-mail address"
        return _settle(at, LetterState.REFUSED, Sent(reason=reason))
    try:
        rendered = ports.letters.render(content)
    except ConfigError as error:
        ports.log.error(
            "letter.broken",
            notice=letter.notice,
            error=str(error),
            do="dunning check; the letter waits and is tried again",
        )
        return _later(at, now + TRY_AGAIN)
    committed_at = ports.clock.monotonic_seconds()
    try:
        with ports.ledger.begin() as tx:
            permission = _begin(tx, at, content)
    except LeaseLostError:
        return "lease_lost"
    if not permission.granted:
        return _wait(at, permission)
    if window_is_over(ports, committed_at):  # what it says may be true no more
        return _later(at, now + TRY_AGAIN, count_try=True)
    result = ports.letters.send(
        message_id=letter.message_id, customer=content.customer, rendered=rendered
    )
    if result.outcome is SendOutcome.NOT_SENT:
        ports.log.info("letter", notice=letter.notice, state="waits", reason=result.detail)
        return _later(at, now + TRY_AGAIN, count_try=True)
    detail = "" if result.outcome is SendOutcome.SENT else result.detail
    remembered = _remember(content, rendered, ports, reason=detail)
    return _settle(at, _STATES[result.outcome], remembered)


def _begin(tx: Tx, at: Delivery, content: LetterContent) -> Permission:
    """Commit the letter to sending, and with it give what it offers, or return what it waits for.

    All is asked again: Stripe was read and the letter written meanwhile. The case's row is locked
    first, as everywhere. Raises: LeaseLostError: somebody else has the letter, nothing is written.
    """
    letter, now = at.letter, at.now
    held = tx.cases.load(letter.case_id, lock=True) if letter.case_id is not None else None
    permission = may_send(tx, letter, at.ports, now=now)
    if not permission.granted:
        return permission
    if held is not None:
        if not give_days(tx, held, letter, content.offer, now=now):
            return Permission(Verdict.WAIT, "the customer had another offer meanwhile", now)
        tx.canaries.join(held.id, now=now)
    wall_now = at.ports.clock.wall_now()
    if not tx.letters.begin_sending(letter.id, token=at.token, now=now, wall_now=wall_now):
        raise LeaseLostError
    return permission


def _remember(
    content: LetterContent, rendered: RenderedNotice, ports: CasePorts, *, reason: str
) -> Sent:
    address = content.customer.email.strip().lower()
    return Sent(
        reason=reason,
        locale=ports.letters.locale_of(content.customer),
        template_digest=rendered.template_digest,
        recipient_hash=hashlib.sha256(address.encode()).hexdigest()[:16],
        rendered=rendered.text.encode(),
    )


def _postpone(
    at: Delivery, until: datetime, *, count_try: bool = False, more_time: timedelta = timedelta()
) -> str:
    with at.ports.ledger.begin() as tx:
        lock_case(tx, at.letter)
        ours = tx.letters.postpone(
            at.letter.id, token=at.token, until=until, count_try=count_try, more_time=more_time
        )
        if ours and count_try:  # the mail server did not take it: the next try gives its offer
            take_days_back(tx, at.letter, now=at.now)
    return "postponed" if ours else "lease_lost"


def _wait(at: Delivery, permission: Permission) -> str:
    """Let the letter wait; not where its case went on meanwhile, whose ring it would not hear."""
    with at.ports.ledger.begin() as tx:
        lock_case(tx, at.letter)
        if permission.is_rung:
            permission = may_prepare(tx, at.letter, at.ports, now=at.now)
        ours = tx.letters.postpone(
            at.letter.id,
            token=at.token,
            until=permission.until or at.now,
            more_time=permission.more_time,
            waits_for=permission.limit,
        )
    return "postponed" if ours else "lease_lost"


def _settle(at: Delivery, state: LetterState, sent: Sent) -> str:
    """Write the outcome and its fact; a final letter wakes its case, whose ending waits for it."""
    letter, ports, now = at.letter, at.ports, at.now
    fact = letter_fact(letter, state, at=now, locale=sent.locale, reason=sent.reason)
    with ports.ledger.begin() as tx:
        lock_case(tx, letter)
        ours = tx.letters.settle(
            letter.id,
            state,
            token=at.token,
            now=now,
            reason=sent.reason,
            locale=sent.locale,
            template_digest=sent.template_digest,
            recipient_hash=sent.recipient_hash,
            rendered=sent.rendered,
        )
        if ours:
            facts = [fact]
            if state in _MAY_HAVE_ARRIVED:
                facts += days_given_facts(tx, letter, now=now)
            else:
                take_days_back(tx, letter, now=now)
            tx.facts.append(facts, wall_now=ports.clock.wall_now())
            if letter.case_id is not None and letter.send_by is None:
                tx.cases.wake(now=now, case_ids=[letter.case_id])
    if not ours:  # another sender has it, or it was dropped meanwhile: they tell what became of it
        return "lease_lost"
    report(letter, state, ports, now=now, reason=sent.reason)
    return state.value


def lock_case(tx: Tx, letter: LetterTask) -> None:
    """Lock the row of the letter's case before the letter's own, as everybody does."""
    if letter.case_id is not None:
        tx.cases.load(letter.case_id, lock=True)


def report(
    letter: LetterTask, state: LetterState, ports: CasePorts, *, now: datetime, reason: str
) -> None:
    """Write the letter's line; an unknown or refused one asks for a look."""
    fields = {
        "case": case_name(letter.case_id) if letter.case_id is not None else "",
        "subscription": letter.subscription_id,
        "notice": letter.notice,
        "step": letter.step,
        "state": state.value,
        "reason": reason,
        "business_at": now,
    }
    if state is LetterState.UNKNOWN:
        ports.log.warning(
            "letter.unknown", do="ask the mail server's log; it is not sent again", **fields
        )
    else:
        ports.log.info("letter", **fields)


def letter_fact(
    letter: LetterTask, state: LetterState, *, at: datetime, locale: str = "", reason: str = ""
) -> Fact:
    """Return the `notice.*` fact of a letter's outcome; never with an address."""
    subject = case_name(letter.case_id) if letter.case_id is not None else letter.subscription_id
    return Fact(
        _FACTS[state],
        subject,
        at,
        letter.message_id,
        {
            "case": subject if letter.case_id is not None else "",
            "customer_id": letter.customer_id,
            "subscription_id": letter.subscription_id,
            "invoice_id": letter.invoice_id,
            "notice": letter.notice,
            "step": letter.step,
            "locale": locale,
            "reason": reason,
        },
    )
