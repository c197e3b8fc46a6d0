"""`dunning audit`: the proof that no fact was altered, removed or added afterwards."""

import re
from typing import Annotated

import typer

from worker.cli.look import AsJson, Data
from worker.domain.fact_chain import Head
from worker.errors import UsageError

GROUP = "Prove"

audit = typer.Typer(
    name="audit", help="The proof that the facts are as they were written.", no_args_is_help=True
)
_HEAD = re.compile(r"(?P<position>\d{1,18}):(?P<hash>[0-9a-f]{64})")


@audit.callback()
def _keep_the_group() -> None:
    """Typer would otherwise make a group of one command that command."""


def add_to(app: typer.Typer) -> None:
    """Register this group of commands."""
    app.add_typer(audit, rich_help_panel=GROUP)


@audit.command()
def verify(
    expect: Annotated[
        str,
        typer.Option(metavar="POSITION:HASH", help="A head from an `audit.head` line of the log."),
    ] = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Walk the chain over all facts. Exit 3: a fact was altered, removed or added."""
    from worker.cli.data_dir import open_view
    from worker.cli.tables import print_json
    from worker.office.audit import audit_chain

    expected = _head_of(expect) if expect else None
    with open_view(data) as view:
        found = audit_chain(view.ledger, expected)
    if as_json:
        flaw = found.flaw
        print_json(
            {
                "facts": found.head.position,
                "head": found.head.hash,
                "waiting": found.waiting,
                "holds": flaw is None,
                "position": flaw.position if flaw else None,
                "what": flaw.what if flaw else None,
            }
        )
    elif found.flaw is None:
        waiting = f"; {found.waiting} wait to be sealed" if found.waiting else ""
        print(f"{found.head.position} facts, head {found.head.hash}{waiting}")
    else:
        print(f"Position {found.flaw.position}: {found.flaw.what}.")
        print(f"Before it {found.head.position} facts hold, head {found.head.hash}")
    if found.flaw is not None:
        raise typer.Exit(3)


def _head_of(text: str) -> Head:
    """Return the head that was written down. Raises: UsageError."""
    found = _HEAD.fullmatch(text.strip())
    if found is None:
        raise UsageError(
            f"`{text}` is no head; write POSITION:HASH, both from an `audit.head` line of the log."
        )
    return Head(int(found["position"]), found["hash"])
