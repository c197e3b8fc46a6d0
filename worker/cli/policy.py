"""`dunning policy`: the versions of the configuration, and what another one would change."""

from pathlib import Path
from typing import Annotated

import typer

from worker.cli.look import AsJson, Data

GROUP = "Look"

policy = typer.Typer(
    name="policy",
    help="Versions of the configuration, and what another one would change.",
    no_args_is_help=True,
)


def add_to(app: typer.Typer) -> None:
    """Register this group of commands."""
    app.add_typer(policy, rich_help_panel=GROUP)


@policy.command(name="list")
def list_(data: Data = None, as_json: AsJson = False) -> None:
    """Every version that was ever current: number, when, who and why."""
    from worker.cli.data_dir import open_view
    from worker.cli.policy_versions import show_versions

    with open_view(data) as view:
        show_versions(view, as_json=as_json)


@policy.command()
def show(
    no: Annotated[int, typer.Argument(metavar="[NO]", help="Default: the current one.")] = 0,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """The files of a version as they were written."""
    from worker.cli.data_dir import open_view
    from worker.cli.policy_versions import show_version

    with open_view(data) as view:
        show_version(view, no, as_json=as_json)


@policy.command()
def diff(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A folder like config/.")],
    move: Annotated[
        bool, typer.Option("--move-open-cases", help="As if open cases moved as well.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="For a pull request.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """What the configuration in DIR would change, worst first. Nothing is stored."""
    from worker.cli.data_dir import open_view
    from worker.cli.policy_diff import show_diff

    with open_view(data) as view:
        show_diff(view, directory, move=move, markdown=markdown, as_json=as_json)
