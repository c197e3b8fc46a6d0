"""Who uses a data directory: lock files that the kernel releases when a process dies.

`servers.lock` is held alone, by whoever is starting servers and then by their guards and the
servers themselves: while it is held the data is in use. `users.lock` is shared by the commands
that need the ledger, `owner.lock` is held by the one process that a whole stack belongs to. A
guard waits to hold one of the latter two alone: getting it means that nobody is left.

Locks are flock(2) locks: they belong to an open file, follow it into child processes that are
given it on purpose, and need no cleaning after a SIGKILL.
"""

import errno
import fcntl
import os
from pathlib import Path

from worker import clock
from worker.errors import ConfigError
from worker.rehearsal.embedded.disk import unusable

SERVERS = "servers.lock"
USERS = "users.lock"
OWNER = "owner.lock"
POLL_SECONDS = 0.02


class FolderLock:
    """An open lock file. Close it to let go; a forked child lets go of its copy by itself."""

    def __init__(self, path: Path) -> None:
        """Open (and make) the lock file without locking it; ConfigError if it cannot be made."""
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            raise unusable(path.parent, problem) from problem
        _OPEN.add(self)

    @property
    def descriptor(self) -> int:
        """The open file, to hand to a child process that shall hold the lock as well."""
        return self._descriptor

    def share(self) -> None:
        """Hold the lock together with others; waits while somebody holds it alone."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def take(self, timeout_seconds: float = 0.0) -> bool:
        """Hold the lock alone; False if others still held it after *timeout_seconds*."""
        deadline = clock.monotonic_seconds() + timeout_seconds
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as problem:
                if problem.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EINTR):
                    raise ConfigError(
                        f"File locks do not work in this folder ({problem.strerror}): "
                        "choose one on a local disk with DUNNING_DATA_DIR."
                    ) from problem
            else:
                return True
            if clock.monotonic_seconds() >= deadline:
                return False
            clock.sleep(POLL_SECONDS)

    def close(self) -> None:
        """Let go of the lock. Child processes that were handed the file keep holding it."""
        if self in _OPEN:
            _OPEN.discard(self)
            os.close(self._descriptor)


_OPEN: set[FolderLock] = set()


def _forget_in_forked_child() -> None:
    """Close the locks in a forked child, which would otherwise outlive its parent as a user."""
    for lock in list(_OPEN):
        lock.close()


os.register_at_fork(after_in_child=_forget_in_forked_child)
