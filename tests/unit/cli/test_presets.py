"""`dunning presets`: side by side, one with its reasons, and as JSON."""

import json
from pathlib import Path

import pytest

from worker.cli.look_presets import load_presets, presets
from worker.errors import ConfigError, UsageError

ROOT = Path(__file__).parents[3]
LETTERS = frozenset(path.stem for path in (ROOT / "templates" / "en").glob("*.md"))


@pytest.fixture(autouse=True)
def shipped_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFIG_DIR", str(ROOT / "config"))
    monkeypatch.setenv("TEMPLATES_DIR", str(ROOT / "templates"))


def test_all_stand_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    presets()
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["PRESET", "POLICY", "TRIES", "LETTERS", "END"]
    [kill_bill] = [row for row in rows if row.startswith("kill-bill")]
    assert kill_bill.split() == ("kill-bill kill-bill 3: 8d 16d 24d – leave after 25 days".split())
    [recommended] = [row for row in rows if row.startswith("recommended")]
    assert "4: 4h 3d 7d 11d" in recommended
    [high] = [row for row in rows if row.startswith("high-value")]
    assert high.endswith("cancel after 30 days, if a person says so")


def test_one_is_read_back_with_its_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    presets("kill-bill")
    first, *reasons = capsys.readouterr().out.splitlines()
    assert first.startswith("kill-bill: tries on days 8, 16 and 24; left as it is after 25 days.")
    assert all(line.startswith("  Why") for line in reasons)
    assert len(reasons) == 2


def test_scripts_get_one_object_for_each_policy(capsys: pytest.CaptureFixture[str]) -> None:
    presets("annual.yaml", as_json=True)
    annual, monthly = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert annual["preset"] == monthly["preset"] == "annual"
    assert annual["match"]["intervals"] == [{"unit": "year", "count": 1}]
    assert monthly["match"] is None
    assert monthly["tries"][0] == {"step": "try 1", "after_seconds": 86400}
    assert monthly["letters"][0]["letter"] == "payment_failed_1"
    assert monthly["ending"]["do"] == "cancel"


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean `chargebee`"):
        presets("chargebe")


def test_faults_of_all_are_told_together(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text("mode: life\n")
    with pytest.raises(ConfigError) as caught:
        load_presets(tmp_path, LETTERS)
    files = {sentence.split()[0] for sentence in caught.value.problems}
    assert files == {"one.yaml", "two.yaml"}


def test_a_folder_without_any(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No presets are in"):
        load_presets(tmp_path, LETTERS)
