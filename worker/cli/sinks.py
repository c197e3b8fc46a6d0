"""`dunning sinks`: where facts are copied to, how far each came, and sending them again."""

import os
from pathlib import Path
from typing import Annotated

import typer

from worker.cli.look import AsJson, Data

GROUP = "Look"

sinks = typer.Typer(name="sinks", help="Where facts are copied to.", invoke_without_command=True)


def add_to(app: typer.Typer) -> None:
    """Register this group of commands."""
    app.add_typer(sinks, rich_help_panel=GROUP)


@sinks.callback()
def show(context: typer.Context, data: Data = None, as_json: AsJson = False) -> None:
    """Where facts are copied to: how far each sink came, how much waits, the last error."""
    if context.invoked_subcommand is not None:
        return
    from worker.cli.data_dir import open_view
    from worker.cli.sinks_shown import show_sinks

    with open_view(data) as view:
        show_sinks(view, as_json=as_json)


@sinks.command()
def replay(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A sink of sinks.yaml.")],
    begin: Annotated[int, typer.Option("--from", metavar="POSITION", help="Sent again from here.")],
    by: Annotated[str, typer.Option("--by", help="Who; default DUNNING_OPERATOR.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the act.")] = "",
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR")] = None,
) -> None:
    """Send facts to a sink again, from a position on; their ids stay the same."""
    from worker.cli.data_dir import open_view
    from worker.services.operate import require_who_and_why
    from worker.services.replay_sink import replay_sink
    from worker.settings.environment import read_environment

    who = by or read_environment(os.environ, frozenset()).operator or ""
    require_who_and_why(who, reason)
    with open_view(data) as view:
        count = replay_sink(
            name, begin=begin, ledger=view.ledger, now=view.now, by=who, reason=reason
        )
    print(f"{name} is sent {count} facts again, from position {begin} on.")
