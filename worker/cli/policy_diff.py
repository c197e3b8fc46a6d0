"""`dunning policy diff DIR`: what another configuration would change."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from worker.cli.data_dir import View
from worker.cli.policy_candidate import Comparison, read_comparison
from worker.cli.tables import print_json
from worker.office.configuration_changes import PolicyChange, other_changes, policy_changes

SAME = "Nothing changes: {directory} says what runs."


@dataclass(frozen=True, slots=True)
class Diff:
    """What a candidate changes against the current configuration."""

    policies: tuple[PolicyChange, ...]
    others: tuple[str, ...]


def show_diff(view: View, directory: Path, *, move: bool, markdown: bool, as_json: bool) -> None:
    """Print what the configuration in *directory* would change. Raises: ConfigError."""
    del move, markdown
    compared = read_comparison(view, directory)
    diff = make_diff(compared)
    if as_json:
        print_json(diff_json(diff))
        return
    if compared.same:
        print(SAME.format(directory=directory))
        return
    for line in diff_lines(diff):
        print(line)


def make_diff(compared: Comparison) -> Diff:
    """Return what changes."""
    old, new = compared.current, compared.candidate.configuration
    return Diff(tuple(policy_changes(old.dunning, new.dunning)), tuple(other_changes(old, new)))


def diff_lines(diff: Diff) -> Iterator[str]:
    """Yield the lines for a person."""
    if diff.policies:
        yield "For cases to come:"
    for change in diff.policies:
        if not change.was:
            yield f"  new   {change.now}"
        elif not change.now:
            yield f"  gone  {change.was}"
        else:
            if change.was != change.now:
                yield f"  was   {change.was}"
                yield f"  now   {change.now}"
            for detail in change.details:
                yield f"        {change.name}: {detail}"
    if diff.others:
        yield "At once, for all:"
        yield from (f"  {line}" for line in diff.others)


def diff_json(diff: Diff) -> dict[str, object]:
    """Return the same as data."""
    return {
        "policies": [
            {"name": each.name, "was": each.was, "now": each.now, "details": list(each.details)}
            for each in diff.policies
        ],
        "others": list(diff.others),
    }
