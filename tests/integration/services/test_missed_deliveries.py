"""Events that a webhook endpoint did not take are taken in, and the people on call hear of it."""

from datetime import timedelta

from tests.integration.services.bench import Bench
from tests.integration.services.raw import event, invoice
from tests.integration.store.building import DAY, NOW
from worker.gateway.invoice_readers import StripeReader
from worker.services.missed_deliveries import take_undelivered
from worker.services.read_feed import FeedRun

HOUR = timedelta(hours=1)


def take(bench: Bench) -> FeedRun:
    """Ask Stripe what was not delivered."""
    return take_undelivered(
        ledger=bench.ledger,
        stripe=bench.ports.stripe,
        reader=StripeReader(),
        log=bench.ports.log,
        clock=bench.clock,
        configuration=bench.ports.configuration,
        now=bench.clock.now,
    )


def test_a_failure_that_nobody_heard_of_becomes_a_case(bench: Bench) -> None:
    """Twelve days ago: neither the feed nor its re-listing of three days shows it any more."""
    bench.stripe.pages["undelivered"] = [
        event(1, "invoice.payment_failed", invoice(), at=NOW - 12 * DAY)
    ]
    run = take(bench)
    assert (run.events, run.opened) == (1, ["C-1001"])
    assert bench.said("webhook.undelivered") == [], "it is no news"
    assert take(bench).events == 0, "it is taken in once"


def test_an_endpoint_that_fails_is_told_though_nothing_is_lost(bench: Bench) -> None:
    known = event(1, "invoice.payment_failed", invoice())
    bench.feed(known)
    bench.clock.now += 5 * HOUR
    bench.stripe.pages["undelivered"] = [
        known,
        event(2, "invoice.updated", invoice(), at=bench.clock.now - HOUR / 2),
    ]
    run = take(bench)
    assert (run.events, run.opened) == (0, []), "one is known, one may still be on its way"
    (line,) = bench.said("webhook.undelivered")
    assert (line["level"], line["count"]) == ("warn", 1)


def test_events_from_before_go_live_stay_where_they_are(bench: Bench) -> None:
    bench.stripe.pages["undelivered"] = [
        event(1, "invoice.payment_failed", invoice(), at=NOW - 31 * DAY)
    ]
    assert take(bench).events == 0
