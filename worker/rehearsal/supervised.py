"""Becomes another program that ends when its starter does: `supervised.py PARENT_PID COMMAND...`.

A program of its own, run with `python -I -S`, so it imports nothing but the standard library. On
Linux the kernel is asked to send SIGTERM once the starter is gone, however it ended.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the kernel, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before the kernel was asked
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - the command is our own list


if __name__ == "__main__":
    main()
