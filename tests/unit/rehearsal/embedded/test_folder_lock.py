"""A lock is shared or alone, follows the open file, and is let go by a forked child."""

import os
from pathlib import Path

import pytest

from worker.errors import ConfigError
from worker.rehearsal.embedded.folder_lock import FolderLock


def test_a_lock_is_held_by_many_or_by_one(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path / "lock"), FolderLock(tmp_path / "lock")
    first.share()
    second.share()
    assert not first.take()
    second.close()
    assert first.take()
    third = FolderLock(tmp_path / "lock")
    assert not third.take(timeout_seconds=0.05)
    first.close()
    assert third.take()
    third.close()
    third.close()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    lock, other = FolderLock(tmp_path / "lock"), FolderLock(tmp_path / "lock")
    assert lock.take()
    is_there, says_so = os.pipe()
    go_on, told_to_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told_to_end)
        os.write(says_so, b".")
        os.read(go_on, 1)
        os._exit(0)
    assert os.read(is_there, 1) == b"."
    lock.close()
    try:
        assert other.take()
    finally:
        for descriptor in (go_on, told_to_end, is_there, says_so):
            os.close(descriptor)
        os.waitpid(child, 0)
        other.close()


def test_a_lock_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        FolderLock(tmp_path / "missing" / "lock")
