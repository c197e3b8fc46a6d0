"""A plan as one self-contained page, without names of customers."""

from collections.abc import Iterable

from markupsafe import Markup

from worker.office.plan import Plan
from worker.office.plan_text import (
    AMOUNT,
    DAY_HEADING,
    HEADING,
    cap_line,
    day_cells,
    notes,
    row_cells,
    still_lines,
    title,
)
from worker.office.words import OfficeWords
from worker.pages.markup import joined, packaged, style, table, whole_page


def plan_page(plan: Plan, words: OfficeWords, since: str = "") -> Markup:
    """Return the whole page. Args: since: the line about yesterday's plan, if there is one."""
    still = [*(cap_line(cap, words) for cap in plan.caps), *still_lines(plan)]
    still += [since] if since else []
    said = title(plan, words)
    body = packaged("worker.cli", "pages/plan.html").format(
        title=said,
        made_at=words.dated(plan.made_at),
        notes=_paragraphs(notes(plan)),
        days=_days(plan, words),
        rows=_rows(plan, words),
        still=_paragraphs(still or ["Nothing."]),
    )
    return whole_page(title=said, style=style("shared.css", "report.css"), body=body)


def _paragraphs(lines: Iterable[str]) -> Markup:
    return joined(Markup("<p>{}</p>").format(line) for line in lines)


def _days(plan: Plan, words: OfficeWords) -> Markup:
    if not plan.rows:
        return Markup("<p>Nothing is planned until then.</p>")
    heading = [name.capitalize() for name in DAY_HEADING]
    return table(heading, day_cells(plan, words), caption="Totals by day")


def _rows(plan: Plan, words: OfficeWords) -> Markup:
    if not plan.rows:
        return Markup("<p>Nothing is planned until then.</p>")
    heading = [name.capitalize() for name in HEADING]
    day, filled = "", []
    for cells in row_cells(plan, words, named=False):
        day = cells[0] or day  # on a phone each row is a card of its own
        filled.append((day, *cells[1:]))
    return table(heading, filled, caption="Everything planned", right=frozenset((AMOUNT,)))
