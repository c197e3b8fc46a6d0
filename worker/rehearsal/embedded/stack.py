"""Everything embedded on one data directory, and how other processes find it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from worker.rehearsal.embedded import postgres, premises
from worker.rehearsal.embedded.claim import SUBFOLDER, Claim, Urls, announced, in_use
from worker.rehearsal.embedded.inbox import Inbox
from worker.rehearsal.embedded.postgres import Postgres, start_postgres
from worker.rehearsal.embedded.sockets import LONGEST_NAME, listens
from worker.rehearsal.embedded.valkey import Valkey, start_valkey

STOP_SECONDS_MAX = 25.0
"""How long a start waits for servers of an earlier run that are just ending."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Running servers and where they are reached."""

    urls: Urls
    postgres: Postgres
    valkey: Valkey
    inbox: Inbox


@contextmanager
def running_stack(
    data_dir: Path, *, durable: bool = True, keep_data: bool = True, mail_dir: Path | None = None
) -> Iterator[Stack]:
    """Run PostgreSQL, Valkey and an inbox on *data_dir* while the context is open.

    Their own files lie in `embedded` below it, letters in *mail_dir* (default: `mail` below it).
    With *durable* a commit survives a power cut; without, only the end of processes. Without
    *keep_data* the database is removed at the end. Raises ConfigError (in use, no wheel, no
    space, not writable) or ServiceUnavailable. However this process ends, the servers end too.
    """
    with ExitStack() as ending:
        claim = ending.enter_context(_claim(data_dir))
        database = start_postgres(claim, durable=durable, keep_data=keep_data)
        ending.callback(database.server.stop)
        broker = start_valkey(claim, durable=durable)
        ending.callback(broker.server.stop)
        inbox = ending.enter_context(Inbox(mail_dir or data_dir / "mail"))
        urls = Urls(database.url, broker.url, inbox.url)
        claim.announce(urls)
        ending.callback(claim.withdraw)
        yield Stack(urls, database, broker, inbox)


def find_running(data_dir: Path) -> Urls | None:
    """Return where the servers on *data_dir* are reached, or None if none run there now."""
    urls = announced(data_dir)
    return urls if urls and _answers(urls) else None


def has_data(data_dir: Path) -> bool:
    """Return whether *data_dir* has a database, running or not."""
    return postgres.has_data(data_dir / SUBFOLDER)


def discard(data_dir: Path) -> None:
    """Remove the servers' own files of *data_dir*, also those that lie elsewhere.

    Raises ConfigError if servers run there.
    """
    with _claim(data_dir) as claim:
        premises.discard(claim.folder)


def _claim(data_dir: Path) -> Claim:
    """Claim *data_dir*, waiting a little for a command or an earlier stack that is just ending."""
    running = find_running(data_dir)
    if running and running.redis_url:  # a whole stack, which may stay up for days
        raise in_use(data_dir)
    return Claim(data_dir, wait_seconds=STOP_SECONDS_MAX)


def _answers(urls: Urls) -> bool:
    host = parse_qs(urlsplit(urls.database_url).query).get("host", [""])[0]
    return listens(Path(host) / LONGEST_NAME)
