"""A second worker on the same Stripe account, and a ledger that comes back from a backup."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
from sqlalchemy import make_url

from tests.scenarios.world import World
from worker.gateway.stripe_gateway import SdkGateway
from worker.rehearsal.embedded.postgres import Postgres


class Neighbour(World):
    """Another worker with another database, at the same Stripe and under the same clocks."""

    def __init__(self, world: World, database_url: str) -> None:
        """Start beside *world*, whose Stripe is not emptied."""
        beside = vars(world) | {
            "servers": replace(world.servers, database_url=database_url),
            "_apps": [],
            "_transports": [],
            "_mailers": [],
            "_done_at": {},
            "_wall_swept_ahead": timedelta(),
        }
        vars(self).update(beside)
        self.start_worker()


class MeanwhileStripe:
    """The real gateway; once, just before a charge is sent, something else happens."""

    def __init__(self, real: SdkGateway, meanwhile: Callable[[], object]) -> None:
        self._real = real
        self._meanwhile: Callable[[], object] | None = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def pay_invoice(self, invoice_id: str, **more: Any) -> Any:
        """Pay, after what happens meanwhile."""
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return self._real.pay_invoice(invoice_id, **more)


def dump(world: World, postgres: Postgres, name: str) -> str:
    """Copy the world's ledger as it is now and return the copy's URL."""
    source = make_url(world.servers.database_url).database
    world.app.ledger.engine.dispose()  # a database that is copied has no guests
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY file_copy")
    return postgres.database_url(name)


def restore(world: World, database_url: str) -> None:
    """Let the worker go on with a ledger that was dumped before."""
    world.servers = replace(world.servers, database_url=database_url)
    world.start_worker()
