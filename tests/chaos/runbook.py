"""What the README tells people to do, done by the commands that it names."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import psycopg

WHO = ("--by", "chaos", "--reason", "as the runbook says")
COMMAND_SECONDS_MAX = 120.0
FOREIGN = "foreign_key"
"""The cause under which charging stops for keys that the ledger never wrote."""


def stop_cause(database_url: str) -> str:
    """Return why charging is stopped; empty where it goes on, or nobody can tell just now."""
    query = "SELECT stop_cause FROM control WHERE NOT charging"
    try:
        with psycopg.connect(database_url, autocommit=True) as connection:
            row = connection.execute(query).fetchone()
    except psycopg.Error:
        return ""
    return str(row[0]) if row is not None else ""


@dataclass
class Runbook:
    """Runs `dunning` as a person would."""

    database_url: str
    environ: Callable[[], Mapping[str, str]]
    program: Sequence[str]
    """What comes before the command's own words."""
    failed: list[str] = field(default_factory=list)
    """What the commands said that did not end well."""

    def rebuild_and_go(self) -> None:
        """Write lost attempts again from Stripe's events, then let charging go on."""
        self._run("reconcile", "--rebuild", *WHO)
        if stop_cause(self.database_url):
            self._run("go", *WHO)

    def _run(self, *words: str) -> None:
        done = subprocess.run(
            [*self.program, *words],
            env=dict(self.environ()),
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
            check=False,
        )
        if done.returncode:
            said = (done.stdout + done.stderr).strip()
            self.failed.append(f"dunning {words[0]} ended with {done.returncode}: {said}")
