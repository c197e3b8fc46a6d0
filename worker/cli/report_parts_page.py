"""Parts of a report as HTML: charts, the table behind them, notes, and all tables as CSV."""

from base64 import b64encode
from collections.abc import Iterable

from markupsafe import Markup

from worker.cli.metrics_text import value_words
from worker.cli.report_parts import Cell, Part, cell_words
from worker.cli.report_parts_files import sheets
from worker.domain.metric import Metric
from worker.office.words import OfficeWords
from worker.pages.charts import figure
from worker.pages.markup import NOTHING, joined, packaged, style, table


def report_style() -> Markup:
    """Return the style sheets of a report that is made of parts."""
    own = packaged("worker.cli", "pages/parts.css")
    return style("shared.css", "report.css", "charts.css") + own


def currency_links(currencies: Iterable[str]) -> Markup:
    """Return links to the sections of currencies, as items of a list."""
    return joined(
        Markup('<li><a href="#{}">{}</a></li>').format(each, each.upper()) for each in currencies
    )


def currency_section(currency: str, parts: Iterable[Part], words: OfficeWords) -> Markup:
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
        return Markup('<p class="soft">Nothing in this period.</p>')
    if not any(not chart.is_empty for chart in part.charts):
        return part_table(part, words)
    return Markup("<details><summary>The figures as a table</summary>{}</details>").format(
        part_table(part, words)
    )


def part_table(part: Part, words: OfficeWords) -> Markup:
    """Return the part's table."""
    columns = part.table.columns
    where = f", {part.currency.upper()}" if part.currency else ""
    return Markup('<div class="scroll">{}</div>').format(
        table(
            [column.title for column in columns],
            ([_cell(cell, words) for cell in row] for row in part.table.rows),
            caption=f"{part.table.caption}{where}",
            right=frozenset(i for i, column in enumerate(columns) if column.figures),
        )
    )


def _cell(cell: Cell, words: OfficeWords) -> Markup | str:
    if not isinstance(cell, Metric):
        return cell_words(cell, words)
    return Markup('<data value="{} {}">{}</data>').format(
        cell.definition.name, cell.currency, value_words(cell)
    )


def part_notes(part: Part) -> Markup:
    """Return what must be known to read the part."""
    return joined(Markup('<p class="soft note">{}</p>').format(note) for note in part.notes)


def sheet_links(parts: Iterable[Part]) -> Markup:
    """Return links that hold the tables as CSV themselves, as items of a list."""
    link = Markup(
        '<li><a download="{name}.csv" href="data:text/csv;base64,{data}">{name}.csv</a></li>'
    )
    return joined(
        link.format(name=topic, data=b64encode(text.encode()).decode())
        for topic, text in sheets(parts)
    )
