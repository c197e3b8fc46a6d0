"""Configurations are versions in the ledger: who begins with which, and who takes a new one."""

from pathlib import Path

import pytest

from tests.scenarios.servers import MakeWorld
from tests.scenarios.world import REPOSITORY, World
from worker.bootstrap import App, notices_in
from worker.errors import UsageError
from worker.jobs.table import run_job
from worker.services.apply_configuration import Candidate, apply_configuration
from worker.settings.load import FILES, configuration_of, read_files

LETTERS = notices_in(REPOSITORY / "templates")
LATER_LETTER = ("first letter,  after: 4 hours", "first letter,  after: 20 hours")


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    """Give a folder with the shipped files that a test may edit."""
    folder = tmp_path / "config"
    folder.mkdir()
    for name in FILES:
        (folder / name).write_text((REPOSITORY / "config" / name).read_text())
    return folder


def edit(config_dir: Path, *changes: tuple[str, str], file: str = "dunning.yaml") -> None:
    """Replace texts in a file, each of which must be there."""
    text = (config_dir / file).read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (config_dir / file).write_text(text)


def apply(world: World, config_dir: Path, *, after: int) -> int:
    """Apply a folder as a person does."""
    files = read_files(config_dir)
    return apply_configuration(
        Candidate(files, configuration_of(files, LETTERS)),
        after=after,
        ledger=world.app.ledger,
        clock=world.clock,
        now=world.now,
        by="jo",
        reason="a later first letter",
    ).no


def digest(app: App) -> str:
    """Return the digest of the one policy that a process works with."""
    return app.configuration.dunning.policies[0].digest


def test_an_edit_waits_for_apply_and_open_cases_keep_their_policy(
    make_world: MakeWorld, config_dir: Path
) -> None:
    world = make_world(config_dir=config_dir)
    first = world.app
    before = digest(first)
    dora = world.customer("dora", ["insufficient_funds"])
    world.advance(hours=3)
    edit(config_dir, LATER_LETTER)
    world.start_worker(config_dir=config_dir)
    second = world.app
    assert [app.version_no for app in (first, second)] == [1, 1]
    assert digest(second) == before  # whatever CONFIG_DIR says
    second.say_whether_directory_differs()
    (line,) = world.log("config.changed")
    assert "dunning apply" in line["do"]

    assert apply(world, config_dir, after=1) == 2
    run_job(first, "heartbeat")
    run_job(second, "heartbeat")
    assert [app.version_no for app in (first, second)] == [2, 2]
    assert digest(first) == digest(second) != before
    assert first.case_ports.configuration is first.configuration
    assert [line["config_no"] for line in world.log("config.taken")] == [2, 2]
    second.say_whether_directory_differs()
    assert len(world.log("config.changed")) == 1

    emil = world.customer("emil", ["insufficient_funds"])
    world.advance(hours=12)
    assert world.case_of(dora).policy_digest == before
    assert world.case_of(emil).policy_digest == digest(second)
    assert [len(world.letters_to(who)) for who in (dora, emil)] == [1, 0]
    (fact,) = world.facts("configuration.applied")
    assert (fact["by"], fact["reason"], fact["config_version"]) == ("jo", "a later first letter", 2)


def test_a_process_that_lacks_a_letter_goes_on_as_it_was(
    make_world: MakeWorld, config_dir: Path, tmp_path: Path
) -> None:
    world = make_world(config_dir=config_dir)
    before = world.app.configuration
    (tmp_path / "templates" / "en").mkdir(parents=True)
    own = "payment_failed_own"
    edit(config_dir, ("letter: payment_failed_2", f"letter: {own}"))
    files = read_files(config_dir)
    candidate = Candidate(files, configuration_of(files, LETTERS | {own}))
    apply_configuration(
        candidate,
        after=1,
        ledger=world.app.ledger,
        clock=world.clock,
        now=world.now,
        by="jo",
        reason="our own words",
    )
    world.job("heartbeat")
    world.job("heartbeat")
    world.app.beat()
    assert world.app.configuration is before
    assert world.app.version_no == 1
    (line,) = world.log("config.refused")
    assert (line["level"], line["config_no"]) == ("error", 2)
    assert own in line["error"]
    assert "dunning apply" in line["do"]


def test_of_two_who_apply_at_once_one_is_refused(make_world: MakeWorld, config_dir: Path) -> None:
    world = make_world(config_dir=config_dir)
    edit(config_dir, LATER_LETTER)
    apply(world, config_dir, after=1)
    edit(config_dir, ("after: 14 days", "after: 15 days"))
    with pytest.raises(UsageError, match="version 1 is no longer the current one"):
        apply(world, config_dir, after=1)
    with world.app.ledger.begin() as tx:
        assert [version.no for version in tx.versions.every()] == [2, 1]
