"""What is refused before embedded parts start: a live key, broken files, an unusable folder."""

import os
from collections.abc import Mapping
from pathlib import Path

from worker.cli.check import files_in_order
from worker.errors import ConfigError
from worker.settings.environment import read_environment

USED = ("STRIPE_API_KEY", "CONFIG_DIR", "TEMPLATES_DIR")


def prepare_rehearsal(environ: Mapping[str, str], folder: Path, *, option: str) -> None:
    """Make *folder*, or refuse it, a live or publishable key or broken files in a sentence each.

    A rehearsal uses no key, but whoever has a live one set may think that it runs on real data.
    Its processes would be started again and again if they could not read their files.
    Args: option: the option that names the folder. Raises: ConfigError: operator.
    """
    used = {name: environ[name] for name in USED if name in environ}
    files_in_order(read_environment(used, frozenset(), embedded=True))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The folder {folder} cannot be made ({error.strerror}): name another with {option}."
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"The folder {folder} may not be written to: name another with {option}.")
