"""A seeded ledger and a folder as a rehearsal leaves it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cli.seeding import ACCOUNT, Seeding
from worker.domain.policy import Configuration
from worker.rehearsal.driver_config import REHEARSED_CONFIG
from worker.settings.load import load_configuration
from worker.store.ledger import PostgresLedger, connect

ROOT = Path(__file__).parents[3]

SUMMARY = {
    "simulated_days": 20,
    "subscribers": 7,
    "seed": 1,
    "wall_seconds": 12.5,
    "failures_found": 4,
    "retries": 9,
    "recovered": {
        "count": 1,
        "by": {"retry": 1},
        "by_amounts": {"retry": [{"amount_minor": 4800, "currency": "jpy"}]},
        "amounts": [{"amount_minor": 4800, "currency": "jpy"}],
    },
    "letters": {"payment_failed_1": 3, "payment_recovered": 1},
    "renewals": 31,
    "trials_ended": 2,
    "cards_expiring": 1,
    "churned": {"voluntary": 1, "involuntary": 2},
    "cases": {"open": 2, "recovered": 1},
    "checks": {"invoices_charged_twice": 0, "letters_twice": 0},
}


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


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Give a rehearsal's folder: its summary, its configuration, and no mail yet."""
    shutil.copytree(ROOT / "config", tmp_path / REHEARSED_CONFIG)
    (tmp_path / "mail").mkdir()
    (tmp_path / "summary.json").write_text(json.dumps(SUMMARY))
    return tmp_path
