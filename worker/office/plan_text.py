"""A plan as a person reads it on a terminal."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from worker.domain.caps import Counted, Window
from worker.domain.case import AttemptKind
from worker.domain.forecast_course import CLOSING_STEP, MOVED
from worker.domain.forecast_values import Condition, Planned, PlannedKind
from worker.domain.identifiers import case_name
from worker.domain.money import Money
from worker.domain.policy import Mode
from worker.domain.step_names import readable
from worker.mail.post_office import ZONE_KEY
from worker.mail.zones import zone_for
from worker.office.plan import Plan, PlanRow, Still, Totals, money_of, totals_of
from worker.office.plan_caps import CapReached
from worker.office.words import OfficeWords, count_words, method_words, money_words

HEADING = ("day", "at", "case", "customer", "what", "amount", "step and why", "sure?")
AMOUNT, CUSTOMER = 5, 3
DAY_HEADING = ("day", "charges", "sure", "possible", "letters", "endings")
NAMES_SHOWN = 5
DIGEST_SHOWN = 6
EARLIEST = "moved to the earliest allowed time, "

ENDING_WORDS = {
    AttemptKind.CANCEL: "cancel the subscription",
    AttemptKind.CANCEL_AT_PERIOD_END: "cancel at the period's end",
    AttemptKind.PAUSE: "pause the subscription",
    AttemptKind.HOLD_INVOICES: "hold new invoices back",
    AttemptKind.DOWNGRADE: "move to another price",
    AttemptKind.UNCOLLECTIBLE: "invoice uncollectible",
    AttemptKind.VOID: "void the invoice",
}


def title(plan: Plan, words: OfficeWords) -> str:
    """Return the first line: until when, in which zone and mode, by which configuration."""
    office = plan.office
    parts = [
        f"Plan to {until_words(plan.until, words)}, {office.zone.key}",
        f"mode {office.mode.value}",
        f"config {office.digest[:DIGEST_SHOWN] or 'unknown'}",
    ]
    if plan.previewed:
        parts.append(f"with the policies of {plan.previewed}, a preview")
    return " · ".join(parts)


def until_words(until: datetime, words: OfficeWords) -> str:
    """Return `Sun 6 Dec 24:00` for a midnight, else day and hour."""
    if words.clock(until) == "00:00":
        return f"{words.day(until - timedelta(seconds=1))} 24:00"
    return words.moment(until)


def notes(plan: Plan) -> Iterator[str]:
    """Yield what must be known before the rows are read."""
    yield "As if every charge fails and nobody acts; nothing here was asked of Stripe."
    if plan.kept:
        names = ", ".join(case_name(number) for number in plan.kept)
        yield f"No policy of {plan.previewed} serves {names}: they keep their own."
    mode = plan.office.mode
    if mode is Mode.WATCH:
        yield "Mode watch: none of this is done, it is only logged."
    elif mode is Mode.LETTERS:
        yield "Mode letters: only letters go out, so nothing is charged or ended."
    elif plan.charging.cause == "demo_ended":
        yield "The demo has ended and nothing runs: this is what would come next."
    elif not plan.charging.yes:
        yield f"Nothing of this happens for now: {plan.charging.said}. -> {plan.charging.do}"


def row_cells(
    plan: Plan, words: OfficeWords, *, named: bool
) -> Iterator[tuple[str, str, str, str, str, str, str, str]]:
    """Yield the table's rows; the day stands only where it changes.

    Args: named: a person looks, so customers are named; else they are ids.
    """
    last = ""
    for row in plan.rows:
        planned, line = row.planned, row.line
        day = words.day(planned.at)
        who = line.customer_name if named and line.customer_name else line.customer_id
        yield (
            "" if day == last else day,
            words.clock(planned.at),
            case_name(line.id),
            who,
            what_words(planned),
            amount_words(planned),
            why_words(row, words, plan.office.zone),
            sure_words(planned, words),
        )
        last = day


def what_words(planned: Planned) -> str:
    """Return what is done: `charge Mastercard ..44`, `letter final_notice`, `cancel …`."""
    match planned.kind:
        case PlannedKind.CHARGE:
            return f"charge {method_words(planned.method)}"
        case PlannedKind.LETTER:
            offered = f", offers {planned.offer}" if planned.offer else ""
            return f"letter {planned.notice}{offered}"
        case PlannedKind.ACCESS:
            return f"access {planned.access}"
        case PlannedKind.CLOSE:
            return "end the case"
        case PlannedKind.PERSON | PlannedKind.REVIEW:
            return "waits for you"
        case _:
            return ENDING_WORDS[planned.act] if planned.act is not None else "ending"


def amount_words(planned: Planned) -> str:
    """Return what is owed, for a letter or a change of access nothing."""
    if planned.kind in {PlannedKind.LETTER, PlannedKind.ACCESS}:
        return ""
    return money_words(Money(planned.amount_minor, planned.currency))


def why_words(row: PlanRow, words: OfficeWords, office_zone: ZoneInfo) -> str:
    """Return the step, and from when and why it was moved."""
    planned = row.planned
    if planned.kind is PlannedKind.PERSON:
        return f"{readable(planned.step)} -> dunning approve {case_name(planned.case_id)}"
    parts = [_step_words(planned)] if planned.kind in _STEPS else []
    moved = planned.due_at is not None and planned.at - planned.due_at > MOVED
    why = readable(planned.why.removeprefix(EARLIEST))
    if planned.kind is PlannedKind.LETTER and planned.why:
        why = f"{planned.why}{_there(row, words, office_zone)}"
    if planned.due_at is not None and moved:
        parts.append(f"moved from {words.moment(planned.due_at)}{': ' if why else ''}{why}")
    elif why:
        parts.append(why)
    return ", ".join(parts)


_STEPS = frozenset((PlannedKind.CHARGE, PlannedKind.LETTER, PlannedKind.ACCESS))
"""What carries out a step of the policy; the others say themselves what they are."""


def _step_words(planned: Planned) -> str:
    return "after the end" if planned.step == CLOSING_STEP else readable(planned.step)


def _there(row: PlanRow, words: OfficeWords, office_zone: ZoneInfo) -> str:
    if row.customer is None:
        return ""
    country, chosen = row.customer.country, row.customer.metadata.get(ZONE_KEY)
    there = words.elsewhere(row.planned.at, zone_for(country, chosen, office_zone.key))
    return f" ({there})" if there else ""


def sure_words(planned: Planned, words: OfficeWords) -> str:
    """Return `sure`, or what must come first: `if try 2, Sat 5 Dec 12:10, fails`."""
    condition = planned.condition
    if condition is None:
        return "sure"
    if condition.waits_for:
        return f"waits: {readable(condition.waits_for).rstrip('.')}"
    return f"if {_charge(condition, planned)}, {_when(condition, words)}, fails"


def _charge(condition: Condition, planned: Planned) -> str:
    step = readable(condition.step)
    return (
        step if condition.case_id == planned.case_id else f"{case_name(condition.case_id)} {step}"
    )


def _when(condition: Condition, words: OfficeWords) -> str:
    return words.moment(condition.at) if condition.at is not None else "under way"


def day_cells(plan: Plan, words: OfficeWords) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Yield the totals of each day, then of all; an invoice's money counts once in each line."""
    for _, rows in plan.days():
        yield _total_cells(words.day(rows[0].planned.at), totals_of(rows))
    yield _total_cells("all", totals_of(plan.rows))


def _total_cells(name: str, totals: Totals) -> tuple[str, str, str, str, str, str]:
    return (
        name,
        _counted(totals.charges, totals.sure_charges),
        moneys(totals.sure),
        moneys(totals.possible),
        _counted(totals.letters, totals.sure_letters),
        _counted(totals.endings, totals.sure_endings),
    )


def _counted(count: int, sure: int) -> str:
    return f"{count} ({sure} sure)" if count else "0"


def moneys(amounts: Sequence[Money]) -> str:
    """Return `€686.00, US$120.00`, or a dash."""
    return ", ".join(money_words(amount) for amount in amounts) or "-"


def cap_line(reached: CapReached, words: OfficeWords) -> str:
    """Return what a ceiling will do to the plan."""
    cap = reached.cap
    planned, allowed = f"{reached.planned} {cap.counts} are", str(cap.most)
    if cap.counts is Counted.AMOUNT:
        planned = f"Charges of {money_words(Money(reached.planned, cap.currency))} are"
        allowed = money_words(Money(cap.most, cap.currency))
    if cap.window is Window.HOUR:
        return (
            f"Limit: {planned} planned within the hour from {words.moment(reached.at)}, and"
            f" {allowed} an hour are allowed: the rest waits for minutes to hours."
            " -> limits in config/dunning.yaml"
        )
    return (
        f"Limit: {planned} planned on {words.day(reached.at)}, and {allowed} a day are allowed:"
        " the rest waits for the next days. -> limits in config/dunning.yaml"
    )


def still_lines(plan: Plan) -> Iterator[str]:
    """Yield what is not in the rows: held, standing still, and what waits for a person."""
    for name, stills in (
        ("Held", plan.held),
        ("Not looked at yet", plan.unlooked),
        ("Stand still", plan.standing),
    ):
        if stills:
            yield f"{name} {len(stills)}: {_money_of(stills)} ({_names(stills)})"
    for still in plan.review:
        name = case_name(still.line.id)
        yield (
            f"Waits for you: {name} {money_words(still.line.owed)}"
            f" {readable(still.reason).rstrip('.')} -> dunning case {name}"
        )


def _money_of(stills: Iterable[Still]) -> str:
    return moneys(money_of(still.line.owed for still in stills))


def _names(stills: Sequence[Still]) -> str:
    shown = [case_name(still.line.id) for still in stills[:NAMES_SHOWN]]
    more = len(stills) - len(shown)
    return ", ".join([*shown, *([f"{count_words(more, 'more', 'more')}"] if more else [])])
