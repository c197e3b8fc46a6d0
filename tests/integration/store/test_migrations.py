"""Migrations: from nothing, again, two at once, and equal to the tables in code."""

from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, inspect

from tests.integration.store.building import at_once
from worker.errors import ConfigError, ServiceUnavailable
from worker.store import migrations
from worker.store.columns import metadata
from worker.store.ledger import connect
from worker.store.migrate import current, differences, newest, upgrade

SENT_AGAIN = """
INSERT INTO attempts (account_id, case_id, invoice_id, customer_id, no, kind, step, key, state,
                      amount_minor, currency, sent_at, first_sent_at, last_sent_at, settled_at,
                      sends)
SELECT 'acct_1', 1, 'in_1', 'cus_1', no, 'charge', 'try', 'k' || no, state, 1200, 'eur',
       at, at, at + interval '1 hour', CASE state WHEN 'declined' THEN at + interval '1 hour' END,
       sends
FROM (VALUES (1, 'declined', 2), (2, 'sending', 2), (3, 'declined', 1)) AS made (no, state, sends),
     (VALUES (timestamptz '2026-12-01 09:00Z')) AS begun (at)
"""

WISHES = """
SET session_replication_role = replica;
INSERT INTO cases (id, account_id, invoice_id, customer_id, subscription_id, amount_minor, currency,
                   state, policy_digest, failed_at, opened_at, closed_at)
OVERRIDING SYSTEM VALUE
SELECT id, 'acct_1', 'in_' || id, 'cus_1', 'sub_1', 1200, 'eur', state, '', at, at, at
FROM (VALUES (1, 'closed'), (2, 'open')) AS made (id, state),
     (VALUES (timestamptz '2026-12-01 09:00Z')) AS begun (at);
INSERT INTO operator_acts (account_id, case_id, act, by, reason, detail, at)
SELECT 'acct_1', case_id, act, 'jo', 'please', '{}', timestamptz '2026-12-01 08:59Z'
FROM (VALUES ('close', 1), ('close', 2), ('retry', 1)) AS wish (act, case_id);
"""


def test_the_migrated_tables_are_those_in_code(engine: Engine) -> None:
    assert differences(engine) == []
    with engine.connect() as connection:
        made = set(inspect(connection).get_table_names())
    assert made == set(metadata.tables) | {"alembic_version"}


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    engine = connect(database_url)
    assert current(engine) == ""
    assert [upgrade(database_url), upgrade(database_url)] == [newest(), newest()]
    assert current(engine) == newest() != ""
    engine.dispose()


def test_four_migrate_at_once(database_url: str) -> None:
    assert at_once(4, lambda _: upgrade(database_url)) == [newest()] * 4


def test_the_release_before_can_write_into_every_migrated_table() -> None:
    """It runs on while a new one is rolled out, and again where that is taken back."""
    added = [
        call
        for path in Path(migrations.__path__[0], "versions").glob("*.py")
        for call in path.read_text().split("op.add_column(")[1:]
    ]
    needed = [call for call in added if "nullable=False" in call.partition("op.")[0]]
    assert len(needed) > 5
    assert [call for call in needed if "server_default" not in call.partition("op.")[0]] == []


def test_what_was_sent_again_before_limits_asked_about_it_counts_as_it_did(
    database_url: str,
) -> None:
    """Moved to its last sending, it might overfill an hour that was full, and stop charging."""
    upgrade_to("0032", database_url)
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")  # without the case
        admin.execute(SENT_AGAIN)
        upgrade(database_url)
        query = "SELECT state, asked_at, reached_at - sent_at FROM attempts ORDER BY no"
        found = admin.execute(query).fetchall()
    hour = timedelta(hours=1)
    assert found == [("declined", None, hour), ("sending", None, None), ("declined", None, None)]


def test_a_wish_to_close_that_a_closed_case_left_behind_is_answered(database_url: str) -> None:
    """A case that opens again, as its payment was returned, would be closed by it."""
    upgrade_to("0033", database_url)
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(WISHES)
        upgrade(database_url)
        query = "SELECT act, case_id, answer FROM operator_acts ORDER BY id"
        found = admin.execute(query).fetchall()
    assert found == [
        ("close", 1, "not closed: the case closed before"),
        ("close", 2, ""),
        ("retry", 1, ""),
    ]


def upgrade_to(revision: str, database_url: str) -> None:
    """Bring an empty database to an older state."""
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    engine = connect(database_url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def test_a_migration_that_breaks_off_leaves_nothing(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("CREATE TABLE letters (mine int)")
    with pytest.raises(Exception, match="letters"):
        upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert tables.fetchall() == [("letters",)]


def test_a_database_that_is_away_is_told_in_a_sentence() -> None:
    with pytest.raises(ServiceUnavailable, match=r"does not answer\. Check DATABASE_URL"):
        upgrade("postgresql+psycopg:///dunning?host=/nonexistent")


def test_a_user_who_may_not_make_tables_is_told_so(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS reader")
        admin.execute("CREATE ROLE reader LOGIN")
        admin.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        reader = f"postgresql+psycopg://reader@/{admin.info.dbname}?host={admin.info.host}"
    with pytest.raises(ConfigError, match="may not make tables; run dunning migrate as the owner"):
        upgrade(reader)
