"""Makes `.venv` from requirements.lock, with every hash checked, unless it is already so.

Run by each `make` target as `PYTHON .ci/venv.py [--any-python] TARGET`. It needs nothing but the
standard library, is quiet when there is nothing to do, and may run several times at once: the
first one works, the others wait for it. What goes wrong is told in one sentence; pip's own words
are kept in var/setup.log.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TextIO

OLDEST = (3, 11)
VERSION = ".".join(map(str, sys.version_info[:3]))
NEWER_NAMES = ["python3.14", "python3.13", "python3.12", "python3.11"]

HERE = Path(__file__).resolve().parent.parent
VENV = HERE / ".venv"
STAMP = VENV / "set-up-from"
LOCK = HERE / "requirements.lock"
LOG = HERE / "var" / "setup.log"
INGREDIENTS = [LOCK, HERE / "pyproject.toml", Path(__file__)]

CAUSES = [
    ("No space left on device", "The disk of {here} is full. Free about 500 MB and run {again}."),
    ("DO NOT MATCH THE HASHES", "A downloaded package is not the one in requirements.lock. {log}"),
    ("Permission denied", "{here} cannot be written. Make it yours, or clone it anew. {log}"),
]
NO_NETWORK = (
    "Packages could not be downloaded (no network?). Nothing was changed; run {again} again. {log}"
)
NETWORK_WORDS = ["NewConnectionError", "Temporary failure", "Could not find a version", "timed out"]


class Failure(Exception):
    """The set-up cannot go on; the text says why and what to do."""


def main(target: str, any_python: bool) -> int:
    """Set up `.venv` for `make TARGET`; return the exit code.

    With *any_python* nobody asked for this very interpreter: a `.venv` of another one will do,
    and where this one is too old a newer one is looked for.
    """
    again = f"make {target}".strip()
    try:
        with LOCK.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not is_set_up(any_python):
                require_python(again, any_python)
                set_up(again)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 2
    except OSError as problem:
        print(f"{problem.filename or HERE} cannot be used: {problem.strerror}.", file=sys.stderr)
        return 2
    return 0


def require_python(again: str, any_python: bool) -> None:
    """Go on with a newer Python if this one is too old, or fail; require its venv module."""
    if sys.version_info < OLDEST:
        others = map(shutil.which, NEWER_NAMES) if any_python else []
        newer = next((path for path in others if path and works(path)), None)
        if newer:
            os.execv(newer, [newer, *sys.argv])  # noqa: S606 - the same program, no shell
        found = f"{VERSION} ({sys.executable})"
        raise Failure(
            f"Python 3.11 or newer is needed; found {found}. "
            f"Install it, or: {again} PYTHON=/path/to/python3.12"
        )
    if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        raise Failure("Python has no venv module. Debian/Ubuntu: apt install python3-venv")


def works(python: str) -> bool:
    """Return whether *python* runs; the shims of version managers sometimes do not."""
    silent = subprocess.DEVNULL
    return subprocess.call([python, "-c", ""], stdout=silent, stderr=silent) == 0


def is_set_up(any_python: bool) -> bool:
    """Return whether `.venv` has what it should, and is of this Python where that matters."""
    said = read(STAMP).split("\n")
    python_fits = any_python or said[1:2] == [VERSION]
    return said[0] == ingredients() and python_fits and (VENV / "bin" / "python").exists()


def ingredients() -> str:
    """Return a line that changes with whatever `.venv` is made from, and with its place."""
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in INGREDIENTS)).hexdigest()
    return f"{digest} {HERE}"


def read(path: Path) -> str:
    """Return the text of a file, or nothing if it is not there."""
    try:
        return path.read_text()
    except OSError:
        return ""


def set_up(again: str) -> None:
    """Install everything; after a failure a `.venv` that was there before is as it was."""
    began = time.monotonic()
    print(
        "Setting up .venv: about 130 MB to download, 300 MB on disk. Only .venv and var are "
        "written, servers listen on 127.0.0.1 only; `make clean` removes everything.",
        flush=True,
    )
    LOG.parent.mkdir(exist_ok=True)
    kept = is_this_python(VENV)
    if not kept:
        shutil.rmtree(VENV, ignore_errors=True)
    STAMP.unlink(missing_ok=True)
    try:
        with LOG.open("w") as log:
            if not kept:
                run([sys.executable, "-m", "venv", str(VENV)], log, again)
            install(log, again)
    except BaseException:
        if not kept:
            shutil.rmtree(VENV, ignore_errors=True)
        raise
    STAMP.write_text(f"{ingredients()}\n{VERSION}\n")
    part = "1/4 " if again == "make demo" else ""
    print(f"{part}packages   done {time.monotonic() - began:.0f} s", flush=True)


def is_this_python(venv: Path) -> bool:
    """Return whether *venv* is a working one of this very Python version and place."""
    python = venv / "bin" / "python"
    question = "import pip, sys; print(sys.version, sys.prefix)"
    try:
        asked = subprocess.run(
            [python, "-c", question], capture_output=True, text=True, check=False
        )
    except OSError:
        return False
    return asked.stdout == f"{sys.version} {venv}\n"


def install(log: TextIO, again: str) -> None:
    """Install the locked packages, then this project without looking for any other."""
    python = str(VENV / "bin" / "python")
    locked = ["install", "--require-hashes", "-r", str(LOCK)]
    uv = shutil.which("uv")
    if not (uv and succeeds([uv, "pip", locked[0], "--python", python, *locked[1:]], log)):
        run(
            [python, "-m", "pip", *locked, "--no-input", "--progress-bar=off", "--no-compile"],
            log,
            again,
        )
    ours = ["--no-deps", "--no-build-isolation", "-e", str(HERE)]
    run([python, "-m", "pip", "install", "--no-input", *ours], log, again)


def succeeds(command: list, log: TextIO) -> bool:
    """Return whether *command* did its work; what it says goes to the log."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=False
    )
    return done.returncode == 0


def run(command: list, log: TextIO, again: str) -> None:
    """Run *command*; raise Failure with the likeliest cause if it fails."""
    began_at = log.tell()
    if succeeds(command, log):
        return
    with LOG.open() as written:
        written.seek(began_at)
        said = written.read()
    words = {"here": HERE, "again": again, "log": f"Details: {LOG}"}
    for sign, sentence in CAUSES:
        if sign in said:
            raise Failure(sentence.format(**words))
    if any(sign in said for sign in NETWORK_WORDS):
        raise Failure(NO_NETWORK.format(**words))
    last = (said.strip().splitlines() or ["nothing was said"])[-1]
    raise Failure(f"The packages could not be installed: {last} Details: {LOG}")


if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(main(" ".join(word for word in words if word[:2] != "--"), "--any-python" in words))
