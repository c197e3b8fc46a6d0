"""`dunning apply DIR`: what it changes, then the configuration becomes the current one."""

from pathlib import Path

import typer

from worker.cli.data_dir import View
from worker.cli.policy_candidate import read_comparison
from worker.cli.policy_diff import diff_json, diff_lines, make_diff
from worker.cli.tables import is_terminal, print_json
from worker.clock import SystemClock
from worker.errors import UsageError
from worker.services.apply_configuration import apply_configuration


def apply(
    view: View, directory: Path, *, by: str, reason: str, yes: bool = False, as_json: bool = False
) -> bool:
    """Show what the configuration in *directory* changes, ask a person, and store it.

    Returns False where the person said no. Raises: ConfigError: its files are wrong, all at once;
    UsageError: nobody is there to be asked, or somebody else has applied another meanwhile.
    """
    compared = read_comparison(view, directory)
    if compared.same and compared.current_no:
        if as_json:
            print_json({"version": compared.current_no, "stored": False})
        else:
            print(f"{directory} says what version {compared.current_no} says: nothing is stored.")
        return True
    diff = make_diff(compared)
    if not as_json:
        for line in diff_lines(diff):
            print(line)
    if not (yes or as_json):
        if not is_terminal():
            raise UsageError(f"Nothing was applied. Apply {directory} with --yes.")
        if not typer.confirm(f"Apply {directory}?"):
            return False
    no = apply_configuration(
        compared.candidate,
        after=compared.current_no,
        ledger=view.ledger,
        clock=SystemClock(),
        now=view.now,
        by=by,
        reason=reason,
    )
    if as_json:
        print_json({"version": no, "stored": True, **diff_json(diff)})
    else:
        print(f"Version {no} is current: every process takes it at its next run (dunning status).")
    return True
