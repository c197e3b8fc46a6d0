"""Parts of the money report about what customers say, what support does and what keeping costs.

They are made of imported figures, so each is there only where something was imported.
"""

from collections.abc import Iterable
from fractions import Fraction

from worker.cli.metrics_files import COMMENTS_MAX
from worker.cli.metrics_text import quotient_words, remark_words
from worker.cli.report_money import MoneyReport
from worker.cli.report_money_words import count_scale
from worker.cli.report_parts import Cell, Change, Column, Part, Table, Written
from worker.domain.comments import STANDINGS, TaggedComments
from worker.domain.metrics_imported import (
    CES,
    CSAT,
    FIRST_CONTACT,
    HEALTH,
    MRR_PER_CUSTOMER,
    NPS,
    RETENTION_COST,
    TIME_TO_RESOLUTION,
)
from worker.domain.money import Money
from worker.pages.charts import Chart, Kind, Mark, Series

VOICES = {
    NPS.name: "Would recommend us (NPS)",
    CSAT.name: "Satisfied (CSAT)",
    CES.name: "Ease, 1 hard to 7 easy (CES)",
    FIRST_CONTACT.name: "Tickets resolved with one answer",
    TIME_TO_RESOLUTION.name: "From a ticket's opening to its resolution",
    HEALTH.name: "Health of customers, 0 bad to 100 good",
}
TEXT_MAX = 400
"""So much of a comment is shown; the whole of it stands in the CSV."""
_MARKS = {"detractor": Mark.LOST, "passive": Mark.PENDING, "promoter": Mark.GOOD}


def voices_parts(report: MoneyReport) -> list[Part]:
    """Return what surveys, tickets and health inputs say; nothing where none were imported."""
    found = [_voices_part(report)] if any(report.knows(name, "") for name in VOICES) else []
    comments = report.measured.comments
    return [*found, _tags_part(comments), _comments_part(report)] if comments else found


def _voices_part(report: MoneyReport) -> Part:
    rows: list[tuple[Cell, ...]] = []
    for name, said in VOICES.items():
        if report.knows(name, ""):
            now, before = report.figure(name, ""), report.figure_before(name, "")
            numbers = quotient_words(now)
            rows.append((said, now, before, Change(now, before), *numbers, remark_words(now)))
    columns = (
        Column("name", "Figure", figures=False),
        Column("value", "This period"),
        Column("before", "Before"),
        Column("change", "Change"),
        Column("numerator", "Numerator"),
        Column("denominator", "Denominator"),
        Column("remarks", "Remarks", figures=False),
    )
    notes = (
        (
            "NPS is the share of 9-10 less that of 0-6, of all answers; CSAT that of 4 and 5; each"
            " formula stands under every figure. Counted from what was imported."
        ),
    )
    table = Table("What customers say, and how they are", columns, tuple(rows))
    return Part("voices", "", "What customers say, and how they are", notes, table)


def _tags_part(groups: Iterable[TaggedComments]) -> Part:
    found = list(groups)
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (group.tag, len(group.comments), *(group.count(standing) for standing in STANDINGS))
        for group in found
    )
    columns = (
        Column("tag", "Comments about", figures=False),
        Column("comments", "Comments"),
        *(Column(f"{standing}s", f"{standing.capitalize()}s") for standing in STANDINGS),
    )
    chart = Chart(
        id="comments",
        title="Comments by tag",
        description="Most detractors first; a comment counts under each of its tags.",
        kind=Kind.BARS,
        labels=tuple(group.tag for group in found),
        series=tuple(
            Series(
                f"{standing}s",
                tuple(group.count(standing) for group in found),
                _MARKS[standing],
                tuple(str(group.count(standing)) for group in found),
            )
            for standing in STANDINGS
        ),
        scale=count_scale,
    )
    notes = (
        (
            "Detractors answered 0-6 (NPS), 1-2 (CSAT) or 1-3 (CES), promoters 9-10, 4-5 or 5-7."
            " Tags are those of metrics: comment_tags."
        ),
    )
    table = Table("Comments by tag", columns, rows)
    return Part("comment_tags", "", "What comments are about", notes, table, (chart,))


def _comments_part(report: MoneyReport) -> Part:
    groups = report.measured.comments
    columns = (
        Column("tag", "About", figures=False),
        Column("standing", "From", figures=False),
        Column("survey", "Survey", figures=False),
        Column("score", "Score"),
        Column("at", "Day", figures=False),
        Column("comment", "Comment", figures=False),
    )
    shown = tuple(row for group in groups for row in _rows(report, group, shortened=True))
    rows = tuple(row for group in groups for row in _rows(report, group, shortened=False))
    notes = (
        (
            "Detractors first, then the newest. Addresses and telephone numbers are taken out; what"
            " else people wrote may say who they are: give this page to those who may know."
        ),
    )
    table = Table("Comments, detractors first", columns, rows, shown)
    return Part("comments", "", "What they wrote", notes, table)


def _rows(report: MoneyReport, group: TaggedComments, *, shortened: bool) -> list[tuple[Cell, ...]]:
    found = group.comments[:COMMENTS_MAX] if shortened else group.comments
    return [
        (
            group.tag,
            each.standing,
            each.survey.upper(),
            each.score,
            each.at.astimezone(report.period.zone).date(),
            Written(_short(each.text) if shortened else each.text),
        )
        for each in found
    ]


def _short(text: str) -> str:
    return text if len(text) <= TEXT_MAX else f"{text[: TEXT_MAX - 1].rstrip()}…"


def costs_part(report: MoneyReport, currency: str) -> Part:
    """Return what keeping a customer costs beside what one brings, and a warning if it is more."""
    cost = report.figure(RETENTION_COST.name, currency)
    before = report.figure_before(RETENTION_COST.name, currency)
    rows: tuple[tuple[Cell, ...], ...] = (
        (
            "Spent to keep customers",
            _money(cost.numerator, currency),
            _money(before.numerator if before is not None else None, currency),
            "",
            "",
        ),
        ("… for each customer at the start", cost, before, *quotient_words(cost)),
        (
            "What one brought in that time (MRR)",
            _money(cost.terms.get(MRR_PER_CUSTOMER), currency),
            _money(before.terms.get(MRR_PER_CUSTOMER) if before is not None else None, currency),
            "",
            "",
        ),
    )
    columns = (
        Column("name", "Figure", figures=False),
        Column("value", "This period"),
        Column("before", "Before"),
        Column("numerator", "Numerator"),
        Column("denominator", "Denominator"),
    )
    notes = ("What one brought is MRR at the start, times the period's months, by customer then.",)
    table = Table("What keeping customers costs", columns, rows)
    warning = f"Keeping a customer costs {cost.warning}." if cost.warning else ""
    return Part("costs", currency, "What keeping customers costs", notes, table, warning=warning)


def _money(minor: Fraction | None, currency: str) -> Money | None:
    return None if minor is None else Money(round(minor), currency)
