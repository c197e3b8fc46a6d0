"""What is asked of a folder before servers are started in it, and how its problems are told."""

import errno
import shutil
import tempfile
from pathlib import Path

from worker.errors import ConfigError

FREE_BYTES_MIN = 200 * 1024 * 1024
"""A new PostgreSQL takes about 40 MB and its write-ahead log up to 128 MB more."""

CHOOSE = "choose another with --data DIR or DUNNING_DATA_DIR."


def unusable(folder: Path, problem: OSError) -> ConfigError:
    """Return the sentence for a folder that the embedded parts cannot write to."""
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return ConfigError(f"The disk of {folder} is full: free some space there, or {CHOOSE}")
    return ConfigError(f"{folder} cannot be written ({problem.strerror}): {CHOOSE}")


def make_private_folder(folder: Path) -> Path:
    """Make *folder* (only its owner may enter) if it is not there, and return its absolute path.

    Raises ConfigError if it cannot be made or written.
    """
    folder = folder.absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass  # it can be written: a file was made, and is gone again
    except OSError as problem:
        raise unusable(folder, problem) from problem
    return folder


def require_free_space(folder: Path) -> None:
    """Raise ConfigError if the disk of *folder* has less than 200 MB free for a new database."""
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < FREE_BYTES_MIN:
        raise ConfigError(
            f"A new embedded PostgreSQL needs 200 MB and the disk of {folder} has "
            f"{free_bytes // 2**20} MB free: free some space there, or {CHOOSE}"
        )
