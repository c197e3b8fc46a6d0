"""Processes are started again when they end, and end with whoever started them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from worker import clock
from worker.errors import ServiceUnavailable
from worker.rehearsal.supervisor import SUPERVISED, Supervisor, supervising

SLEEPS = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)")
ENDS = (sys.executable, "-c", "raise SystemExit(7)")
PATIENCE_SECONDS = 20.0


def wait_for(log: Path, lines: int) -> None:
    deadline = clock.monotonic_seconds() + PATIENCE_SECONDS
    while not log.exists() or log.read_text().count("up") < lines:
        assert clock.monotonic_seconds() < deadline, "the process did not say that it is up"
        clock.sleep(0.01)


def test_a_killed_process_is_started_again(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    with supervising(os.environ, log) as supervisor:
        process = supervisor.start("worker", *SLEEPS)
        wait_for(log, 1)
        supervisor.watch()
        assert process.restarts == 0
        supervisor.kill("worker")
        supervisor.watch()
        wait_for(log, 2)
        assert process.restarts == 1
        running = process.running
    assert running is not None
    assert running.poll() is not None


def test_a_held_process_stays_away_until_it_is_released(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    with supervising(os.environ, log) as supervisor:
        process = supervisor.start("worker", *SLEEPS)
        wait_for(log, 1)
        supervisor.hold("worker")
        supervisor.watch()
        assert process.restarts == 0
        supervisor.release("worker")
        wait_for(log, 2)


def test_what_ends_again_and_again_is_told(tmp_path: Path) -> None:
    supervisor = Supervisor(os.environ, tmp_path / "job.log")
    process = supervisor.start("worker", *ENDS)

    def keep_watching() -> None:
        while True:
            assert process.running is not None
            process.running.wait(PATIENCE_SECONDS)
            supervisor.watch()

    with pytest.raises(ServiceUnavailable, match=r"The worker ends again and again \(exit code 7"):
        keep_watching()


def test_what_loses_its_state_is_not_started_again(tmp_path: Path) -> None:
    with supervising(os.environ, tmp_path / "job.log") as supervisor:
        process = supervisor.start("sandbox", *SLEEPS, keeps_state=True)
        supervisor.kill("sandbox")
        with pytest.raises(ServiceUnavailable, match="The sandbox ended"):
            supervisor.watch()
        assert process.restarts == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a parent's death")
def test_a_process_ends_with_its_starter_however_that_ended(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    program = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-I', '-S', {str(SUPERVISED)!r},"
        f" str(os.getpid()), sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(told)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(0.5)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=False, timeout=PATIENCE_SECONDS)
    pid = int(told.read_text())
    deadline = clock.monotonic_seconds() + PATIENCE_SECONDS
    while _lives(pid):
        assert clock.monotonic_seconds() < deadline, "the child outlived its starter"
        clock.sleep(0.02)
    assert not _lives(pid)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
