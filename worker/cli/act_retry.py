"""`dunning retry ID`: ask the worker for one charge now, or say why and until when it may not."""

from worker.cli.data_dir import View
from worker.cli.look_cases import choose_case
from worker.cli.look_status import read_standing
from worker.cli.look_story_plan import situation_of
from worker.cli.tables import print_json
from worker.clock import SystemClock
from worker.domain.engine_situation import Situation
from worker.domain.identifiers import case_name
from worker.domain.money import Money
from worker.errors import UsageError
from worker.office.charging import Charging
from worker.office.words import json_money, method_words, money_words
from worker.services.ask_retry import RetryAnswer, ask_retry
from worker.store.reading import snapshot
from worker.store.reading_case import read_case

LATER_STEPS_STAY = "Later steps stay where they are: dunning extend moves them."


def ask(view: View, wanted: str, *, by: str, reason: str, as_json: bool = False) -> bool:
    """Ask for a charge of the case that *wanted* names, and say what follows.

    Returns False where *wanted* names several cases: they are listed. Raises: UsageError: there
    is no such case, or the charge is refused; the sentence says why and until when.
    """
    charging = require_charging(view)
    number = choose_case(view, wanted, as_json=as_json)
    if number is None:
        return False
    at = situation_now(view, number)
    if at is None:
        raise UsageError(f"Refused: the policy of {case_name(number)} is not kept in this ledger.")
    answer = ask_retry(
        at,
        ledger=view.ledger,
        clock=SystemClock(),
        mode=view.office.mode,
        by=by,
        reason=reason,
    )
    if answer.refused:
        said = why_refused(answer, view)
        raise UsageError(f"Refused: {case_name(number)} is not charged now: {said}.")
    if as_json:
        print_json({"case": case_name(number), "amount": json_money(_owed(at))})
        return True
    for line in granted_lines(at, charging):
        print(line)
    return True


def require_charging(view: View) -> Charging:
    """Return whether charges may start. Raises: UsageError: they are stopped on purpose."""
    charging = read_standing(view).charging
    if charging.on_purpose or charging.cause == "demo_ended":
        raise UsageError(f"Refused: nothing is charged, {charging.said} -> {charging.do}")
    return charging


def situation_now(view: View, case_id: int) -> Situation | None:
    """Return what the engine would look at now; None where the case's policy is not kept."""
    with snapshot(view.ledger) as connection:
        record = read_case(
            connection, view.ledger.account_id, case_id, now=view.now, wall_now=view.wall_now
        )
    return situation_of(record, view.office, view.now)


def why_refused(answer: RetryAnswer, view: View) -> str:
    """Return why a charge is refused and, where it is known, the earliest allowed time."""
    if answer.allowed_at is None:
        return answer.refused
    return f"{answer.refused}; the earliest allowed time is {view.words.moment(answer.allowed_at)}"


def granted_lines(at: Situation, charging: Charging) -> list[str]:
    """Return what happens next, and where to look."""
    name = case_name(at.case.id)
    what = f"{money_words(_owed(at))} to {method_words(at.method)}"
    if charging.yes:
        said = f"{name} will be charged within seconds: {what}."
    else:
        said = f"{name} will be charged, {what}, once charges go on: {charging.said}"
        said += f" -> {charging.do}"
    return [said, LATER_STEPS_STAY, f"What comes of it: dunning case {name}"]


def _owed(at: Situation) -> Money:
    return Money(at.invoice.amount_remaining_minor, at.invoice.currency)
