"""`dunning policy` and `apply` on a ledger: what is current, what differs, who changed it."""

import json
import shutil
from pathlib import Path

import pytest

from tests.integration.cli.conftest import ROOT, Command
from tests.integration.cli.seeding import NOW, Seeding, seed_story
from worker.domain.policy import Configuration
from worker.errors import ConfigError, UsageError
from worker.services.keep_configuration import keep_first
from worker.settings.load import FILES, read_files
from worker.store.ledger import PostgresLedger


@pytest.fixture
def edited(
    seeding: Seeding, ledger: PostgresLedger, configuration: Configuration, tmp_path: Path
) -> Path:
    """Give an edited copy of config/; the ledger keeps config/ itself as version 1."""
    seed_story(seeding)
    files = read_files(ROOT / "config")
    assert keep_first(files, configuration, ledger=ledger, now=NOW)
    assert not keep_first(files, configuration, ledger=ledger, now=NOW)
    for name in FILES:
        shutil.copyfile(ROOT / "config" / name, tmp_path / name)
    rules = tmp_path / "dunning.yaml"
    rules.write_text(
        rules.read_text()
        .replace("after: 14 days", "after: 20 days")
        .replace("20 per day", "5 per day")
    )
    return tmp_path


WHO = ("--by", "jo", "--reason", "more time")


def test_what_differs_waits_for_apply(dunning: Command, edited: Path) -> None:
    told = dunning.run("status", CONFIG_DIR=str(edited)).stdout
    assert f"CONFIG    {edited} differs from version 1, which runs -> dunning policy diff" in told
    refused = dunning.run("apply", str(edited), *WHO)
    assert isinstance(refused.exception, UsageError)
    assert "limits, endings per day: 20 -> 5" in refused.stdout
    assert "cancelled after 20 days" in refused.stdout
    applied = dunning.run("apply", str(edited), *WHO, "--yes")
    assert applied.stdout.splitlines()[-1].startswith("Version 2 is current")
    assert "CONFIG    " not in dunning.run("status", CONFIG_DIR=str(edited)).stdout
    assert "differs from version 2" in dunning.run("status").stdout
    again = dunning.run("apply", str(edited), *WHO)
    assert again.exit_code == 0
    assert again.stdout == f"{edited} says what version 2 says: nothing is stored.\n"
    lines = dunning.run("policy", "list", "--json").stdout.splitlines()
    listed = [(each["version"], each["by"], each["reason"]) for each in map(json.loads, lines)]
    assert listed == [
        (2, "jo", "more time"),
        (1, "first start", "CONFIG_DIR of the first process"),
    ]
    assert "after: 14 days" in dunning.run("policy", "show", "1").stdout
    assert "after: 20 days" in dunning.run("policy", "show").stdout


def test_who_reads_needs_no_templates(dunning: Command, edited: Path, tmp_path: Path) -> None:
    """Else the same command would tell other days and times on another host."""
    for command in ("cases", "status"):
        bare = dunning.run(command, TEMPLATES_DIR=str(tmp_path / "none"), CONFIG_DIR=str(edited))
        assert "UTC" not in bare.stderr
        assert bare.stdout == dunning.run(command, CONFIG_DIR=str(edited)).stdout


def test_a_broken_folder_changes_nothing(dunning: Command, edited: Path) -> None:
    (edited / "dunning.yaml").write_text("mode: lively\n")
    (edited / "schedule.yaml").write_text("sweep: sometimes\n")
    refused = dunning.run("apply", str(edited), *WHO, "--yes")
    assert isinstance(refused.exception, ConfigError)
    assert {name for name in FILES if name in str(refused.exception)} == {
        "dunning.yaml",
        "schedule.yaml",
    }
    assert len(dunning.run("policy", "list", "--json").stdout.splitlines()) == 1


def test_nobody_applies_without_a_name_and_a_reason(dunning: Command, edited: Path) -> None:
    for given in (("--by", "jo"), ("--reason", "try")):
        refused = dunning.run("apply", str(edited), *given, "--yes", DUNNING_OPERATOR=None)
        assert isinstance(refused.exception, UsageError)
    assert len(dunning.run("policy", "list", "--json").stdout.splitlines()) == 1


def test_every_form_of_a_diff_begins_with_the_mode_and_tells_the_rules(
    dunning: Command, edited: Path
) -> None:
    rules = edited / "dunning.yaml"
    written = rules.read_text().replace("mode: live", "mode: watch")
    rules.write_text(written.replace("    ending:\n", "    person_decides: ending\n    ending:\n"))
    asked = ("policy", "diff", str(edited))
    mode = "mode: live -> watch: it plans and logs only; nothing is charged, written or ended"
    told = "person decides: nothing -> ending"
    lines = dunning.run(*asked).stdout.splitlines()
    assert lines[0] == mode
    assert lines.count(f"    {told}") == 1
    marked = dunning.run(*asked, "--markdown").stdout.splitlines()
    assert marked[0] == f"### {mode}"
    assert f"- {told}" in marked
    data = json.loads(dunning.run(*asked, "--json").stdout)
    assert (next(iter(data)), data["mode"]) == ("mode", mode)
    assert [told in each["details"] for each in data["rules_if_moved"]] == [True]
    assert not any(line.startswith("mode") for line in data["others"])


def test_no_title_of_a_diff_is_followed_by_nothing(dunning: Command, edited: Path) -> None:
    rules = edited / "dunning.yaml"
    rules.write_text(rules.read_text().replace("after: 20 days", "after: 14 days"))
    asked = ("policy", "diff", str(edited), "--move-open-cases")
    assert dunning.run(*asked).stdout.splitlines() == [
        "1 open case, 0 of them moved to the policy that matches now:",
        "  Nothing changes for them.",
        "At once, for all:",
        "  limits, endings per day: 20 -> 5",
    ]
    assert "Nothing changes for them." in dunning.run(*asked, "--markdown").stdout
