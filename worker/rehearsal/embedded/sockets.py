"""Folders whose paths are short enough for Unix sockets."""

import shutil
import socket
import tempfile
from pathlib import Path

SOCKET_PATH_BYTES_MAX = 100
"""Linux allows 107 bytes and macOS 103; a little is kept in hand."""

LONGEST_NAME = ".s.PGSQL.5432"


def socket_folder(wanted: Path) -> Path:
    """Return an empty private folder for sockets, which whoever uses it removes in the end.

    It is *wanted*, emptied of what a crash left there; or, where that path is too long or its
    file system has no sockets, a new folder in the system's place for temporary files.
    """
    shutil.rmtree(wanted, ignore_errors=True)
    wanted.mkdir(mode=0o700)
    if _holds_sockets(wanted):
        return wanted
    wanted.rmdir()
    return Path(tempfile.mkdtemp(prefix="dunning-", dir=_short_temporary_folder()))


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
