"""The network report as one self-contained page: a proof that a processor can read."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from markupsafe import Markup

from worker.cli.look_network_words import network_words, rule_words, span_words
from worker.cli.report_network import CardWindow, NetworkReport, Row
from worker.cli.report_network_text import fullest_words, obeyed, period, verdict
from worker.cli.report_network_words import (
    DEFINITIONS,
    MADE_BY,
    OTHER_RULES,
    limit_lines,
    outcome_words,
    short_card,
    signals_words,
)
from worker.domain.money import Money
from worker.domain.network_tries import MadeBy, NetworkTry
from worker.office.words import OfficeWords, count_words, json_instant, money_words
from worker.pages.markup import NOTHING, joined, packaged, style, table, whole_page

Cells = tuple[Markup | str, ...]


def report_page(report: NetworkReport, words: OfficeWords) -> Markup:
    """Return the whole page."""
    own = packaged("worker.cli", "pages/network.css")
    said = period(report, words)
    body = packaged("worker.cli", "pages/network.html").format(
        period=said,
        account=report.account,
        mode="live" if report.live else "test mode",
        zone=words.zone.key,
        broken=" broken" if report.violations else "",
        verdict=verdict(report),
        violations=_violations(report, words),
        figures=_figures(report),
        networks=_networks(report),
        windows=_windows(report, words),
        stops=_stops(report, words),
        limits=_limits(report),
        rules=_rules(),
        words=_definitions(),
        rows=_rows(report.rows, words),
    )
    return whole_page(
        title=f"Network report: {said}",
        style=style("shared.css", "report.css") + own,
        body=body,
    )


def _time(at: datetime, words: OfficeWords) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(json_instant(at), words.dated(at))


def _card(card: str) -> Markup:
    return Markup("<code>{}</code>").format(short_card(card))


def _figures(report: NetworkReport) -> Markup:
    lines = report.lines
    stops, kept = sum(len(line.stops) for line in lines), sum(line.stops_obeyed for line in lines)
    waits, cut = sum(line.waits for line in lines), sum(line.waits_cut for line in lines)
    made = ", ".join(
        f"{sum(line.made_by(who) for line in lines)} by {MADE_BY[who]}" for who in MadeBy
    )
    figures = (
        ("Tries that counted", str(report.tries), made),
        ("Cards and accounts", str(report.cards), ""),
        ("Rules broken by the worker", str(len(report.violations)), ""),
        ("Stop signals obeyed", obeyed(kept, stops), ""),
        ("Waits obeyed", obeyed(waits - cut, waits), ""),
        ("Not counted", str(sum(line.uncounted for line in lines)), "never reached a network"),
    )
    return Markup('<dl class="figures card" aria-label="Figures">{}</dl>').format(
        joined(
            Markup('<div class="figure"><dt>{}</dt><dd>{}</dd>{}</div>').format(
                name, figure, Markup("<dd>{}</dd>").format(more) if more else NOTHING
            )
            for name, figure, more in figures
        )
    )


def _networks(report: NetworkReport) -> Markup:
    heading = (
        "Network",
        "Tries",
        *(f"by {MADE_BY[who]}" for who in MadeBy),
        "Not counted",
        "Cards",
        "Most in a window",
        "Stops obeyed",
        "Waits obeyed",
        "Broken",
    )
    rows: Iterator[Cells] = (
        (
            network_words(line.network),
            str(line.tries),
            *(str(line.made_by(who)) for who in MadeBy),
            str(line.uncounted),
            str(len(line.cards)),
            fullest_words(line),
            obeyed(line.stops_obeyed, len(line.stops)),
            obeyed(line.waits - line.waits_cut, line.waits),
            str(len(line.violations)),
        )
        for line in report.lines
    )
    right = frozenset((1, 2, 3, 4, 5, 6, 8, 9, 10))
    return table(heading, rows, caption="Tries by network", right=right)


def _windows(report: NetworkReport, words: OfficeWords) -> Markup:
    found = [(line.network, each) for line in report.lines for each in line.fullest]
    rows = ((*_window_cells(network, each), _tries(each, words)) for network, each in found)
    heading = ("Network", "Window", "Most", "Limit", "Card", "The tries")
    return table(heading, rows, caption="Fullest windows", right=frozenset((2, 3)))


def _window_cells(network: str, found: CardWindow) -> Cells:
    window = found.window
    own = window.network == network
    name = span_words(window.span) if own else rule_words(window.rule)
    most, limit = str(window.highest), str(window.limit)
    return network_words(network), name, most, limit, _card(found.card)


def _tries(found: CardWindow, words: OfficeWords) -> Markup:
    tries = found.window.tries
    if not tries:
        return Markup("none")
    return Markup("<details><summary>{}</summary>{}</details>").format(
        count_words(len(tries), "try", "tries"),
        joined(
            Markup("<div>{} {} {}, {}</div>").format(
                _time(tried.at, words), _amount(tried), MADE_BY[tried.made_by], _said(tried)
            )
            for tried in tries
        ),
    )


def _amount(tried: NetworkTry) -> Markup:
    money = money_words(Money(tried.amount_minor, tried.currency))
    return Markup('<span class="amount">{}</span>').format(money)


def _said(tried: NetworkTry) -> str:
    signals = signals_words(tried)
    return f"{outcome_words(tried)}: {signals}" if signals else outcome_words(tried)


def _stops(report: NetworkReport, words: OfficeWords) -> Markup:
    rows: list[Cells] = [
        (
            _time(stop.tried.at, words),
            network_words(line.network),
            _card(card),
            stop.signal,
            ", ".join(MADE_BY[tried.made_by] for tried in stop.tries_after) or "none",
            "yes" if stop.obeyed else "NO",
        )
        for line in report.lines
        for card, stop in line.stops
    ]
    if not rows:
        return Markup("<p>None was seen.</p>")
    heading = ("Seen", "Network", "Card", "Signal", "Tries after it", "Obeyed")
    return table(heading, rows, caption="Stop signals")


def _violations(report: NetworkReport, words: OfficeWords) -> Markup:
    if not report.violations:
        return NOTHING
    rows: Iterator[Cells] = (
        (
            _time(broken.tried.at, words),
            network_words(broken.network),
            _card(broken.card),
            rule_words(broken.rule),
            broken.reason,
            broken.tried.charge_id,
        )
        for broken in report.violations
    )
    heading = ("At", "Network", "Card", "Rule", "Why", "Charge")
    return table(heading, rows, caption="Broken rules")


def _limits(report: NetworkReport) -> Markup:
    rows: Iterator[Cells] = (
        (line.network, line.what, str(line.limit), str(line.highest), line.source)
        for line in limit_lines(report.limits)
    )
    heading = ("Network", "Counts", "Applied", "At most", "Source")
    return table(heading, rows, caption="Limits of windows", right=frozenset((2, 3)))


def _rules() -> Markup:
    return table(("Rule", "Limit", "Source"), OTHER_RULES, caption="Other rules")


def _definitions() -> Markup:
    return joined(
        Markup("<dt>{}</dt><dd>{}</dd>").format(word, meaning) for word, meaning in DEFINITIONS
    )


def _rows(rows: Iterable[Row], words: OfficeWords) -> Markup:
    heading = ("At", "Network", "Card", "Amount", "Made by", "Outcome", "Windows")
    cells: Iterator[Cells] = (
        (
            _time(row.tried.at, words),
            network_words(row.network),
            _card(row.card),
            _amount(row.tried),
            MADE_BY[row.tried.made_by],
            _said(row.tried),
            _counts(row),
        )
        for row in rows
    )
    found = table(heading, cells, caption="All tries", right=frozenset((3,)))
    return Markup('<div class="scroll">{}</div>').format(found)


def _counts(row: Row) -> str:
    if not row.tried.counted:
        return "not counted"
    counts = (f"{rule_words(rule)}: {count} of {limit}" for rule, count, limit in row.windows)
    return ", ".join(counts) or "no limit is published"
