"""The URLs of the embedded servers are read back rightly by those who use them."""

from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from redis import ConnectionPool
from sqlalchemy import make_url

from worker.rehearsal.embedded import postgres, valkey

FOLDERS = ["/x", "/with blank", "/100% + a#b?c&d=e", "/ümlaut, 'quote'"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_database_url_as_libpq_and_sqlalchemy_read_it(folder: str) -> None:
    url = postgres.url_of(Path(folder), "ledger")

    assert conninfo_to_dict(url) == {
        "user": "postgres",
        "dbname": "ledger",
        "host": folder,
        "port": "5432",
    }
    read = make_url(url)
    assert (read.database, read.username, read.query["host"]) == ("ledger", "postgres", folder)


@pytest.mark.parametrize("folder", FOLDERS)
def test_redis_url_as_redis_reads_it(folder: str) -> None:
    read = ConnectionPool.from_url(valkey.url_of(Path(folder, "valkey.sock"), 7))
    used = read.connection_kwargs
    assert (used["path"], used["db"]) == (f"{folder}/valkey.sock", 7)
