"""What cannot work is told in one sentence that says what to do."""

import shutil
from pathlib import Path

import pytest

from tests.integration.embedded.processes import RUN_STACK, RunProgram
from worker.errors import ConfigError, ServiceUnavailable
from worker.rehearsal.embedded.claim import Claim
from worker.rehearsal.embedded.run_as import namespaced
from worker.rehearsal.embedded.stack import running_stack
from worker.rehearsal.embedded.valkey import start_valkey

SMALL_DISK = 'mount -t tmpfs -o size=60m tmpfs "$0" && exec "$@"'

WITHOUT_WHEELS = """
import sys
from worker.errors import ConfigError
from worker.rehearsal.embedded import binaries
for find in (binaries.postgres_home, binaries.valkey_server):
    try:
        find()
    except ConfigError as problem:
        print(problem)
"""


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match=r"cannot be written .*: choose another with --data DIR"):
        running_stack(tmp_path / "file" / "data").__enter__()


@pytest.mark.skipif(namespaced() is None, reason="a small disk is mounted in a namespace")
def test_a_disk_without_space(tmp_path: Path, run_program: RunProgram) -> None:
    shell = [shutil.which("unshare") or "", "--user", "--map-root-user", "--mount", "/bin/sh", "-c"]
    program = run_program(RUN_STACK, tmp_path, prefix=[*shell, SMALL_DISK, str(tmp_path)])
    _, said = program.communicate()
    assert "A new embedded PostgreSQL needs 200 MB and the disk of" in said
    assert "free some space there, or choose another with --data DIR" in said


def test_a_server_that_does_not_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    with Claim(tmp_path) as claim:
        append_only = claim.folder / "valkey" / "appendonlydir"
        append_only.parent.mkdir()
        append_only.write_text("no folder")
        with pytest.raises(ServiceUnavailable, match=r"Valkey did not start\. Its log .* says: "):
            start_valkey(claim)
    assert not list(tmp_path.rglob("*.sock"))


def test_a_platform_without_wheels(run_program: RunProgram) -> None:
    root = Path(__file__).parents[3]
    said, _ = run_program(WITHOUT_WHEELS, options=["-S"], PYTHONPATH=str(root)).communicate()
    postgres, valkey = said.splitlines()
    assert postgres.startswith("No PostgreSQL wheel for ")
    assert postgres.endswith(": set DATABASE_URL to one of your own.")
    assert valkey.startswith("No Valkey wheel for ")
    assert valkey.endswith(": set REDIS_URL to one of your own.")
