"""Secrets, card numbers and addresses everywhere: none of them in log, Valkey or elsewhere.

Addresses stand in the contact tables alone: customers, raw events, letters, mails to staff.
"""

import re
from collections.abc import Iterator

import pytest
from redis import Redis

from tests.scenarios.test_forget import everything
from tests.scenarios.test_retry_by_hand import view_of
from tests.scenarios.world import World
from worker.cli.act_hold import WishedHold, hold
from worker.errors import GatewayRejected, UsageError
from worker.jobs.boundary import Boundary
from worker.jobs.table import JOBS
from worker.queue.doorbell import QueueDoorbell

CONTACT_TABLES = {"customers", "inbox", "letters", "staff_mails"}
CARD, SECRET, ADDRESS = (
    "4000 0000 0000 0341",
    "_".join(("sk", "live", "51HabcLEAK")),
    "anna.leak@customers.example",
)
QUOTE = f"{ADDRESS} paid with {CARD} and {SECRET}, password=hunter2LEAK"
ADDRESSES = re.compile(r"[\w.+-]+@(?:customers|acme|[\w-]+)\.example")
FORBIDDEN = re.compile(
    r"4000.?0000.?0000.?0341|(?:sk|rk)_(?:live|test)_\w|whsec_\w|hunter2", re.IGNORECASE
)


def valkey(world: World) -> Iterator[str]:
    """Yield every key with all that it holds."""
    with Redis.from_url(world.servers.redis_url) as redis:
        for key in redis.scan_iter("*", count=1000):
            yield f"{key!r} {redis.dump(key)!r}"


def test_after_a_story_full_of_secrets_none_is_left_behind(world: World) -> None:
    """Exceptions, Stripe's errors, the mail server and people quote them all."""
    anna = world.customer("anna", ["insufficient_funds"], email=ADDRESS)
    bela = world.customer("bela", ["insufficient_funds", "approve"])
    world.advance(days=1)
    boundary = Boundary(world.app.log, world.app.clock)

    def quoting() -> None:
        raise RuntimeError(QUOTE) from KeyError(QUOTE)

    assert not boundary.run("case.advance", quoting)
    refused = GatewayRejected(QUOTE)
    world.app.log.error("stripe.rejected", error=str(refused), case=QUOTE, do="dunning doctor")
    world.inbox.refuse(ADDRESS, code=550, reason=QUOTE)
    world.app.log.warning(
        "library", logger="stripe", message=QUOTE, error=OSError(QUOTE), do="none"
    )
    world.advance(days=2)
    world.inbox.accept(ADDRESS)
    for said in (f"his card is {CARD}", f"use {SECRET}"):
        with pytest.raises(UsageError, match="has a key, a password or card digits in it"):
            hold(view_of(world), bela.id, WishedHold("legal"), by="jo", reason=said)
    world.advance(days=12)
    for name in JOBS:
        world.job(name)
    bell = QueueDoorbell(world.app.broker)
    bell.advance_case(world.case_of(anna).id)
    bell.run_job("read_stripe")
    log = world.lines.getvalue()
    assert "[address]" in log
    assert "[card]" in log
    tables = everything(world)
    assert ADDRESS in tables["customers"]
    for where, said in {"log": log, "valkey": "\n".join(valkey(world)), **tables}.items():
        assert FORBIDDEN.findall(said) == [], where
        if where not in CONTACT_TABLES:
            assert ADDRESSES.findall(said) == [], where
    assert "hunter2" not in log
