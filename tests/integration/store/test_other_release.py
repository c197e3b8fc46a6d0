"""A ledger that cannot be used as it is: another release, no rights, a server that refuses."""

import uuid

import pytest

from worker.errors import DatabaseUnavailable
from worker.store.ledger import (
    NO_RIGHTS,
    OTHER_TABLES,
    PostgresLedger,
    account_known,
    connect,
)


@pytest.mark.parametrize(
    "query", ["SELECT a_later_column FROM cases", "SELECT * FROM a_later_table"]
)
def test_it_is_told_what_to_do(ledger: PostgresLedger, query: str) -> None:
    with (
        pytest.raises(DatabaseUnavailable, match="dunning migrate") as told,
        ledger.connection() as connection,
    ):
        connection.exec_driver_sql(query)
    assert str(told.value) == OTHER_TABLES


def test_a_role_without_rights_is_told_who_gives_them(ledger: PostgresLedger) -> None:
    role = f"without_rights_{uuid.uuid4().hex[:8]}"
    with ledger.connection() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {role} NOLOGIN")
    try:
        with (
            pytest.raises(DatabaseUnavailable) as told,
            ledger.connection() as connection,
        ):
            connection.exec_driver_sql(f"SET LOCAL ROLE {role}; SELECT * FROM cases")
    finally:
        with ledger.connection() as connection:
            connection.exec_driver_sql(f"DROP ROLE {role}")
    assert str(told.value) == NO_RIGHTS


@pytest.mark.parametrize("what", ["role", "database"])
def test_a_server_that_refuses_is_told_apart_from_one_that_is_away(
    ledger: PostgresLedger, what: str
) -> None:
    url = ledger.engine.url
    wrong = url.set(username="no_such") if what == "role" else url.set(database="no_such")
    engine = connect(wrong.render_as_string(hide_password=False))
    with pytest.raises(DatabaseUnavailable) as told:
        account_known(engine)
    engine.dispose()
    assert str(told.value) == (
        f'The database refuses the connection: {what} "no_such" does not exist. '
        "Check DATABASE_URL and the server."
    )


def test_another_mistake_in_a_query_is_a_defect(ledger: PostgresLedger) -> None:
    with (
        pytest.raises(Exception, match="syntax error") as told,
        ledger.connection() as connection,
    ):
        connection.exec_driver_sql("SELECT FROM WHERE")
    assert not isinstance(told.value, DatabaseUnavailable)
