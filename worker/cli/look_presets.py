"""`dunning presets`: the shipped policies side by side, and one of them with its reasons."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from worker.bootstrap import notices_in
from worker.cli.tables import columns, is_terminal, print_json_lines
from worker.domain.policy import DunningRules, PersonDecides, Policy
from worker.domain.policy_text import plain_value
from worker.errors import ConfigError, UsageError
from worker.settings.duration_words import duration_words
from worker.settings.environment import read_environment
from worker.settings.load import load_rules
from worker.settings.read_back import rules_lines
from worker.settings.sentences import nearest

GROUP = "Look"
HEADING = ("PRESET", "POLICY", "TRIES", "LETTERS", "END")
HINT = "`dunning presets NAME` gives the reasons; copy one over {config}/dunning.yaml to use it."


def add_to(app: typer.Typer) -> None:
    """Register this group's commands."""
    app.command(rich_help_panel=GROUP)(presets)


def presets(
    name: Annotated[str, typer.Argument(help="One preset, read back with its reasons.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For scripts: JSON lines.")] = False,
) -> None:
    """Show the shipped policies side by side: other systems' defaults and our own."""
    environment = read_environment(os.environ, frozenset())
    folder = environment.config_dir / "presets"
    found = load_presets(folder, notices_in(environment.templates_dir))
    if name:
        wanted = name.removesuffix(".yaml")
        if wanted not in found:
            raise UsageError(f"No preset is called `{name}`; {nearest(wanted, found)}")
        found = {wanted: found[wanted]}
    if as_json:
        print_json_lines(_as_json(found))
    elif name:
        for line in rules_lines(found[wanted]):
            print(line)
    else:
        columns(_rows(found), heading=HEADING)
        if is_terminal():
            print(HINT.format(config=environment.config_dir))


def load_presets(folder: Path, notices_available: frozenset[str]) -> dict[str, DunningRules]:
    """Return name -> rules of every preset in *folder*, by name.

    Args: notices_available: names of the letters that have a template.
    Raises: ConfigError: there is none, or one has faults; all faults of all are told (operator).
    """
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise ConfigError(f"No presets are in {folder}; set CONFIG_DIR to a folder that has them.")
    found: dict[str, DunningRules] = {}
    problems: list[str] = []
    for path in paths:
        try:
            found[path.stem] = load_rules(path, notices_available)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(*problems)
    return found


def _rows(presets: dict[str, DunningRules]) -> Iterator[tuple[str, ...]]:
    for preset, rules in presets.items():
        for position, policy in enumerate(rules.policies):
            tries = [step.after for step in policy.steps if step.charge]
            letters = [step.after for step in policy.steps if step.letter]
            yield (
                "" if position else preset,
                policy.name,
                _counted(tries),
                _counted(letters),
                _ending_words(policy),
            )


def _ending_words(policy: Policy) -> str:
    """Return what ends it and when, as in `cancel after 14 days`, and whether a person is asked."""
    words = f"{policy.ending.do.value} after {duration_words(policy.ending.after)}"
    asked = PersonDecides.ENDING in policy.person_decides
    return f"{words}, if a person says so" if asked else words


def _counted(moments: list[timedelta]) -> str:
    """Return `4: 4h 3d 7.1d 11d`: hours on the first day, then days; a dash where there is none."""
    hour, day = timedelta(hours=1), timedelta(days=1)
    told = [
        f"{moment // hour}h" if abs(moment) < day else f"{moment / day:.1f}d".replace(".0d", "d")
        for moment in moments
    ]
    return f"{len(told)}: {' '.join(told)}" if told else "–"


def _as_json(presets: dict[str, DunningRules]) -> Iterator[dict[str, object]]:
    for preset, rules in presets.items():
        for policy in rules.policies:
            yield {
                "preset": preset,
                "policy": policy.name,
                "digest": policy.digest,
                **_timeline(policy),
                "match": plain_value(rules.matches.get(policy.name)),
                "because": [plain_value(each) for each in rules.reasons.get(policy.name, ())],
            }


def _timeline(policy: Policy) -> dict[str, object]:
    second = timedelta(seconds=1)
    return {
        "tries": [
            {"step": step.name, "after_seconds": step.after // second}
            for step in policy.steps
            if step.charge
        ],
        "letters": [
            {"step": step.name, "after_seconds": step.after // second, "letter": step.letter}
            for step in policy.steps
            if step.letter
        ],
        "ending": plain_value(policy.ending),
    }
