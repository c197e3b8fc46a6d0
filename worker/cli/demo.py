"""`dunning demo`: the main job on embedded parts and the sandbox, on a test clock."""

import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from worker import clock
from worker.domain.money import Money
from worker.office.words import money_words
from worker.rehearsal.checks import Checks, check_evidence, collect_evidence
from worker.rehearsal.rehearsal import Rehearsal, end_of, rehearsing
from worker.rehearsal.report import write_report
from worker.rehearsal.story import Story
from worker.rehearsal.summary import (
    Course,
    case_of_customer,
    invariants_broken_in,
    summarise_rehearsal,
    write_events,
    write_summary,
)
from worker.settings.environment import read_environment

BROKEN = 3
"""Exit code where a check is not 0."""
LOOK_AT = ("expired-replaced", "disputes", "three-at-once")
"""Characters whose cases are worth a first look, if they have one by then."""
LOOKS = 3


def run_demo(*, days: int, subscribers: int, seed: int, out: Path) -> int:
    """Run the demo and return the exit code: 0, or 3 where a check is not 0.

    Raises: ConfigError, ServiceUnavailable.
    """
    console = Console()
    began = clock.monotonic_seconds()
    console.print(
        f"Everything stays under {out}; ports only on 127.0.0.1; `make clean` removes it.",
        highlight=False,
        soft_wrap=True,
    )
    said = iter(("2/4", "3/4"))
    with rehearsing(
        out,
        subscribers=subscribers,
        seed=str(seed),
        tell=lambda text: console.print(f"{next(said)} {text}", highlight=False),
        config_dir=Path(os.environ.get("CONFIG_DIR") or "config"),
        templates_dir=Path(os.environ.get("TEMPLATES_DIR") or "templates"),
    ) as rehearsal:
        with _story(console, rehearsal, days) as story:
            rehearsal.driver.drive(end_of(rehearsal, days), story.at)
            rehearsal.driver.check_promises()
        checks = _check(rehearsal, out)
        course = Course(days, subscribers, seed, clock.monotonic_seconds() - began)
        summary = summarise_rehearsal(rehearsal.database_url, course, checks)
        write_summary(summary, out)
        write_events(rehearsal.database_url, out)
        write_report(out, database_url=rehearsal.database_url)
        looks = _looks(rehearsal)
    print_summary(console, summary, checks)
    _print_looks(console, looks, out)
    return BROKEN if checks.broken else 0


def _story(console: Console, rehearsal: Rehearsal, days: int) -> Story:
    return Story(
        console,
        start_at=rehearsal.start_at,
        days=days,
        database_url=rehearsal.database_url,
        tries=rehearsal.customers.tries,
    )


def _check(rehearsal: Rehearsal, out: Path) -> Checks:
    rehearsal.customers.next_act_at()  # takes in what arrived at the last stop
    evidence = collect_evidence(rehearsal.client, rehearsal.test_clock, rehearsal.customers.letters)
    return check_evidence(evidence, invariants_broken=invariants_broken_in(out / "job.log"))


def _looks(rehearsal: Rehearsal) -> list[tuple[str, str]]:
    """Return (case, story) of a few characters that are worth a look."""
    stories = {one.name: one.story for one in rehearsal.population.subscribers if one.story}
    found: list[tuple[str, str]] = []
    for name in dict.fromkeys((*LOOK_AT, *stories)):
        if name in stories and len(found) < LOOKS:
            customer_id = str(rehearsal.people[name]["customer"])
            case = case_of_customer(rehearsal.database_url, customer_id)
            found += [(case, stories[name])] if case else []
    return found


def print_summary(console: Console, summary: dict[str, Any], checks: Checks) -> None:
    """Print what summary.json says, as people read it; money as the report writes it."""
    recovered = summary["recovered"]
    amounts = " ".join(
        money_words(Money(one["amount_minor"], one["currency"])) for one in recovered["amounts"]
    )
    by = ", ".join(f"{count} by {name}" for name, count in recovered["by"].items())
    letters = ", ".join(f"{count} {name}" for name, count in summary["letters"].items())
    cases = ", ".join(f"{count} {name}" for name, count in summary["cases"].items())
    churned = summary["churned"]
    lines = (
        f"Failed     {summary['failures_found']} payments · {summary['retries']} retries",
        f"Recovered  {recovered['count']}: {amounts} ({by})",
        f"Letters    {letters}",
        f"Renewals   {summary['renewals']}",
        f"Calendar   {summary['trials_ended']} trials, {summary['cards_expiring']} cards end",
        f"Churned    {churned['voluntary']} voluntary · {churned['involuntary']} involuntary",
        f"Cases      {cases}",
        "Checks     "
        + " · ".join(f"{n} {k.replace('_', ' ')}" for k, n in checks.counts().items()),
        f"Took       {summary['wall_seconds']} s for {summary['simulated_days']} days",
    )
    console.print()
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    for sentence in checks.found:
        console.print(f"BROKEN     {sentence}", highlight=False, soft_wrap=True, markup=False)


def _print_looks(console: Console, looks: list[tuple[str, str]], out: Path) -> None:
    command = _command()
    data = "" if out == read_environment({}, frozenset()).data_dir else f" --data {out}"
    rows = [(str(out / "report.html"), "(money, curves, letters as pictures)")]
    rows += [(f"{command} case {case}{data}", story) for case, story in looks]
    rows.append((f"{command} up", "play: inbox, pay page, clock; then edit config/dunning.yaml"))
    width = max(len(what) for what, _ in rows) + 3
    console.print()
    for at, (what, why) in enumerate(rows):
        head = "Look next:  " if at == 0 else " " * 12
        console.print(f"{head}{what:<{width}}{why}", highlight=False, soft_wrap=True, markup=False)


def _command() -> str:
    """Return how the command was called, as somebody could type it here."""
    called = Path(sys.argv[0])
    if called.stem != "dunning":
        return "dunning"
    try:
        return str(called.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(called)
