"""Folders whose paths are short enough for Unix sockets."""

import shutil
import socket
import tempfile
from pathlib import Path

SOCKET_PATH_BYTES_MAX = 100
"""Linux allows 107 bytes and macOS 103; a little is kept in hand."""

LONGEST_NAME = ".s.PGSQL.5432"


def socket_folder(wanted: Path) -> Path:
    """Return an empty private folder for sockets; `traces` tells what to remove in the end.

    It is *wanted*, emptied of what a crash left there; or, where that path is too long or its
    file system has no sockets, a new folder in the system's place for temporary files, to which
    *wanted* is a link, so that it is found again after a crash.
    """
    for trace in traces(wanted):
        if trace.is_symlink():
            trace.unlink()
        shutil.rmtree(trace, ignore_errors=True)
    wanted.mkdir(mode=0o700)
    if _holds_sockets(wanted):
        return wanted
    wanted.rmdir()
    folder = Path(tempfile.mkdtemp(prefix="dunning-", dir=_short_temporary_folder()))
    wanted.symlink_to(folder)
    return folder


def traces(wanted: Path) -> tuple[Path, ...]:
    """Return what `socket_folder(wanted)` has made: a folder, or a folder elsewhere and a link."""
    return (wanted.readlink(), wanted) if wanted.is_symlink() else (wanted,)


def _holds_sockets(folder: Path) -> bool:
    path = folder / LONGEST_NAME
    if len(bytes(path)) > SOCKET_PATH_BYTES_MAX:
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.bind(str(path))
        except OSError:
            return False
    path.unlink()
    return True


def _short_temporary_folder() -> str:
    chosen = tempfile.gettempdir()
    return chosen if len(chosen) <= SOCKET_PATH_BYTES_MAX - 40 else "/tmp"  # noqa: S108 - mkdtemp


def listens(path: Path) -> bool:
    """Return whether some process listens on the Unix socket *path*."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(str(path))
        except OSError:
            return False
        return True
