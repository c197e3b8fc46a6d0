"""The money report as one self-contained page: nothing to fetch, nothing to run."""

from markupsafe import Markup

from worker.cli.report_money import MoneyReport
from worker.cli.report_money_figures import figures_parts
from worker.cli.report_money_parts import common_parts, currency_parts, overview_part
from worker.cli.report_money_words import period_words
from worker.cli.report_parts import Part
from worker.cli.report_parts_page import (
    Head,
    currency_sections,
    part_card,
    part_links,
    part_notes,
    part_table,
    parts_page,
)
from worker.office.words import OfficeWords
from worker.pages.markup import joined, packaged

NOTHING_KNOWN = "No fact is known in this period or before, and no case is open."


def report_page(report: MoneyReport, words: OfficeWords) -> Markup:
    """Return the whole page."""
    overview = overview_part(report)
    by_currency = {each: currency_parts(report, each) for each in report.currencies}
    common, figures = common_parts(report), figures_parts(report)
    body = packaged("worker.cli", "pages/money.html").format(
        overview=_overview(overview, words),
        nav=part_links(report.currencies, common),
        currencies=currency_sections(by_currency, words),
        common=joined(part_card(part, words, level=2) for part in common),
        figures=joined(_figures(part, words) for part in figures),
    )
    of_currencies = (part for found in by_currency.values() for part in found)
    said, before = period_words(report.period), period_words(report.before.period)
    head = Head(
        name="Money report",
        heading="Money recovered and at risk",
        said=f"{said}, beside {before}",
        account=report.account,
        live=report.live,
        made_at=report.now,
        command="dunning report --csv DIR",
        footer=(
            "Counted from this service's facts; days of the period begin in"
            f" {report.period.zone.key}. Currencies are never added or converted."
        ),
    )
    return parts_page(head, body, (overview, *of_currencies, *common, *figures), words)


def _overview(part: Part, words: OfficeWords) -> Markup:
    if not part.table.rows:
        return Markup("<p>{}</p>").format(NOTHING_KNOWN)
    return part_table(part, words) + part_notes(part)


def _figures(part: Part, words: OfficeWords) -> Markup:
    return Markup("<details><summary>{}</summary>{}{}</details>").format(
        part.title, part_notes(part), part_table(part, words)
    )
