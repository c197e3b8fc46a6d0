"""`dunning report shadow`: what watching would have done, as a page, a file, CSV or words."""

from markupsafe import Markup

from worker.cli.data_dir import View
from worker.cli.look_metrics import period_of
from worker.cli.report_money_words import period_words
from worker.cli.report_parts_files import tables_json
from worker.cli.report_parts_out import Forms, Outlet, print_part, put_out
from worker.cli.report_parts_page import (
    Head,
    currency_sections,
    part_card,
    part_links,
    parts_page,
)
from worker.cli.report_shadow import (
    NOTHING_WATCHED,
    ShadowReport,
    read_shadow_report,
    shadow_parts,
)
from worker.office.words import OfficeWords, count_words, json_instant
from worker.pages.markup import NOTHING, joined, packaged

_NAV = Markup(
    '<nav aria-label="On this page" class="card"><ul>{}'
    '<li><a href="#sheets">CSV</a></li></ul></nav>'
)


def show_shadow(view: View, *, begin: str, end: str, outlet: Outlet) -> None:
    """Print or write the report of what was only watched.

    Raises: UsageError: the period is empty, or a file cannot be written.
    """
    put_out(lambda: _forms(read_shadow_report(view, period_of(view, begin, end)), view), outlet)


def _forms(report: ShadowReport, view: View) -> Forms:
    return Forms(
        name="Shadow report",
        said=period_words(report.period),
        parts=lambda: shadow_parts(report),
        page=lambda: shadow_page(report, view.words),
        data=lambda: shadow_json(report),
        terminal=lambda: _print(report, view.words),
    )


def shadow_json(report: ShadowReport) -> dict[str, object]:
    """Return the whole report as data."""
    return {
        "report": "shadow",
        "account": report.account,
        "live": report.live,
        "from": json_instant(report.period.from_at),
        "to": json_instant(report.period.to_at),
        "as_of": json_instant(report.now),
        "tables": tables_json(shadow_parts(report)),
    }


def shadow_page(report: ShadowReport, words: OfficeWords) -> Markup:
    """Return the whole page."""
    parts = shadow_parts(report)
    by_currency = {
        each: [part for part in parts if part.currency == each] for each in report.currencies
    }
    common = [part for part in parts if not part.currency]
    said = f"{count_words(len(report.cases), 'invoice')} with an act that was only watched."
    body = packaged("worker.cli", "pages/shadow.html").format(
        verdict=said if report.cases or report.letters else NOTHING_WATCHED,
        nav=_NAV.format(part_links(report.currencies, common)) if parts else NOTHING,
        currencies=currency_sections(by_currency, words),
        common=joined(part_card(part, words, level=2) for part in common),
    )
    head = Head(
        name="Shadow report",
        heading="What watching would have done",
        said=f"{period_words(report.period)}, beside what happened at Stripe until now",
        account=report.account,
        live=report.live,
        made_at=report.now,
        command="dunning report shadow --csv DIR",
        footer=(
            "Nothing of this was done: with mode: watch each act that falls due is written down"
            " once, as if the charges before it had been declined."
        ),
    )
    return parts_page(head, body, parts, words)


def _print(report: ShadowReport, words: OfficeWords) -> None:
    print(f"What was only watched, {period_words(report.period)}")
    if not report.cases and not report.letters:
        print(NOTHING_WATCHED)
        return
    for part in shadow_parts(report):
        if part.topic != "shadow_cases":
            print_part(part, words)
            print()
    print("Case by case, with charts: --out FILE.html, FILE.json or --csv DIR")
