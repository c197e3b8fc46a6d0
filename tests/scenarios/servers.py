"""Fixtures of stories: one sandbox per test process, and a fresh world per test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.scenarios.world import Servers, World
from worker.rehearsal.embedded.inbox import Inbox
from worker.rehearsal.sandbox.main import Running, start_thread

MakeWorld = Callable[..., World]


@pytest.fixture(scope="session")
def stripe_box() -> Iterator[Running]:
    """Give this process's sandbox; each world empties it first."""
    with start_thread(seed="1") as running:
        yield running


@pytest.fixture
def make_world(
    migrated_database_url: str, redis_url: str, smtp_inbox: Inbox, stripe_box: Running
) -> Iterator[MakeWorld]:
    """Give what makes this test's world, for stories that want their own configuration."""
    worlds: list[World] = []
    servers = Servers(migrated_database_url, redis_url, stripe_box.base_url)

    def make(kind: type[World] = World, **more: Any) -> World:
        worlds.append(kind(servers, smtp_inbox, **more))
        return worlds[-1]

    yield make
    for made in worlds:
        made.close()


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Give a fresh world with the shipped configuration."""
    return make_world()
