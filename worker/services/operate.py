"""What operators do to the whole service: stop, go, adopt. Each act has a who and a why."""

from collections.abc import Sequence
from datetime import datetime

from worker.domain.canary import Canary
from worker.domain.facts import Fact
from worker.domain.identifiers import parse_case_name
from worker.domain.policy import Configuration
from worker.domain.readings import InvoiceReading
from worker.domain.redaction import without_secrets
from worker.domain.staff_words import StaffWords
from worker.errors import UsageError
from worker.ports import Clock, Ledger, StripeGateway, Tx
from worker.services.apply_events import open_case
from worker.services.case_facts import case_fact
from worker.services.stop_charging import stop_charging

ADOPT = "adopt"


def require_who_and_why(by: str, reason: str) -> str:
    """Return who acts; refuse an act that does not say who or why, or says what may not be kept.

    Raises: UsageError.
    """
    if not by.strip():
        raise UsageError("Say who does this: --by NAME, or set DUNNING_OPERATOR.")
    if not reason.strip():
        raise UsageError('Say why: --reason "...". It is kept with the act.')
    if without_secrets(reason) != reason:
        raise UsageError("--reason has a key, a password or card digits in it; leave them out.")
    return by


def stop(*, ledger: Ledger, clock: Clock, now: datetime, by: str, reason: str) -> bool:
    """Stop charges, letters and endings; False where they were stopped already."""
    require_who_and_why(by, reason)
    with ledger.begin() as tx:
        return stop_charging(
            tx, cause="switch", detail=reason, by=by, now=now, wall_now=clock.wall_now()
        )


def go(*, ledger: Ledger, clock: Clock, now: datetime, by: str, reason: str) -> int | None:
    """Start again: waiting steps and endings move later by the length of the stop (D16).

    Canaries are cleared as well.

    Returns how many open cases moved, or None where nothing was stopped.
    """
    require_who_and_why(by, reason)
    with ledger.begin() as tx:
        before = tx.control.go(by=by, now=now)
        if before is None:
            return None
        # A ledger that a live key began is stopped from its go-live on, which may be to come.
        stopped_at = min(before.stopped_at or now, now)
        moved = tx.cases.resume_all(now=now, stopped_at=stopped_at)
        tx.canaries.clear_all(by=by, now=now)
        tx.letters.extend_waiting(by=now - stopped_at)
        data = {
            "cause": before.stop_cause,
            "by": by,
            "reason": StaffWords(reason),
            "waiting": moved,
        }
        fact = Fact("charging.resumed", "account", now, now.isoformat(), data)
        tx.facts.append([fact], wall_now=clock.wall_now())
    return moved


def go_past_canaries(
    *, ledger: Ledger, clock: Clock, now: datetime, by: str, reason: str
) -> list[Canary]:
    """Let all cases of new policies act at once, where nothing is stopped; steps do not move.

    Returns the canaries that this cleared; none where nothing waited.
    """
    require_who_and_why(by, reason)
    with ledger.begin() as tx:
        cleared = tx.canaries.clear_all(by=by, now=now)
        names = ", ".join(each.name for each in cleared)
        if cleared:
            data = {"cause": "canary", "by": by, "reason": StaffWords(reason), "policies": names}
            fact = Fact("charging.resumed", "account", now, f"canary {now.isoformat()}", data)
            tx.facts.append([fact], wall_now=clock.wall_now())
    return cleared


def adopt(
    invoice_ids: Sequence[str],
    *,
    ledger: Ledger,
    stripe: StripeGateway,
    clock: Clock,
    configuration: Configuration,
    now: datetime,
    by: str,
    reason: str,
) -> list[tuple[str, str]]:
    """Take failures from before go-live into dunning; each counts from now.

    A sent invoice goes on counting from its due date: of its letters only the last is written.

    Returns (invoice id, case number or why not) for each.
    """
    require_who_and_why(by, reason)
    done = []
    for invoice_id in invoice_ids:
        invoice = stripe.read_invoice(invoice_id)
        with ledger.begin() as tx:
            name = _adopt_one(invoice, tx, clock, configuration, now, by=by, reason=reason)
        done.append((invoice_id, name))
    return done


def _adopt_one(
    invoice: InvoiceReading,
    tx: Tx,
    clock: Clock,
    configuration: Configuration,
    now: datetime,
    *,
    by: str,
    reason: str,
) -> str:
    since = now if invoice.due_at is None else min(now, invoice.due_at)
    name = open_case(
        tx,
        invoice,
        failed_at=now,
        rules=configuration.dunning,
        go_live_at=since,
        now=now,
        wall_now=clock.wall_now(),
    )
    number = parse_case_name(name)
    case = tx.cases.load(number) if number is not None else None
    if case is None:
        return "not taken: it has a case already, or nothing is left to collect"
    tx.acts.record(case.id, ADOPT, by=by, reason=reason, detail={}, now=now)
    data = {"by": by, "reason": StaffWords(f"by {by}: {reason}")}
    fact = case_fact(case, "case.adopted", at=now, occasion="adopted", data=data)
    tx.facts.append([fact], wall_now=clock.wall_now())
    return name
