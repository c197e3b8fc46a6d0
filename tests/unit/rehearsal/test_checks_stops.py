"""Stop signals and Mastercard's waits, disobeyed in a made-up log and obeyed in the next one."""

from typing import Any

import pytest

from tests.unit.rehearsal.evidence import DAY, NOON, attempt, debited
from worker.rehearsal.checks_stops import (
    MASTERCARD_WAIT_SECONDS,
    tries_after_stops,
    tries_before_waits,
)
from worker.rehearsal.checks_tries import Renewals, read_tries

STOP = {"reason": "lost_card"}


def after_stops(*made: dict[str, Any], renewed: tuple[tuple[str, int], ...] = ()) -> list[str]:
    return tries_after_stops(read_tries(made), Renewals(renewed))


def before_waits(*made: dict[str, Any], renewed: tuple[tuple[str, int], ...] = ()) -> list[str]:
    return tries_before_waits(read_tries(made), Renewals(renewed))


def later(n: int = 2, days: int = 2, **more: Any) -> dict[str, Any]:
    return attempt(n, at=NOON + days * DAY, **more)


@pytest.mark.parametrize(
    ("outcome", "brand"),
    [
        ({"advice_code": "do_not_try_again", "reason": "insufficient_funds"}, "visa"),
        ({"advice_code": "confirm_card_data", "reason": "expired_card"}, "amex"),
        ({"reason": "lost_card"}, "visa"),
        ({"reason": "revocation_of_authorization"}, "amex"),
        ({"reason": "highest_risk_level", "network_status": "not_sent_to_network"}, "visa"),
        ({"network_advice_code": "03", "reason": "do_not_honor"}, "mastercard"),
        ({"network_advice_code": "21", "reason": "do_not_honor"}, "mastercard"),
        ({"network_advice_code": "3", "reason": "do_not_honor"}, "mastercard"),
        ({"network_advice_code": "21", "reason": "do_not_honor"}, "unknown"),
        *(
            ({"network_decline_code": code, "reason": "generic_decline"}, "visa")
            for code in ("04", "07", "41", "43", "46", "57", "R0", "R1", "r3")
        ),
        ({"network_decline_code": "46", "reason": "generic_decline"}, "unknown"),
    ],
)
def test_a_try_after_a_stop_signal_is_found(outcome: dict[str, str], brand: str) -> None:
    first = attempt(1, by="stripe", outcome=outcome, brand=brand)
    assert len(after_stops(first, later(brand=brand))) == 1
    assert after_stops(first) == []
    assert after_stops(first, later(brand=brand, by="stripe")) == []


@pytest.mark.parametrize(
    ("outcome", "brand"),
    [
        ({"network_advice_code": "03", "reason": "do_not_honor"}, "visa"),
        ({"network_decline_code": "04", "reason": "do_not_honor"}, "mastercard"),
        ({"network_decline_code": "46", "reason": "do_not_honor"}, "amex"),
        ({"advice_code": "try_again_later", "reason": "expired_card"}, "visa"),
        ({"network_decline_code": "51", "reason": "insufficient_funds"}, "visa"),
    ],
)
def test_what_is_no_stop_is_none(outcome: dict[str, str], brand: str) -> None:
    assert after_stops(attempt(1, outcome=outcome, brand=brand), later(brand=brand)) == []


def test_the_same_card_of_another_customer_or_attached_anew_is_stopped_too() -> None:
    shared = later(customer="cus_2", payment_method="pm_2", invoice="in_2")
    assert len(after_stops(attempt(1, outcome=STOP), shared)) == 1
    other = later(payment_method="pm_2", fingerprint="fp_2")
    back = later(3, 4, payment_method="pm_3")
    assert len(after_stops(attempt(1, outcome=STOP), other, back)) == 1


def test_a_changed_card_may_be_tried_after_a_stop() -> None:
    first = attempt(1, outcome=STOP)
    assert after_stops(first, later(payment_method="pm_2", fingerprint="fp_2")) == []
    assert after_stops(first, later(exp_year=2038)) == []
    assert after_stops(first, later(), renewed=(("pm_1", NOON + DAY),)) == []
    assert len(after_stops(first, later(), renewed=(("pm_1", NOON - DAY),))) == 1
    assert len(after_stops(first, later(), renewed=(("pm_2", NOON + DAY),))) == 1


def test_a_card_that_went_through_since_may_be_tried_again() -> None:
    paid = later(by="customer", status="succeeded", outcome=None)
    assert after_stops(attempt(1, outcome=STOP), paid, later(3, 4)) == []
    assert len(after_stops(attempt(1, outcome=STOP), later(3, 1), paid)) == 1


def test_asking_again_without_the_customer_is_found_for_this_payment_only() -> None:
    asked = attempt(1, status="requires_action", charge=None, outcome=None)
    assert len(after_stops(asked, later())) == 1
    assert after_stops(asked, later(invoice="in_2")) == []


def test_a_debits_stop_counts_from_its_return() -> None:
    begun, end = debited(1)
    end["outcome"] = {"reason": "revocation_of_authorization"}
    bank = {"type": "us_bank_account", "brand": None}
    assert after_stops(begun, end, later(3, 3, **bank)) == []
    assert len(after_stops(begun, end, later(3, 5, **bank))) == 1


@pytest.mark.parametrize(("code", "wait"), sorted(MASTERCARD_WAIT_SECONDS.items()))
def test_a_try_before_mastercards_wait_ended_is_found(code: str, wait: int) -> None:
    said = {"network_advice_code": code, "reason": "insufficient_funds"}
    for brand, wrong in (("mastercard", 1), ("unknown", 1), ("visa", 0)):
        first = attempt(1, at=NOON, outcome=said, brand=brand)
        early = attempt(2, at=NOON + wait - 1, brand=brand)
        right = attempt(2, at=NOON + wait, brand=brand)
        assert len(before_waits(first, early)) == wrong
        assert before_waits(first, right) == []


def test_the_longest_of_several_waits_holds_until_the_card_is_changed() -> None:
    ten_days = {"network_advice_code": "30", "reason": "insufficient_funds"}
    one_hour = {"network_advice_code": "24", "reason": "insufficient_funds"}
    card = {"brand": "mastercard", "by": "stripe"}
    said = (attempt(1, outcome=ten_days, **card), attempt(2, outcome=one_hour, **card))
    assert len(before_waits(*said, later(3, 9, brand="mastercard"))) == 1
    assert before_waits(*said, later(3, 11, brand="mastercard")) == []
    assert (
        before_waits(*said, later(3, 9, brand="mastercard"), renewed=(("pm_1", NOON + DAY),)) == []
    )
