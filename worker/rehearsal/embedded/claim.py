"""The right to run servers on a data directory, and the note that lets others join them.

The servers' own things lie in the subfolder `embedded` of a data directory: PostgreSQL's and
Valkey's data, their logs, the lock files and, while the servers run, `running.json`.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from worker.errors import ConfigError
from worker.rehearsal.embedded.disk import make_private_folder
from worker.rehearsal.embedded.folder_lock import OWNER, SERVERS, USERS, FolderLock

SUBFOLDER = "embedded"
RUNNING = "running.json"


class InUse(ConfigError):
    """The data directory has servers of another process. The operator acts."""


@dataclass(frozen=True, slots=True)
class Urls:
    """Where running servers are reached, as the variables of the same names take it.

    `redis_url` and `smtp_url` are None where only PostgreSQL runs. `owner_pid` is the process
    that started them: by default this one.
    """

    database_url: str
    redis_url: str | None
    smtp_url: str | None
    owner_pid: int = field(default_factory=os.getpid)


class Claim:
    """The right of this process alone to start servers on a data directory, which live with it.

    With `shared` they also live for every other process that has joined them since.
    """

    def __init__(self, data_dir: Path, *, shared: bool = False, wait_seconds: float = 0.0) -> None:
        """Claim *data_dir*, making it if needed.

        Waits up to *wait_seconds* for servers that run there to end, then raises ConfigError.
        """
        self.folder = make_private_folder(data_dir / SUBFOLDER)
        self.users_path = self.folder / (USERS if shared else OWNER)
        self.state_path = self.folder / RUNNING
        self.servers = FolderLock(self.folder / SERVERS)
        self._users = FolderLock(self.users_path)
        if not self.servers.take(wait_seconds):
            self.release()
            raise in_use(data_dir)
        self._users.share()
        self.withdraw()

    @classmethod
    def try_shared(cls, data_dir: Path) -> Self | None:
        """Return a shared claim on *data_dir*, or None while it is in use."""
        try:
            return cls(data_dir, shared=True)
        except InUse:
            return None

    def announce(self, urls: Urls) -> None:
        """Let others join the servers, which are all ready now."""
        draft = self.state_path.with_suffix(".new")
        draft.write_text(json.dumps(asdict(urls)) + "\n")
        draft.replace(self.state_path)

    def withdraw(self) -> None:
        """Let nobody join any more."""
        self.state_path.unlink(missing_ok=True)

    def is_last_user(self) -> bool:
        """Return whether nobody else has joined the servers; if so nobody can from now on."""
        return self._users.take()

    def release(self) -> None:
        """Stop being a user. Guards that still run keep the directory claimed until they end."""
        self._users.close()
        self.servers.close()

    def __enter__(self) -> Self:
        """Return the claim itself."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _problem: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Release the claim."""
        self.release()


def announced(data_dir: Path) -> Urls | None:
    """Return what the servers on *data_dir* announced, or None; says nothing about their health."""
    try:
        note = json.loads((data_dir / SUBFOLDER / RUNNING).read_text())
        return Urls(**note)
    except (OSError, ValueError, TypeError):
        return None


def in_use(data_dir: Path) -> InUse:
    """Return the error that says which process uses *data_dir*, as far as that is known."""
    running = announced(data_dir)
    by = f" by process {running.owner_pid}" if running else ""
    return InUse(f"{data_dir} is in use{by}: stop that first, or choose another data directory.")
