"""The network report as JSON and as CSV: ids and figures, times in UTC, money in minor units."""

from collections.abc import Sequence
from datetime import timedelta

from worker.cli.report_network import CardWindow, NetworkLine, NetworkReport, Row
from worker.cli.report_network_words import (
    DEFINITIONS,
    OTHER_RULES,
    limit_lines,
    outcome_words,
    short_card,
    signals_words,
)
from worker.domain.money import Money
from worker.domain.network_tries import MadeBy, NetworkTry
from worker.domain.network_usage import StopSeen, Violation
from worker.office.sheets import csv_text
from worker.office.words import json_instant, json_money

COLUMNS = (
    "at",
    "network",
    "card",
    "amount_minor",
    "currency",
    "made_by",
    "outcome",
    "signals",
    "counted",
    "windows",
    "charge_id",
)


def report_csv(report: NetworkReport) -> str:
    """Return every try of the period, a line each, oldest first."""
    return csv_text(COLUMNS, (_cells(row) for row in report.rows))


def _cells(row: Row) -> Sequence[object]:
    tried = row.tried
    return (
        json_instant(tried.at),
        row.network,
        short_card(row.card),
        tried.amount_minor,
        tried.currency,
        tried.made_by.value,
        outcome_words(tried),
        signals_words(tried),
        "yes" if tried.counted else "no",
        "; ".join(f"{rule} {count} of {limit}" for rule, count, limit in row.windows),
        tried.charge_id,
    )


def report_json(report: NetworkReport) -> dict[str, object]:
    """Return the whole report as data."""
    return {
        "report": "network",
        "account": report.account,
        "live": report.live,
        "from": json_instant(report.from_at),
        "to": json_instant(report.to_at),
        "tries": report.tries,
        "cards": report.cards,
        "violations": [_violation(each) for each in report.violations],
        "limits": [
            {
                "rule": line.rule,
                "network": line.network,
                "counts": line.what,
                "limit": line.limit,
                "highest_allowed": line.highest,
                "source": line.source,
            }
            for line in limit_lines(report.limits)
        ],
        "other_rules": [
            {"rule": rule, "limit": limit, "source": source} for rule, limit, source in OTHER_RULES
        ],
        "definitions": dict(DEFINITIONS),
        "networks": [_line(line) for line in report.lines],
        "rows": [_row(row) for row in report.rows],
    }


def _line(line: NetworkLine) -> dict[str, object]:
    return {
        "network": line.network,
        "tries": line.tries,
        "made_by": {who.value: line.made_by(who) for who in MadeBy},
        "not_counted": line.uncounted,
        "cards": len(line.cards),
        "windows": [_window(each) for each in line.fullest],
        "stop_signals": [_stop(card, stop) for card, stop in line.stops],
        "stop_signals_obeyed": line.stops_obeyed,
        "waits": line.waits,
        "waits_obeyed": line.waits - line.waits_cut,
        "violations": len(line.violations),
    }


def _window(found: CardWindow) -> dict[str, object]:
    window = found.window
    return {
        "rule": window.rule,
        "hours": window.span // timedelta(hours=1),
        "highest": window.highest,
        "limit": window.limit,
        "card": short_card(found.card),
        "tries": [_try(tried) for tried in window.tries],
    }


def _stop(card: str, stop: StopSeen) -> dict[str, object]:
    return {
        "card": short_card(card),
        "signal": stop.signal,
        "seen": _try(stop.tried),
        "obeyed": stop.obeyed,
        "tries_after": [_try(tried) for tried in stop.tries_after],
    }


def _violation(broken: Violation) -> dict[str, object]:
    return {
        "rule": broken.rule,
        "network": broken.network,
        "card": short_card(broken.card),
        "because": broken.reason,
        "try": _try(broken.tried),
        "behind": [_try(tried) for tried in broken.behind],
    }


def _row(row: Row) -> dict[str, object]:
    return (
        {"network": row.network, "card": short_card(row.card)}
        | _try(row.tried)
        | {
            "windows": [
                {"rule": rule, "tries": count, "limit": limit} for rule, count, limit in row.windows
            ]
        }
    )


def _try(tried: NetworkTry) -> dict[str, object]:
    return {
        "at": json_instant(tried.at),
        "amount": json_money(Money(tried.amount_minor, tried.currency)),
        "made_by": tried.made_by.value,
        "outcome": outcome_words(tried),
        "signals": signals_words(tried),
        "counted": tried.counted,
        "charge_id": tried.charge_id,
    }
