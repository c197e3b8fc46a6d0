"""PostgreSQL refuses to be root: the ways around that, each with a start, data kept, and an end."""

import os
import pwd
import shutil
from pathlib import Path

import pytest

from tests.integration.embedded.processes import RUN_STACK, RunProgram, all_end, told_pids
from worker.rehearsal.embedded.run_as import namespaced
from worker.rehearsal.embedded.stack import discard, has_data

AS_NOBODY = ["unshare", "--user", "--map-user=65534", "--map-group=65534"]

COUNT_STARTS = """
import sys
from pathlib import Path
import psycopg
from worker.rehearsal.embedded.stack import running_stack
with running_stack(Path(sys.argv[1]), durable=False) as stack:
    with psycopg.connect(stack.urls.database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS starts (id int)")
        connection.execute("INSERT INTO starts VALUES (1)")
        count = connection.execute("SELECT count(*) FROM starts").fetchone()[0]
    print(count, stack.postgres.server.pid, flush=True)
    sys.stdin.read()
"""

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs it directly")


def owner_of(pid: int) -> int:
    """Return the user that a process runs as, seen from outside of any namespace."""
    return Path(f"/proc/{pid}").stat().st_uid


@only_root
@pytest.mark.skipif(namespaced() is None, reason="user namespaces are forbidden here")
def test_root_runs_it_in_a_user_namespace_on_its_own_files(
    tmp_path: Path, run_program: RunProgram
) -> None:
    program = run_program(COUNT_STARTS, tmp_path)
    _, pid = told_pids(program)
    assert owner_of(pid) == 0
    assert (tmp_path / "embedded" / "postgres").stat().st_uid == 0


@only_root
def test_root_without_namespaces_runs_it_as_nobody_elsewhere(
    tmp_path: Path, run_program: RunProgram
) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    tools = tmp_path / "tools"
    tools.mkdir()  # a PATH without `unshare`
    for start in (1, 2):
        program = run_program(COUNT_STARTS, tmp_path, PATH=str(tools))
        count, pid = told_pids(program)
        assert count == start
        assert owner_of(pid) == nobody
        program.kill()
        assert all_end([pid])
    place = Path((tmp_path / "embedded" / "postgres.elsewhere").read_text().strip())
    assert place.stat().st_mode & 0o777 == 0o755

    discard(tmp_path)

    assert not place.exists()
    assert not has_data(tmp_path)


@only_root
def test_a_database_that_lay_elsewhere_and_is_gone_is_told(
    tmp_path: Path, run_program: RunProgram
) -> None:
    (tmp_path / "embedded").mkdir()
    (tmp_path / "embedded" / "postgres.elsewhere").write_text(str(tmp_path / "gone"))
    _, said = run_program(RUN_STACK, tmp_path).communicate()
    assert f"lay in {tmp_path / 'gone'}, which is gone: remove" in said


@pytest.mark.skipif(namespaced() is None, reason="user namespaces are forbidden here")
def test_an_ordinary_user_runs_it_directly(tmp_path: Path, run_program: RunProgram) -> None:
    unshare = shutil.which("unshare") or ""
    program = run_program(RUN_STACK, tmp_path, prefix=[unshare, *AS_NOBODY[1:]])
    pids = told_pids(program)
    programs = [Path(f"/proc/{pid}/exe").readlink().name for pid in pids[:2]]
    assert programs == ["postgres", "valkey-server"]
    program.kill()
    assert all_end(pids)
