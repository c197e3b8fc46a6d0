"""How often a card may be tried and a customer charged: each rule broken in a log, and kept."""

from typing import Any

import pytest

from tests.unit.rehearsal.evidence import DAY, NOON, attempt, debited
from worker.rehearsal.checks import Evidence
from worker.rehearsal.checks_network import (
    charged_too_soon,
    india_tried_again,
    network_rule_violations,
)
from worker.rehearsal.checks_tries import Renewals, read_tries
from worker.rehearsal.checks_windows import (
    Fullest,
    fullest_windows,
    tries_by_network,
    tries_too_often,
)

HOUR = 3600


def too_often(made: list[dict[str, Any]]) -> list[str]:
    return tries_too_often(read_tries(made))


def too_soon(*made: dict[str, Any], renewed: tuple[tuple[str, int], ...] = ()) -> list[str]:
    return charged_too_soon(read_tries(made), Renewals(renewed))


def evenly(count: int, every_seconds: int, **more: Any) -> list[dict[str, Any]]:
    return [attempt(n, at=NOON + n * every_seconds, **more) for n in range(1, count + 1)]


@pytest.mark.parametrize(
    ("brand", "count", "every_seconds"),
    [
        ("visa", 16, DAY),
        ("mastercard", 11, HOUR),
        ("mastercard", 36, 19 * HOUR),
        ("amex", 16, DAY),
        ("unknown", 16, DAY),
        (None, 16, DAY),
    ],
)
def test_one_try_too_many_is_found_and_one_less_is_not(
    brand: str | None, count: int, every_seconds: int
) -> None:
    assert len(too_often(evenly(count, every_seconds, brand=brand))) == 1
    assert too_often(evenly(count - 1, every_seconds, brand=brand)) == []


def test_a_window_rolls_and_its_first_instant_no_longer_counts() -> None:
    fifteen = [attempt(n, at=NOON + (n - 1) * DAY) for n in range(1, 16)]
    inside = attempt(16, at=NOON + 30 * DAY - 1)
    outside = attempt(16, at=NOON + 30 * DAY)
    assert len(too_often([*fifteen, inside])) == 1
    assert too_often([*fifteen, outside]) == []


def test_tries_of_stripe_and_of_the_customer_count_but_are_not_blamed() -> None:
    others = [
        attempt(n, at=NOON + n * DAY, by="stripe" if n % 2 else "customer") for n in range(1, 20)
    ]
    assert too_often(others) == []
    assert len(too_often([*others, attempt(20, at=NOON + 20 * DAY)])) == 1


def test_two_customers_with_one_card_share_its_window() -> None:
    shared = [
        attempt(n, at=NOON + n * DAY, customer=f"cus_{n % 2}", payment_method=f"pm_{n % 2}")
        for n in range(1, 17)
    ]
    assert len(too_often(shared)) == 1
    apart = [{**one, "method": {**one["method"], "fingerprint": None}} for one in shared]
    assert too_often(apart) == []


def test_amounts_are_counted_apart_but_for_mastercards_day() -> None:
    assert (
        too_often([attempt(n, at=NOON + n * DAY, amount=1000 + n % 2) for n in range(1, 17)]) == []
    )
    day = [attempt(n, at=NOON + n, amount=n, brand="mastercard") for n in range(1, 12)]
    assert len(too_often(day)) == 1


def test_what_stripe_blocked_itself_never_reached_the_network() -> None:
    blocked = {"network_status": "not_sent_to_network", "type": "blocked"}
    assert too_often(evenly(19, DAY, outcome=blocked)) == []
    assert too_often(evenly(19, DAY, status="requires_action", charge=None)) == []


def test_the_fullest_window_of_each_network_is_told() -> None:
    log = [
        *evenly(9, DAY),
        *evenly(3, HOUR, fingerprint="fp_2"),
        *evenly(5, 8 * HOUR, brand="mastercard", fingerprint="fp_3"),
        *evenly(2, DAY, brand="jcb", fingerprint="fp_4", by="stripe"),
        *debited(50),
    ]
    month = 30 * DAY
    assert fullest_windows(log) == [
        Fullest("jcb", month, 15, 2),
        Fullest("mastercard", DAY, 10, 3),
        Fullest("mastercard", month, 35, 5),
        Fullest("visa", month, 15, 9),
    ]
    assert tries_by_network(log) == {"visa": 12, "mastercard": 5, "jcb": 2, "us_bank_account": 1}
    assert tries_by_network(log, only_ours=True)["jcb"] == 0


def test_debits_are_not_counted_as_cards() -> None:
    assert too_often([line for n in range(1, 60, 2) for line in debited(n)]) == []


def test_a_second_try_of_a_card_issued_in_india_is_found() -> None:
    first, second = attempt(1, by="stripe", country="IN"), attempt(2, country="IN")
    assert len(india_tried_again(read_tries([first, second]))) == 1
    by_hand = {**second, "by": "customer"}
    assert india_tried_again(read_tries([first, by_hand])) == []
    assert india_tried_again(read_tries([first, {**second, "invoice": "in_2"}])) == []


def test_a_customer_is_charged_once_in_twenty_hours() -> None:
    first = attempt(1, at=NOON)
    early, right = attempt(2, at=NOON + 20 * HOUR - 1), attempt(2, at=NOON + 20 * HOUR)
    assert len(too_soon(first, early)) == 1
    assert too_soon(first, right) == []


def test_another_invoice_of_the_customer_is_no_excuse_but_another_customer_is() -> None:
    first = attempt(1, at=NOON, status="succeeded")
    second = attempt(2, at=NOON + HOUR, invoice="in_2")
    assert len(too_soon(first, second)) == 1
    assert too_soon(first, {**second, "customer": "cus_2"}) == []


def test_stripes_and_the_customers_own_charges_start_no_wait() -> None:
    assert too_soon(attempt(1, by="stripe"), attempt(2), attempt(3, by="customer")) == []


def test_a_technical_failure_may_be_tried_again_soon_on_the_same_invoice() -> None:
    away = attempt(1, at=NOON, outcome={"reason": "issuer_not_available"})
    again = attempt(2, at=NOON + HOUR)
    assert too_soon(away, again) == []
    assert len(too_soon(away, {**again, "invoice": "in_2"})) == 1
    assert len(too_soon(away, again, attempt(3, at=NOON + 2 * HOUR))) == 1


def test_another_or_a_renewed_method_may_be_charged_at_once() -> None:
    first = attempt(1, at=NOON)
    again = attempt(2, at=NOON + HOUR)
    other = attempt(2, at=NOON + HOUR, fingerprint="fp_2", payment_method="pm_2")
    assert too_soon(first, other) == []
    assert too_soon(first, attempt(2, at=NOON + HOUR, exp_year=2037)) == []
    assert too_soon(first, again, renewed=(("pm_1", NOON + 60),)) == []
    assert len(too_soon(first, again, renewed=(("pm_1", NOON - 60),))) == 1
    back = attempt(3, at=NOON + 2 * HOUR)
    assert len(too_soon(first, other, back)) == 1


def test_the_whole_count_has_every_rule_in_it() -> None:
    stop = {"reason": "lost_card"}
    wait = {"network_advice_code": "30", "reason": "insufficient_funds"}
    logs: list[list[dict[str, Any]]] = [
        evenly(16, DAY),
        [attempt(1, outcome=stop), attempt(2, at=NOON + DAY)],
        [
            attempt(1, outcome=wait, brand="mastercard"),
            attempt(2, at=NOON + DAY, brand="mastercard"),
        ],
        [attempt(1, country="IN"), attempt(2, country="IN", at=NOON + DAY)],
        [*debited(1), *debited(3, at=NOON + 9 * DAY)],
        [attempt(1), attempt(2, at=NOON + HOUR)],
    ]
    assert [len(network_rule_violations(Evidence(tries=made))) for made in logs] == [1] * 6
    assert network_rule_violations(Evidence(tries=[made[0] for made in logs[:2]][:1])) == []
    authorised = Evidence(tries=logs[4], ach_retries_authorised=True)
    assert network_rule_violations(authorised) == []
