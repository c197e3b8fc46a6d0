"""The money report as one self-contained page: nothing to fetch, nothing to run."""

from markupsafe import Markup

from worker.cli.report_money import MoneyReport
from worker.cli.report_money_parts import (
    common_parts,
    currency_parts,
    figures_parts,
    overview_part,
)
from worker.cli.report_money_words import period_words
from worker.cli.report_parts import Part
from worker.cli.report_parts_page import (
    currency_links,
    currency_section,
    part_card,
    part_notes,
    part_table,
    report_style,
    sheet_links,
)
from worker.office.words import OfficeWords
from worker.pages.charts import patterns
from worker.pages.markup import joined, packaged

NOTHING_KNOWN = "No fact is known in this period or before, and no case is open."


def report_page(report: MoneyReport, words: OfficeWords) -> Markup:
    """Return the whole page."""
    overview = overview_part(report)
    by_currency = {each: currency_parts(report, each) for each in report.currencies}
    common, figures = common_parts(report), figures_parts(report)
    of_currencies = (part for found in by_currency.values() for part in found)
    return packaged("worker.cli", "pages/money.html").format(
        style=report_style(),
        patterns=patterns(),
        period=period_words(report.period),
        before=period_words(report.before.period),
        account=report.account,
        mode="live" if report.live else "test mode",
        made_at=words.dated(report.now),
        zone=words.zone.key,
        period_zone=report.period.zone.key,
        overview=_overview(overview, words),
        nav=currency_links(report.currencies),
        currencies=joined(
            currency_section(each, found, words) for each, found in by_currency.items()
        ),
        common=joined(part_card(part, words, level=2) for part in common),
        figures=joined(_figures(part, words) for part in figures),
        sheets=sheet_links((overview, *of_currencies, *common, *figures)),
    )


def _overview(part: Part, words: OfficeWords) -> Markup:
    if not part.table.rows:
        return Markup("<p>{}</p>").format(NOTHING_KNOWN)
    return part_table(part, words) + part_notes(part)


def _figures(part: Part, words: OfficeWords) -> Markup:
    return Markup("<details><summary>{}</summary>{}{}</details>").format(
        part.title, part_notes(part), part_table(part, words)
    )
