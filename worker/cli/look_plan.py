"""`dunning plan`: every charge, letter and ending to come, as if every charge fails."""

import sys
from enum import StrEnum
from pathlib import Path

from worker.bootstrap import notices_in
from worker.cli.data_dir import View, reading_environment
from worker.cli.look_plan_page import plan_page
from worker.cli.look_plan_until import parse_until
from worker.cli.look_status import read_standing
from worker.cli.tables import columns, is_terminal, print_json
from worker.errors import UsageError
from worker.office.plan import Plan, read_plan_of
from worker.office.plan_files import plan_csv, plan_json
from worker.office.plan_text import (
    AMOUNT,
    CUSTOMER,
    DAY_HEADING,
    HEADING,
    cap_line,
    day_cells,
    notes,
    row_cells,
    still_lines,
    title,
)
from worker.office.since import read_since
from worker.office.since_text import since_json, since_line
from worker.office.ways import office_of
from worker.office.words import OfficeWords
from worker.settings.load import load_configuration


class Form(StrEnum):
    """How a plan is printed."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    HTML = "html"


def form_of(*, as_json: bool, as_csv: bool, as_html: bool) -> Form:
    """Return the one form that is asked for. Raises: UsageError: several are."""
    asked = [
        form
        for form, wanted in ((Form.JSON, as_json), (Form.CSV, as_csv), (Form.HTML, as_html))
        if wanted
    ]
    if len(asked) > 1:
        raise UsageError("Choose one of --json, --csv and --html.")
    return asked[0] if asked else Form.TEXT


def show_plan(view: View, *, until: str, other: Path | None, form: Form) -> None:
    """Print the plan.

    Args: other: a folder like config/ whose policies serve each case as a new one, a preview.
    Raises: UsageError: *until* is no time to come; ConfigError: *other* is broken.
    """
    plan = read_plan(view, until=until, other=other)
    since = None if other is not None else read_since(view.ledger, plan)
    words = OfficeWords(plan.office.zone, view.now)
    match form:
        case Form.JSON:
            print_json(plan_json(plan) | {"since": since_json(since)})
        case Form.CSV:
            sys.stdout.write(plan_csv(plan))
        case Form.HTML:
            print(plan_page(plan, words, since_line(since, words)))
        case Form.TEXT:
            _print(plan, words, since_line(since, words))


def read_plan(view: View, *, until: str, other: Path | None) -> Plan:
    """Return the plan of the ledger's cases. Raises: UsageError, ConfigError."""
    office, instead = view.office, None
    if other is not None:
        environment = reading_environment()
        configuration = load_configuration(other, notices_in(environment.templates_dir))
        office = office_of(configuration)
        instead = configuration.dunning
    until_at = parse_until(until, now=view.now, zone=office.zone)
    return read_plan_of(
        view.ledger,
        office,
        read_standing(view).charging,
        now=view.now,
        wall_now=view.wall_now,
        until=until_at,
        instead=instead,
        previewed=str(other) if other is not None else "",
    )


def _print(plan: Plan, words: OfficeWords, since: str) -> None:
    print(title(plan, words))
    for note in notes(plan):
        print(note)
    print()
    if plan.rows:
        rows = row_cells(plan, words, named=is_terminal())
        columns(rows, heading=HEADING, right=[AMOUNT], cut=[CUSTOMER, AMOUNT + 1])
        print()
        columns(day_cells(plan, words), heading=DAY_HEADING)
    else:
        print("Nothing is planned until then.")
    print()
    for cap in plan.caps:
        print(cap_line(cap, words))
    for line in [*still_lines(plan), *([since] if since else [])]:
        print(line)
    print(
        "More: --json  --csv  --html  --until DATE  --with DIR (another configuration's policies)"
    )
