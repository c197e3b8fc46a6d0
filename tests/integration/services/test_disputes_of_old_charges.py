"""A dispute of a charge from before the ledger began: nobody told us whose it is."""

from tests.integration.services.bench import Bench
from tests.integration.services.raw import event
from tests.integration.store.building import MINUTE, NOW
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
