"""Parts of the money report that look ahead, and those without a currency: letters, networks."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from worker.cli.look_network_words import network_words, rule_words, span_words
from worker.cli.report_money import CALENDAR, MoneyReport
from worker.cli.report_money_words import count_scale, money_scale, percent_scale, plain_words
from worker.cli.report_network import CardWindow
from worker.cli.report_network_text import obeyed, verdict
from worker.cli.report_network_words import short_card
from worker.cli.report_parts import Cell, Column, Part, Share, Table
from worker.domain.forecast_values import PlannedKind
from worker.domain.money import Money
from worker.office.plan import PlanRow, Still
from worker.office.plan_text import notes as plan_notes
from worker.office.words import money_words
from worker.pages.charts import Chart, Kind, Mark, Series

FOR_A_PERSON = frozenset((PlannedKind.PERSON, PlannedKind.REVIEW))


@dataclass(slots=True)
class Day:
    """What is asked for on one day of the calendar, in minor units of one currency."""

    invoices: int = 0
    sure_minor: int = 0
    possible_minor: int = 0
    again_minor: int = 0
    """Of invoices that were asked for on an earlier day, or earlier that day."""
    endings: int = 0


def calendar_part(report: MoneyReport, currency: str) -> Part:
    """Return by day what the engine's own plan asks for, each invoice's money once."""
    days = _days(report, currency)
    rows: list[tuple[Cell, ...]] = [
        (
            day,
            found.invoices,
            Money(found.sure_minor, currency),
            Money(found.possible_minor, currency),
            Money(found.again_minor, currency),
            found.endings,
        )
        for day, found in sorted(days.items())
    ]
    if rows:
        rows.append(_all_days(currency, list(days.values())))
    columns = (
        Column("day", "Day", figures=False),
        Column("invoices", "Invoices asked first"),
        Column("sure_minor", "Sure"),
        Column("possible_minor", "On a condition"),
        Column("again_minor", "Asked again"),
        Column("endings", "Endings"),
    )
    notes = (
        *plan_notes(report.plan),
        (
            "Sure and on a condition count an invoice on the first day on which it is charged; what"
            " is asked again is the same money. It is what may come, no forecast of what will."
        ),
    )
    table = Table("Cash calendar of open cases", columns, tuple(rows))
    charts = (_calendar_chart(currency, days),) if rows else ()
    return Part(
        "calendar",
        currency,
        "Cash calendar of open cases",
        notes if rows else (),
        table,
        charts,
        nothing=f"Nothing is asked for within {CALENDAR.days} days.",
    )


def _all_days(currency: str, days: Sequence[Day]) -> tuple[Cell, ...]:
    return (
        "All days",
        sum(day.invoices for day in days),
        Money(sum(day.sure_minor for day in days), currency),
        Money(sum(day.possible_minor for day in days), currency),
        Money(sum(day.again_minor for day in days), currency),
        sum(day.endings for day in days),
    )


def _days(report: MoneyReport, currency: str) -> dict[date, Day]:
    zone = report.plan.office.zone
    days: dict[date, Day] = defaultdict(Day)
    asked: set[int] = set()
    for row in _open_rows(report, currency):
        planned = row.planned
        day = days[planned.at.astimezone(zone).date()]
        if planned.kind is PlannedKind.ENDING:
            day.endings += 1
        elif planned.kind is PlannedKind.CHARGE:
            if planned.case_id in asked:
                day.again_minor += planned.amount_minor
                continue
            asked.add(planned.case_id)
            day.invoices += 1
            if planned.sure:
                day.sure_minor += planned.amount_minor
            else:
                day.possible_minor += planned.amount_minor
    return {
        day: found
        for day, found in days.items()
        if found.invoices or found.again_minor or found.endings
    }


def _open_rows(report: MoneyReport, currency: str) -> list[PlanRow]:
    return [
        row
        for row in report.plan.rows
        if row.planned.currency == currency and row.line.closed_at is None
    ]


def _calendar_chart(currency: str, days: dict[date, Day]) -> Chart:
    drawn = [day for day in sorted(days) if days[day].invoices]
    series = []
    for name, mark in (("sure", Mark.GOOD), ("possible", Mark.PENDING)):
        amounts = tuple(getattr(days[day], f"{name}_minor") for day in drawn)
        said = tuple(money_words(Money(minor, currency)) for minor in amounts)
        shown = {"sure": "sure", "possible": "on a condition"}[name]
        series.append(Series(shown, amounts, mark, said))
    return Chart(
        id=f"calendar-{currency}",
        title=f"What is asked for in the next {CALENDAR.days} days",
        description=f"Amounts in {currency.upper()}, each invoice on its first charge.",
        kind=Kind.STEPS,
        labels=tuple(f"{day:%a} {day.day} {day:%b}" for day in drawn),
        series=tuple(series),
        scale=money_scale(currency),
    )


def open_part(report: MoneyReport, currency: str) -> Part:
    """Return where every open case stands, each in one line only."""
    plan = report.plan
    charged = {row.planned.case_id for row in plan.rows if row.planned.kind is PlannedKind.CHARGE}
    asked = {row.planned.case_id for row in plan.rows if row.planned.kind in FOR_A_PERSON}
    planned = {row.planned.case_id for row in plan.rows}
    names = (
        ("held", _ids(plan.held)),
        ("in review: a person looks", _ids(plan.review)),
        ("to be paid by hand, not due yet", _not_due(report)),
        ("Stripe is asked first", _ids(plan.unlooked)),
        ("a charge is planned", charged),
        ("a person must approve or look", asked),
        ("letters or an ending are planned, no charge", planned),
        ("waits for something else", _ids(plan.standing)),
    )
    groups: dict[str, list[int]] = {said: [] for said, _ in names}
    groups["nothing within 30 days"] = []
    lines = [line for line in report.open_cases if line.owed.currency == currency]
    for line in lines:
        first = next((said for said, ids in names if line.id in ids), "nothing within 30 days")
        groups[first].append(line.owed.amount_minor)
    rows: list[tuple[Cell, ...]] = [
        (said, len(found), Money(sum(found), currency)) for said, found in groups.items() if found
    ]
    whole = sum(line.owed.amount_minor for line in lines)
    rows.append(("All open cases", len(lines), Money(whole, currency)))
    columns = (
        Column("standing", "Open cases", figures=False),
        Column("cases", "Cases"),
        Column("amount_minor", "Owed"),
    )
    notes = ("As of now, whenever they failed.",)
    table = Table("Open cases by what comes next", columns, tuple(rows))
    return Part("open_cases", currency, "What is open now", notes, table)


def _ids(still: Iterable[Still]) -> set[int]:
    return {each.line.id for each in still}


def _not_due(report: MoneyReport) -> set[int]:
    return {
        line.id
        for line in report.open_cases
        if line.due_at is not None and line.due_at > report.now
    }


def letters_part(report: MoneyReport) -> Part:
    """Return the letters of the period and what followed each kind."""
    rows = tuple(
        (
            plain_words(each.notice),
            each.sent,
            each.suppressed,
            each.failed,
            each.unknown,
            each.asked,
            each.paid_next,
            Share(each.paid_next, each.asked, basis=each.asked),
        )
        for each in report.letters
    )
    columns = (
        Column("letter", "Letter", figures=False),
        Column("sent", "Sent"),
        Column("dropped", "Dropped"),
        Column("refused", "Refused"),
        Column("unknown", "Answer lost"),
        Column("asked", "Sent while unpaid"),
        Column("paid_next", "Paid before the next letter"),
        Column("share", "Of those"),
    )
    asked = [each for each in report.letters if each.asked]
    chart = Chart(
        id="letters",
        title="Letters to those who had not paid, and what followed",
        description="Letters sent in the period, and how many were paid before a further one.",
        kind=Kind.BARS,
        labels=tuple(plain_words(each.notice) for each in asked),
        series=(
            Series(
                "sent while unpaid",
                tuple(each.asked for each in asked),
                Mark.BEFORE,
                tuple(str(each.asked) for each in asked),
            ),
            Series(
                "paid before the next letter",
                tuple(each.paid_next for each in asked),
                Mark.GOOD,
                tuple(str(each.paid_next) for each in asked),
            ),
        ),
        scale=count_scale,
    )
    notes = (
        (
            "Paid means paid by anybody in any way and still paid now: what followed the letter, no"
            " proof that the letter did it."
        ),
    )
    table = Table("Letters and what followed", columns, rows)
    return Part("letters", "", "Letters and what followed", notes, table, (chart,))


def network_part(report: MoneyReport) -> Part:
    """Return how much of each network's limits was used; the proof is `report network`."""
    found = sorted(
        ((line.network, each) for line in report.network.lines for each in line.fullest),
        key=lambda one: (-Fraction(one[1].window.highest, one[1].window.limit), one[0]),
    )
    used = [Fraction(100 * each.window.highest, each.window.limit) for _, each in found]
    rows = tuple(
        (
            network_words(network),
            rule_words(each.window.rule),
            each.window.highest,
            each.window.limit,
            Share(each.window.highest, each.window.limit),
            short_card(each.card),
        )
        for network, each in found
    )
    columns = (
        Column("network", "Network", figures=False),
        Column("rule", "Limit", figures=False),
        Column("most", "Most tries"),
        Column("limit", "Allowed"),
        Column("share", "Used"),
        Column("card", "Card", figures=False),
    )
    stops = sum(len(line.stops) for line in report.network.lines)
    kept = sum(line.stops_obeyed for line in report.network.lines)
    chart = Chart(
        id="network",
        title="Limits of the card networks used",
        description="The fullest window of any card, as a share of what is allowed.",
        kind=Kind.BARS,
        labels=tuple(_limit_words(network, each) for network, each in found),
        series=(
            Series(
                "used",
                tuple(used),
                Mark.GOOD,
                tuple(f"{each.window.highest} of {each.window.limit}" for _, each in found),
            ),
        ),
        scale=percent_scale,
        top=100 if max(used, default=0) <= 100 else None,
    )
    notes = (
        verdict(report.network),
        (
            f"Stop signals obeyed: {obeyed(kept, stops)}. All tries, limits and their sources:"
            " dunning report network."
        ),
    )
    table = Table("Limits of the card networks used", columns, rows)
    return Part("network_limits", "", "Limits of the card networks", notes, table, (chart,))


def _limit_words(network: str, found: CardWindow) -> str:
    """Return `Visa, 30 days`; of an unknown brand every network's limits are kept."""
    own = network == found.window.network
    said = span_words(found.window.span) if own else rule_words(found.window.rule)
    return f"{network_words(network)}, {said}"
