"""A dispute of a charge from before the ledger began: nobody told us whose it is."""

from dataclasses import replace

from tests.integration.services.bench import Bench
from tests.integration.services.raw import customer, event
from tests.integration.store.building import DAY, MINUTE, NOW
from worker.domain.network_rules import MadeBy
from worker.errors import GatewayRejected
from worker.services.sweep import sweep

DISPUTE = event(
    1,
    "charge.dispute.created",
    {"id": "dp_1", "charge": "ch_old", "status": "needs_response"},
    at=NOW - 5 * MINUTE,
)


def test_its_customer_is_not_charged_once_the_sweep_has_read_the_charge(bench: Bench) -> None:
    case_id = bench.case()
    bench.feed(DISPUTE)
    assert sweep(ports=bench.ports, now=NOW).refreshed == 1
    assert bench.look(case_id) == "disputed"
    assert bench.stripe.asked == ["read ch_old", "read in_1"]
    assert sweep(ports=bench.ports, now=NOW).refreshed == 0


def test_a_case_that_was_closed_long_ago_hears_of_it(bench: Bench) -> None:
    """Banks return debits for eight weeks and more; other news reach such a case no more."""
    case_id = bench.case()
    paid = bench.stripe.invoices["in_1"]
    bench.stripe.invoices["in_1"] = replace(paid, status="paid", amount_remaining_minor=0)
    bench.looks(case_id, until="paid")
    bench.clock.now += 50 * DAY
    later = bench.clock.now - MINUTE
    bench.feed(event(2, "customer.updated", customer(), at=later))
    assert bench.due()[0] == []
    with bench.ledger.begin() as tx:
        charge = bench.stripe.read_charge("ch_old")
        tx.mirror.put_charge(charge, customer_id="cus_1", at=NOW, now=NOW, made_by=MadeBy.STRIPE)
    lost = {"id": "dp_1", "charge": "ch_old", "status": "lost"}
    bench.feed(event(3, "charge.dispute.closed", lost, at=later))
    assert bench.due()[0] == [case_id]


def test_a_gone_charge_is_asked_for_once(bench: Bench) -> None:
    bench.feed(DISPUTE)
    bench.stripe.trouble = GatewayRejected("No such charge", status=404)
    sweep(ports=bench.ports, now=NOW)
    assert sweep(ports=bench.ports, now=NOW).refreshed == 0


def test_without_the_right_to_read_charges_a_person_is_told(bench: Bench) -> None:
    bench.feed(DISPUTE)
    bench.stripe.trouble = GatewayRejected("no right to read charges", status=403)
    sweep(ports=bench.ports, now=NOW)
    assert len(bench.said("stripe.rejected")) == 1
    bench.stripe.trouble = None
    assert sweep(ports=bench.ports, now=NOW).refreshed == 1
