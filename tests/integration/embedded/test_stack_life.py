"""A stack starts, keeps its data, ends with its owner however that ends, and shares a machine."""

import os
import signal
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from tests.integration.embedded.processes import RUN_STACK, RunProgram, all_end, is_alive, told_pids
from worker.errors import ConfigError
from worker.rehearsal.embedded.stack import discard, find_running, has_data, running_stack


def sockets_below(data_dir: Path) -> list[Path]:
    """Return the sockets, or links to them, and notes of running servers in a data directory."""
    left = ("running.json", "postgres-socket", "valkey-socket")
    return [path for path in data_dir.rglob("*") if path.is_socket() or path.name in left]


def count_a_start(database_url: str, redis_url: str) -> tuple[int, int]:
    """Count one more start in both servers, and return what each has counted so far."""
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS starts (at timestamptz DEFAULT now())")
        connection.execute("INSERT INTO starts DEFAULT VALUES")
        row = connection.execute("SELECT count(*) FROM starts").fetchone()
    with Redis.from_url(redis_url) as redis:
        in_redis = redis.incr("starts")
    return (row[0] if row else 0), int(in_redis)


def test_data_is_kept_from_one_start_to_the_next(tmp_path: Path) -> None:
    counted = []
    for _ in range(2):
        with running_stack(tmp_path) as stack:
            pids = [stack.postgres.server.pid, stack.valkey.server.pid]
            assert find_running(tmp_path) == stack.urls
            counted.append(count_a_start(stack.urls.database_url, stack.urls.redis_url or ""))
        assert all_end(pids, timeout_seconds=0)
        assert find_running(tmp_path) is None
        assert sockets_below(tmp_path) == []
    assert counted == [(1, 1), (2, 2)]


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_servers_end_with_their_owner(
    tmp_path: Path, run_program: RunProgram, ending: signal.Signals
) -> None:
    owner = run_program(RUN_STACK, tmp_path)
    pids = told_pids(owner)
    assert all(is_alive(pid) for pid in pids)

    owner.send_signal(ending)

    owner.wait(30)
    assert all_end(pids)
    assert sockets_below(tmp_path) == []


@pytest.mark.parametrize("folder", ["short", "a folder with a long name " * 4])
def test_servers_end_with_their_guards_and_start_again_on_what_is_left(
    tmp_path: Path, run_program: RunProgram, folder: str
) -> None:
    data_dir = tmp_path / folder
    owner = run_program(RUN_STACK, data_dir)
    postgres, valkey, *guards = told_pids(owner)
    for guard in guards:
        os.kill(guard, signal.SIGKILL)
    assert all_end([postgres, valkey, *guards])
    owner.kill()
    left = [path.resolve() for path in (data_dir / "embedded").glob("*-socket")]
    assert len(left) == 2

    with running_stack(data_dir) as stack:
        assert count_a_start(stack.urls.database_url, stack.urls.redis_url or "") == (1, 1)

    assert not any(path.exists() for path in left)
    assert sockets_below(data_dir) == []


def test_a_crash_of_everything_leaves_data_that_starts_again(
    tmp_path: Path, run_program: RunProgram
) -> None:
    with running_stack(tmp_path) as stack:
        count_a_start(stack.urls.database_url, stack.urls.redis_url or "")
    owner = run_program(RUN_STACK, tmp_path)
    pids = told_pids(owner)
    owner.kill()
    for pid in reversed(pids):
        os.kill(pid, signal.SIGKILL)
    assert all_end(pids)
    note = tmp_path / "embedded" / "postgres" / "postmaster.pid"
    if note.exists():  # the number of the crashed server is in use again, by this very test
        note.write_text(note.read_text().replace(str(pids[0]), str(os.getppid()), 1))

    with running_stack(tmp_path) as again:
        assert count_a_start(again.urls.database_url, again.urls.redis_url or "")[0] == 2


def test_several_stacks_run_at_once(tmp_path: Path) -> None:
    with (
        running_stack(tmp_path / "one", durable=False) as one,
        running_stack(tmp_path / "two", durable=False) as two,
    ):
        assert one.urls != two.urls
        assert count_a_start(one.urls.database_url, one.urls.redis_url or "") == (1, 1)
        assert count_a_start(two.urls.database_url, two.urls.redis_url or "") == (1, 1)


def test_a_second_stack_on_the_same_data_is_refused(
    tmp_path: Path, run_program: RunProgram
) -> None:
    owner = run_program(RUN_STACK, tmp_path)
    told_pids(owner)

    for refused in (lambda: running_stack(tmp_path).__enter__(), lambda: discard(tmp_path)):
        with pytest.raises(ConfigError, match=f"in use by process {owner.pid}: stop that first"):
            refused()
    assert has_data(tmp_path)


def test_a_data_directory_with_a_long_name_works(tmp_path: Path) -> None:
    data_dir = tmp_path / ("a long name, with blanks and 'quotes' " * 4)
    with running_stack(data_dir, durable=False, keep_data=False) as stack:
        assert not stack.postgres.sockets.is_relative_to(tmp_path)
        assert count_a_start(stack.urls.database_url, stack.urls.redis_url or "") == (1, 1)
    assert not stack.postgres.sockets.exists()
    assert not stack.valkey.socket_path.parent.exists()
    assert not has_data(data_dir)


def test_discard_removes_the_database(tmp_path: Path) -> None:
    with running_stack(tmp_path, durable=False):
        assert has_data(tmp_path)
    discard(tmp_path)
    assert not has_data(tmp_path)
    assert list(tmp_path.glob("embedded")) == []
