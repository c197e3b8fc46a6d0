"""Taxes that Stripe computes into a price are no revenue: learnt from invoices, in any order."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from tests.integration.services.bench import Bench
from tests.integration.services.raw import API_VERSION, event, invoice, subscription
from tests.integration.services.telling import (
    booked_by,
    fold,
    hear,
    moved,
    standing,
    ties_out,
)
from tests.integration.store.building import DAY, NOW
from worker.domain.metrics_rules import ChurnAt, MetricsRules
from worker.domain.tax_shares import TaxedLine, TaxesShown
from worker.errors import GatewayRejected, GatewayUnavailable
from worker.gateway.invoice_readers import StripeReader
from worker.services.backfill import backfill
from worker.services.learn_for_facts import learn_for_facts
from worker.services.learn_taxes import learn_taxes

HOUR = timedelta(hours=1)
GROSS = 11_900
NINETEEN = TaxedLine("price_1", 1900, 10_000, ("txr_19",))


def taxed(number: int = 1, *, behavior: str = "inclusive", **more: Any) -> dict[str, Any]:
    """Return a subscription at 119.00 a month whose taxes Stripe computes."""
    raw = subscription(number, **{"amount_minor": GROSS, **more})
    for item in raw["items"]["data"]:
        item["price"]["tax_behavior"] = behavior
    return raw | {"automatic_tax": {"enabled": True}}


def billed(percent: int, amount: int = GROSS, price: str = "price_1") -> dict[str, Any]:
    """Return an invoice's line with this tax inside."""
    tax = round(Fraction(amount * percent, 100 + percent))
    return {
        "amount": amount,
        "parent": {"subscription_item_details": {"subscription": "sub_1"}},
        "pricing": {"price_details": {"price": price}},
        "taxes": [
            {
                "amount": tax,
                "tax_behavior": "inclusive",
                "tax_rate_details": {"tax_rate": f"txr_{percent}"},
            }
        ],
    }


def taxed_invoice(number: int, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an invoice of `sub_1`."""
    return invoice(
        number,
        customer="cus_1",
        parent={"subscription_details": {"subscription": "sub_1"}},
        automatic_tax={"enabled": True, "status": "complete"},
        lines={"data": [*lines]},
        **more,
    )


def begun(at: datetime = NOW, **more: Any) -> dict[str, Any]:
    """Return the event of the subscription's beginning."""
    return event(1, "customer.subscription.created", taxed(**more), at=at)


def bills(number: int, percent: int, at: datetime, *more: dict[str, Any]) -> dict[str, Any]:
    """Return the event of a draft with this tax inside its only price."""
    return event(
        100 + number, "invoice.created", taxed_invoice(number, billed(percent), *more), at=at
    )


@dataclass
class Invoices:
    """Stripe, as far as it knows latest invoices."""

    latest: dict[str, TaxesShown | None] = field(default_factory=dict)
    trouble: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def read_taxes(self, subscription_id: str) -> TaxesShown | None:
        """Return what the latest invoice shows."""
        self.asked.append(subscription_id)
        if self.trouble is not None:
            raise self.trouble
        return self.latest[subscription_id]


def learn(bench: Bench, stripe: Invoices) -> None:
    """Learn what facts need."""
    learn_for_facts(ledger=bench.ledger, stripe=stripe, log=bench.ports.log)  # type: ignore[arg-type]


def begins_at(bench: Bench) -> list[int]:
    """Return the MRR that the subscription began with, as told."""
    return [fact["mrr_minor"] for fact in bench.facts("subscription.started")]


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_the_invoice_before_and_after_its_subscription(bench: Bench, order: slice) -> None:
    both = [begun(), bills(1, 19, NOW + timedelta(seconds=1))]
    hear(bench, *both[order], until=NOW + HOUR)
    stripe = Invoices()
    learn(bench, stripe)
    fold(bench)
    assert (begins_at(bench), stripe.asked) == ([10_000], [])
    assert moved(bench) == []
    assert ties_out(bench)


def test_a_rate_that_changes_moves_the_subscription_from_that_invoice_on(bench: Bench) -> None:
    next_at, third_at = NOW + 30 * DAY, NOW + 60 * DAY
    hear(bench, begun(), bills(1, 19, NOW), until=NOW + HOUR)
    fold(bench)
    hear(bench, bills(2, 0, next_at), until=next_at + HOUR)
    fold(bench)
    hear(bench, bills(3, 0, third_at), until=third_at + HOUR)
    fold(bench)
    assert moved(bench) == [("sub_1", "expanded", next_at, 1900)]
    assert ties_out(bench)


def on_plan(number: int) -> dict[str, Any]:
    """Return the subscription on this plan, of so many times the price."""
    raw = taxed(amount_minor=number * GROSS)
    raw["items"]["data"][0]["price"]["id"] = f"price_{number}"
    return raw


@pytest.mark.parametrize("late", [False, True])
def test_a_rate_that_changes_with_the_plan_moves_it_once(bench: Bench, *, late: bool) -> None:
    """The bill of a change of plan is of its second; that rate was never the plan's before."""
    second_at, third_at = NOW + 5 * DAY, NOW + 10 * DAY
    second = event(2, "customer.subscription.updated", on_plan(2), at=second_at)
    hear(bench, begun(), bills(1, 19, NOW), second, until=NOW + (20 if late else 6) * DAY)
    fold(bench)
    third = event(3, "customer.subscription.updated", on_plan(3), at=third_at)
    bill = taxed_invoice(2, billed(0, 3 * GROSS, "price_3"))
    hear(bench, third, event(102, "invoice.created", bill, at=third_at), until=NOW + 30 * DAY)
    fold(bench)
    assert moved(bench) == [
        ("sub_1", "expanded", second_at, 10_000),
        ("sub_1", "expanded", third_at, 3 * GROSS - 20_000),
    ]
    assert ties_out(bench)


@pytest.mark.parametrize("late", [False, True])
def test_who_moved_abroad_and_goes_back_to_an_old_plan_is_taxed_there(
    bench: Bench, *, late: bool
) -> None:
    """What the old plan had inside at home says nothing of now."""
    second_at, back_at = NOW + 30 * DAY, NOW + 60 * DAY
    at_home = taxed_invoice(1, billed(20), customer_address={"country": "GB"})
    abroad = taxed_invoice(2, billed(10, 2 * GROSS, "price_2"), customer_address={"country": "JP"})
    second = [
        event(2, "customer.subscription.updated", on_plan(2), at=second_at),
        event(102, "invoice.created", abroad, at=second_at),
    ]
    back = event(3, "customer.subscription.updated", on_plan(1), at=back_at)
    hear(bench, begun(), event(101, "invoice.created", at_home, at=NOW), until=NOW + HOUR)
    fold(bench)
    if late:
        hear(bench, back, until=back_at + HOUR)
        fold(bench)
        hear(bench, *second, until=back_at + 2 * HOUR)
    else:
        hear(bench, *second, until=second_at + HOUR)
        fold(bench)
        hear(bench, back, until=back_at + HOUR)
    fold(bench)
    at_home_minor, abroad_minor = 9917, 10_818
    assert begins_at(bench) == [at_home_minor]
    assert moved(bench) == [
        ("sub_1", "expanded", second_at, 21_636 - at_home_minor),
        ("sub_1", "contracted", back_at, abroad_minor - 21_636),
    ]
    assert ties_out(bench)


@pytest.mark.parametrize("late", [False, True])
def test_a_rate_that_changes_with_a_renewal_and_the_plan_moves_it_once(
    bench: Bench, *, late: bool
) -> None:
    """The payment is heard before the subscription, all of one second."""
    second_at, third_at = NOW + 5 * DAY, NOW + 30 * DAY
    second = event(2, "customer.subscription.updated", on_plan(2), at=second_at)
    hear(bench, begun(), bills(1, 19, NOW), second, until=NOW + (40 if late else 6) * DAY)
    fold(bench)
    bill = taxed_invoice(2, billed(0, 3 * GROSS, "price_3"))
    paid = bill | {"status": "paid", "billing_reason": "subscription_cycle"}
    third = event(3, "customer.subscription.updated", on_plan(3), at=third_at)
    hear(
        bench,
        event(102, "invoice.created", bill, at=third_at),
        event(103, "invoice.paid", paid, at=third_at),
        third,
        until=NOW + 50 * DAY,
    )
    fold(bench)
    changed = [each for each in standing(bench) if each[2]]
    assert changed == [("sub_1", second_at, 10_000), ("sub_1", third_at, 3 * GROSS - 20_000)]
    assert len(bench.facts("subscription.renewed")) == 1
    assert ties_out(bench)


def pays(number: int, at: datetime) -> dict[str, Any]:
    """Return the event of a period that is paid; its invoice came to nothing."""
    paid = invoice(
        number,
        customer="cus_1",
        status="paid",
        billing_reason="subscription_cycle",
        parent={"subscription_details": {"subscription": "sub_1"}},
    )
    return event(200 + number, "invoice.paid", paid, at=at)


def test_rates_that_change_before_payments_of_the_same_fold_are_told_once(bench: Bench) -> None:
    hear(bench, begun(), bills(1, 19, NOW), until=NOW + HOUR)
    fold(bench)
    days = {day: NOW + day * DAY for day in range(3, 10)}
    hear(
        bench,
        bills(2, 0, days[3]),
        bills(3, 19, days[4]),
        pays(4, days[5]),
        bills(6, 0, days[6]),
        pays(7, days[7]),
        event(8, "customer.subscription.updated", taxed(metadata={"a": "b"}), at=days[8]),
        pays(9, days[9]),
        until=NOW + 20 * DAY,
    )
    fold(bench)
    assert [each[1:] for each in moved(bench)] == [
        ("expanded", days[3], 1900),
        ("contracted", days[4], -1900),
        ("renewed", days[5], 0),
        ("expanded", days[6], 1900),
        ("renewed", days[7], 0),
        ("renewed", days[9], 0),
    ]
    assert ties_out(bench)


def test_a_rate_that_changed_in_a_grace_brings_nobody_back_who_pays_after_it(bench: Bench) -> None:
    rules = MetricsRules(churn_at=ChurnAt.GRACE_END, grace=7 * DAY)
    owes_at, paid_at = NOW + 2 * DAY, NOW + 12 * DAY
    hear(bench, begun(), bills(1, 19, NOW), until=NOW + HOUR)
    fold(bench, rules)
    hear(
        bench,
        event(2, "customer.subscription.updated", taxed(status="past_due"), at=owes_at),
        bills(2, 0, NOW + 3 * DAY),
        pays(3, paid_at),
        until=NOW + 13 * DAY,
    )
    fold(bench, rules)
    assert [each[1:] for each in moved(bench)] == [
        ("expanded", NOW + 3 * DAY, 1900),
        ("churned", owes_at + 7 * DAY, -GROSS),
        ("renewed", paid_at, 0),
    ]
    assert ties_out(bench, rules)


def test_what_an_invoice_changed_is_corrected_though_later_ones_say_the_same(bench: Bench) -> None:
    """Of equal invoices in a row those between go; what was not told of them stays to be told."""
    hear(bench, begun(), until=NOW + 20 * DAY)
    fold(bench)
    assert begins_at(bench) == [GROSS]
    for number, day in enumerate((5, 4, 6), 1):
        hear(bench, bills(number, 19, NOW + day * DAY), until=NOW + 20 * DAY)
    fold(bench)
    assert begins_at(bench)[-1] == 10_000
    assert booked_by(bench, NOW + 30 * DAY) == 10_000
    assert ties_out(bench)


def test_what_is_known_late_corrects_and_changes_nothing_closed(bench: Bench) -> None:
    next_at = NOW + 30 * DAY
    hear(bench, begun(), bills(1, 19, NOW), until=NOW + 40 * DAY)
    fold(bench)
    hear(bench, bills(2, 0, next_at), until=NOW + 50 * DAY)
    fold(bench)
    assert standing(bench) == [("sub_1", next_at, 1900)]
    assert booked_by(bench, NOW + 40 * DAY - HOUR) == 10_000
    assert booked_by(bench, NOW + 41 * DAY) == 11_900
    assert ties_out(bench)


def test_an_old_invoice_that_is_paid_late_tells_nothing_of_now(bench: Bench) -> None:
    final = {"finalized_at": int(NOW.timestamp())}
    old = taxed_invoice(1, billed(19), status_transitions=final)
    hear(bench, begun(), event(101, "invoice.finalized", old, at=NOW), until=NOW + HOUR)
    hear(bench, bills(2, 0, NOW + 30 * DAY), until=NOW + 31 * DAY)
    fold(bench)
    paid = event(
        103,
        "invoice.paid",
        old | {"status": "paid", "billing_reason": "subscription_create"},
        at=NOW + 35 * DAY,
    )
    hear(bench, paid, until=NOW + 36 * DAY)
    fold(bench)
    assert moved(bench) == [("sub_1", "expanded", NOW + 30 * DAY, 1900)]
    assert ties_out(bench)


def test_another_price_is_taxed_as_the_last_until_it_is_billed(bench: Bench) -> None:
    at = NOW + DAY
    dearer = taxed(amount_minor=23_800)
    dearer["items"]["data"][0]["price"]["id"] = "price_2"
    hear(bench, begun(), bills(1, 19, NOW), until=NOW + HOUR)
    fold(bench)
    hear(bench, event(2, "customer.subscription.updated", dearer, at=at), until=at + HOUR)
    fold(bench)
    reduced = taxed_invoice(2, billed(7, 23_800, "price_2"))
    billed_at = NOW + 30 * DAY
    hear(bench, event(102, "invoice.created", reduced, at=billed_at), until=billed_at + HOUR)
    fold(bench)
    assert moved(bench) == [
        ("sub_1", "expanded", at, 10_000),
        ("sub_1", "expanded", billed_at, 2243),
    ]
    assert ties_out(bench)


def test_what_no_event_told_is_read_once(bench: Bench) -> None:
    shown = TaxesShown("sub_1", NOW - 5 * DAY, (NINETEEN,))
    stripe = Invoices({"sub_1": shown})
    hear(bench, begun(), until=NOW + HOUR)
    learn(bench, stripe)
    learn(bench, stripe)
    fold(bench)
    assert (begins_at(bench), stripe.asked) == ([10_000], ["sub_1"])
    again = event(3, "customer.subscription.updated", taxed(metadata={"a": "b"}), at=NOW + DAY)
    hear(bench, again, until=NOW + 2 * DAY)
    learn(bench, stripe)
    fold(bench)
    assert (moved(bench), stripe.asked) == ([], ["sub_1"])
    assert ties_out(bench)


@pytest.mark.parametrize(
    "stripe",
    [
        lambda: Invoices(trouble=GatewayRejected("no such subscription", status=404)),
        lambda: Invoices({"sub_1": None}),
        lambda: Invoices({"sub_1": TaxesShown("sub_1", NOW)}),
    ],
)
def test_where_stripe_shows_nothing_nothing_is_inside_until_an_invoice_tells(
    bench: Bench, stripe: Callable[[], Invoices]
) -> None:
    asked = stripe()
    hear(bench, begun(), until=NOW + HOUR)
    learn(bench, asked)
    learn(bench, asked)
    fold(bench)
    assert (begins_at(bench), asked.asked) == ([GROSS], ["sub_1"])
    assert ties_out(bench)
    billed_at = NOW + 30 * DAY
    hear(bench, bills(1, 19, billed_at), until=billed_at + HOUR)
    fold(bench)
    # The price had that inside from the start: what was told is taken back.
    assert bench.facts("subscription.started")[-1]["mrr_minor"] == 10_000
    assert booked_by(bench, NOW + HOUR - timedelta(seconds=1)) == GROSS
    assert booked_by(bench, billed_at) == 10_000
    assert ties_out(bench)


@pytest.mark.parametrize(
    "trouble", [GatewayUnavailable("away"), GatewayRejected("no right", status=403)]
)
def test_facts_wait_while_stripe_is_away(bench: Bench, trouble: Exception) -> None:
    hear(bench, begun(), until=NOW + HOUR)
    with pytest.raises(type(trouble)):
        learn(bench, Invoices(trouble=trouble))
    stripe = Invoices({"sub_1": TaxesShown("sub_1", NOW, (NINETEEN,))})
    learn(bench, stripe)
    fold(bench)
    assert begins_at(bench) == [10_000]


def test_a_trial_is_not_asked_about_and_begins_without_its_tax(bench: Bench) -> None:
    ends_at = NOW + 14 * DAY
    free = event(100, "invoice.created", taxed_invoice(7, billed(19, 0)), at=NOW)
    hear(bench, begun(status="trialing"), free, until=NOW + HOUR)
    stripe = Invoices()
    learn(bench, stripe)
    fold(bench)
    begins = event(2, "customer.subscription.updated", taxed(), at=ends_at)
    hear(bench, begins, bills(1, 19, ends_at + timedelta(seconds=2)), until=ends_at + HOUR)
    learn(bench, stripe)
    fold(bench)
    assert moved(bench) == [("sub_1", "started", ends_at, 10_000)]
    assert stripe.asked == []
    assert ties_out(bench)


def test_prices_that_are_taxed_on_top_are_neither_asked_about_nor_lessened(bench: Bench) -> None:
    stripe = Invoices()
    hear(bench, begun(behavior="exclusive"), until=NOW + HOUR)
    learn_taxes(ledger=bench.ledger, stripe=stripe)  # type: ignore[arg-type]
    hear(bench, bills(1, 19, NOW + DAY), until=NOW + 2 * DAY)
    fold(bench)
    assert (begins_at(bench), moved(bench), stripe.asked) == ([GROSS], [], [])
    assert ties_out(bench)


def test_without_automatic_tax_invoices_change_nothing(bench: Bench) -> None:
    plain = event(1, "customer.subscription.created", subscription(amount_minor=GROSS), at=NOW)
    hear(bench, plain, bills(1, 19, NOW), until=NOW + HOUR)
    fold(bench)
    assert begins_at(bench) == [GROSS]
    assert ties_out(bench)


def test_the_first_reading_takes_them_from_the_latest_invoices(bench: Bench) -> None:
    latest = taxed_invoice(1, billed(19), created=int((NOW - 9 * DAY).timestamp()))
    none = taxed(2) | {"latest_invoice": None}
    bench.stripe.pages = {"subscriptions": [taxed() | {"latest_invoice": latest}, none]}
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql("DELETE FROM cursors")
    backfill(
        ledger=bench.ledger,
        stripe=bench.ports.stripe,
        reader=StripeReader(),
        log=bench.ports.log,
        clock=bench.clock,
        rules=bench.ports.configuration.dunning,
        api_version=API_VERSION,
        now=NOW,
    )
    assert [f["mrr_minor"] for f in bench.facts("subscription.found")] == [10_000, GROSS]
    hear(bench, until=NOW + DAY)
    fold(bench)
    next_at = NOW + 2 * DAY
    later = taxed_invoice(2, billed(19))
    later["parent"] = {"subscription_details": {"subscription": "sub_2"}}
    hear(bench, event(5, "invoice.created", later, at=next_at), until=NOW + 3 * DAY)
    fold(bench)
    assert moved(bench) == [("sub_2", "contracted", next_at, -1900)]
    assert ties_out(bench)
