"""A ledger whose tables are of another release than the program that reads it."""

import pytest

from worker.errors import DatabaseUnavailable
from worker.store.ledger import OTHER_TABLES, PostgresLedger


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


def test_another_mistake_in_a_query_is_a_defect(ledger: PostgresLedger) -> None:
    with (
        pytest.raises(Exception, match="syntax error") as told,
        ledger.connection() as connection,
    ):
        connection.exec_driver_sql("SELECT FROM WHERE")
    assert not isinstance(told.value, DatabaseUnavailable)
