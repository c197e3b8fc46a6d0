"""`dunning demo` itself: what it prints and leaves, and that a seed tells the same story twice."""

import json
from pathlib import Path

import pytest

from tests.scenarios.demo.runs import events_without_ids
from worker.cli.demo import run_demo

pytestmark = pytest.mark.timeout(600)
"""Weeks of real processes take minutes, more on a busy machine."""

KEYS = [
    "simulated_days", "subscribers", "seed", "wall_seconds", "failures_found", "retries",
    "recovered", "letters", "renewals", "trials_ended", "cards_expiring", "churned", "cases",
    "checks",
]  # fmt: skip


def demo(out: Path, *, seed: int = 1) -> int:
    return run_demo(days=7, subscribers=25, seed=seed, out=out)


def test_the_same_seed_tells_the_same_story(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo(tmp_path / "a") == 0
    said = capsys.readouterr().out
    assert demo(tmp_path / "b") == 0
    first, second = tmp_path / "a" / "events.jsonl", tmp_path / "b" / "events.jsonl"
    assert events_without_ids(first) == events_without_ids(second)
    events = [json.loads(line) for line in first.read_text().splitlines()]
    order = [(event["time"], event["subject"], event["type"]) for event in events]
    assert order == sorted(order)
    assert len(events) > 40
    _has_everything(tmp_path / "a", said)


def _has_everything(out: Path, said: str) -> None:
    summary = json.loads((out / "summary.json").read_text())
    assert list(summary) == KEYS
    assert set(summary["checks"].values()) == {0}
    assert summary["failures_found"] > 5
    assert sum(summary["letters"].values()) == len(list((out / "mail").glob("*.eml")))
    assert (out / "report.html").stat().st_size > 1000
    lines = [json.loads(line) for line in (out / "job.log").read_text().splitlines()]
    assert {line["event"] for line in lines} >= {"boot", "read_stripe", "attempt", "letter"}
    assert "4/4 day 7 of 7" in said
    assert "0 charged twice" in said
    assert "Look next:" in said
    assert "case C-" in said
    assert f" --data {out}" in said
