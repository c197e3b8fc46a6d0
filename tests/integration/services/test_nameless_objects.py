"""What Stripe tells of an object without an id is put aside: nothing is kept, opened or woken."""

from typing import Any

import pytest

from tests.integration.services.bench import Bench
from tests.integration.services.raw import customer, event, invoice, subscription
from tests.integration.store.building import NOW

AT = int(NOW.timestamp())
CHARGE: dict[str, Any] = {"object": "charge", "id": "ch_1", "status": "failed", "created": AT}
DISPUTE: dict[str, Any] = {"object": "dispute", "id": "du_1", "charge": "ch_1", "status": "lost"}
METHOD: dict[str, Any] = {"object": "payment_method", "id": "pm_1", "type": "card"}
WARNING: dict[str, Any] = {"object": "radar.early_fraud_warning", "id": "issfr_1"}


EVERY_KIND = {
    "invoice.paid": invoice(status="paid"),
    "customer.subscription.updated": subscription(),
    "customer.updated": customer(),
    "charge.failed": CHARGE,
    "charge.dispute.created": DISPUTE,
    "radar.early_fraud_warning.created": WARNING,
    "payment_method.attached": METHOD,
    "coupon.created": {"object": "coupon", "id": "SAVE20"},
}


def kept_ids(bench: Bench) -> set[str]:
    """Return the ids under which objects are mirrored and cases are open."""
    with bench.ledger.connection() as connection:
        kept = connection.exec_driver_sql(
            "SELECT id FROM invoices UNION ALL SELECT id FROM subscriptions"
            " UNION ALL SELECT id FROM customers UNION ALL SELECT invoice_id FROM cases"
        )
        return set(kept.scalars())


@pytest.mark.parametrize("name", ["absent", None, "", " ", 5])
def test_a_failure_of_an_invoice_without_an_id_opens_no_case(bench: Bench, name: object) -> None:
    """The event beside it is applied as ever."""
    nameless = invoice() | {"id": name}
    if name == "absent":
        del nameless["id"]
    run = bench.feed(
        event(1, "invoice.payment_failed", nameless),
        event(2, "invoice.payment_failed", invoice(2)),
    )
    assert (run.parked, run.opened) == (1, ["C-1001"])
    (line,) = bench.said("event.parked")
    assert (line["event_id"], line["error"]) == ("evt_1", "ValueError: its invoice has no id")
    assert kept_ids(bench) == {"in_2"}


def test_nothing_of_any_kind_is_kept_without_an_id(bench: Bench) -> None:
    run = bench.feed(
        *(event(no, kind, whole | {"id": 5}) for no, (kind, whole) in enumerate(EVERY_KIND.items()))
    )
    assert (run.events, run.parked) == (0, len(EVERY_KIND))
    assert kept_ids(bench) == set()


def test_with_their_ids_they_all_are_read(bench: Bench) -> None:
    run = bench.feed(
        *(event(no, kind, whole) for no, (kind, whole) in enumerate(EVERY_KIND.items()))
    )
    assert (run.events, run.parked) == (len(EVERY_KIND), 0)
    assert kept_ids(bench) >= {"in_1", "sub_1", "cus_1"}


def test_a_preview_has_no_id_and_is_no_mistake(bench: Bench) -> None:
    run = bench.feed(event(1, "invoice.upcoming", {**invoice(), "id": None}))
    assert (run.events, run.parked, run.opened) == (1, 0, [])
    assert bench.said("event.parked") == []


def test_an_old_discount_had_no_id_and_is_left_out(bench: Bench) -> None:
    old = {"object": "discount", "coupon": {"id": "SAVE20"}, "customer": "cus_1"}
    assert bench.feed(event(1, "customer.discount.created", old)).parked == 0
    with bench.ledger.connection() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM discounts").scalar_one() == 0
