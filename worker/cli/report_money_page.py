"""The money report as one self-contained page: nothing to fetch, nothing to run."""

from base64 import b64encode
from collections.abc import Iterable

from markupsafe import Markup

from worker.cli.metrics_text import value_words
from worker.cli.report_money import MoneyReport
from worker.cli.report_money_files import sheets
from worker.cli.report_money_parts import (
    common_parts,
    currency_parts,
    figures_parts,
    overview_part,
)
from worker.cli.report_money_words import period_words
from worker.cli.report_parts import Cell, Part, cell_words
from worker.domain.metric import Metric
from worker.office.words import OfficeWords
from worker.pages.charts import figure, patterns
from worker.pages.markup import NOTHING, joined, packaged, style, table

NOTHING_KNOWN = "No fact is known in this period or before, and no case is open."


def report_page(report: MoneyReport, words: OfficeWords) -> Markup:
    """Return the whole page."""
    overview = overview_part(report)
    by_currency = {each: currency_parts(report, each) for each in report.currencies}
    common, figures = common_parts(report), figures_parts(report)
    everything = [
        overview,
        *(p for found in by_currency.values() for p in found),
        *common,
        *figures,
    ]
    return packaged("worker.cli", "pages/money.html").format(
        style=style("shared.css", "report.css", "charts.css")
        + packaged("worker.cli", "pages/money.css"),
        patterns=patterns(),
        period=period_words(report.period),
        before=period_words(report.before.period),
        account=report.account,
        mode="live" if report.live else "test mode",
        made_at=words.dated(report.now),
        zone=words.zone.key,
        period_zone=report.period.zone.key,
        overview=_overview(overview, words),
        nav=_nav(report.currencies),
        currencies=joined(_currency(each, found, words) for each, found in by_currency.items()),
        common=joined(_card(part, words, level=2) for part in common),
        figures=joined(_figures(part, words) for part in figures),
        sheets=_sheets(everything),
    )


def _nav(currencies: Iterable[str]) -> Markup:
    return joined(
        Markup('<li><a href="#{}">{}</a></li>').format(each, each.upper()) for each in currencies
    )


def _overview(part: Part, words: OfficeWords) -> Markup:
    if not part.table.rows:
        return Markup("<p>{}</p>").format(NOTHING_KNOWN)
    return _table(part, words) + _notes(part)


def _currency(currency: str, parts: Iterable[Part], words: OfficeWords) -> Markup:
    return Markup(
        '<section class="currency" id="{id}" aria-labelledby="{id}-title">'
        '<h2 id="{id}-title">{name}</h2>{parts}</section>'
    ).format(
        id=currency,
        name=currency.upper(),
        parts=joined(_card(part, words, level=3) for part in parts),
    )


def _card(part: Part, words: OfficeWords, *, level: int) -> Markup:
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
        notes=_notes(part),
    )


def _behind(part: Part, words: OfficeWords) -> Markup:
    """Return the table: behind its chart where there is one, else in sight."""
    if not part.table.rows:
        return Markup('<p class="soft">Nothing in this period.</p>')
    if not any(not chart.is_empty for chart in part.charts):
        return _table(part, words)
    return Markup("<details><summary>The figures as a table</summary>{}</details>").format(
        _table(part, words)
    )


def _figures(part: Part, words: OfficeWords) -> Markup:
    return Markup("<details><summary>{}</summary>{}{}</details>").format(
        part.title, _notes(part), _table(part, words)
    )


def _table(part: Part, words: OfficeWords) -> Markup:
    columns = part.table.columns
    return Markup('<div class="scroll">{}</div>').format(
        table(
            [column.title for column in columns],
            ([_cell(cell, words) for cell in row] for row in part.table.rows),
            caption=f"{part.table.caption}{f', {part.currency.upper()}' if part.currency else ''}",
            right=frozenset(i for i, column in enumerate(columns) if column.figures),
        )
    )


def _cell(cell: Cell, words: OfficeWords) -> Markup | str:
    if not isinstance(cell, Metric):
        return cell_words(cell, words)
    return Markup('<data value="{} {}">{}</data>').format(
        cell.definition.name, cell.currency, value_words(cell)
    )


def _notes(part: Part) -> Markup:
    return joined(Markup('<p class="soft note">{}</p>').format(note) for note in part.notes)


def _sheets(parts: Iterable[Part]) -> Markup:
    return joined(
        Markup(
            '<li><a download="{name}.csv" href="data:text/csv;base64,{data}">{name}.csv</a></li>'
        ).format(name=topic, data=b64encode(text.encode()).decode())
        for topic, text in sheets(parts)
    )
