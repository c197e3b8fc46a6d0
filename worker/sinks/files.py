"""JSON lines in a folder, one CloudEvent a line, a file for each UTC day (ports.Sink)."""

import fcntl
import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from worker.ports import SinkFailed

CHUNK = 65_536


class FileSink:
    """Appends to `NAME-2026-12-08.jsonl`, then `NAME-2026-12-08.1.jsonl` once that is large."""

    def __init__(
        self, name: str, folder: Path, *, rotate_at_bytes: int, now: Callable[[], datetime]
    ) -> None:
        """Write to *folder*, which is made when first needed; *now* is the wall clock."""
        self.name = name
        self._folder = folder
        self._rotate_at_bytes = rotate_at_bytes
        self._now = now

    def send(self, events: Sequence[Mapping[str, object]]) -> None:
        """Return once the lines are on the disk. Raises: SinkFailed."""
        written = "".join(
            json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n" for event in events
        )
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._append(self._path(), written.encode())
        except OSError as error:
            raise SinkFailed(f"the file cannot be written: {error.strerror}") from error

    def _path(self) -> Path:
        """Return the day's last file, or the one after it where that is full."""
        day = f"{self.name}-{self._now().astimezone(UTC):%Y-%m-%d}"
        number = 0
        path = self._folder / f"{day}.jsonl"
        while (following := self._folder / f"{day}.{number + 1}.jsonl").exists():
            path, number = following, number + 1
        full = self._rotate_at_bytes and path.exists()
        return following if full and path.stat().st_size >= self._rotate_at_bytes else path

    def _append(self, path: Path, lines: bytes) -> None:
        is_new = not path.exists()
        with path.open("a+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as busy:
                raise SinkFailed("another process writes to the file") from busy
            _cut_torn_line(file.fileno())
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            _sync_folder(path.parent)


def _cut_torn_line(descriptor: int) -> None:
    """Cut what a writer that died left after the last line end; it is written anew."""
    end = os.fstat(descriptor).st_size
    keep = end
    while keep > 0:
        start = max(0, keep - CHUNK)
        found = os.pread(descriptor, keep - start, start).rfind(b"\n")
        if found >= 0:
            keep = start + found + 1
            break
        keep = start
    if keep != end:
        os.ftruncate(descriptor, keep)


def _sync_folder(folder: Path) -> None:
    """Make a new file's name as durable as its content."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
