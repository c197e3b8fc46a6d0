"""Many runs at once: each process has a database of its own on one private PostgreSQL."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from tests.simulation.ground import Ground
from worker.rehearsal.embedded.claim import Claim
from worker.rehearsal.embedded.postgres import Postgres, start_postgres
from worker.store.migrate import upgrade

T = TypeVar("T")
R = TypeVar("R")

_ground: list[Ground] = []
"""The ground of this process, once it has one."""


@contextmanager
def private_postgres() -> Iterator[Postgres]:
    """Give a PostgreSQL that ends, with all its data, at the end."""
    with tempfile.TemporaryDirectory() as folder, Claim(Path(folder)) as claim:
        postgres = start_postgres(claim, durable=False, keep_data=False)
        try:
            yield postgres
        finally:
            postgres.server.stop()


def make_database(postgres: Postgres, name: str) -> str:
    """Return the URL of a new migrated database called *name*."""
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    url = postgres.database_url(name)
    upgrade(url)
    return url


def on_many_grounds(
    postgres: Postgres, do: Callable[[T], R], items: Sequence[T], *, processes: int
) -> Iterator[R]:
    """Yield what *do* made of each item, in order; `this_ground()` is what it runs on."""
    context = get_context("spawn")
    urls: Any = context.SimpleQueue()
    for number in range(processes):
        urls.put(make_database(postgres, f"ground_{number}"))
    with ProcessPoolExecutor(
        processes, mp_context=context, initializer=_take_ground, initargs=(urls,)
    ) as pool:
        yield from pool.map(do, items, chunksize=4)
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        for number in range(processes):
            admin.execute(f"DROP DATABASE ground_{number} WITH (FORCE)".encode())


def this_ground() -> Ground:
    """Return the ground of this process."""
    return _ground[0]


def _take_ground(urls: Any) -> None:
    _ground.append(Ground(urls.get()))
