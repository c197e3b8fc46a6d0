"""PostgreSQL for one command: joined where it runs, else started for the command's duration."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from worker import clock
from worker.errors import ConfigError
from worker.rehearsal.embedded.claim import SUBFOLDER, Claim, Urls, in_use
from worker.rehearsal.embedded.disk import make_private_folder
from worker.rehearsal.embedded.folder_lock import USERS, FolderLock
from worker.rehearsal.embedded.postgres import start_postgres
from worker.rehearsal.embedded.stack import STOP_SECONDS_MAX, find_running, has_data

POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where the ledger is reached; `joined` tells that other processes run its servers."""

    urls: Urls
    joined: bool


@contextmanager
def open_ledger(data_dir: Path) -> Iterator[Ledger]:
    """Give access to the database of *data_dir* while the context is open.

    Several commands may do so at once: the first starts PostgreSQL, it ends with the last. A
    stack that is running (`dunning up`) is joined, and ends when its owner ends. Raises
    ConfigError if there is no data, or the directory is in use in another way.
    """
    if not has_data(data_dir):
        raise ConfigError("No data yet: run `make demo`, or set DATABASE_URL.")
    folder = make_private_folder(data_dir / SUBFOLDER)
    deadline = clock.monotonic_seconds() + STOP_SECONDS_MAX
    with ExitStack() as ending:
        while clock.monotonic_seconds() < deadline:
            ledger = _join(data_dir, folder, ending) or _start(data_dir, ending)
            if ledger:
                yield ledger
                return
            clock.sleep(POLL_SECONDS)
        raise in_use(data_dir)


def _join(data_dir: Path, folder: Path, ending: ExitStack) -> Ledger | None:
    """Become a user of running servers, or return None if none run."""
    users = FolderLock(folder / USERS)
    users.share()  # from here on servers that are shared do not end
    urls = find_running(data_dir)
    if urls is None:
        users.close()
        return None
    ending.callback(users.close)
    return Ledger(urls, joined=True)


def _start(data_dir: Path, ending: ExitStack) -> Ledger | None:
    """Start PostgreSQL to be shared, or return None while somebody starts or ends servers."""
    claim = Claim.try_shared(data_dir)
    if claim is None:
        return None
    ending.callback(claim.release)
    database = start_postgres(claim, durable=True)

    def stop_if_last() -> None:
        if claim.is_last_user():
            database.server.stop()
        else:
            database.server.leave_to_others()

    ending.callback(stop_if_last)
    urls = Urls(database.url, None, None)
    claim.announce(urls)
    return Ledger(urls, joined=False)
