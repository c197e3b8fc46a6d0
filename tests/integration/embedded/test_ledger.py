"""Commands that need the ledger join what runs, or run PostgreSQL for themselves and each other."""

from pathlib import Path

import psycopg
import pytest

from tests.integration.embedded.processes import RunProgram, all_end, told_pids
from worker.errors import ConfigError
from worker.rehearsal.embedded.ledger import open_ledger
from worker.rehearsal.embedded.stack import find_running, running_stack

USE_LEDGER = """
import sys
from pathlib import Path
from worker.rehearsal.embedded.ledger import open_ledger
with open_ledger(Path(sys.argv[1])) as ledger:
    print(int(ledger.joined), flush=True)
    sys.stdin.read()
"""


def answer(database_url: str) -> int:
    """Return what the database answers to SELECT 1."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT 1").fetchone()
    return row[0] if row else 0


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Give a data directory with a database that does not run."""
    with running_stack(tmp_path, durable=False):
        return tmp_path


def test_without_data_the_sentence_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No data yet: run `make demo`, or set DATABASE_URL"):
        open_ledger(tmp_path).__enter__()
    assert list(tmp_path.iterdir()) == []


def test_a_command_joins_a_running_stack(tmp_path: Path) -> None:
    with running_stack(tmp_path, durable=False) as stack:
        with open_ledger(tmp_path) as ledger:
            assert ledger.joined
            assert ledger.urls == stack.urls
        assert answer(stack.urls.database_url) == 1


def test_a_command_alone_runs_postgresql_for_its_own_duration(data_dir: Path) -> None:
    with open_ledger(data_dir) as ledger:
        assert not ledger.joined
        assert ledger.urls.redis_url is None
        assert answer(ledger.urls.database_url) == 1
        assert find_running(data_dir) == ledger.urls
    assert find_running(data_dir) is None


def test_postgresql_lasts_until_the_last_of_several_commands(
    data_dir: Path, run_program: RunProgram
) -> None:
    with open_ledger(data_dir) as first:
        second = run_program(USE_LEDGER, data_dir)
        assert told_pids(second) == [1]
        note = data_dir / "embedded" / "postgres" / "postmaster.pid"
        server_pid = int(note.read_text().split()[0])
    assert answer(first.urls.database_url) == 1

    second.communicate("")

    assert second.returncode == 0
    assert all_end([server_pid])
    assert find_running(data_dir) is None


def test_many_commands_at_once_all_get_the_ledger(data_dir: Path, run_program: RunProgram) -> None:
    commands = [run_program(USE_LEDGER, data_dir) for _ in range(4)]
    errors = [command.communicate("")[1] for command in commands]
    assert errors == [""] * 4
    assert find_running(data_dir) is None


def test_a_stack_waits_for_a_command_that_is_just_ending(
    data_dir: Path, run_program: RunProgram
) -> None:
    command = run_program(USE_LEDGER, data_dir)
    assert told_pids(command) == [0]
    assert command.stdin is not None
    command.stdin.close()
    with running_stack(data_dir, durable=False) as stack:
        assert stack.urls.redis_url is not None
        assert answer(stack.urls.database_url) == 1
