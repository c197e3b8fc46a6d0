"""Each rule of the card networks, broken in a made-up log and kept in the next one."""

import pytest

from tests.unit.rehearsal.evidence import DAY, NOON, attempt, charges
from worker.rehearsal.checks import Evidence
from worker.rehearsal.checks_network import network_rule_violations

HOUR = 3600


def tries(count: int, every_seconds: int) -> list[dict[str, object]]:
    return [attempt(n, at=NOON + n * every_seconds) for n in range(1, count + 1)]


def found(count: int, every_seconds: int, *, brand: str = "visa") -> list[str]:
    made = tries(count, every_seconds)
    return network_rule_violations(Evidence(tries=made, charges=charges(count, brand=brand)))


@pytest.mark.parametrize(
    ("brand", "count", "every_seconds"),
    [("visa", 16, DAY), ("mastercard", 11, HOUR), ("mastercard", 36, 19 * HOUR)],
)
def test_one_try_too_many_is_found_and_one_less_is_not(
    brand: str, count: int, every_seconds: int
) -> None:
    assert len(found(count, every_seconds, brand=brand)) == 1
    assert found(count - 1, every_seconds, brand=brand) == []


def test_tries_that_are_spread_out_are_fine() -> None:
    assert found(20, 3 * DAY) == []


def test_another_amount_is_counted_apart() -> None:
    made = [attempt(n, at=NOON + n * DAY, amount=1000 + n % 2) for n in range(1, 17)]
    assert network_rule_violations(Evidence(tries=made, charges=charges(16))) == []


def test_what_stripe_blocked_itself_never_reached_the_network() -> None:
    blocked = {"network_status": "not_sent_to_network", "type": "blocked"}
    made = [attempt(n, at=NOON + n * DAY, outcome=blocked) for n in range(1, 20)]
    assert network_rule_violations(Evidence(tries=made, charges=charges(19))) == []


@pytest.mark.parametrize(
    ("outcome", "brand"),
    [
        ({"advice_code": "do_not_try_again", "reason": "do_not_honor"}, "visa"),
        ({"reason": "lost_card"}, "visa"),
        ({"reason": "revocation_of_authorization"}, "amex"),
        ({"reason": "highest_risk_level"}, "visa"),
        ({"network_advice_code": "03", "reason": "do_not_honor"}, "mastercard"),
        ({"network_advice_code": "21", "reason": "do_not_honor"}, "mastercard"),
    ],
)
def test_a_try_after_a_stop_signal_is_found(outcome: dict[str, str], brand: str) -> None:
    first = attempt(1, by="stripe", outcome=outcome)
    after = attempt(2, at=NOON + 2 * DAY)
    evidence = Evidence(tries=[first, after], charges=charges(2, brand=brand))
    assert len(network_rule_violations(evidence)) == 1
    assert network_rule_violations(Evidence(tries=[first], charges=charges(1, brand=brand))) == []


def test_a_new_card_may_be_tried_after_a_stop() -> None:
    made = [attempt(1, outcome={"reason": "lost_card"}), attempt(2, payment_method="pm_2")]
    assert network_rule_violations(Evidence(tries=made, charges=charges(2))) == []


def test_a_card_that_its_network_renewed_may_be_tried_again() -> None:
    made = [
        attempt(1, outcome={"reason": "lost_card"}),
        attempt(2, at=NOON + 2 * DAY),
    ]
    renewed = [("pm_1", NOON + DAY)]
    evidence = Evidence(tries=made, charges=charges(2), renewed_cards=renewed)
    assert network_rule_violations(evidence) == []


def test_mastercards_other_codes_mean_nothing_on_a_visa_card() -> None:
    made = [
        attempt(1, outcome={"network_advice_code": "03", "reason": "do_not_honor"}),
        attempt(2, at=NOON + 2 * DAY),
    ]
    assert network_rule_violations(Evidence(tries=made, charges=charges(2))) == []


@pytest.mark.parametrize(
    ("code", "wait"), [("24", HOUR), ("25", DAY), ("27", 4 * DAY), ("30", 10 * DAY)]
)
def test_a_try_before_mastercards_wait_ended_is_found(code: str, wait: int) -> None:
    first = attempt(1, at=NOON, outcome={"network_advice_code": code, "reason": "x"})
    early, right = attempt(2, at=NOON + wait - 1), attempt(2, at=NOON + wait)
    cards = charges(2, brand="mastercard")
    assert len(network_rule_violations(Evidence(tries=[first, early], charges=cards))) == 1
    assert network_rule_violations(Evidence(tries=[first, right], charges=cards)) == []


def test_asking_again_without_the_customer_is_found_for_this_payment_only() -> None:
    asked = attempt(1, status="requires_action", charge=None, outcome=None)
    again, other = attempt(2, at=NOON + DAY), attempt(2, at=NOON + DAY, invoice="in_2")
    cards = charges(2)
    assert len(network_rule_violations(Evidence(tries=[asked, again], charges=cards))) == 1
    assert network_rule_violations(Evidence(tries=[asked, other], charges=cards)) == []


def test_a_second_try_of_a_card_issued_in_india_is_found() -> None:
    first, second = attempt(1, by="stripe"), attempt(2, at=NOON + 2 * DAY)
    cards = charges(2, country="IN")
    assert len(network_rule_violations(Evidence(tries=[first, second], charges=cards))) == 1
    by_hand = {**second, "by": "customer"}
    assert network_rule_violations(Evidence(tries=[first, by_hand], charges=cards)) == []
