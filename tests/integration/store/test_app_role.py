"""The role of the processes: what it must never do is refused by PostgreSQL itself."""

import ast
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, ObjectNotInPrerequisiteState
from sqlalchemy import Engine, make_url

from tests.integration.store.building import NOW, WALL
from worker.clock import SystemClock
from worker.domain.facts import Fact
from worker.errors import ConfigError
from worker.services.seal_facts import seal_facts
from worker.store.app_role import APPEND_ONLY, CHANGEABLE_COLUMNS, EMPTIED, grant_app_role
from worker.store.columns import metadata
from worker.store.ledger import PostgresLedger, connect

STORE = Path(__file__).parents[3] / "worker" / "store"


def url_of(engine: Engine, user: str = "") -> str:
    """Return a database's URL for SQLAlchemy, of *user* where one is named."""
    url = make_url(engine.url.render_as_string(hide_password=False))
    return (url.set(username=user) if user else url).render_as_string(hide_password=False)


@pytest.fixture
def role(engine: Engine) -> Iterator[str]:
    """Give a role that has the rights of the processes."""
    name = f"App-{uuid.uuid4().hex[:8]}"  # needs quotes, as any name may
    admin = url_of(engine).replace("+psycopg", "")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'CREATE ROLE "{name}" LOGIN'.encode())
        grant_app_role(url_of(engine), name)
        yield name
        connection.execute(f'DROP OWNED BY "{name}"'.encode())
        connection.execute(f'DROP ROLE "{name}"'.encode())


@pytest.fixture
def app(engine: Engine, role: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Give a connection of that role, on a ledger with a sealed fact."""
    worker = connect(url_of(engine, role))
    ledger = PostgresLedger(worker, "acct_1")
    with ledger.begin() as tx:
        tx.facts.append([Fact("case.opened", "C-1", NOW, "")], wall_now=WALL)
    assert seal_facts(ledger=ledger, clock=SystemClock()) == 1
    worker.dispose()
    url = url_of(engine, role).replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


REWRITES = [
    statement
    for table in sorted(APPEND_ONLY)
    for statement in (
        f"UPDATE {table} SET account_id = 'x'",
        f"UPDATE {table} SET account_id = account_id",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
        f"ALTER TABLE {table} DISABLE TRIGGER ALL",
        f"DROP TABLE {table}",
    )
]
OTHERS = [
    "DELETE FROM decisions",
    "UPDATE decisions SET act = 'x'",
    "DELETE FROM operator_acts",
    "UPDATE operator_acts SET by = 'somebody else'",
    "UPDATE operator_acts SET act = 'x', at = now()",
    "DELETE FROM attempts",
    "DELETE FROM cases",
    "DELETE FROM letters",
    "UPDATE alembic_version SET version_num = '0001'",
    "CREATE TABLE mine (id int)",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "ALTER TABLE cases ADD COLUMN mine int",
    "DROP INDEX ix_events_time",
    "DROP TRIGGER note_unsealed_facts ON events",
    """CREATE OR REPLACE FUNCTION note_unsealed_facts() RETURNS trigger LANGUAGE plpgsql
       AS 'BEGIN RETURN NULL; END'""",
    "SET session_replication_role = replica",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "SELECT setval('case_numbers', 1)",
]


@pytest.mark.parametrize("statement", [*REWRITES, *OTHERS])
def test_what_it_must_never_do_is_refused(
    app: psycopg.Connection[tuple[object, ...]], statement: str
) -> None:
    before = app.execute("SELECT count(*), min(subject) FROM events").fetchone()
    with pytest.raises((InsufficientPrivilege, ObjectNotInPrerequisiteState)):
        app.execute(statement.encode())
    assert (
        app.execute("SELECT count(*), min(subject) FROM events").fetchone() == before == (1, "C-1")
    )


def test_no_table_can_be_emptied_at_once(app: psycopg.Connection[tuple[object, ...]]) -> None:
    may = app.execute("""SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'
        AND has_table_privilege(schemaname || '.' || tablename, 'TRUNCATE, REFERENCES, TRIGGER')""")
    assert may.fetchall() == []


def test_rights_are_told_table_by_table(app: psycopg.Connection[tuple[object, ...]]) -> None:
    rows = app.execute("""SELECT tablename::text, has_table_privilege(tablename::text, 'UPDATE'),
        has_table_privilege(tablename::text, 'DELETE') FROM pg_tables
        WHERE schemaname = 'public'""").fetchall()
    fixed = {name for name, updates, _ in rows if not updates}
    assert fixed == {*APPEND_ONLY, *CHANGEABLE_COLUMNS, "alembic_version"}
    assert {name for name, _, deletes in rows if deletes} == EMPTIED


def test_it_reads_the_views_of_the_metrics(app: psycopg.Connection[tuple[object, ...]]) -> None:
    views = app.execute(
        "SELECT viewname::text FROM pg_views WHERE schemaname = 'metrics'"
    ).fetchall()
    assert views != []
    for (name,) in views:
        app.execute(f"SELECT * FROM metrics.{name} LIMIT 1".encode())
    with pytest.raises(InsufficientPrivilege):
        app.execute("CREATE VIEW metrics.mine AS SELECT 1")


def test_every_table_that_the_store_takes_rows_out_of_is_known() -> None:
    """On failure: add the table to EMPTIED of worker/store/app_role.py, or do not delete."""
    taken = set()
    for path in STORE.glob("*.py"):
        source = path.read_text()
        taken |= set(re.findall(r"DELETE FROM (\w+)", source))
        for node in ast.walk(ast.parse(source)):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if named and node.func.id == "delete":  # type: ignore[attr-defined]
                taken.add(ast.unparse(node.args[0]))  # type: ignore[attr-defined]
    assert taken == EMPTIED
    assert taken <= set(metadata.tables)


def test_rights_given_twice_or_given_wider_by_hand_end_the_same(engine: Engine, role: str) -> None:
    with psycopg.connect(url_of(engine).replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(f'GRANT ALL ON events, event_chain, cases TO "{role}"'.encode())
        grant_app_role(url_of(engine), role)
        asked = (
            "SELECT has_table_privilege(%s, %s, 'UPDATE'), has_table_privilege(%s, %s, 'DELETE')"
        )
        events = admin.execute(asked.encode(), [f'"{role}"'.strip('"'), "events"] * 2).fetchone()
    assert events == (False, False)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nobody_is_called_so", "There is no role nobody_is_called_so in the database; make it"),
        ("postgres", "postgres owns the tables, belongs to their owner or is a superuser"),
    ],
)
def test_a_role_that_cannot_be_bound_is_refused(engine: Engine, name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        grant_app_role(url_of(engine), name)


def test_a_role_with_rights_from_elsewhere_is_refused(engine: Engine, role: str) -> None:
    with psycopg.connect(url_of(engine).replace("+psycopg", ""), autocommit=True) as admin:
        database = admin.info.dbname
        admin.execute(f'GRANT CREATE ON DATABASE {database} TO "{role}"'.encode())
    with pytest.raises(ConfigError, match="may still make schemas; as the database's owner"):
        grant_app_role(url_of(engine), role)


def test_somebody_who_owns_nothing_cannot_give_rights(engine: Engine, role: str) -> None:
    with psycopg.connect(url_of(engine).replace("+psycopg", ""), autocommit=True) as admin:
        other = f"other_{uuid.uuid4().hex[:8]}"
        admin.execute(f"CREATE ROLE {other} LOGIN".encode())
        with pytest.raises(ConfigError, match="run dunning migrate as their owner"):
            grant_app_role(url_of(engine, role), other)
        admin.execute(f"DROP ROLE {other}".encode())
