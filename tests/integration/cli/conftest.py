"""A migrated ledger for the reading commands, and the command itself."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.integration.cli.seeding import ACCOUNT, Seeding
from worker.cli.main import app
from worker.domain.policy import Configuration
from worker.settings.load import load_configuration
from worker.store.ledger import PostgresLedger, connect

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def configuration() -> Configuration:
    """Give the configuration as shipped."""
    letters = frozenset(path.stem for path in (ROOT / "templates" / "en").glob("*.md"))
    return load_configuration(ROOT / "config", letters)


@pytest.fixture
def ledger(migrated_database_url: str) -> Iterator[PostgresLedger]:
    """Give a ledger that no worker has touched."""
    engine = connect(f"postgresql+psycopg://{migrated_database_url.split('://', 1)[1]}")
    yield PostgresLedger(engine, ACCOUNT)
    engine.dispose()


@pytest.fixture
def seeding(ledger: PostgresLedger, configuration: Configuration) -> Seeding:
    """Give what writes cases into the ledger."""
    return Seeding(ledger, configuration)


class Command:
    """Runs `dunning` in this process, where nobody looks, on one database."""

    def __init__(self, database_url: str | None) -> None:
        """Keep the variables of every run."""
        self.variables: dict[str, str | None] = {
            "DATABASE_URL": database_url,
            "CONFIG_DIR": str(ROOT / "config"),
            "TEMPLATES_DIR": str(ROOT / "templates"),
        }

    def run(self, *arguments: str, **variables: str | None) -> Result:
        """Return the result; an error of ours is its `exception`."""
        environ: Mapping[str, str | None] = self.variables | variables
        return CliRunner().invoke(app, list(arguments), env=environ)


@pytest.fixture
def dunning(migrated_database_url: str) -> Command:
    """Give the command on the ledger of this test."""
    return Command(migrated_database_url)
