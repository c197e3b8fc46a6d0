"""Fixtures of stories: one sandbox and one database per test process, emptied for each world."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.scenarios.world import Servers, World
from worker.rehearsal.embedded.inbox import Inbox
from worker.rehearsal.embedded.postgres import Postgres
from worker.rehearsal.sandbox.main import Running, start_thread

MakeWorld = Callable[..., World]


@pytest.fixture(scope="session")
def stripe_box() -> Iterator[Running]:
    """Give this process's sandbox; each world empties it first."""
    with start_thread(seed="1") as running:
        yield running


@pytest.fixture(scope="session")
def story_database_url(postgres: Postgres, _migrated_template: str) -> str:
    """Give the URL of a database for many stories; making one takes longer than a story."""
    # Stories and crashes each import this fixture, so each have a database of their own.
    name = f"stories_{uuid.uuid4().hex}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {_migrated_template}")
    return postgres.database_url(name)


def empty(database_url: str) -> None:
    """Make a migrated database as it was when it was new."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        named = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' "
            "AND tablename <> 'alembic_version'"
        )
        deletes = [f'DELETE FROM "{name}"' for (name,) in named]
        # As a replica, so that neither foreign keys nor triggers that guard facts object.
        begin = ["SET session_replication_role = replica", "ALTER SEQUENCE case_numbers RESTART"]
        connection.execute("; ".join([*begin, *deletes]).encode())


@pytest.fixture
def make_world(
    story_database_url: str, redis_url: str, smtp_inbox: Inbox, stripe_box: Running
) -> Iterator[MakeWorld]:
    """Give what makes this test's world, for stories that want their own configuration."""
    worlds: list[World] = []
    empty(story_database_url)
    servers = Servers(story_database_url, redis_url, stripe_box.base_url)

    def make(kind: type[World] = World, **more: Any) -> World:
        worlds.append(kind(servers, smtp_inbox, **more))
        return worlds[-1]

    yield make
    broken = [each for made in worlds for each in made.broken_promises()]
    for made in worlds:
        made.close()
    assert broken == [], "a story must not break what the ledger promises"


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Give a fresh world with the shipped configuration."""
    return make_world()
