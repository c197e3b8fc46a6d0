"""The connection: zones, errors that name nobody, a database that is away."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.integration.store.building import (
    NOW,
    WALL,
    at_once,
    attempt,
    card,
    claimed,
    customer,
    letter,
)
from worker.domain.facts import Fact
from worker.errors import ServiceUnavailable
from worker.joblog.lines import describe
from worker.store.ledger import PostgresLedger, account_known, connect

NOWHERE = "postgresql+psycopg:///dunning?host=/nonexistent"


@pytest.fixture
def far_away(migrated_database_url: str) -> Iterator[PostgresLedger]:
    """Give a ledger whose server lives in Kathmandu."""
    with psycopg.connect(migrated_database_url, autocommit=True) as admin:
        name = admin.info.dbname
        admin.execute(f"ALTER DATABASE {name} SET timezone TO 'Asia/Kathmandu'".encode())
    engine = connect(migrated_database_url)
    yield PostgresLedger(engine, "acct_1")
    engine.dispose()


def test_every_instant_comes_back_in_utc_whatever_the_servers_zone(
    far_away: PostgresLedger,
) -> None:
    ledger = far_away
    case = claimed(ledger)
    with ledger.begin() as tx:
        assert tx.attempts.start(case, attempt(case), asked_at=NOW)
        tx.cases.record_step(case.id, "try 1", done=True, at=NOW, reason="")
        tx.letters.queue(letter("a", case_id=case.id), now=NOW)
        tx.control.create(charging=False, go_live_at=NOW, cause="", live=False)
        tx.control.set_business_time(NOW, wall_now=WALL)
        tx.control.set_cursor("events", NOW)
        tx.jobs.ensure("sweep", first_due_at=NOW)
        tx.mirror.put_payment_methods([(card(), NOW, True)])
        tx.facts.append([Fact("case.opened", "C-1001", NOW, "opened")], wall_now=WALL)
    found: list[datetime] = []
    with ledger.connection() as connection:
        for table in inspect(connection).get_table_names():
            for row in connection.execute(text(f"SELECT * FROM {table}")):
                found += [value for value in row if isinstance(value, datetime)]
    assert len(found) >= 20
    assert {at.utcoffset() for at in found} == {timedelta()}
    assert {at.isoformat() for at in found} >= {NOW.isoformat(), WALL.isoformat()}


def test_no_column_holds_an_instant_without_its_zone(ledger: PostgresLedger) -> None:
    query = (
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type = 'timestamp without time zone'"
    )
    with ledger.connection() as connection:
        assert connection.execute(text(query)).all() == []


def test_an_error_names_no_value_of_a_row(engine: Engine) -> None:
    secrets = {"email": "anna@blue-studio.example", "name": "Anna Blue", "id": "cus_1"}
    with engine.begin() as connection, pytest.raises(IntegrityError) as caught:
        connection.execute(
            text(
                "INSERT INTO customers (account_id, id, email, name, seen_at)"
                " VALUES (NULL, :id, :email, :name, now())"
            ),
            secrets,
        )
    assert "parameters hidden" in str(caught.value)
    logged = describe(caught.value)
    assert "IntegrityError" in logged
    assert not [value for value in secrets.values() if value in logged]


def test_a_database_that_is_away_is_told_in_a_sentence() -> None:
    engine = connect(NOWHERE)
    with pytest.raises(ServiceUnavailable, match=r"does not answer\. Check DATABASE_URL"):
        account_known(engine)
    with (
        pytest.raises(ServiceUnavailable, match="does not answer"),
        PostgresLedger(engine, "a").begin(),
    ):
        pass


def test_a_database_without_tables_says_what_to_run(database_url: str) -> None:
    engine = connect(database_url)
    with pytest.raises(ServiceUnavailable, match="run dunning migrate"):
        account_known(engine)
    engine.dispose()


def test_a_fresh_ledger_belongs_to_nobody_until_its_control_row(ledger: PostgresLedger) -> None:
    assert account_known(ledger.engine) == ""
    with ledger.begin() as tx:
        tx.control.create(charging=True, go_live_at=NOW, cause="", live=False)
    assert account_known(ledger.engine) == "acct_1"


def test_a_connection_that_the_server_ended_is_replaced(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        tx.control.create(charging=True, go_live_at=NOW, cause="", live=False)
    with ledger.connection() as other, ledger.connection() as connection:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        connection.rollback()
        other.exec_driver_sql("SELECT pg_terminate_backend(%(pid)s, 60000)", {"pid": pid})
    with ledger.begin() as tx:
        assert tx.control.read() is not None


def test_a_connection_that_ends_in_mid_transaction_writes_nothing(ledger: PostgresLedger) -> None:
    def be_ended() -> None:
        with ledger.begin() as tx, ledger.connection() as other:
            tx.control.set_cursor("events", NOW)
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            mine = "datname = current_database() AND pid <> pg_backend_pid()"
            other.exec_driver_sql(f"{others} WHERE {mine}")
            tx.control.set_cursor("events", NOW)

    with pytest.raises(ServiceUnavailable):
        be_ended()
    with ledger.begin() as tx:
        assert tx.control.cursor("events") is None


def test_an_error_inside_a_transaction_rolls_it_back(ledger: PostgresLedger) -> None:
    def fail() -> None:
        with ledger.begin() as tx:
            tx.control.set_cursor("events", NOW)
            raise KeyError("id")

    with pytest.raises(KeyError):
        fail()
    with ledger.begin() as tx:
        assert tx.control.cursor("events") is None


def test_a_deadlock_is_told_as_what_it_is(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        tx.control.set_cursor("0", NOW)
        tx.control.set_cursor("1", NOW)

    def cross(thread: int) -> str:
        for _ in range(50):
            try:
                with ledger.begin() as tx:
                    tx.control.set_cursor(str(thread), NOW)
                    tx.control.set_cursor(str(1 - thread), NOW)
            except ServiceUnavailable as broken_off:
                return str(broken_off)
        return ""

    told = [sentence for sentence in at_once(2, cross) if sentence]
    assert told
    assert all("broke a transaction off (40P01)" in sentence for sentence in told)


def test_a_value_that_no_column_holds_is_the_values_fault(ledger: PostgresLedger) -> None:
    strange = replace(customer(), name="An\0na")

    def put() -> None:
        with ledger.begin() as tx:
            tx.mirror.put_customers([(strange, NOW)])

    with pytest.raises(ValueError, match="cannot hold"):
        put()


def test_a_password_is_in_no_error(tmp_path: Path) -> None:
    engine = connect(f"postgresql+psycopg://jo:hunter2@/dunning?host={tmp_path}")
    with pytest.raises(DBAPIError) as caught:
        engine.connect()
    assert "hunter2" not in str(caught.value) + repr(engine)


def test_utc_is_what_python_calls_utc(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        tx.control.set_cursor("events", NOW)
        position_at = tx.control.cursor("events")
    assert position_at is not None
    assert position_at.tzinfo is UTC


def test_after_a_restart_of_the_server_the_next_look_already_works(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        tx.control.create(charging=True, go_live_at=NOW, cause="", live=False)
    with ledger.connection() as one, ledger.connection() as another:
        one.exec_driver_sql("SELECT 1")  # both are left in the pool
        another.exec_driver_sql("SELECT 1")
    _end_all_but_our_own(ledger)
    for _ in range(3):
        with ledger.begin() as tx, ledger.begin() as another_tx:
            assert tx.control.read() == another_tx.control.read() is not None


def _end_all_but_our_own(ledger: PostgresLedger) -> None:
    url = ledger.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as admin:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        admin.execute(
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}".encode()
        )


@pytest.mark.parametrize("prepare", [True, False])
def test_statements_are_prepared_only_where_no_pooler_may_lose_them(
    migrated_database_url: str, prepare: bool
) -> None:
    engine = connect(migrated_database_url, pool_size=1, prepare=prepare)
    ledger = PostgresLedger(engine, "acct_1")
    for _ in range(6):
        with ledger.begin() as tx:
            assert tx.control.read() is None
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT count(*) FROM pg_prepared_statements")).scalar_one()
    assert (kept > 0) is prepare
    engine.dispose()


def test_prepared_statements_live_through_a_migration_that_adds_a_column(
    migrated_database_url: str,
) -> None:
    engine = connect(migrated_database_url, pool_size=1, prepare=True)
    ledger = PostgresLedger(engine, "acct_1")
    case = claimed(ledger)
    for _ in range(6):
        with ledger.begin() as tx:
            assert tx.cases.load(case.id) is not None
    with psycopg.connect(migrated_database_url, autocommit=True) as admin:
        admin.execute("ALTER TABLE cases ADD COLUMN of_next_release text")
    with ledger.begin() as tx:
        assert tx.cases.load(case.id) is not None
    engine.dispose()
