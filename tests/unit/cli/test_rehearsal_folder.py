"""What a rehearsal refuses before it starts anything."""

import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from worker.cli import run
from worker.cli.rehearsal_folder import prepare_rehearsal
from worker.errors import ConfigError

LIVE = "rk_" + "live_51Example"


def test_a_folder_is_made(tmp_path: Path) -> None:
    prepare_rehearsal({}, tmp_path / "new" / "folder", option="--out")
    assert (tmp_path / "new" / "folder").is_dir()


def test_a_file_in_the_folders_place_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"cannot be made \(File exists\).* with --out\.$"):
        prepare_rehearsal({}, tmp_path / "file", option="--out")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_a_folder_below_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot be made .* with --data\.$"):
        prepare_rehearsal({}, tmp_path / "file" / "below", option="--data")


def test_a_key_that_moves_real_money_is_refused_and_no_folder_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="STRIPE_API_KEY is a live key"):
        prepare_rehearsal({"STRIPE_API_KEY": LIVE}, tmp_path / "new", option="--out")
    assert not (tmp_path / "new").exists()


def test_broken_files_are_refused_before_anything_starts(tmp_path: Path) -> None:
    config = tmp_path / "config"
    shutil.copytree("config", config)
    (config / "dunning.yaml").write_text("mode: [live\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"dunning\.yaml line 2 is not YAML"):
        prepare_rehearsal({"CONFIG_DIR": str(config)}, tmp_path / "new", option="--out")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["demo", "--days", "0"],
        ["demo", "--days", "-3"],
        ["demo", "--subscribers", "0"],
        ["sandbox", "--port", "70000"],
    ],
)
def test_a_number_that_makes_no_sense_is_wrong_use(arguments: list[str]) -> None:
    app = typer.Typer()
    run.add_to(app)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "Input should be" in " ".join(result.output.replace("│", " ").split())
