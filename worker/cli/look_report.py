"""`dunning report network`: the proof of a period, on the terminal or as a file."""

from datetime import datetime, time, timedelta
from enum import StrEnum
from pathlib import Path

from worker.cli.data_dir import View
from worker.cli.look_since import parse_since
from worker.cli.report_network import NetworkReport, network_report
from worker.cli.report_network_files import report_csv, report_json
from worker.cli.report_network_page import report_page
from worker.cli.report_network_text import (
    FIGURES,
    HEADING,
    NEAREST_HEADING,
    nearest_rows,
    network_rows,
    title,
    verdict,
    violation_rows,
)
from worker.cli.tables import as_json as json_line
from worker.cli.tables import columns, print_json
from worker.errors import UsageError
from worker.store.reading import snapshot
from worker.store.reading_network import read_network
from worker.store.reading_status import read_switch

RULE_BROKEN = 3
"""Exit code where the report shows that a network's rule was broken (interface.md)."""

PERIOD = timedelta(days=30)
"""How far a report reaches back where nothing else is said."""

A_DAY_LENGTH = len("2026-12-06")


class Form(StrEnum):
    """What a report is written as, by the ending of its file."""

    HTML = ".html"
    JSON = ".json"
    CSV = ".csv"


def show_network(view: View, *, begin: str, end: str, out: Path | None, as_json: bool) -> int:
    """Print or write the network report and return the exit code: 3 where a rule was broken.

    Raises: UsageError: a time is none, the period is empty, or the file's ending is unknown.
    """
    form = _form(out)
    from_at, to_at = period_of(view, begin, end)
    with snapshot(view.ledger) as connection:
        account = view.ledger.account_id
        record = read_network(connection, account, to_at=to_at)
        switch = read_switch(connection, account)
    report = network_report(
        record,
        view.office.limits.networks,
        account=account,
        live=switch is not None and switch.live,
        from_at=from_at,
        to_at=to_at,
    )
    if out is not None and form is not None:
        out.write_text(_text(report, form, view), encoding="utf-8")
        print(f"{verdict(report)} Written to {out}")
    elif as_json:
        print_json(report_json(report))
    else:
        _print(report, view)
    return RULE_BROKEN if report.violations else 0


def _form(out: Path | None) -> Form | None:
    if out is None:
        return None
    try:
        return Form(out.suffix.lower())
    except ValueError:
        endings = ", ".join(form.value for form in Form)
        raise UsageError(
            f"--out {out} has no ending of a report; write one of {endings}."
        ) from None


def period_of(view: View, begin: str, end: str) -> tuple[datetime, datetime]:
    """Return the period as instants; a last day that is named counts whole, the default is now.

    Raises: UsageError.
    """
    zone = view.office.zone
    to_at = parse_since(end, now=view.now, zone=zone, option="--to")
    if to_at is None:
        to_at = view.now + timedelta(seconds=1)  # a try of this very instant belongs to it
    elif len(end.strip()) == A_DAY_LENGTH:
        next_day = to_at.astimezone(zone).date() + timedelta(days=1)
        to_at = datetime.combine(next_day, time.min, zone)
    from_at = parse_since(begin, now=view.now, zone=zone, option="--from") or to_at - PERIOD
    if from_at >= to_at:
        raise UsageError("The period is empty: --from must be before --to.")
    return from_at, to_at


def _text(report: NetworkReport, form: Form, view: View) -> str:
    match form:
        case Form.HTML:
            return str(report_page(report, view.words))
        case Form.JSON:
            return json_line(report_json(report)) + "\n"
        case Form.CSV:
            return report_csv(report)


def _print(report: NetworkReport, view: View) -> None:
    words = view.words
    print(title(report, words))
    if not report.rows:
        print("No try is known in this period.")
        return
    columns(network_rows(report), heading=HEADING, right=FIGURES)
    print()
    nearest = list(nearest_rows(report, words))
    if nearest:
        columns(nearest, heading=NEAREST_HEADING, right=[1, 2])
        print()
    if report.violations:
        columns(violation_rows(report, words), heading=("at", "card", "rule", "why"))
        print()
    print(verdict(report))
    print("All rows, limits and definitions: --out FILE.html, FILE.json or FILE.csv")
