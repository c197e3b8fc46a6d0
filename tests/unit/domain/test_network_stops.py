"""What forbids a card another try: stop signals, authentication, waits, India."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.domain.network_tries_building import (
    NOW,
    TICK,
    ago,
    ask,
    card,
    every_hour,
    paid,
    signals,
    target,
    tried,
)
from worker.domain.decline_networks import MASTERCARD_NEVER, VISA_NEVER
from worker.domain.decline_table import Family, find_row
from worker.domain.declines import STRIPE_NEVER_RETRIES
from worker.domain.network_rules import MadeBy

DAY = timedelta(days=1)
NEVER_SENT = signals(
    decline_code="generic_decline", outcome_type="blocked", network_status="not_sent_to_network"
)

# Stops

STOPS = [
    *({"brand": "visa", "network_decline_code": code} for code in sorted(VISA_NEVER)),
    *({"brand": "mastercard", "network_advice_code": code} for code in sorted(MASTERCARD_NEVER)),
    {"brand": "", "network_decline_code": "41"},
    {"brand": "", "network_advice_code": "03"},
    {"brand": "unknown", "network_decline_code": "R1"},
    {"brand": "cartes_bancaires", "network_advice_code": "21"},
    {"brand": "amex", "advice_code": "do_not_try_again"},
    {"brand": "visa", "advice_code": "confirm_card_data", "decline_code": "expired_card"},
    {"brand": "visa", "advice_code": "do_not_try_again", "decline_code": "insufficient_funds"},
    {"brand": "visa", "decline_code": "fraudulent"},
    {"brand": "visa", "decline_code": "expired_card"},
    {"brand": "visa", "decline_code": "stop_payment_order"},
    {"brand": "visa", "decline_code": "card_not_supported"},
    {"brand": "visa", "network_decline_code": "14"},
    {"brand": "mastercard", "network_advice_code": "01"},
    *(
        {"brand": "visa", "decline_code": code}
        for code in sorted(STRIPE_NEVER_RETRIES - {"authentication_required"})
    ),
    # Contradictions: a stop outranks a permission, a wait and each other field.
    {"brand": "visa", "decline_code": "lost_card", "advice_code": "try_again_later"},
    {"brand": "mastercard", "network_advice_code": "03", "advice_code": "try_again_later"},
    {"brand": "visa", "network_decline_code": "R3", "decline_code": "insufficient_funds"},
    {"brand": "visa", "network_decline_code": "41", "decline_code": "authentication_required"},
    {"brand": "visa", "decline_code": "authentication_required", "advice_code": "do_not_try_again"},
    {"brand": "mastercard", "network_advice_code": "27", "decline_code": "stolen_card"},
    {"brand": "mastercard", "network_advice_code": "27", "advice_code": "do_not_try_again"},
]


@pytest.mark.parametrize("said", STOPS, ids=lambda said: "-".join(v for v in said.values() if v))
def test_a_stopped_card_is_never_tried_again_as_it_is(said: dict[str, str]) -> None:
    brand = said["brand"]
    spoke = signals(**{key: value for key, value in said.items() if key != "brand"})
    stop = tried(ago(days=400), spoke, brand=brand, debt="pi_0", amount_minor=1)
    later = [tried(ago(days=i), brand=brand) for i in range(1, 4)]
    wish = target(card(brand=brand))
    answer = ask([*later, stop], wish)
    assert (answer.at, answer.rule) == (None, "stop_signal")
    assert answer.reason.endswith("not again until the card changes")
    assert ask([*later, stop], target(card(brand=brand), changed_at=stop.at + TICK)).at == NOW
    assert ask([*later, stop], target(card(brand=brand), changed_at=stop.at)).at is None
    cured = paid(ago(days=300), brand=brand, made_by=MadeBy.CUSTOMER)
    assert ask([*later, stop, cured], wish).at == NOW
    assert ask([paid(ago(days=401), brand=brand), stop], wish).at is None
    assert ask([stop], target(card(id="pm_b", fingerprint="card_b", brand=brand))).at == NOW


def test_a_second_stop_needs_a_second_change() -> None:
    first = tried(ago(days=9), signals(decline_code="expired_card"))
    second = tried(ago(days=3), signals(decline_code="expired_card"))
    assert ask([first, second], target(changed_at=ago(days=5))).at is None
    assert ask([first, second], target(changed_at=ago(days=2))).at == NOW


def test_a_customer_who_goes_to_another_card_and_back_finds_the_first_still_stopped() -> None:
    stop = tried(ago(days=9), signals(decline_code="stolen_card"))
    other = tried(ago(days=5), payment_method_id="pm_b", fingerprint="card_b")
    worked = paid(ago(days=4), payment_method_id="pm_b", fingerprint="card_b")
    assert ask([stop, other, worked]).rule == "stop_signal"
    again = target(card(id="pm_c"))  # the same card, attached once more
    assert ask([stop, other, worked], again).rule == "stop_signal"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"network_decline_code": "R1"}, "Visa stop signal R1: "),
        ({"network_advice_code": "3"}, "Mastercard advice 03: "),
        ({"advice_code": "do_not_try_again"}, "The issuer's advice do_not_try_again: "),
        ({"decline_code": "pickup_card"}, "The decline pickup_card: "),
        ({"decline_code": "restricted_card"}, "The decline restricted_card: "),
    ],
)
def test_a_stop_says_what_stopped_the_card(said: dict[str, str], reason: str) -> None:
    answer = ask([tried(ago(days=1), signals(**said), brand="")], target(card(brand="")))
    assert answer.reason.startswith(reason)


@pytest.mark.parametrize(
    "said",
    [
        {"decline_code": "currency_not_supported"},
        {"outcome_type": "invalid", "network_status": "not_sent_to_network"},
        {"decline_code": "do_not_honor"},
        {"decline_code": "code_of_tomorrow"},
        {"decline_code": "card_not_supported", "advice_code": "try_again_later"},
        {},
    ],
)
def test_what_is_no_stop_leaves_the_card_to_the_policy(said: dict[str, str]) -> None:
    assert ask([tried(ago(days=1), signals(**said))]).at == NOW


def test_a_stop_of_another_network_means_nothing_to_american_express() -> None:
    said = signals(network_decline_code="04", network_advice_code="03")
    assert ask([tried(ago(days=1), said, brand="amex")], target(card(brand="amex"))).at == NOW


@pytest.mark.parametrize(
    "said",
    [
        {"decline_code": "authentication_required"},
        {"code": "authentication_required", "advice_code": "try_again_later"},
        {"network_decline_code": "1A", "decline_code": "generic_decline"},
    ],
)
def test_authentication_forbids_the_same_debt_with_the_same_method_only(
    said: dict[str, str],
) -> None:
    asked = tried(ago(days=90), signals(**said))
    answer = ask([asked, tried(ago(days=1))])
    assert (answer.at, answer.rule) == (None, "authentication")
    assert ask([asked], target(debt="pi_2")).at == NOW
    assert ask([asked], target(card(id="pm_b", fingerprint="card_b"))).at == NOW
    assert ask([asked], target(changed_at=ago(days=89))).at == NOW
    assert ask([asked], target(changed_at=ago(days=90))).at is None


def test_a_success_ends_a_stop_but_not_the_wish_for_authentication_of_this_debt() -> None:
    said = signals(decline_code="authentication_required", advice_code="do_not_try_again")
    history = [tried(ago(days=9), said), paid(ago(days=3))]
    assert ask(history[:1]).rule == "stop_signal"
    assert ask(history).rule == "authentication"
    assert ask(history, target(debt="pi_2")).at == NOW


# Waits


@pytest.mark.parametrize(
    ("advice", "hours"),
    [("24", 1), ("25", 24), ("26", 48), ("27", 96), ("28", 144), ("29", 192), ("30", 240)],
)
def test_mastercards_advice_holds_until_its_wait_ends(advice: str, hours: int) -> None:
    said = signals(decline_code="insufficient_funds", network_advice_code=advice)
    history = [tried(ago(minutes=30), said, brand="mastercard", debt="pi_2", amount_minor=5)]
    answer = ask(history, target(card(brand="mastercard")))
    ends = ago(minutes=30) + timedelta(hours=hours)
    assert (answer.at, answer.rule) == (ends, "mastercard_wait")
    assert answer.reason.startswith(f"Mastercard advice {advice}: wait ")
    row = find_row(Family.MASTERCARD_ADVICE, advice)
    assert row is not None
    assert row.wait == timedelta(hours=hours)
    assert ask(history, target(card(brand="mastercard")), now=ends).at == ends


def test_nothing_shortens_a_wait_and_the_longest_of_several_counts() -> None:
    long = tried(ago(days=3), signals(network_advice_code="28"), brand="mastercard")
    short = tried(ago(hours=1), signals(network_advice_code="25"), brand="mastercard")
    success = paid(ago(minutes=5), brand="mastercard")
    wish = target(card(brand="mastercard"), changed_at=ago(minutes=1))
    answer = ask([long, short, success], wish)
    assert (answer.at, answer.reason) == (
        ago(days=3) + 6 * DAY,
        "Mastercard advice 28: wait 6 days",
    )


def test_a_wait_is_obeyed_where_the_brand_is_unknown_and_ignored_where_it_cannot_be_meant() -> None:
    said = signals(decline_code="insufficient_funds", network_advice_code="27")
    for brand, waits in (("", True), ("elo", True), ("visa", False), ("amex", False)):
        answer = ask([tried(ago(days=1), said, brand=brand)], target(card(brand=brand)))
        assert (answer.at == NOW + 3 * DAY) is waits, brand


def test_a_wait_that_ends_in_a_full_window_ends_with_the_window() -> None:
    said = signals(decline_code="insufficient_funds", network_advice_code="25")
    history = every_hour(9, ago(hours=1), brand="mastercard")
    wait = tried(ago(hours=2, minutes=30), said, brand="mastercard")
    answer = ask([*history, wait], target(card(brand="mastercard")))
    assert (answer.at, answer.rule) == (wait.at + DAY, "mastercard_wait")
    more = [tried(ago(minutes=i), brand="mastercard") for i in range(10)]
    answer = ask([*more, wait], target(card(brand="mastercard")))
    assert (answer.at, answer.rule) == (ago(minutes=9) + DAY, "mastercard_24_hours")


# Cards issued in India


def test_a_card_issued_in_india_gets_one_counted_attempt_for_each_debt() -> None:
    wish = target(card(country="IN"))
    assert ask([], wish).at == NOW
    answer = ask([tried(ago(days=300), country="IN")], wish)
    assert (answer.at, answer.rule) == (None, "india_one_attempt")
    assert ask([tried(ago(days=3), NEVER_SENT, country="IN")], wish).rule != "india_one_attempt"
    assert ask([tried(ago(days=3), country="IN", debt="pi_2")], wish).at == NOW
    assert ask([tried(ago(days=3), country="")], wish).rule == "india_one_attempt"
    other: dict[str, Any] = {"fingerprint": "card_b", "payment_method_id": "pm_b"}
    assert ask([tried(ago(days=3), country="IN", **other)], wish).rule == "india_one_attempt"
    assert ask([tried(ago(days=3), country="DE", **other)], wish).at == NOW
