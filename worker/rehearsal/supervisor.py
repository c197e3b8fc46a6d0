"""Starts the real processes of the service and starts them again when they end."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from worker import clock
from worker.errors import ServiceUnavailable

SUPERVISED = Path(__file__).with_name("supervised.py")
STOP_SECONDS_MAX = 30.0
SHORT_LIFE_SECONDS = 3.0
SHORT_LIVES_MAX = 5
"""A process that ends this often right after its start will not do better the next time."""

DUNNING = (sys.executable, "-m", "worker.cli.main")


@dataclass(slots=True)
class Process:
    """One kind of process: what is run, and the one that runs now."""

    name: str
    command: Sequence[str]
    running: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    """Monotonic seconds."""
    short_lives: int = 0
    restarts: int = 0
    held: bool = False
    """Stopped on purpose: it is not started again until released."""
    keeps_state: bool = False
    """What it knew dies with it, so that a new one would be of no use."""


@dataclass(slots=True)
class Supervisor:
    """The processes of one rehearsal; used by the thread that made it."""

    environ: Mapping[str, str]
    log: Path
    processes: dict[str, Process] = field(default_factory=dict)

    def start(self, name: str, *command: str, keeps_state: bool = False) -> Process:
        """Start a process called *name* and keep it running until `stop`."""
        process = self.processes[name] = Process(name, command, keeps_state=keeps_state)
        self._launch(process)
        return process

    def watch(self) -> None:
        """Start again what has ended. Raises: ServiceUnavailable: it keeps ending at once."""
        for process in self.processes.values():
            running = process.running
            if running is None or process.held or running.poll() is None:
                continue
            _end_group(running)
            if process.keeps_state:
                raise ServiceUnavailable(
                    f"The {process.name} ended (exit code {running.returncode}) and its state "
                    f"with it; the end of {self.log} says why. Run it again."
                )
            lived = clock.monotonic_seconds() - process.started_at
            process.short_lives = process.short_lives + 1 if lived < SHORT_LIFE_SECONDS else 0
            if process.short_lives >= SHORT_LIVES_MAX:
                raise ServiceUnavailable(
                    f"The {process.name} ends again and again (exit code {running.returncode}); "
                    f"the end of {self.log} says why."
                )
            process.restarts += 1
            self._launch(process)

    def hold(self, name: str) -> None:
        """Stop a process and leave it stopped: a rehearsed outage."""
        process = self.processes[name]
        process.held = True
        if process.running is not None:
            _terminate(process.running)

    def release(self, name: str) -> None:
        """End an outage."""
        process = self.processes[name]
        process.held = False
        self._launch(process)

    def kill(self, name: str) -> None:
        """Kill a process with everything it started, like a crash would; `watch` starts it anew."""
        running = self.processes[name].running
        if running is not None:
            _end_group(running)
            running.wait()

    def stop(self) -> None:
        """End everything in its orderly way; what does not end is killed."""
        living = [p.running for p in self.processes.values() if p.running is not None]
        for running in living:
            with contextlib.suppress(ProcessLookupError):
                running.terminate()
        for running in living:
            _wait_for_end(running)

    def _launch(self, process: Process) -> None:
        with self.log.open("ab") as log:
            process.running = subprocess.Popen(
                [sys.executable, "-I", "-S", str(SUPERVISED), str(os.getpid()), *process.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self.environ),
                start_new_session=True,  # Ctrl-C reaches the starter, which ends them in order
            )
        process.started_at = clock.monotonic_seconds()


@contextmanager
def supervising(environ: Mapping[str, str], log: Path) -> Iterator[Supervisor]:
    """Give a supervisor whose processes end with the context."""
    supervisor = Supervisor(environ, log)
    try:
        yield supervisor
    finally:
        supervisor.stop()


def _terminate(running: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        running.terminate()
    _wait_for_end(running)


def _wait_for_end(running: subprocess.Popen[bytes]) -> None:
    try:
        running.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        _end_group(running)
        running.wait()
    _end_group(running)


def _end_group(running: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a process and of what it started: its session is its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(running.pid, signal.SIGKILL)
