"""README says what the code says: variables, runbook, log fields, states, commands, targets."""

import re
from pathlib import Path

import pytest
import typer

from worker.cli.main import app
from worker.domain.promises import promises_table
from worker.domain.transitions import END_STATES, MOVES
from worker.joblog.dictionary import runbook_table
from worker.joblog.fields import fields_table
from worker.settings.variables import environment_table

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    "table", [environment_table(), runbook_table(), fields_table(), promises_table()]
)
def test_a_generated_table_stands_in_readme(table: str) -> None:
    missing = [row for row in table.splitlines() if row not in README]
    assert missing == []


def test_every_move_of_a_case_stands_in_readme() -> None:
    missing = [move for move in MOVES if f"`{move[0]}` → `{move[1]}`" not in README]
    assert missing == []


def test_every_end_state_stands_in_readme() -> None:
    rows = [
        f"| `{end.outcome}` | {end.stripe_goes_on} | {end.access} | {end.reopened_by} |"
        for end in END_STATES
    ]
    assert [row for row in rows if row not in README] == []


def test_every_command_stands_in_readme() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    section = README.split("## Commands")[1].split("## Runbook")[0]
    assert set(re.findall(r"`([a-z]+)`", section)) >= set(commands)


def test_every_make_target_that_readme_names_exists() -> None:
    named = set(re.findall(r"make ([a-z]+)", README)) - {"check"}
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named <= targets
