"""The daily check finds facts that do not add up and says whose they are."""

from typing import Any

import pytest

from tests.integration.services.bench import Bench
from tests.integration.services.raw import event, invoice, subscription
from tests.integration.store.building import MINUTE, NOW
from worker.domain.metrics_rules import MetricsRules
from worker.gateway.invoice_readers import StripeReader
from worker.services.fold_facts import fold_facts
from worker.services.tie_out import TiedOut, tie_out

PAID: dict[str, Any] = {"status": "paid", "amount_paid": 1200, "amount_remaining": 0}
WRONG_MRR = """UPDATE events SET data = data || '{"mrr_minor": 1}' WHERE subject = 'sub_1'"""
GAP = "DELETE FROM events WHERE subject = 'sub_1' AND data ->> 'no' = '2'"
PAUSED = "UPDATE subscriptions SET collection_paused = true WHERE id = 'sub_1'"
DEARER = """UPDATE subscriptions SET priced = jsonb_set(priced, '{0,quantity}', '2')
            WHERE id = 'sub_1'"""
PAID_LESS = "UPDATE invoices SET amount_paid_minor = 1100 WHERE id = 'in_1'"
NOT_TOLD = "DELETE FROM events WHERE type = 'subscription.renewed' AND subject = 'sub_1'"


def checked(bench: Bench, *spoils: str) -> TiedOut:
    """Return what the check says of two subscriptions, one of which *spoils* harm."""
    told = []
    for number in (1, 2):
        at = NOW - 5 * MINUTE
        shown = subscription(number, amount_minor=1200)
        dearer = subscription(number, amount_minor=1500)
        told += [
            event(number * 10, "customer.subscription.created", shown, at=at),
            event(number * 10 + 1, "customer.subscription.updated", dearer, at=at + MINUTE),
            event(number * 10 + 2, "invoice.paid", invoice(number, **PAID), at=at + 2 * MINUTE),
        ]
    bench.feed(*sorted(told, key=lambda one: one["created"]))
    bench.clock.now = NOW + 30 * MINUTE
    bench.feed()
    rules = MetricsRules()
    fold_facts(ledger=bench.ledger, reader=StripeReader(), clock=bench.clock, rules=rules)
    with bench.ledger.connection() as connection:
        for statement in spoils:
            connection.exec_driver_sql(statement)
    return tie_out(ledger=bench.ledger, log=bench.ports.log, rules=rules, now=NOW)


def test_what_ties_out_is_said_in_one_line(bench: Bench) -> None:
    assert checked(bench) == TiedOut(2, (), (), ())
    (line,) = bench.said("revenue")
    assert (line["checked"], line["differences"], bench.said("revenue.differs")) == (2, 0, [])


@pytest.mark.parametrize(
    ("spoils", "cause"),
    [
        ((WRONG_MRR,), "chain"),
        ((PAUSED,), "state"),
        ((DEARER,), "state"),
        ((PAID_LESS,), "payment"),
    ],
)
def test_what_does_not_is_an_error_with_names(
    bench: Bench, spoils: tuple[str, ...], cause: str
) -> None:
    checked(bench, *spoils)
    (line,) = bench.said("revenue.differs")
    assert (line["level"], line["cause"], line["subscription"]) == ("error", cause, "sub_1")
    assert bench.said("revenue") == []


def test_a_missing_place_and_an_untold_payment_are_found(bench: Bench) -> None:
    found = checked(bench, GAP)
    assert (found.chains, found.states) == (("sub_1",), ("sub_1",))
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql(NOT_TOLD)
    again = tie_out(ledger=bench.ledger, log=bench.ports.log, rules=MetricsRules(), now=NOW)
    assert again.payments == ("sub_1",)
