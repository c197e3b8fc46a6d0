"""Look: what is going on, read only."""

import typer

GROUP = "Look"


def add_to(app: typer.Typer) -> None:
    """Register this group's commands."""
