"""The configuration in a folder beside the current one, both checked."""

from dataclasses import dataclass
from pathlib import Path

from worker.bootstrap import notices_in
from worker.cli.data_dir import View, reading_environment
from worker.domain.policy import Configuration
from worker.errors import ConfigError
from worker.services.apply_configuration import Candidate
from worker.settings.load import configuration_of, load_configuration
from worker.settings.stored_version import configuration_of_version


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is current and what is to be."""

    current: Configuration
    current_no: int
    """0 where the ledger keeps no version yet: then `current` is CONFIG_DIR."""
    candidate: Candidate

    @property
    def same(self) -> bool:
        """Whether both mean the same, however they are written."""
        return self.current.digest == self.candidate.configuration.digest


def read_comparison(view: View, directory: Path) -> Comparison:
    """Return the current configuration and the one in *directory*.

    Raises: ConfigError: everything that is wrong with the folder's files, at once; or the current
    version cannot be read with the letters that are here.
    """
    environment = reading_environment()
    letters = notices_in(environment.templates_dir)
    if not directory.is_dir():
        raise ConfigError(f"The folder {directory} does not exist; name one like config/.")
    load_configuration(directory, letters)  # tells of every problem with its line in the file
    files = view.files_of(directory)
    candidate = Candidate(files, configuration_of(files, letters))
    if view.version is None:
        current = load_configuration(environment.config_dir, letters)
        return Comparison(current, 0, candidate)
    current = configuration_of_version(view.version, letters)
    return Comparison(current, view.version.no, candidate)
