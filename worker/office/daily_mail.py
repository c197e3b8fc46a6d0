"""The mail of every morning: yesterday's result, today's plan, what waits for a person."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from worker.domain.case import Question
from worker.domain.forecast_values import PlannedKind
from worker.domain.holds import HoldKind
from worker.domain.identifiers import case_name
from worker.domain.money import Money
from worker.domain.step_names import readable
from worker.office.alerts import question_item
from worker.office.charging import charging_line
from worker.office.plan import ENDS, Plan, PlanRow, totals_of
from worker.office.plan_files import plan_csv
from worker.office.plan_text import moneys, sure_words, what_words
from worker.office.since import Since
from worker.office.since_text import since_line
from worker.office.staff_document import Document, Item, Section
from worker.office.words import OfficeWords, count_words, money_words
from worker.store.approvals import questions
from worker.store.ledger import PostgresLedger
from worker.store.reading import CaseLine, list_cases, snapshot
from worker.store.reading_day import DayResult, EndingHold, read_day, read_ending_holds
from worker.store.reading_status import count_cases

TOP_LINES = 8
"""Acts of the day that are named; the file that comes with the mail has them all."""
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Morning:
    """Everything the mail tells, of one moment."""

    plan: Plan
    since: Since | None
    result: DayResult
    result_from: date
    """The first day that the result is about; it ends with yesterday."""
    holds: tuple[EndingHold, ...]
    asked: tuple[tuple[CaseLine, Question], ...]
    """What waits for a person's approval."""
    waiting: int
    """Cases that wait, among them those that a stop keeps waiting."""

    @property
    def today(self) -> date:
        """The office day."""
        return self.plan.made_at.astimezone(self.plan.office.zone).date()


def read_morning(
    ledger: PostgresLedger, plan: Plan, since: Since | None, *, result_from: date
) -> Morning:
    """Return what the mail of *plan*'s day tells."""
    zone, now, account = plan.office.zone, plan.made_at, ledger.account_id
    today = now.astimezone(zone).date()
    with snapshot(ledger) as connection:
        result = read_day(
            connection, account, from_at=_midnight(result_from, zone), to_at=_midnight(today, zone)
        )
        before = _midnight(next_working_day(today) + timedelta(days=1), zone)
        holds = read_ending_holds(connection, account, now=now, before=before)
        open_questions = dict(questions(connection, account))
        lines = list_cases(connection, account, ids=open_questions)
        asked = tuple((line, open_questions[line.id]) for line in lines)
        waiting = count_cases(connection, account, now=now).waiting
    return Morning(plan, since, result, result_from, tuple(holds), asked, waiting)


def next_working_day(day: date) -> date:
    """Return the first day after *day* that is no Saturday or Sunday."""
    following = day + timedelta(days=1)
    while following.weekday() >= SATURDAY:
        following += timedelta(days=1)
    return following


def previous_mail_day(day: date, *, weekdays_only: bool) -> date:
    """Return the last day before *day* on which the mail comes."""
    before = day - timedelta(days=1)
    while weekdays_only and before.weekday() >= SATURDAY:
        before -= timedelta(days=1)
    return before


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone)


def daily_mail(morning: Morning) -> Document:
    """Return the mail."""
    plan, words = morning.plan, OfficeWords(morning.plan.office.zone, morning.plan.made_at)
    today = [row for row in plan.rows if _day(row, plan) == morning.today]
    totals, charging = totals_of(today), plan.charging
    stopped = "" if charging.yes else "CHARGING NO · "
    counts = ", ".join(
        (
            count_words(totals.charges, "charge"),
            count_words(totals.letters, "letter"),
            count_words(totals.endings, "ending"),
        )
    )
    waits = list(_waiting_items(morning, words))
    sections = [
        Section(_span_words(morning, words), tuple(_result_items(morning))),
        Section(f"Today, {words.day(plan.made_at)}", tuple(_today_items(today, morning, words))),
        Section(_endings_heading(morning, words), tuple(_ending_items(morning, words))),
        Section("Waits for you", tuple(waits) or (Item("Nothing."),)),
    ]
    return Document(
        subject=f"{stopped}Dunning, {words.day(plan.made_at)}: {counts} planned",
        first=charging_line(charging, words, waiting=morning.waiting),
        alarm=not charging.yes,
        sections=sections,
        attachment_name=f"dunning-plan-{morning.today.isoformat()}.csv",
        attachment=plan_csv(plan),
    )


def _day(row: PlanRow, plan: Plan) -> date:
    return row.planned.at.astimezone(plan.office.zone).date()


def _span_words(morning: Morning, words: OfficeWords) -> str:
    zone = morning.plan.office.zone
    yesterday = morning.today - timedelta(days=1)
    last = words.day(_midnight(yesterday, zone))
    if morning.result_from == yesterday:
        return f"Yesterday, {last}"
    return f"{words.day(_midnight(morning.result_from, zone))} to {last}"


def _result_items(morning: Morning) -> Iterator[Item]:
    result = morning.result
    yield Item(_counted("Failed", result.failed, result.failed_money))
    yield Item(_counted("Recovered", result.recovered, result.recovered_money))
    yield Item(
        f"{count_words(result.retries, 'try', 'tries')} · {count_words(result.letters, 'letter')}"
        f" · {count_words(result.ended, 'ending')}"
        f" · {count_words(result.reviews, 'review')} opened"
    )


def _counted(what: str, count: int, money: Sequence[Money]) -> str:
    return f"{what} {count}" + (f": {moneys(money)}" if money else "")


def _today_items(today: Sequence[PlanRow], morning: Morning, words: OfficeWords) -> Iterator[Item]:
    totals = totals_of(today)
    yield Item(
        f"Charges {totals.charges} ({totals.sure_charges} sure) ·"
        f" Letters {totals.letters} ({totals.sure_letters} sure) ·"
        f" Endings {totals.endings} ({totals.sure_endings} sure)"
    )
    if totals.charges:
        parts = (("Sure", totals.sure), ("Possible", totals.possible))
        yield Item(" · ".join(f"{name} {moneys(money)}" for name, money in parts if money))
    acts = [row for row in today if row.planned.kind is not PlannedKind.LETTER]
    named = _weightiest(acts)
    for row in named:
        yield Item(_row_words(row, words))
    if len(acts) > len(named):
        more = count_words(len(acts) - len(named), "more", "more")
        yield Item(f"And {more}: every line is in the attached file.", soft=True)
    said = since_line(morning.since, words)
    if said:
        yield Item(said, soft=True)


def _weightiest(rows: Sequence[PlanRow]) -> list[PlanRow]:
    """Return the rows to name, in order of time: endings first chosen, then the sure ones."""
    chosen = sorted(
        rows,
        key=lambda row: (
            row.planned.kind is PlannedKind.CHARGE,
            not row.planned.sure,
            -row.planned.amount_minor,
            row.planned.at,
        ),
    )[:TOP_LINES]
    return sorted(chosen, key=lambda row: (row.planned.at, row.line.id))


def _row_words(row: PlanRow, words: OfficeWords, *, day: bool = False) -> str:
    planned = row.planned
    when = words.moment(planned.at) if day else words.clock(planned.at)
    money = money_words(Money(planned.amount_minor, planned.currency))
    sure = "" if planned.sure else f", {sure_words(planned, words)}"
    return f"{when} {_who(row)} {money}: {what_words(planned)}{sure}"


def _who(row: PlanRow) -> str:
    name = row.line.customer_name or row.line.customer_id
    return f"{case_name(row.line.id)} {name}"


def _endings_heading(morning: Morning, words: OfficeWords) -> str:
    day = _midnight(next_working_day(morning.today), morning.plan.office.zone)
    return f"Ends on the next working day, {words.day(day)}"


def _ending_items(morning: Morning, words: OfficeWords) -> Iterator[Item]:
    """Yield each case that ends then or on the days off before it, with how to keep it."""
    until = next_working_day(morning.today)
    seen: set[int] = set()
    for row in morning.plan.rows:
        ends_on = _day(row, morning.plan)
        ends = row.planned.kind in ENDS and morning.today < ends_on <= until
        if not ends or row.line.id in seen:
            continue
        seen.add(row.line.id)
        name = case_name(row.line.id)
        yield Item(
            _row_words(row, words, day=True),
            f'dunning extend {name} --days 3 --by NAME --reason "..."',
        )
    if not seen:
        yield Item("Nothing.")


def _waiting_items(morning: Morning, words: OfficeWords) -> Iterator[Item]:
    plan = morning.plan
    if not plan.charging.yes:
        yield Item(f"Charging is stopped: {plan.charging.said}", plan.charging.do)
    for still in plan.review:
        name = case_name(still.line.id)
        who = still.line.customer_name or still.line.customer_id
        reason = readable(still.reason).rstrip(".")
        yield Item(f"{name} {who} {money_words(still.line.owed)}: {reason}", f"dunning case {name}")
    for line, question in morning.asked:
        yield question_item(line, question)
    yield from _hold_items(morning.holds, words)


def _hold_items(holds: Iterable[EndingHold], words: OfficeWords) -> Iterator[Item]:
    for hold in holds:
        why = f": {hold.reason}" if hold.reason else ""
        owner = f" of {hold.owner}" if hold.owner else ""
        yield Item(
            f"The hold{owner} on {hold.scope} {hold.target} ends {words.moment(hold.until)},"
            f" then it goes on{why}",
            _hold_on(hold),
        )


def _hold_on(hold: EndingHold) -> str:
    """Return the command that keeps it still; a second hold of the same kind would be refused."""
    other = HoldKind.INTERNAL if hold.kind != HoldKind.INTERNAL else HoldKind.VIP
    return (
        f'dunning hold {hold.target} --kind {other.value} --until "10 days" --by NAME'
        ' --reason "..."'
    )
