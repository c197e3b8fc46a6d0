"""What is refused before embedded parts start: a key that is not for them, an unusable folder."""

import os
from collections.abc import Mapping
from pathlib import Path

from worker.errors import ConfigError
from worker.settings.environment import read_environment


def prepare_rehearsal(environ: Mapping[str, str], folder: Path, *, option: str) -> None:
    """Make *folder*, or refuse it and a live or publishable key in one sentence.

    A rehearsal uses no key, but whoever has a live one set may think that it runs on real data.
    Args: option: the option that names the folder. Raises: ConfigError: operator.
    """
    key = {name: environ[name] for name in ("STRIPE_API_KEY",) if name in environ}
    read_environment(key, frozenset(), embedded=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The folder {folder} cannot be made ({error.strerror}): name another with {option}."
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"The folder {folder} may not be written to: name another with {option}.")
