"""The comparison with Stripe counts as missing only what the ledger was there to hear of."""

from datetime import timedelta

from tests.integration.services.bench import Bench
from tests.integration.services.raw import API_VERSION, customer, event
from tests.integration.store.building import DAY, NOW
from worker.gateway.invoice_readers import StripeReader
from worker.services.reconcile import Reconciled, reconcile


def compare(bench: Bench, relist: timedelta) -> Reconciled:
    """Compare with Stripe, reading its list again from so long ago."""
    with bench.ledger.begin() as tx:
        tx.control.set_cursor("events", bench.clock.now)
    return reconcile(
        ledger=bench.ledger,
        stripe=bench.ports.stripe,
        reader=StripeReader(),
        log=bench.ports.log,
        clock=bench.clock,
        configuration=bench.ports.configuration,
        api_version=API_VERSION,
        now=bench.clock.now,
        relist=relist,
    )


def test_events_from_before_the_ledger_are_not_missing(bench: Bench) -> None:
    """It went live 30 days ago, and Stripe's list reaches behind that."""
    for number, days in enumerate((35, 33, 31, 29, 1)):
        subject = customer(number)
        bench.stripe.events.append(event(number, "customer.updated", subject, at=NOW - days * DAY))
    assert compare(bench, 40 * DAY).late_events == 2
    assert compare(bench, 40 * DAY).late_events == 0, "they are known now"
