"""A person wishes a charge now: refused with its reason, or recorded for the worker to make.

The wish obeys every rule of a charge (engine_charging.by_hand_refusal). It is judged by what the
ledger knows, so that the answer comes at once; the worker reads Stripe and judges it again.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from worker.domain.case import Case, CaseState, RetryRequest
from worker.domain.decisions import Charge, GoOn, Refuse
from worker.domain.engine import decide
from worker.domain.engine_charging import by_hand_refusal, settle_owner
from worker.domain.engine_situation import Situation
from worker.domain.policy import Mode
from worker.domain.staff_words import StaffWords
from worker.domain.step_names import readable
from worker.ports import Clock, Ledger
from worker.services.bulk_run import take_part
from worker.services.case_facts import case_fact, money_of
from worker.services.operate import require_who_and_why

ENDS_BY_ITSELF = frozenset(("owner_unconfirmed", "authentication_under_way"))
"""Rules whose wait is over at an instant that is known; the others wait for news."""


@dataclass(frozen=True, slots=True)
class RetryAnswer:
    """What became of a wish for a charge."""

    refused: str = ""
    """Why it is refused, part of a sentence; empty where it waits for the worker."""
    allowed_at: datetime | None = None
    """Where refused: the earliest instant at which it would be granted, if one is known."""


def ask_retry(
    at: Situation,
    *,
    ledger: Ledger,
    clock: Clock,
    mode: Mode,
    by: str,
    reason: str,
    run: int | None = None,
) -> RetryAnswer:
    """Record the wish for a charge and make the case due, or return why it is refused.

    Args: at: the case as the ledger knows it now. run: the act on many cases that this is part
    of. Raises: UsageError: no who or no why.
    """
    require_who_and_why(by, reason)
    answer = refusal(at, mode, by=by, reason=reason)
    if answer.refused:
        return answer
    with ledger.begin() as tx:
        control = tx.control.read()
        if control is None or not control.charging:
            cause = control.stop_cause if control is not None else "no worker has run yet"
            return RetryAnswer(f"charging is stopped ({cause})")
        tx.cases.wake(now=at.now, case_ids=[at.case.id])  # locks: of two wishes one is second
        take_part(tx, run, at.case.id)
        by_now = tx.cases.load(at.case.id)
        if by_now is None or by_now.state is CaseState.CLOSED:  # nobody would answer the wish
            return _closed(by_now)
        number = tx.acts.ask_retry(at.case.id, by=by, reason=reason, now=at.now, run=run)
        if number is None:
            return RetryAnswer("a charge is asked for already and waits for the worker")
        step = f"by hand {number}"
        data = money_of(at.invoice) | {
            "step": step,
            "next_action_at": at.now.isoformat(),
            "by": by,
            "reason": StaffWords(reason),
        }
        fact = case_fact(at.case, "payment.retry_scheduled", at=at.now, occasion=step, data=data)
        tx.facts.append([fact], wall_now=clock.wall_now())
    return RetryAnswer()


def refusal(at: Situation, mode: Mode, *, by: str, reason: str) -> RetryAnswer:
    """Return why a wish for a charge at this moment is refused; an empty answer grants it."""
    case = at.case
    if mode is not Mode.LIVE:
        return RetryAnswer(f"mode {mode.value} never charges")
    if case.state is CaseState.CLOSED:
        return _closed(case)
    if case.state is CaseState.IN_REVIEW:
        return RetryAnswer(f"the case waits for a person: {readable(case.reason)}")
    if case.in_flight is not None:
        step = readable(case.in_flight.step)
        return RetryAnswer(f"Stripe's answer to {step} is awaited")
    wish = RetryRequest(0, by, reason)
    decision = decide(replace(at, around=replace(at.around, retry_request=wish)))
    match decision.act:
        case Charge() | GoOn():
            return RetryAnswer()
        case Refuse():
            return RetryAnswer(*by_hand_refusal(at, settle_owner(at)))
        case _:
            known = decision.rule in ENDS_BY_ITSELF
            said = readable(decision.reason).rstrip(".")
            return RetryAnswer(f"{said[:1].lower()}{said[1:]}", decision.next_at if known else None)


def _closed(case: Case | None) -> RetryAnswer:
    outcome = case.outcome if case is not None else None
    said = outcome.value.replace("_", " ") if outcome is not None else "closed"
    return RetryAnswer(f"the case is closed: {said}")
