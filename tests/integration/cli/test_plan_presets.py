"""The same failed invoice under each system's preset: the plan prints what that system documents.

What is documented is written down here again (see the sources in each preset), not read from the
presets.
"""

import json
import re
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.cli.conftest import ROOT, Command
from tests.integration.cli.seeding import Seeding, berlin
from worker.domain.readings import DeclineSignals
from worker.settings.load import load_rules

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FAILED_AT = berlin(5, 11, 0)
"""A Saturday, an hour before the plan is asked for."""
OFFICE_MOVES_MAX = 3
"""Days by which a weekend and office hours may move an ending."""


@dataclass(frozen=True)
class Documented:
    """What a system says of itself."""

    tries: int
    on_days: tuple[int, ...] = ()
    """Days of the tries; empty where only their count and window are documented."""
    within_days: int = 0
    letters_at: tuple[timedelta, ...] = ()
    letters: int | None = None
    """How many letters before the end; None where the operator writes them."""
    ends_on_day: int | None = None
    act: str = "cancel the subscription"
    invoice: str = ""
    days_are_ours: bool = False


SYSTEMS = {
    "stripe": Documented(tries=8, within_days=14, letters=9, ends_on_day=14, days_are_ours=True),
    "recurly": Documented(
        tries=6, on_days=(2, 4, 6, 8, 10, 12), ends_on_day=27, invoice="invoice uncollectible"
    ),
    "chargebee": Documented(tries=3, within_days=15, letters=4, ends_on_day=15, days_are_ours=True),
    "chargify": Documented(tries=8, on_days=tuple(range(1, 9)), ends_on_day=14),
    "paddle": Documented(
        tries=7,
        within_days=30,
        letters_at=(2 * HOUR, 3 * DAY + 2 * HOUR, 5 * DAY + 2 * HOUR, 7 * DAY + 2 * HOUR),
        letters=4,
        ends_on_day=30,
        days_are_ours=True,
    ),
    "kill-bill": Documented(tries=3, on_days=(8, 16, 24), letters=0, ends_on_day=None),
}


def config_with(preset: str, folder: Path) -> Path:
    """Return a configuration with the preset as its only policy, and letters at any hour."""
    other = folder / preset
    shutil.copytree(ROOT / "config", other)
    text = (ROOT / "config" / "presets" / f"{preset}.yaml").read_text()
    (other / "dunning.yaml").write_text(text.replace(f"name: {preset}\n", "name: monthly-cards\n"))
    notices = (other / "notices.yaml").read_text()
    hours = "quiet: { send_between: 00:00 and 23:59, on: every day }"
    (other / "notices.yaml").write_text(re.sub(r"quiet: \{.*\}", hours, notices))
    return other


def after_failure(row: dict[str, str]) -> timedelta:
    """Return how long after the failure a row of the plan comes."""
    return datetime.fromisoformat(row["at"]) - FAILED_AT


@pytest.mark.parametrize("preset", sorted(SYSTEMS))
def test_the_plan_prints_the_documented_schedule(
    preset: str, dunning: Command, seeding: Seeding, tmp_path: Path
) -> None:
    seeding.customer(60, name="N", email="n@example.com", country="DE")
    case_id = seeding.case(60, failed_at=FAILED_AT)
    signals = DeclineSignals(code="card_declined", decline_code="insufficient_funds")
    seeding.failure(60, case_id, FAILED_AT, signals)
    other = config_with(preset, tmp_path)
    told = json.loads(
        dunning.run("plan", "--until", "40 days", "--json", "--with", str(other)).stdout
    )
    said, rows = SYSTEMS[preset], told["rows"]
    charges = [row for row in rows if row["kind"] == "charge"]
    assert len(charges) == said.tries
    days = [round(after_failure(row) / DAY) for row in charges]
    assert days == list(said.on_days or days)
    if said.within_days:
        assert max(after_failure(row) for row in charges) < said.within_days * DAY
    _letters_are(said, [row for row in rows if row["kind"] == "letter"])
    endings = [row for row in rows if row["kind"] == "ending"]
    ends = [row["what"] for row in rows if row["kind"] == "invoice_end"]
    assert [row["what"] for row in endings] == ([said.act] if said.ends_on_day else [])
    assert ends == ([said.invoice] if said.invoice else [])
    if said.ends_on_day:
        late = after_failure(endings[0]) - said.ends_on_day * DAY
        assert timedelta(0) <= late <= OFFICE_MOVES_MAX * DAY
    assert [row["sure"] for row in charges] == [True] + [False] * (said.tries - 1)


def _letters_are(said: Documented, rows: list[dict[str, str]]) -> None:
    before_the_end = [row for row in rows if row["step"] != "closing"]
    if said.letters is not None:
        assert len(before_the_end) == said.letters
    for at, row in zip(said.letters_at, before_the_end, strict=bool(said.letters_at)):
        assert abs(after_failure(row) - at) < HOUR
    closing = [row["notice"] for row in rows if row["step"] == "closing"]
    assert closing == (["subscription_ended"] if said.ends_on_day else [])


@pytest.mark.parametrize("preset", sorted(SYSTEMS))
def test_a_preset_whose_days_are_ours_says_so(preset: str) -> None:
    letters = frozenset(path.stem for path in (ROOT / "templates" / "en").glob("*.md"))
    rules = load_rules(ROOT / "config" / "presets" / f"{preset}.yaml", letters)
    reasons = " ".join(each.because for each in rules.reasons[preset])
    assert (
        bool(re.search(r"days are ours|these are ours", reasons))
        or not SYSTEMS[preset].days_are_ours
    )
    assert re.search(r"\.(?:com|org)/", reasons), "its source"
