"""Back after more than the 30 days that Stripe's list of events goes back."""

from typing import Any

from tests.integration.services.bench import Bench
from tests.integration.services.raw import API_VERSION, event, subscription
from tests.integration.store.building import DAY, NOW, WALL
from worker.domain.metrics_rules import MetricsRules
from worker.gateway.invoice_readers import StripeReader
from worker.services.backfill import backfill, needs_backfill
from worker.services.fold_facts import fold_facts
from worker.services.read_feed import position_of_feed


def fill(bench: Bench, *subscriptions: dict[str, Any]) -> None:
    """Let the worker mirror these subscriptions, as they stand 40 days after `NOW`."""
    bench.stripe.pages = {"subscriptions": list(subscriptions)}
    backfill(
        ledger=bench.ledger,
        stripe=bench.ports.stripe,
        reader=StripeReader(),
        log=bench.ports.log,
        clock=bench.clock,
        rules=bench.ports.configuration.dunning,
        api_version=API_VERSION,
        now=NOW + 40 * DAY,
    )


def read_until_now(bench: Bench, *events: dict[str, Any]) -> None:
    """Let the feed have been read up to `NOW`, with these events just before."""
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql("DELETE FROM cursors")
    with bench.ledger.begin() as tx:
        tx.control.set_cursor("events", NOW)
        tx.inbox.add(list(events), wall_now=WALL)
        tx.mirror.put_subscriptions(
            [(StripeReader().subscription(e["data"]["object"], API_VERSION), NOW) for e in events]
        )


def test_what_ended_meanwhile_is_told_when_it_ended(bench: Bench) -> None:
    read_until_now(bench, event(1, "customer.subscription.created", subscription()))
    assert needs_backfill(position_of_feed(bench.ledger), now=NOW + 40 * DAY)
    ended_at = NOW + 10 * DAY
    fill(bench, subscription(status="canceled", ended_at=int(ended_at.timestamp())))
    (started,), (ended,) = (bench.facts(f"subscription.{k}") for k in ("started", "churned"))
    assert (started["mrr_minor"], ended["mrr_delta_minor"]) == (1200, -1200)
    with bench.ledger.connection() as connection:
        query = "SELECT time FROM events WHERE type = 'subscription.churned'"
        assert connection.exec_driver_sql(query).scalar_one() == ended_at


def test_what_began_or_changed_meanwhile_is_told_once(bench: Bench) -> None:
    read_until_now(bench, event(1, "customer.subscription.created", subscription()))
    began = int((NOW + 5 * DAY).timestamp())
    now = subscription(amount_minor=1500), subscription(2, amount_minor=900, created=began)
    fill(bench, *now)
    fill(bench, *now)
    fold_facts(ledger=bench.ledger, reader=StripeReader(), clock=bench.clock, rules=MetricsRules())
    assert [f["mrr_delta_minor"] for f in bench.facts("subscription.expanded")] == [300]
    assert [f["mrr_minor"] for f in bench.facts("subscription.started")] == [1200, 900]


def test_what_a_first_start_finds_is_no_news(bench: Bench) -> None:
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql("DELETE FROM cursors")
    fill(bench, subscription(), subscription(2, status="canceled"))
    assert bench.facts("subscription.started") == bench.facts("subscription.churned") == []
    (found,) = bench.facts("subscription.found")
    assert (found["mrr_minor"], found["mrr_delta_minor"], found["no"]) == (1200, 1200, 1)
