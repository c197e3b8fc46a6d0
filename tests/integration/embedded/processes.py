"""Programs that run the embedded parts, and what is left of their processes."""

import select
import subprocess
from collections.abc import Callable
from pathlib import Path

from worker import clock

Program = subprocess.Popen[str]
RunProgram = Callable[..., Program]

RUN_STACK = """
import signal
import sys
from pathlib import Path
from worker.rehearsal.embedded.stack import running_stack
# A shell that runs the tests in the background makes them, and us, deaf to Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
with running_stack(Path(sys.argv[1]), durable=False) as stack:
    print(stack.postgres.server.pid, stack.valkey.server.pid,
          stack.postgres.server.guard_pid, stack.valkey.server.guard_pid, flush=True)
    sys.stdin.read()
"""


def told_pids(program: Program) -> list[int]:
    """Return the numbers in the first line that *program* prints."""
    assert program.stdout is not None
    ready, _, _ = select.select([program.stdout], [], [], 60)
    assert ready, "the program said nothing for a minute"
    line = program.stdout.readline()
    assert line, program.stderr.read() if program.stderr else ""
    return [int(word) for word in line.split()]


def is_alive(pid: int) -> bool:
    """Return whether a process runs; a zombie, which nobody has waited for yet, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def all_end(pids: list[int], timeout_seconds: float = 15.0) -> bool:
    """Return whether all processes have ended before the time is up."""
    deadline = clock.monotonic_seconds() + timeout_seconds
    while any(is_alive(pid) for pid in pids):
        if clock.monotonic_seconds() > deadline:
            return False
        clock.sleep(0.02)
    return True
