"""The order of rules in reading a decline (domain.md 1.4), and what happens when they disagree."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.decline_networks import VISA_NEVER, network_stop
from worker.domain.decline_table import CuredBy, decline_table
from worker.domain.declines import Decline, classify
from worker.domain.policy import DeclineClass
from worker.domain.readings import DeclineSignals


def _card(brand: str = "visa", **signals: str) -> Decline:
    return classify(DeclineSignals(**signals), brand=brand, payment_method_type="card")


def _debit(method: str, **signals: str) -> Decline:
    return classify(DeclineSignals(**signals), brand="", payment_method_type=method)


def test_an_expired_card_with_confirm_card_data_is_decided_by_the_advice() -> None:
    decline = _card(
        brand="mastercard",
        code="expired_card",
        decline_code="expired_card",
        network_decline_code="54",
        network_advice_code="03",
        advice_code="confirm_card_data",
    )
    assert (decline.rule, decline.code) == ("advice_code", "confirm_card_data")
    assert decline.decline_class is DeclineClass.CARD_DATA
    assert decline.needs_new_method
    assert decline.network_stopped


def test_the_same_funds_code_waits_or_stops_by_the_advice() -> None:
    waits = _card(decline_code="insufficient_funds", advice_code="try_again_later")
    stops = _card(decline_code="insufficient_funds", advice_code="do_not_try_again")
    assert (waits.may_retry, waits.decline_class) == (True, DeclineClass.FUNDS)
    assert (stops.may_retry, stops.decline_class) == (False, DeclineClass.NOT_ALLOWED)


def test_a_stop_keeps_what_the_code_says_about_why() -> None:
    stolen = _card(decline_code="stolen_card", advice_code="do_not_try_again")
    assert stolen.decline_class is DeclineClass.FRAUD
    assert stolen.masked
    revoked = _card(decline_code="revocation_of_authorization", advice_code="do_not_try_again")
    assert revoked.decline_class is DeclineClass.CONSENT_WITHDRAWN


def test_try_again_later_outranks_a_hard_code_of_stripes_table() -> None:
    decline = _card(decline_code="card_not_supported", advice_code="try_again_later")
    assert (decline.rule, decline.may_retry) == ("advice_code", True)
    assert decline.earliest_wait == timedelta(hours=24)


@pytest.mark.parametrize(
    ("brand", "signals", "rule"),
    [
        ("mastercard", {"network_advice_code": "03"}, "network_stop"),
        ("mastercard", {"network_advice_code": "21"}, "network_stop"),
        ("visa", {"network_decline_code": "R1"}, "network_stop"),
        ("visa", {"network_decline_code": "4"}, "network_stop"),
        ("", {"network_advice_code": "03"}, "network_stop"),
        ("brand_of_tomorrow", {"network_decline_code": "41"}, "network_stop"),
        ("visa", {"decline_code": "lost_card"}, "never_retried_by_stripe"),
        ("visa", {"network_decline_code": "14"}, "decline_table"),
        ("visa", {"decline_code": "fraudulent"}, "decline_table"),
        ("visa", {"decline_code": "stop_payment_order"}, "decline_table"),
    ],
)
def test_a_permission_never_lifts_another_stop(
    brand: str, signals: dict[str, str], rule: str
) -> None:
    decline = _card(brand=brand, advice_code="try_again_later", **signals)
    assert (decline.rule, decline.may_retry) == (rule, False)


def test_networks_without_published_signals_have_none() -> None:
    signals = DeclineSignals(network_decline_code="04", network_advice_code="03")
    assert network_stop(signals, brand="amex") is None
    assert network_stop(signals, brand="mastercard") is not None
    assert network_stop(signals, brand="visa") is not None


def test_a_bank_return_code_is_not_read_as_a_card_networks_stop() -> None:
    signals = DeclineSignals(network_decline_code="R03")
    assert network_stop(signals, brand="", payment_method_type="us_bank_account") is None


def test_mastercards_wait_outranks_the_table_and_the_general_permission() -> None:
    decline = _card(
        brand="mastercard",
        decline_code="insufficient_funds",
        network_advice_code="28",
        advice_code="try_again_later",
    )
    assert decline.rule == "network_wait"
    assert decline.earliest_wait == timedelta(days=6)
    assert decline.decline_class is DeclineClass.FUNDS


def test_mastercards_wait_of_one_hour_is_shorter_than_the_tables() -> None:
    decline = _card(brand="mastercard", decline_code="insufficient_funds", network_advice_code="24")
    assert decline.earliest_wait == timedelta(hours=1)


def test_mastercards_replacement_codes_leave_the_word_to_the_advice() -> None:
    later = _card(brand="mastercard", network_decline_code="79", network_advice_code="02")
    assert (later.may_retry, later.earliest_wait) == (True, timedelta(hours=72))
    alone = _card(brand="mastercard", network_decline_code="79")
    assert not alone.may_retry


def test_an_opaque_code_yields_to_what_the_network_says() -> None:
    decline = _card(decline_code="generic_decline", network_decline_code="51")
    assert decline.decline_class is DeclineClass.FUNDS


def test_data_that_visa_wants_revalidated_stops_although_stripes_code_is_soft() -> None:
    decline = _card(decline_code="generic_decline", network_decline_code="14")
    assert (decline.may_retry, decline.decline_class) == (False, DeclineClass.CARD_DATA)


def test_a_payment_blocked_by_radar_is_fraud_and_did_not_reach_the_network() -> None:
    decline = _card(
        outcome_type="blocked",
        network_status="not_sent_to_network",
        reason="highest_risk_level",
        decline_code="generic_decline",
        advice_code="try_again_later",
    )
    assert (decline.rule, decline.decline_class) == ("outcome", DeclineClass.FRAUD)
    assert not decline.counted_by_network
    assert decline.masked


def test_a_block_after_approval_counts_for_the_network() -> None:
    decline = _card(outcome_type="blocked", network_status="reversed_after_approval", reason="rule")
    assert decline.counted_by_network


def test_an_invalid_request_goes_to_the_operator_and_does_not_count() -> None:
    decline = _card(outcome_type="invalid", network_status="not_sent_to_network")
    assert (decline.curable_by, decline.may_retry) == (CuredBy.OPERATOR, False)
    assert not decline.counted_by_network


def test_authentication_is_never_retried_but_needs_no_new_card() -> None:
    decline = _card(code="authentication_required", decline_code="authentication_required")
    assert decline.decline_class is DeclineClass.AUTHENTICATION
    assert (decline.may_retry, decline.needs_new_method) == (False, False)


@pytest.mark.parametrize(
    ("signals", "unknown"),
    [
        ({"code": "card_declined", "decline_code": "moon_phase"}, ("moon_phase",)),
        ({"code": "code_of_tomorrow"}, ("code_of_tomorrow",)),
        ({"decline_code": "generic_decline", "advice_code": "ask_again"}, ("ask_again",)),
        ({"decline_code": "generic_decline", "network_advice_code": "99"}, ("99",)),
        ({"outcome_type": "blocked", "reason": "new_block"}, ("new_block",)),
    ],
)
def test_an_unknown_code_is_named_and_treated_conservatively(
    signals: dict[str, str], unknown: tuple[str, ...]
) -> None:
    decline = _card(brand="mastercard", **signals)
    assert decline.unknown_codes == unknown
    assert not decline.known
    assert decline.earliest_wait >= timedelta(hours=24) or not decline.may_retry


def test_no_signal_at_all_is_unclear_but_nothing_unknown() -> None:
    decline = _card(code="card_declined")
    assert (decline.rule, decline.known) == ("no_reason", True)
    assert (decline.decline_class, decline.earliest_wait) == (
        DeclineClass.UNCLEAR,
        timedelta(hours=24),
    )


def test_a_debit_with_an_unknown_return_code_is_not_retried() -> None:
    decline = _debit("us_bank_account", code="payment_intent_payment_attempt_failed")
    assert (decline.may_retry, decline.curable_by) == (False, CuredBy.OPERATOR)


def test_a_debits_return_code_outranks_stripes_soft_code() -> None:
    stopped = _debit("us_bank_account", decline_code="generic_decline", network_decline_code="R07")
    assert stopped.decline_class is DeclineClass.CONSENT_WITHDRAWN
    funds = _debit("us_bank_account", decline_code="insufficient_funds", network_decline_code="R01")
    assert funds.earliest_wait == timedelta(hours=72)


@pytest.mark.parametrize("code", ["fraudulent", "lost_card", "stolen_card", "merchant_blacklist"])
def test_a_reason_that_must_not_be_told_is_masked_whatever_the_advice(code: str) -> None:
    assert _card(decline_code=code, advice_code="confirm_card_data").masked
    assert not _card(decline_code="expired_card").masked


_CODES = st.sampled_from(sorted({"", "xx", *(code for _, code in decline_table())}))


@given(
    brand=st.sampled_from(["", "visa", "mastercard", "amex", "MasterCard", "elo"]),
    method=st.sampled_from(["card", "us_bank_account", "sepa_debit", "bacs_debit", "klarna", ""]),
    signals=st.builds(
        DeclineSignals,
        code=_CODES,
        decline_code=_CODES,
        advice_code=_CODES,
        network_decline_code=_CODES,
        network_advice_code=_CODES,
        outcome_type=st.sampled_from(["", "blocked", "invalid", "issuer_declined"]),
        network_status=st.sampled_from(["", "not_sent_to_network", "declined_by_network"]),
        reason=_CODES,
    ),
)
def test_no_mixture_of_signals_crashes_or_breaks_a_network_rule(
    brand: str, method: str, signals: DeclineSignals
) -> None:
    decline = classify(signals, brand=brand, payment_method_type=method)
    card = method in {"card", ""}
    if card and brand == "visa" and signals.network_decline_code in VISA_NEVER:
        assert not decline.may_retry
    if card and brand.lower() == "mastercard" and signals.network_advice_code in {"03", "21"}:
        assert not decline.may_retry
    if brand.lower() == "mastercard" and signals.network_advice_code == "30" and decline.may_retry:
        assert decline.earliest_wait >= timedelta(days=10)
    if decline.decline_class is DeclineClass.FRAUD:
        assert decline.masked
    assert decline.reason.endswith(".")
