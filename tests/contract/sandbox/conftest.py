"""A sandbox in a thread and the real SDK pointed at it."""

from collections.abc import Iterator

import pytest
import stripe

from tests.contract.sandbox.driving import Driver
from worker.rehearsal.sandbox.main import Running, start_thread


@pytest.fixture(scope="session")
def server() -> Iterator[Running]:
    """One server for the whole run."""
    with start_thread(seed="1") as running:
        yield running


@pytest.fixture
def box(server: Running) -> Driver:
    """The server, emptied, with a client and shortcuts."""
    client = stripe.StripeClient("sk_test_x", base_addresses={"api": server.base_url})
    driver = Driver(server.base_url, client)
    driver.control("reset", seed="1")
    return driver
