"""The network report as tables on a terminal."""

from collections.abc import Iterator

from worker.cli.look_network_words import network_words, rule_words, span_words
from worker.cli.report_network import CardWindow, NetworkLine, NetworkReport
from worker.cli.report_network_words import MADE_BY, short_card
from worker.domain.network_tries import MadeBy
from worker.domain.network_usage import UNKNOWN_NETWORK
from worker.office.words import OfficeWords, count_words

HEADING = (
    "network",
    "tries",
    *(MADE_BY[who] for who in MadeBy),
    "not counted",
    "cards",
    "stops obeyed",
    "waits obeyed",
    "broken",
    "most in a window",
)
FIGURES = tuple(range(1, 10))

NEAREST_HEADING = ("nearest to a limit", "most", "limit", "card", "first of them", "last of them")
NEAREST_SHOWN = 5


def title(report: NetworkReport, words: OfficeWords) -> str:
    """Return the first line: what, when, whose."""
    mode = "live" if report.live else "test mode"
    return f"Tries of cards and accounts, {period(report, words)} · {report.account}, {mode}"


def period(report: NetworkReport, words: OfficeWords) -> str:
    """Return `Sun 1 Nov 2026 00:00 to Tue 1 Dec 2026 00:00 (Europe/Berlin)`."""
    begin, end = words.dated(report.from_at), words.dated(report.to_at)
    return f"{begin} to {end} ({words.zone.key})"


def network_rows(report: NetworkReport) -> Iterator[tuple[str, ...]]:
    """Yield a row for each network."""
    for line in report.lines:
        yield (
            network_words(line.network),
            str(line.tries),
            *(str(line.made_by(who)) for who in MadeBy),
            str(line.uncounted),
            str(len(line.cards)),
            obeyed(line.stops_obeyed, len(line.stops)),
            obeyed(line.waits - line.waits_cut, line.waits),
            str(len(line.violations)),
            fullest_words(line),
        )


def fullest_words(line: NetworkLine) -> str:
    """Return `1 of 10 in 24 h, 5 of 35 in 30 days`."""
    windows = [found.window for found in line.fullest]
    if line.network == UNKNOWN_NETWORK:  # every network's limits apply to it
        return ", ".join(f"{w.highest} of {w.limit} in {rule_words(w.rule)}" for w in windows)
    return ", ".join(f"{w.highest} of {w.limit} in {span_words(w.span)}" for w in windows)


def obeyed(done: int, seen: int) -> str:
    """Return `3 of 3`, or a dash where none was seen."""
    return f"{done} of {seen}" if seen else "-"


def nearest(report: NetworkReport) -> list[CardWindow]:
    """Return the windows that came nearest to their limits, the nearest first."""
    found = [each for line in report.lines for each in line.fullest if each.window.highest > 1]
    return sorted(found, key=lambda each: -each.window.highest / each.window.limit)


def nearest_rows(report: NetworkReport, words: OfficeWords) -> Iterator[tuple[str, ...]]:
    """Yield the windows nearest to their limits, with the card and the tries' first and last."""
    for found in nearest(report)[:NEAREST_SHOWN]:
        window = found.window
        yield (
            rule_words(window.rule),
            str(window.highest),
            str(window.limit),
            short_card(found.card),
            words.moment(window.tries[0].at),
            words.moment(window.tries[-1].at),
        )


def violation_rows(report: NetworkReport, words: OfficeWords) -> Iterator[tuple[str, ...]]:
    """Yield each broken rule: when, which card, by which rule, why."""
    for broken in report.violations:
        yield (
            words.moment(broken.tried.at),
            short_card(broken.card),
            rule_words(broken.rule),
            broken.reason,
        )


def verdict(report: NetworkReport) -> str:
    """Return the one sentence that matters."""
    of = f"{count_words(report.tries, 'try', 'tries')} of {count_words(report.cards, 'card')}"
    broken = len(report.violations)
    if not broken:
        return f"No rule was broken by this worker in {of}."
    return f"{count_words(broken, 'rule was', 'rules were')} broken by this worker in {of}."
