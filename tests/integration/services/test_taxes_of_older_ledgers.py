"""A ledger of a release that did not know of Stripe's taxes: what it told ties out all along."""

from datetime import timedelta
from importlib import import_module
from typing import Any

from sqlalchemy import text

from tests.integration.services.bench import Bench
from tests.integration.services.raw import API_VERSION, event, invoice, subscription
from tests.integration.services.telling import booked_by, fold, hear, standing, ties_out
from tests.integration.store.building import DAY, NOW
from worker.gateway.invoice_readers import StripeReader

HOUR = timedelta(hours=1)
READ_AGAIN = str(import_module("worker.store.migrations.versions.0030_tax_shares").READ_AGAIN)
AS_BEFORE = text("""
    UPDATE subscriptions SET priced = jsonb_set(priced, '{0}', (priced -> 0) - 'taxed_by_stripe')
""")


def taxed(number: int, *, enabled: bool) -> dict[str, Any]:
    """Return a subscription at 119.00 a month."""
    return subscription(number, amount_minor=11_900) | {"automatic_tax": {"enabled": enabled}}


def test_it_reads_whom_stripe_taxes_again_and_the_next_invoice_corrects(bench: Bench) -> None:
    begun = [
        event(number, "customer.subscription.created", taxed(number, enabled=number == 1))
        for number in (1, 2)
    ]
    hear(bench, *begun, until=NOW + HOUR)
    fold(bench)
    with bench.ledger.connection() as connection:
        connection.execute(AS_BEFORE)
        connection.execute(text(READ_AGAIN))
    assert ties_out(bench)
    with bench.ledger.begin() as tx:
        assert list(tx.mirror.stale(limit=9)) == [("subscription", "sub_1")]
        read = StripeReader().subscription(taxed(1, enabled=True), API_VERSION)
        tx.mirror.put_subscriptions([(read, NOW + 2 * HOUR)])
        tx.mirror.settled("subscription", "sub_1")
    hear(bench, until=NOW + DAY)
    fold(bench)
    assert ties_out(bench)
    line = {
        "amount": 11_900,
        "parent": {"subscription_item_details": {"subscription": "sub_1"}},
        "pricing": {"price_details": {"price": "price_1"}},
        "taxes": [{"amount": 1900, "tax_behavior": "inclusive"}],
    }
    shown = invoice(
        1, automatic_tax={"enabled": True, "status": "complete"}, lines={"data": [line]}
    )
    billed_at = NOW + 5 * DAY
    hear(bench, event(9, "invoice.created", shown, at=billed_at), until=billed_at + HOUR)
    fold(bench)
    assert ties_out(bench)
    assert booked_by(bench, NOW + HOUR) == 2 * 11_900
    assert booked_by(bench, billed_at + DAY) == 10_000 + 11_900
    assert standing(bench) == []
