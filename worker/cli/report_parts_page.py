"""Parts of a report as HTML: charts, the table behind them, notes, and all tables as CSV."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from markupsafe import Markup

from worker.cli.report_parts import NO_VALUE, Cell, Part, Share, Written, cell_words
from worker.cli.report_parts_files import sheets
from worker.domain.metric import SMALL_GROUP_MAX, Metric
from worker.office.words import OfficeWords
from worker.pages.charts import figure, patterns
from worker.pages.markup import NOTHING, joined, packaged, style, table, whole_page

SHEET_MAX = 200_000
"""A CSV file of more characters is left out of the page, which must stay fit to be mailed."""
FEW = Markup('<span class="few" aria-hidden="true">*</span><span class="unseen"> (few)</span>')
FEW_WORDS = (
    f"* few: of fewer than {SMALL_GROUP_MAX} customers, invoices or answers, where chance decides."
)


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above and below the parts of a report."""

    name: str
    heading: str
    said: str
    """Which period it tells of, in words."""
    account: str
    live: bool
    made_at: datetime
    command: str
    """What writes its tables as CSV files."""
    footer: str


def parts_page(head: Head, body: Markup, parts: Iterable[Part], words: OfficeWords) -> Markup:
    """Return the whole page of a report that is made of parts. Args: body: all of them, told."""
    whole = packaged("worker.cli", "pages/parts.html").format(
        heading=head.heading,
        said=head.said,
        account=head.account,
        mode="live" if head.live else "test mode",
        made_at=words.dated(head.made_at),
        zone=words.zone.key,
        body=body,
        sheets=_sheets(parts, head.command),
        few=FEW_WORDS,
        footer=head.footer,
    )
    sheet = packaged("worker.cli", "pages/parts.css")
    return whole_page(
        title=f"{head.name}: {head.said}",
        style=style("shared.css", "report.css", "charts.css") + sheet,
        body=whole,
        patterns=patterns(),
    )


def part_links(currencies: Iterable[str], common: Iterable[Part]) -> Markup:
    """Return links to the sections of currencies and to the parts that have none, as items."""
    of_currencies = ((each, each.upper()) for each in currencies)
    of_common = ((f"part-{part.topic}", part.title) for part in common)
    return joined(
        Markup('<li><a href="#{}">{}</a></li>').format(*link)
        for link in (*of_currencies, *of_common)
    )


def currency_sections(by_currency: Mapping[str, Iterable[Part]], words: OfficeWords) -> Markup:
    """Return a section for each currency."""
    return joined(
        _currency_section(currency, parts, words) for currency, parts in by_currency.items()
    )


def _currency_section(currency: str, parts: Iterable[Part], words: OfficeWords) -> Markup:
    """Return everything about one currency."""
    return Markup(
        '<section class="currency" id="{id}" aria-labelledby="{id}-title">'
        '<h2 id="{id}-title">{name}</h2>{parts}</section>'
    ).format(
        id=currency,
        name=currency.upper(),
        parts=joined(part_card(part, words, level=3) for part in parts),
    )


def part_card(part: Part, words: OfficeWords, *, level: int) -> Markup:
    """Return one part; its table is behind the chart, or in sight where there is none.

    Args: level: of its heading.
    """
    name = f"{part.topic}-{part.currency}" if part.currency else part.topic
    return Markup(
        '<section class="card" id="part-{id}" aria-labelledby="part-{id}-title">'
        '<h{level} id="part-{id}-title">{title}{where}</h{level}>{charts}{table}{notes}</section>'
    ).format(
        id=name,
        level=level,
        title=part.title,
        where=Markup(' <span class="soft">{}</span>').format(part.currency.upper())
        if part.currency
        else NOTHING,
        charts=joined(figure(chart) for chart in part.charts),
        table=_behind(part, words),
        notes=part_notes(part),
    )


def _behind(part: Part, words: OfficeWords) -> Markup:
    if not part.table.rows:
        return Markup('<p class="soft">{}</p>').format(part.nothing)
    if not any(not chart.is_empty for chart in part.charts):
        return part_table(part, words)
    return Markup("<details><summary>The figures as a table</summary>{}</details>").format(
        part_table(part, words)
    )


def part_table(part: Part, words: OfficeWords) -> Markup:
    """Return the part's table."""
    columns, rows = part.table.columns, part.table.on_page
    where = f", {part.currency.upper()}" if part.currency else ""
    return Markup('<div class="scroll">{}</div>{}').format(
        table(
            [column.title for column in columns],
            ([_cell(cell, words) for cell in row] for row in rows),
            caption=f"{part.table.caption}{where}",
            right=frozenset(i for i, column in enumerate(columns) if column.figures),
        ),
        _left_out(len(part.table.rows), len(rows)),
    )


def _left_out(count: int, shown: int) -> Markup:
    if count == shown:
        return NOTHING
    return Markup(
        '<p class="soft note">{} of {} rows are shown; all of them: the CSV files.</p>'
    ).format(f"{shown:,}", f"{count:,}")


def _cell(cell: Cell, words: OfficeWords) -> Markup | str:
    said = cell_words(cell, words)
    soft = Markup(' class="soft"') if said == NO_VALUE else NOTHING
    mark = FEW if isinstance(cell, Metric | Share) and cell.is_small else NOTHING
    match cell:
        case Metric():
            return Markup('<data value="{} {}"{}>{}</data>{}').format(
                cell.definition.name, cell.currency, soft, said, mark
            )
        case date() if not isinstance(cell, datetime):
            return Markup('<time class="day" datetime="{}">{}</time>').format(cell, said)
        case Written():
            return Markup('<span class="written">{}</span>').format(said)
        case _ if soft:
            return Markup("<span{}>{}</span>").format(soft, said)
        case _:
            return Markup("{}{}").format(said, mark)


def part_notes(part: Part) -> Markup:
    """Return what must be known to read the part; what is wrong comes first."""
    warning = Markup('<p class="warning">{}</p>').format(part.warning) if part.warning else NOTHING
    return warning + joined(
        Markup('<p class="soft note">{}</p>').format(note) for note in part.notes
    )


def _sheets(parts: Iterable[Part], command: str) -> Markup:
    """Return the section whose links hold the tables as CSV themselves; nothing without tables.

    A table that is too long for a page is named only.
    """
    link = Markup(
        '<li><a download="{name}.csv" href="data:text/csv;base64,{data}">{name}.csv</a></li>'
    )
    named = Markup('<li>{name}.csv <span class="soft">(long: with --csv only)</span></li>')
    links = joined(
        named.format(name=topic)
        if len(text) > SHEET_MAX
        else link.format(name=topic, data=b64encode(text.encode()).decode())
        for topic, text in sheets(parts)
    )
    if not links:
        return NOTHING
    return packaged("worker.cli", "pages/sheets.html").format(command=command, links=links)
