"""Without its neighbours the web process never says 200 without the row."""

import socket

from tests.integration.cli_run.service import wait_until
from tests.integration.store.shared import wiped
from tests.integration.web.posting import Web, begin, failed, web_process
from worker.store.ledger import PostgresLedger, connect
from worker.store.migrate import newest

AWAY = "postgresql:///dunning?host=/nonexistent"
SENTENCE = "The database does not answer. Check DATABASE_URL and the server."


def test_redis_away_costs_nothing_but_speed(begun_url: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"redis://127.0.0.1:{nobody.getsockname()[1]}/0"
        with web_process(begun_url, address) as web:
            assert web.deliver(failed()) == (200, "stored")
            assert web.rows() == [("evt_1", True)]
            wait_until(lambda: web.said("redis.unavailable"), "the log says so")


def test_the_database_away_is_503_and_stripe_delivers_again(redis_url: str) -> None:
    with web_process(AWAY, redis_url) as web:
        for _ in range(3):
            assert web.deliver(failed()) == (503, "unavailable")
        assert web.inside("/healthz").json() == {"up": True}
        ready = web.inside("/readyz")
        assert (ready.status_code, ready.json()) == (503, {"ready": False, "missing": [SENTENCE]})
        assert "dunning_ledger_up 0.0" in web.inside("/metrics").text
        (line,) = [each for each in web.said("database.unavailable") if each["level"] == "warn"]
        assert line["count"] == 1


def test_before_a_worker_has_begun_the_ledger_nothing_is_taken(
    web_database: str, redis_url: str
) -> None:
    url = web_database.replace("postgresql+psycopg://", "postgresql://")
    with wiped(web_database) as engine, web_process(url, redis_url) as web:
        assert web.deliver(failed()) == (503, "unavailable")
        assert "no worker has run on it yet" in web.inside("/readyz").json()["missing"][0]
        begin(PostgresLedger(engine, "acct_1"))
        assert web.deliver(failed()) == (200, "stored")
        assert web.inside("/readyz").json() == {"ready": True, "missing": []}


def test_a_database_of_another_release_is_503(web: Web, begun_url: str) -> None:
    engine = connect(begun_url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE inbox RENAME COLUMN waiting TO waits")
        assert web.deliver(failed()) == (503, "unavailable")
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE inbox RENAME COLUMN waits TO waiting")
        assert web.deliver(failed()) == (200, "stored")
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
        assert "dunning migrate" in web.inside("/readyz").json()["missing"][0]
    finally:
        with engine.begin() as connection:
            back = "UPDATE alembic_version SET version_num = %(newest)s"
            connection.exec_driver_sql(back, {"newest": newest()})
        engine.dispose()
