"""`dunning apply DIR`: what it changes, then the configuration becomes the current one."""

from dataclasses import dataclass
from pathlib import Path

import typer

from worker.cli.data_dir import View
from worker.cli.policy_candidate import Comparison, read_comparison
from worker.cli.policy_diff import Diff, diff_json, diff_lines, make_diff
from worker.cli.tables import is_terminal, print_json
from worker.clock import SystemClock
from worker.domain.identifiers import case_name
from worker.domain.policy_text import digest_of
from worker.errors import UsageError
from worker.office.words import count_words
from worker.services.apply_configuration import Applied, Move, apply_configuration


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants to apply, and how."""

    directory: Path
    move: bool = False
    """Open cases go on under the policies that match them now."""
    yes: bool = False


def apply(view: View, wish: Wish, *, by: str, reason: str, as_json: bool = False) -> bool:
    """Show what the configuration in a folder changes, ask a person, and store it.

    Returns False where the person said no. Raises: ConfigError: its files are wrong, all at once;
    UsageError: nobody is there to be asked, or somebody else has applied another meanwhile.
    """
    compared = read_comparison(view, wish.directory)
    diff = make_diff(view, compared, move=wish.move)
    if compared.same and compared.current_no and not diff.moving:
        _say_same(wish.directory, compared, as_json=as_json)
        return True
    if not as_json:
        for line in diff_lines(diff, view.words):
            print(line)
    if not (wish.yes or as_json):
        if not is_terminal():
            raise UsageError(f"Nothing was applied. Apply {wish.directory} with --yes.")
        if not typer.confirm(f"Apply {wish.directory}?"):
            return False
    applied = apply_configuration(
        compared.candidate,
        after=compared.current_no,
        moves=[
            Move(each.case_id, each.digest, digest_of(each.policy))
            for each in diff.moving
            if each.policy is not None
        ],
        ledger=view.ledger,
        clock=SystemClock(),
        now=view.now,
        by=by,
        reason=reason,
    )
    _say_applied(applied, diff, as_json=as_json)
    return True


def _say_same(directory: Path, compared: Comparison, *, as_json: bool) -> None:
    if as_json:
        print_json({"version": compared.current_no, "stored": False})
    else:
        print(f"{directory} says what version {compared.current_no} says: nothing is stored.")


def _say_applied(applied: Applied, diff: Diff, *, as_json: bool) -> None:
    left = [case_name(number) for number in applied.left]
    if as_json:
        moved = [case_name(number) for number in applied.moved]
        result = {"version": applied.no, "stored": True, "moved": moved, "left": left}
        print_json({**result, "diff": diff_json(diff)})
        return
    print(
        f"Version {applied.no} is current: every process takes it at its next run (dunning status)."
    )
    if applied.moved:
        print(f"{count_words(len(applied.moved), 'open case')} moved.")
    if left:
        print(f"Not moved, since they came into somebody's hands meanwhile: {', '.join(left)}.")
