"""A Stripe that answers by script, and a gateway that talks to it through the real SDK."""

from collections.abc import Iterator

import pytest

from tests.integration.gateway.scripted_stripe import (
    OpenLimiter,
    ScriptedStripe,
    scripted_stripe,
)
from worker.gateway.stripe_gateway import SdkGateway
from worker.gateway.transport import Transport


@pytest.fixture(scope="session")
def _stripe_server() -> Iterator[ScriptedStripe]:
    with scripted_stripe() as server:
        yield server


@pytest.fixture
def stripe_server(_stripe_server: ScriptedStripe) -> ScriptedStripe:
    """Give a server without script that was asked nothing yet."""
    _stripe_server.script.clear()
    _stripe_server.asked.clear()
    return _stripe_server


@pytest.fixture
def limiter() -> OpenLimiter:
    """Give a limiter that always has a slot."""
    return OpenLimiter()


@pytest.fixture
def gateway(stripe_server: ScriptedStripe, limiter: OpenLimiter) -> SdkGateway:
    """Give a gateway that waits one second for an answer."""
    transport = Transport(
        api_key="rk_test_1",
        api_base=stripe_server.url,
        limiter=limiter,
        read_timeout_seconds=1,
    )
    return SdkGateway(transport)
