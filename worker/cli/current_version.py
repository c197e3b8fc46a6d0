"""What a reading command works with: the version in the ledger, else the files in CONFIG_DIR."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from worker.bootstrap import notices_in
from worker.domain.policy import Configuration, Limits, Mode, Quiet
from worker.errors import ConfigError
from worker.office.ways import Office, office_of
from worker.ports import ConfigVersion
from worker.settings.environment import Environment
from worker.settings.load import configuration_of, load_configuration, read_files
from worker.settings.stored_version import configuration_of_version
from worker.store.ledger import PostgresLedger

Files = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CurrentVersion:
    """The office's ways, and where they come from."""

    office: Office
    version: ConfigVersion | None
    """None where the ledger keeps none yet: then CONFIG_DIR is read."""
    differing: Path | None = None
    """CONFIG_DIR where it says something else than the version."""
    trouble: str = ""
    """What a person must be told where nothing could be read; then times are in UTC."""


class _AnyNotice(frozenset[str]):
    """Holds every letter: `apply` asked for a version's templates, and who reads renders none."""

    __slots__ = ()

    def __contains__(self, _name: object) -> bool:
        return True


def read_current(
    ledger: PostgresLedger, environment: Environment, as_run: Callable[[Files], Files]
) -> CurrentVersion:
    """Return what is current; nothing that is broken keeps a reader from reading.

    Args: as_run: how files are changed before they run on this ledger, as a rehearsal does.
    """
    letters = _AnyNotice()
    with ledger.begin() as tx:
        version = tx.versions.current()
    if version is None:
        return read_directory_alone(environment)
    try:
        configuration = configuration_of_version(version, letters)
    except ConfigError as error:
        return CurrentVersion(NOWHERE, version, trouble=f"Times are in UTC. {error}")
    try:
        files = as_run(read_files(environment.config_dir))
        differs = _differ(files, version, configuration, letters)
    except ConfigError:  # there is none, or it is broken: nobody works with it
        differs = False
    differing = environment.config_dir if differs else None
    return CurrentVersion(office_of(configuration), version, differing)


def read_directory_alone(environment: Environment) -> CurrentVersion:
    """Return what CONFIG_DIR says, where no ledger is asked or it has no version yet."""
    try:
        letters = notices_in(environment.templates_dir)
        configuration = load_configuration(environment.config_dir, letters)
    except ConfigError:
        trouble = "The configuration cannot be read, so times are in UTC: run dunning check."
        return CurrentVersion(NOWHERE, None, trouble=trouble)
    return CurrentVersion(office_of(configuration), None)


NOWHERE = Office(ZoneInfo("UTC"), Mode.LIVE, Limits(), Quiet(), digest="")
"""The ways of an office whose configuration cannot be read."""


def _differ(
    files: Files, version: ConfigVersion, configuration: Configuration, letters: frozenset[str]
) -> bool:
    """Return whether *files* mean something else; another comment or order is no difference."""
    if dict(files) == dict(version.files):
        return False
    return configuration_of(files, letters).digest != configuration.digest
