"""Which ledger is read, and what the first line says about it."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Command
from tests.integration.cli.seeding import ACCOUNT, Seeding, seed_story
from worker.domain.policy import Configuration
from worker.errors import ConfigError, ServiceUnavailable
from worker.rehearsal.embedded.stack import running_stack
from worker.store.ledger import PostgresLedger, connect
from worker.store.migrate import upgrade


@pytest.fixture
def demo(tmp_path: Path, configuration: Configuration) -> Path:
    """Give a data directory as a demo leaves it: a database that does not run, and a summary."""
    with running_stack(tmp_path, durable=False) as stack:
        url = f"postgresql+psycopg://{stack.urls.database_url.split('://', 1)[1]}"
        upgrade(url)
        engine = connect(url)
        seed_story(Seeding(PostgresLedger(engine, ACCOUNT), configuration))
        engine.dispose()
    summary = tmp_path / "summary.json"
    summary.write_text('{"simulated_days": 45}')
    ended_at = datetime(2026, 11, 21, 13, 2, tzinfo=UTC).timestamp()
    os.utime(summary, (ended_at, ended_at))
    return tmp_path


def test_a_demos_data_is_read_without_a_variable(demo: Path) -> None:
    result = Command(None).run("cases", DUNNING_DATA_DIR=str(demo))
    assert result.exit_code == 0
    assert "C-1001" in result.stdout
    assert result.stderr.splitlines()[0] == "Reading the demo of 21 Nov 14:02 (simulated day 45)."


def test_the_option_outranks_the_variables(demo: Path) -> None:
    elsewhere = Command("postgresql://127.0.0.1:1/nowhere")
    result = elsewhere.run("status", "--data", str(demo))
    assert result.exit_code == 0
    assert result.stdout.startswith("CHARGING  NO since Sat 5 Dec 12:00: the demo has ended")
    assert "PROCESSES none running" in result.stdout


def test_without_any_data_the_sentence_says_what_to_do(tmp_path: Path) -> None:
    result = Command(None).run("status", DUNNING_DATA_DIR=str(tmp_path))
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception) == "No data yet: run `make demo`, or set DATABASE_URL."


def test_a_ledger_without_a_worker_is_said_to_be_empty(dunning: Command) -> None:
    result = dunning.run("status")
    assert isinstance(result.exception, ServiceUnavailable)
    assert "no worker has run on it yet" in str(result.exception)


def test_a_broken_configuration_only_costs_the_offices_zone(
    dunning: Command, seeding: Seeding, tmp_path: Path
) -> None:
    seed_story(seeding)
    result = dunning.run("cases", CONFIG_DIR=str(tmp_path))
    assert "try 3, Sun 6 Dec 07:19" in result.stdout
    assert "times are in UTC: run dunning check" in result.stderr
