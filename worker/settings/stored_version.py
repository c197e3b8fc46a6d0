"""A configuration that lies in the ledger, beside the one that lies in CONFIG_DIR."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from worker.domain.policy import Configuration
from worker.errors import ConfigError
from worker.ports import ConfigVersion
from worker.settings.load import configuration_of, load_configuration, read_files


@dataclass(frozen=True, slots=True)
class Directory:
    """CONFIG_DIR as it was read at the start of a process."""

    files: Mapping[str, str]
    configuration: Configuration | None
    """None where the files are broken."""
    problems: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The configuration's digest; empty where the files are broken."""
        return self.configuration.digest if self.configuration is not None else ""


def read_directory(config_dir: Path, notices_available: frozenset[str]) -> Directory:
    """Return CONFIG_DIR with what is wrong with it, which matters on a fresh ledger only."""
    try:
        configuration = load_configuration(config_dir, notices_available)
        return Directory(read_files(config_dir), configuration)
    except ConfigError as error:
        return Directory({}, None, tuple(error.problems))


def configuration_of_version(
    version: ConfigVersion, notices_available: frozenset[str]
) -> Configuration:
    """Return a stored configuration, checked against the letters that are here.

    Raises: ConfigError: every problem, each with the version it is in (operator).
    """
    try:
        return configuration_of(version.files, notices_available)
    except ConfigError as error:
        where = f"Version {version.no} of the configuration cannot be used here: "
        raise ConfigError(*(where + problem for problem in error.problems)) from error
