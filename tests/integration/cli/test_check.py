"""`dunning check DIR`: a copy of config/ is checked before anybody applies it."""

import shutil
from pathlib import Path

from tests.integration.cli.conftest import ROOT, Command
from worker.errors import ConfigError


def test_a_folder_that_is_named_is_checked_instead_of_config_dir(
    dunning: Command, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "config", copy)
    rules = copy / "dunning.yaml"
    rules.write_text(rules.read_text().replace("after: 13 days,", "after: 15 days,"))
    refused = dunning.run("check", str(copy))
    assert isinstance(refused.exception, ConfigError)
    [problem] = refused.exception.problems
    assert problem.endswith("15 days is not before the ending (14 days); move one of them.")
    assert dunning.run("check").exit_code == 0
    missing = dunning.run("check", str(tmp_path / "nowhere"))
    assert "nowhere does not exist; name one like config/" in str(missing.exception)
