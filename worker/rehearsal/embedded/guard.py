"""Runs one server and ends it when nobody uses it any more.

A program of its own, started as `python -I -S guard.py SPEC` by `guarded.py`, so it imports
nothing but the standard library. Being a process of one thread, apart from the one that wants the
server, it survives whatever happens there: Ctrl-C, SIGTERM and SIGKILL alike release the lock on
`users.lock`, and the guard, which waits for that lock, then stops the server and takes its
sockets away. Should the guard itself be killed, the kernel tells the server (Linux only).
"""

import contextlib
import ctypes
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

LOOK_SECONDS = 1.0
"""How often the guard looks up from its wait: a signal that came just before it is seen then."""

PR_SET_PDEATHSIG = 1


class _End(Exception):
    """The server ended, its folder is gone, or the guard was told to stop."""


def _dies_with_guard(signal_number: int) -> Callable[[], None] | None:
    """Return what the child does before it becomes the server; Linux only."""
    if sys.platform != "linux":
        return None
    libc, guard_pid = ctypes.CDLL(None), os.getpid()

    def ask_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal_number)
        if os.getppid() != guard_pid:
            os._exit(1)

    return ask_kernel


def _start(spec: dict[str, Any]) -> subprocess.Popen[bytes]:
    """Start the server; it inherits the descriptor of `servers.lock` and so holds it too."""
    with Path(spec["log"]).open("wb") as log:
        return subprocess.Popen(
            spec["command"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=spec["folder"],
            user=spec["user"],
            group=spec["group"],
            extra_groups=None if spec["group"] is None else [],
            pass_fds=[spec["servers_lock"]],
            # safe here: this process has one thread
            preexec_fn=_dies_with_guard(signal.Signals[spec["stop_signal"]]),  # noqa: PLW1509
        )


def _wait_until_unused(spec: dict[str, Any], server: subprocess.Popen[bytes], users: int) -> None:
    """Return when the last user is gone; raise _End if there is another reason to stop."""

    def told_to_stop(_signal: int, _frame: object) -> NoReturn:
        raise _End

    def look(_signal: int, _frame: object) -> None:
        if server.poll() is not None or not Path(spec["folder"]).is_dir():
            raise _End

    signal.signal(signal.SIGTERM, told_to_stop)
    signal.signal(signal.SIGCHLD, look)
    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, LOOK_SECONDS, LOOK_SECONDS)
    os.write(1, b"%d\n" % server.pid)
    fcntl.flock(users, fcntl.LOCK_EX)


def _be_left_alone() -> None:
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _stop(server: subprocess.Popen[bytes], signal_name: str, patience_seconds: float) -> None:
    server.send_signal(signal.Signals[signal_name])
    try:
        server.wait(patience_seconds)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def main() -> None:
    """Run the server that the first argument describes (see `guarded.py` for its fields)."""
    spec = json.loads(sys.argv[1])
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _signal, _frame: None)  # unlike SIG_IGN not inherited
    users = os.open(spec["users_lock"], os.O_RDWR | os.O_CLOEXEC)
    server = _start(spec)
    with contextlib.suppress(_End):
        _wait_until_unused(spec, server, users)
    _be_left_alone()
    for path in spec["forget_first"]:
        Path(path).unlink(missing_ok=True)
    os.close(users)  # who comes now finds nothing to join and waits for servers.lock
    _stop(server, spec["stop_signal"], spec["patience_seconds"])
    for path in spec["remove"]:
        if Path(path).is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            Path(path).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
