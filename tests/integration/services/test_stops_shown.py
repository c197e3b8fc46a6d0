"""A stop that an invoice shows while a charge of ours is in flight binds the card in all hands."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from tests.integration.services.bench import Bench
from tests.integration.services.test_breaches_told_late import (
    at,
    cases,
    first_is_sent,
    is_broken,
    told_lost,
)
from tests.integration.services.test_sent_again_within_limits import DECLINED, HOUR, paid
from tests.integration.services.test_unknown_outcomes import SAVED_500, attempt
from tests.integration.store.building import DAY, MINUTE, NOW
from worker.domain.case import AttemptState
from worker.domain.network_tries import NetworkTry
from worker.domain.readings import ChargeReading, DeclineSignals, PaymentReading
from worker.store.network import all_tries, tries_of

__all__ = ["cases"]
LOST = DeclineSignals(code="card_declined", decline_code="lost_card")


def lost_is_shown(
    bench: Bench, case_id: int, *, made_at: datetime = NOW, method_id: str = "pm_1"
) -> None:
    """Let the invoice show that the card is lost, in what may be our charge, and be looked at."""
    read = bench.stripe.read_charge

    def read_charge(charge_id: str) -> ChargeReading:
        return replace(read(charge_id), created_at=made_at, payment_method_id=method_id)

    bench.stripe.read_charge = read_charge  # type: ignore[method-assign]
    bench.stripe.charge_says = LOST
    payment = PaymentReading("pi_1", "requires_payment_method", "ch_2", method_id, signals=LOST)
    bench.stripe.invoices["in_1"] = replace(bench.stripe.invoices["in_1"], payment=payment)
    bench.stripe.answers = [SAVED_500]
    at(bench, NOW + 2 * MINUTE)
    assert bench.look(case_id) == "outcome_unknown"


def counted(bench: Bench) -> list[NetworkTry]:
    """Return the tries of the card that count."""
    asked: dict[str, Any] = {"fingerprints": ["print1"], "customer_id": "cus_1"}
    with bench.ledger.connection() as connection:
        found = tries_of(connection, "acct_1", **asked)
    return [each for each in found if each.counted]


@pytest.mark.parametrize(
    ("made_at", "method_id"),
    [(NOW, "pm_1"), (NOW - DAY, "pm_1"), (NOW, "pm_5")],
    ids=["perhaps ours", "made before", "of another method"],
)
def test_the_other_customer_is_not_charged(
    bench: Bench, cases: tuple[int, int], made_at: datetime, method_id: str
) -> None:
    first, second = cases
    first_is_sent(bench, first)
    lost_is_shown(bench, first, made_at=made_at, method_id=method_id)
    at(bench, NOW + 5 * MINUTE)
    bench.stripe.answers = [replace(DECLINED, charge_id="ch_9")]
    for _ in range(4):
        bench.look(second)
    assert paid(bench, 2) == 0
    assert not is_broken(bench)
    assert len(counted(bench)) == (1 if (made_at, method_id) == (NOW, "pm_1") else 2)


def test_whose_it_was_its_event_tells(bench: Bench, cases: tuple[int, int]) -> None:
    """Until then it counts once, as ours, and no report lists it beside that."""
    first, _ = cases
    first_is_sent(bench, first)
    lost_is_shown(bench, first)
    with bench.ledger.connection() as connection:
        listed = all_tries(connection, "acct_1", to_at=NOW + DAY)
    assert [each.charge_id for each in listed] == [""]
    assert [each.charge_id for each in counted(bench)] == [""]
    at(bench, NOW + HOUR)
    told_lost(bench, "ch_2")
    assert [each.charge_id for each in counted(bench)] == ["ch_2"]
    assert bench.look(first) == "attempt_settled"
    assert [each.charge_id for each in counted(bench)] == ["ch_2"]
    assert "ch_2" not in [each["charge_id"] for each in bench.facts("payment.failed")]


def test_the_customers_own_counts_beside_ours(bench: Bench, cases: tuple[int, int]) -> None:
    first, _ = cases
    first_is_sent(bench, first)
    lost_is_shown(bench, first)
    at(bench, NOW + HOUR)
    told_lost(bench, "ch_2", key=None)
    assert sorted(each.charge_id for each in counted(bench)) == ["", "ch_2"]


def test_once_ours_was_another_charge_it_counts_too(bench: Bench, cases: tuple[int, int]) -> None:
    first, _ = cases
    first_is_sent(bench, first)
    lost_is_shown(bench, first)
    at(bench, NOW + HOUR)
    told_lost(bench, "ch_3")
    assert bench.look(first) == "attempt_settled"
    assert sorted(each.charge_id for each in counted(bench)) == ["ch_2", "ch_3"]


def test_our_own_charge_is_asked_about_all_the_same(bench: Bench, cases: tuple[int, int]) -> None:
    """What is shown may be its decline, which asking again then only repeats."""
    first, _ = cases
    first_is_sent(bench, first)
    lost_is_shown(bench, first)
    bench.stripe.answers = [replace(DECLINED, signals=LOST)]
    at(bench, NOW + HOUR)
    assert bench.look(first) == "outcome_unknown"
    assert attempt(bench, first).state is AttemptState.DECLINED
    assert [each.charge_id for each in counted(bench)] == ["ch_2"]
