"""Data in: figures from files, each import with who and why."""

from pathlib import Path
from typing import Annotated

import typer

from worker.cli.act import GROUP, By, Data, Json, Reason, who_acts
from worker.services import operate


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("import", rich_help_panel=GROUP)(import_file)


def import_file(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="surveys, tickets, retention_costs or health.")
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Its first line has the names.")],
    correct: Annotated[
        bool, typer.Option("--correct", help="Rows that say otherwise than before correct it.")
    ] = False,
    by: By = "",
    reason: Reason = "",
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Take figures into the ledger: all rows or none, and each key once, however often."""
    who = operate.require_who_and_why(who_acts(by), reason)
    from worker.cli.data_dir import open_view
    from worker.cli.data_in_file import ImportOrder, take_file

    with open_view(data) as view:
        take_file(view, ImportOrder(kind, file, who, reason, correct=correct), as_json=as_json)
