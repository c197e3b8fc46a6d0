"""The servers that tests are given: fresh for each test, and the real products."""

import psycopg
import pytest
from redis import Redis

from worker.rehearsal.embedded.inbox import Inbox


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_an_empty_database_of_its_own(database_url: str, turn: int) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.info.server_version // 10000 == 18
        connection.execute(f"CREATE TABLE seen AS SELECT {turn} AS turn")
        assert connection.execute("SELECT turn FROM seen").fetchall() == [(turn,)]


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_an_empty_valkey(redis_url: str, turn: int) -> None:
    with Redis.from_url(redis_url) as redis:
        assert redis.dbsize() == 0
        redis.set("turn", turn)
        server = redis.info("server")
        assert str(server["valkey_version"]).startswith("9.")


def test_each_test_has_an_empty_inbox(smtp_inbox: Inbox) -> None:
    assert smtp_inbox.mails == []
    assert smtp_inbox.url.startswith("smtp://127.0.0.1:")


def test_the_migrated_database_has_tables(migrated_database_url: str) -> None:
    with psycopg.connect(migrated_database_url) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchall()
    assert {"cases", "attempts", "events", "inbox"} <= {name for (name,) in tables}
