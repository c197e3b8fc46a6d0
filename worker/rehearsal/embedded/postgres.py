"""The embedded PostgreSQL: made, started and found by its Unix socket."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from worker.errors import ServiceUnavailable
from worker.rehearsal.embedded import binaries, premises
from worker.rehearsal.embedded.claim import Claim
from worker.rehearsal.embedded.disk import require_free_space, unusable
from worker.rehearsal.embedded.guarded import GuardedServer, Plan, start
from worker.rehearsal.embedded.premises import Premises
from worker.rehearsal.embedded.run_as import Manner
from worker.rehearsal.embedded.sockets import socket_folder, traces

PORT = 5432
"""Only the last part of the socket's name: nothing listens on a port."""

DATA = "postgres"
INITDB_SECONDS_MAX = 120.0

CACHE = "64MB"
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "min_wal_size": "32MB",
    "max_wal_size": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum_naptime": "10s",  # a rehearsal's tables grow from nothing within a minute
    "jit": "off",  # no query here is long enough to be worth compiling
    "io_method": "sync",  # spares three processes that a small database has no use for
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "lc_messages": "C",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running PostgreSQL; `url` is its maintenance database, also used as the ledger."""

    server: GuardedServer
    url: str
    sockets: Path

    def database_url(self, name: str) -> str:
        """Return the URL of the database *name* (which need not exist) on this server."""
        return url_of(self.sockets, name)


def url_of(sockets: Path, database: str) -> str:
    """Return the `DATABASE_URL` of *database* on the server whose socket lies in *sockets*."""
    return f"postgresql://postgres@/{quote(database)}?host={quote(str(sockets))}&port={PORT}"


def has_data(folder: Path) -> bool:
    """Return whether a database was ever made in *folder* (a data directory's `embedded`)."""
    return (folder / DATA / "PG_VERSION").exists() or (folder / premises.POINTER).exists()


def start_postgres(
    claim: Claim, *, durable: bool = True, keep_data: bool = True, cache: str = CACHE
) -> Postgres:
    """Start PostgreSQL on the claimed folder, making its data if there is none yet.

    With *durable* a commit survives a power cut; without, it survives only the end of processes,
    which is enough for the demo and the tests and much faster. Without *keep_data* the data is
    removed when the server ends. *cache* is PostgreSQL's shared_buffers.
    Raises: ConfigError (no wheel, no space, a folder that cannot be written) or ServiceUnavailable.
    """
    site = premises.settle(claim.folder, binaries.postgres_home())
    data = site.place / DATA
    if not (data / "PG_VERSION").exists():
        _make_data(site, data)
    _forget_crashed_server(data)
    place = site.place / "postgres-socket"
    sockets = socket_folder(place)
    premises.give(sockets, site.identity)
    plan = Plan(
        product="PostgreSQL",
        command=_command(site, data, sockets, durable=durable, cache=cache),
        log=claim.folder / "postgres.log",
        stop_signal="SIGINT",  # its fast shutdown: running transactions are rolled back
        identity=site.identity,
        remove=(*traces(place), *(() if keep_data else _all_data(claim, site, data))),
    )
    server = start(plan, claim, lambda pid: _accepts_connections(data, pid))
    return Postgres(server, url_of(sockets, "postgres"), sockets)


def _all_data(claim: Claim, site: Premises, data: Path) -> tuple[Path, ...]:
    if site.identity.manner is Manner.NOBODY:
        return (site.place, claim.folder / premises.POINTER)
    return (data,)


def _make_data(site: Premises, data: Path) -> None:
    """Run initdb in a draft folder, so that one cut short is never taken for a database."""
    require_free_space(site.place)
    try:
        draft = premises.make_usable(data.with_suffix(".new"), site.identity)
    except OSError as problem:
        raise unusable(site.place, problem) from problem
    command = [str(site.home / "bin" / "initdb"), "-D", str(draft), "-U", "postgres", "-A", "trust"]
    command += ["-E", "UTF8", "--locale=C", "--no-instructions", "--no-sync"]
    try:
        done = site.identity.run(command, INITDB_SECONDS_MAX)
    except subprocess.TimeoutExpired as problem:
        raise ServiceUnavailable(
            f"PostgreSQL's initdb was not done after {INITDB_SECONDS_MAX:.0f} s."
        ) from problem
    if done.returncode != 0:
        reasons = [line for line in done.stdout.splitlines() if "error" in line.lower()]
        said = (reasons or done.stdout.splitlines() or ["nothing"])[0]
        raise ServiceUnavailable(f"PostgreSQL could not make its data in {data}: {said}")
    draft.rename(data)


def _command(site: Premises, data: Path, sockets: Path, *, durable: bool, cache: str) -> list[str]:
    folder = str(sockets).replace('"', '""')
    settings = SETTINGS | {"unix_socket_directories": f'"{folder}"', "shared_buffers": cache}
    if not durable:
        settings |= {"fsync": "off", "full_page_writes": "off"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    program = [str(site.home / "bin" / "postgres"), "-D", str(data), *options]
    return [*site.identity.prefix, *site.identity.dies_with_parent("INT"), *program]


def _accepts_connections(data: Path, pid: int) -> bool:
    """Return whether `postmaster.pid` says so; its eighth line is the state, the first the pid."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def _forget_crashed_server(data: Path) -> None:
    """Remove a `postmaster.pid` that a crash left behind.

    PostgreSQL refuses to start while the process number in it is in use by anything at all, which
    happens soon in a container. Our lock proves that no server of ours is left; a `postgres` that
    somebody started by hand is left for PostgreSQL to judge.
    """
    note = data / "postmaster.pid"
    try:
        pid = int(note.read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        name = ""
    if name != "postgres":
        note.unlink(missing_ok=True)
