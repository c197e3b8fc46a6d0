"""Run chaos without pytest: `python -m tests.chaos --runs 10` is the full form of `make prove`."""

import argparse
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tests.chaos.driving import NoRestError
from tests.chaos.plan import FULL, SHORT, Blow, emptied
from tests.chaos.runs import Befalls, Result, run
from worker.clock import monotonic_seconds


def main() -> int:
    """Run what the command line names and return 1 where anything was broken."""
    asked = _arguments()
    size = SHORT if asked.short else FULL
    if asked.kills is not None:
        size = replace(size, kills=asked.kills)
    if asked.flushes is not None:
        size = emptied(size, asked.flushes)
    if asked.customers is not None:
        size = replace(size, customers=asked.customers)
    results: list[Result] = []
    for number in range(asked.first, asked.first + asked.runs):
        began = monotonic_seconds()

        def tell(text: str, began: float = began) -> None:
            if asked.verbose:
                _say(f"  {monotonic_seconds() - began:6.1f} s  {text}")

        try:
            calm = results[-1].calm if results else None
            result = run(str(number), size, befalls=asked.befalls, calm=calm, tell=tell)
        except NoRestError as error:
            _say(f"seed {number}: {error}")
            if asked.logs is not None:
                (asked.logs / f"chaos-{number}.log").write_text(error.log)
            return 1
        results.append(result)
        _tell(result, monotonic_seconds() - began)
        if asked.logs is not None and result.violations:
            (asked.logs / f"chaos-{result.seed}.log").write_text(result.log)
    _sum_up(results)
    return 1 if any(each.violations or each.is_late for each in results) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--first", type=int, default=1, help="the first of consecutive seeds")
    parser.add_argument("--short", action="store_true", help="runs of the size of make test")
    parser.add_argument("--kills", type=int, help="in each run")
    only = "in each run nothing but FLUSHALL, so often: without restarts a run is short"
    parser.add_argument("--flushes", type=int, help=only)
    befalls = parser.add_mutually_exclusive_group()
    for flag, kind, told in (
        ("--restore", Befalls.RESTORE, "a dump is restored six hours later in each run"),
        ("--second-worker", Befalls.SECOND, "another installation begins on the account"),
    ):
        befalls.add_argument(
            flag,
            dest="befalls",
            action="store_const",
            const=kind,
            default=Befalls.NOTHING,
            help=told,
        )
    parser.add_argument("--customers", type=int, help="in each run")
    parser.add_argument("--verbose", action="store_true", help="tell how far a run is")
    parser.add_argument("--logs", type=Path, help="folder for the job logs of broken runs")
    return parser.parse_args()


def _tell(result: Result, seconds: float) -> None:
    _say(
        f"seed {result.seed}: {result.kills} kills, {sum(result.dealt.values())} blows, "
        f"{sum(result.faults.values())} faults of Stripe, {result.cases} cases, "
        f"{result.unknown_letters} letters unknown, rest within "
        f"{result.rest_minutes:.1f} fast minutes{' (LATE)' if result.is_late else ''}, "
        f"{len(result.violations)} violations, {seconds:.0f} s"
    )
    if result.excused:
        _say(f"  {result.excused}")
    for each in result.violations:
        _say(f"  {each}")


def _sum_up(results: list[Result]) -> None:
    dealt: Counter[Blow] = Counter()
    met: Counter[Blow] = Counter()
    for each in results:
        dealt += each.dealt
        met += each.met_work
    _say(f"{'blow':<58} dealt  in mid-work")
    for blow in Blow:
        _say(f"{blow.value:<58} {dealt[blow]:5}  {met[blow]:5}")
    _say(
        f"{len(results)} runs, {sum(each.kills for each in results)} kills, "
        f"{sum(each.cases for each in results)} cases, "
        f"{sum(each.unknown_letters for each in results)} letters unknown, "
        f"{sum(each.webhooks for each in results)} webhooks, "
        f"{sum(each.sealed_seen for each in results)} sealed facts watched, "
        f"rest within {max(each.rest_minutes for each in results):.1f} fast minutes, "
        f"{sum(len(each.violations) for each in results)} violations"
    )


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is a command


if __name__ == "__main__":
    sys.exit(main())
