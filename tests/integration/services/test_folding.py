"""Facts about subscriptions are folded from events by one at a time."""

import pytest

from tests.integration.services.bench import Bench
from tests.integration.services.raw import event, subscription
from tests.integration.store.building import WALL
from worker.domain.metrics_rules import MetricsRules
from worker.domain.readings import SubscriptionReading
from worker.errors import DatabaseUnavailable
from worker.gateway.invoice_readers import StripeReader
from worker.ports import Json
from worker.services.fold_facts import fold_facts
from worker.store.ledger import PostgresLedger, connect


class InterruptedReader(StripeReader):
    """Lets another process fold while this one is in the middle of it."""

    def __init__(self, other: PostgresLedger, bench: Bench) -> None:
        self._other = other
        self._bench = bench

    def subscription(self, raw: Json, api_version: str) -> SubscriptionReading:
        """Return the subscription, after the other one has given up waiting."""
        with pytest.raises(DatabaseUnavailable, match="55P03"):
            fold_facts(
                ledger=self._other,
                reader=StripeReader(),
                clock=self._bench.clock,
                rules=MetricsRules(),
            )
        return super().subscription(raw, api_version)


def test_two_never_fold_at_once(bench: Bench) -> None:
    with bench.ledger.begin() as tx:
        tx.inbox.add([event(1, "customer.subscription.created", subscription())], wall_now=WALL)
    url = bench.ledger.engine.url.render_as_string(hide_password=False)
    engine = connect(f"{url}&options=-c%20lock_timeout%3D100")
    try:
        reader = InterruptedReader(PostgresLedger(engine, "acct_1"), bench)
        fold_facts(ledger=bench.ledger, reader=reader, clock=bench.clock, rules=MetricsRules())
    finally:
        engine.dispose()
    (told,) = bench.facts("subscription.started")
    assert told["mrr_minor"] == 1200
