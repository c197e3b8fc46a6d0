"""Starting a server under a guard, and the handle by which its starter ends or watches it."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from worker import clock
from worker.errors import ServiceUnavailable
from worker.rehearsal.embedded.claim import Claim
from worker.rehearsal.embedded.run_as import Identity, Manner

GUARD = Path(__file__).with_name("guard.py")
START_SECONDS_MAX = 60.0
POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Plan:
    """What a guard runs.

    `command` is run as `identity` with its output in `log`. It stops on `stop_signal` (a name
    such as `SIGINT`) and is killed after `patience_seconds`; then `remove` (files and folders:
    sockets, copies) goes away.
    """

    product: str
    command: list[str]
    log: Path
    stop_signal: str
    patience_seconds: float = 20.0
    identity: Identity = field(default_factory=lambda: Identity(Manner.DIRECT))
    remove: tuple[Path, ...] = ()


class GuardedServer:
    """A running server: its process id, and the ways to end it."""

    def __init__(self, plan: Plan, guard: subprocess.Popen[bytes], pid: int) -> None:
        """Keep the guard that runs *plan* and the process id of its server."""
        self.plan = plan
        self.pid = pid
        self._guard = guard

    @property
    def guard_pid(self) -> int:
        """The process id of the guard."""
        return self._guard.pid

    def is_running(self) -> bool:
        """Return whether the guard, and so the server, is still there."""
        return self._guard.poll() is None

    def stop(self) -> None:
        """End the server in its orderly way and wait for it; harmless if it already ended."""
        if self.is_running():
            self._guard.send_signal(signal.SIGTERM)
        self._guard.wait()

    def leave_to_others(self) -> None:
        """Let the server run on for those who have joined it; its guard ends it after the last."""
        self._guard.returncode = 0  # it is nobody's business here any more how the guard ends

    def kill(self) -> None:
        """Kill the server like a crash would, and wait until its guard has cleaned up."""
        if self.is_running():
            os.kill(self.pid, signal.SIGKILL)
        self._guard.wait()


def start(plan: Plan, claim: Claim, is_ready: Callable[[int], bool]) -> GuardedServer:
    """Start *plan* under a guard and return once *is_ready* (given the server's pid) says yes.

    The server lives until `stop`, or until nobody uses the claimed folder any more. Raises
    ServiceUnavailable with the last line of the server's log if it ends before it is ready, or
    is not ready within 60 s.
    """
    guard = _start_guard(plan, claim)
    pid = _server_pid(guard)
    if pid is None:
        guard.wait()
        raise ServiceUnavailable(f"{plan.product} could not be started. {_last_words(plan.log)}")
    server = GuardedServer(plan, guard, pid)
    try:
        _await_ready(server, is_ready)
    except BaseException:
        server.stop()
        raise
    return server


def _await_ready(server: GuardedServer, is_ready: Callable[[int], bool]) -> None:
    product, log = server.plan.product, server.plan.log
    deadline = clock.monotonic_seconds() + START_SECONDS_MAX
    while not is_ready(server.pid):
        if not server.is_running():
            raise ServiceUnavailable(f"{product} did not start. {_last_words(log)}")
        if clock.monotonic_seconds() > deadline:
            raise ServiceUnavailable(
                f"{product} was not ready after {START_SECONDS_MAX:.0f} s. {_last_words(log)}"
            )
        clock.sleep(POLL_SECONDS)


def _start_guard(plan: Plan, claim: Claim) -> subprocess.Popen[bytes]:
    spec = {
        "command": plan.command,
        "folder": str(claim.folder),
        "log": str(plan.log),
        "stop_signal": plan.stop_signal,
        "patience_seconds": plan.patience_seconds,
        "user": plan.identity.user,
        "group": plan.identity.group,
        "users_lock": str(claim.users_path),
        "servers_lock": claim.servers.descriptor,
        "forget_first": [str(claim.state_path)],
        "remove": [str(path) for path in plan.remove],
    }
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(GUARD), json.dumps(spec)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=[claim.servers.descriptor],
        start_new_session=True,  # Ctrl-C in a terminal reaches the starter, not its servers
    )


def _server_pid(guard: subprocess.Popen[bytes]) -> int | None:
    """Return the server's process id as its guard tells it, or None if the guard failed."""
    if guard.stdout is None:
        return None
    with guard.stdout as told:
        ready, _, _ = select.select([told], [], [], START_SECONDS_MAX)
        line = told.readline() if ready else b""
    return int(line) if line else None


def _last_words(log: Path) -> str:
    """Return where a server's log is and its last line that says why it ended."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    reasons = [line for line in lines if "FATAL" in line or "PANIC" in line]
    said = (reasons or [line for line in lines if line.strip()] or ["nothing"])[-1].strip()
    return f"Its log {log} says: {said}"
