"""The configuration of a rehearsal is the operator's, but for what the driver rings."""

from datetime import timedelta
from pathlib import Path

import pytest

from worker.errors import ConfigError
from worker.rehearsal.driver_config import RUNG_BY_DRIVER, write_rehearsal_config
from worker.settings.load import load_configuration

NOTICES = frozenset(path.stem for path in Path("templates/en").glob("*.md"))


def test_policies_and_letters_stay_as_they_are(tmp_path: Path) -> None:
    out = write_rehearsal_config(Path("config"), tmp_path / "config")
    own, rehearsed = load_configuration(Path("config"), NOTICES), load_configuration(out, NOTICES)
    assert rehearsed.dunning == own.dunning
    assert rehearsed.notices == own.notices
    changed = {n for n in own.schedule if own.schedule[n] != rehearsed.schedule[n]}
    assert changed == {*RUNG_BY_DRIVER, "renewals_cards_trials"}
    assert {rehearsed.schedule[n].every for n in RUNG_BY_DRIVER} == {timedelta(days=1)}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"dunning\.yaml is missing"):
        write_rehearsal_config(tmp_path / "nowhere", tmp_path / "config")
