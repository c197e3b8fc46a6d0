"""The closed table from Stripe's answers to `pay`, row by row, through the real SDK."""

from typing import Any

import pytest

from tests.integration.gateway.scripted_stripe import OpenLimiter, Play, ScriptedStripe
from worker.domain.readings import Answer, AnswerKind
from worker.errors import GatewayRejected
from worker.gateway.stripe_gateway import SdkGateway

KEY = "dun:v1:in_1:3"


def _invoice(status: str = "open", intent: dict[str, Any] | None = None) -> dict[str, Any]:
    payment = {"is_default": True, "amount_paid": 900, "payment": {"payment_intent": intent}}
    payments = {"object": "list", "data": [payment] if intent else []}
    return {
        "id": "in_1",
        "object": "invoice",
        "status": status,
        "amount_paid": 1200,
        "payments": payments,
    }


def _intent(status: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "status": status,
        "latest_charge": "ch_1",
        "payment_method": "pm_1",
    } | more


def _error(status: int, type_: str = "invalid_request_error", **error: Any) -> Play:
    return Play(status, {"error": {"type": type_, "message": "no", **error}})


def _pay(gateway: SdkGateway) -> Answer:
    return gateway.pay_invoice("in_1", payment_method_id="pm_1", key=KEY)


DECLINED, REFUSED, UNKNOWN = AnswerKind.DECLINED, AnswerKind.REFUSED, AnswerKind.UNKNOWN
ROWS: list[tuple[str, Play, AnswerKind, str]] = [
    ("paid", Play(200, _invoice("paid", _intent("succeeded"))), AnswerKind.DONE, ""),
    ("paid from balance", Play(200, _invoice("paid")), AnswerKind.DONE, ""),
    ("debit", Play(200, _invoice("open", _intent("processing"))), AnswerKind.PROCESSING, ""),
    (
        "3ds",
        Play(200, _invoice("open", _intent("requires_action"))),
        AnswerKind.ACTION_REQUIRED,
        "",
    ),
    ("open, failed", Play(200, _invoice("open", _intent("requires_payment_method"))), DECLINED, ""),
    ("open, no payment", Play(200, _invoice("open")), UNKNOWN, ""),
    ("open, new status", Play(200, _invoice("open", _intent("pondering"))), UNKNOWN, ""),
    ("status of tomorrow", Play(200, _invoice("frozen")), UNKNOWN, ""),
    ("200 without object", Play(200, {}), UNKNOWN, ""),
    ("200 with HTML", Play(200, "<html>maintenance</html>"), UNKNOWN, ""),
    ("redirect", Play(304, ""), UNKNOWN, ""),
    ("declined", _error(402, "card_error", code="card_declined"), DECLINED, "card_declined"),
    ("402 of another type", _error(402, code="new_code"), DECLINED, "new_code"),
    ("card error, 400", _error(400, "card_error", code="expired_card"), DECLINED, "expired_card"),
    (
        "mandate gone",
        _error(400, code="payment_intent_mandate_invalid"),
        DECLINED,
        "payment_intent_mandate_invalid",
    ),
    (
        "needs the customer",
        _error(402, "card_error", code="invoice_payment_intent_requires_action"),
        AnswerKind.ACTION_REQUIRED,
        "invoice_payment_intent_requires_action",
    ),
    (
        "needs the customer, 400",
        _error(400, code="invoice_payment_intent_requires_action"),
        AnswerKind.ACTION_REQUIRED,
        "invoice_payment_intent_requires_action",
    ),
    (
        "payment waits for the customer",
        _error(402, "card_error", code="x", payment_intent=_intent("requires_action")),
        AnswerKind.ACTION_REQUIRED,
        "x",
    ),
    (
        "other parameters",
        _error(400, "idempotency_error"),
        REFUSED,
        "idempotency_error",
    ),
    ("already paid", _error(400, code="invoice_already_paid"), REFUSED, "invoice_already_paid"),
    ("not open", _error(400, code="invoice_not_open"), REFUSED, "invoice_not_open"),
    ("gone", _error(404, code="resource_missing"), REFUSED, "resource_missing"),
    ("nonsense", _error(400, code="parameter_unknown", param="foo"), REFUSED, "parameter_unknown"),
    ("without code", _error(400), REFUSED, ""),
    ("odd 4xx", _error(418), REFUSED, ""),
    ("in use", _error(409, code="idempotency_key_in_use"), UNKNOWN, "idempotency_key_in_use"),
    (
        "in use, as another type",
        _error(409, "idempotency_error", code="idempotency_key_in_use"),
        UNKNOWN,
        "idempotency_key_in_use",
    ),
    ("locked", _error(429, code="lock_timeout"), UNKNOWN, "lock_timeout"),
    ("too many", _error(429, code="rate_limit"), UNKNOWN, "rate_limit"),
    ("too many, 400", _error(400, code="rate_limit"), UNKNOWN, "rate_limit"),
    ("500", _error(500, "api_error"), UNKNOWN, ""),
    ("502 with HTML", Play(502, "<html>bad gateway</html>"), UNKNOWN, ""),
    ("503", _error(503, "api_error"), UNKNOWN, ""),
    ("cut", Play(fault="cut"), UNKNOWN, "connection"),
    ("silence", Play(fault="hang"), UNKNOWN, "timeout"),
]


@pytest.mark.parametrize(
    ("play", "kind", "code"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_every_answer_has_one_outcome_and_is_asked_for_once(
    stripe_server: ScriptedStripe, gateway: SdkGateway, play: Play, kind: AnswerKind, code: str
) -> None:
    stripe_server.play(play)
    answer = _pay(gateway)
    assert (answer.kind, answer.code) == (kind, code)
    assert answer.status == (0 if play.fault else play.status)
    assert len(stripe_server.asked) == 1


@pytest.mark.parametrize(
    ("play", "status", "words"),
    [
        (_error(401), 401, "STRIPE_API_KEY"),
        (
            _error(403, message="Having the 'rak_invoice_write' permission"),
            403,
            "rak_invoice_write",
        ),
        (_error(403, message="no"), 403, "has no right"),
    ],
)
def test_a_refused_key_is_an_error_for_the_operator_and_no_decline(
    stripe_server: ScriptedStripe, gateway: SdkGateway, play: Play, status: int, words: str
) -> None:
    stripe_server.play(play)
    with pytest.raises(GatewayRejected, match=words) as refused:
        _pay(gateway)
    assert refused.value.status == status
    assert "rk_test_1" not in str(refused.value)


def test_a_decline_carries_every_signal_its_charge_and_its_card(
    stripe_server: ScriptedStripe, gateway: SdkGateway
) -> None:
    card = {"id": "pm_1", "type": "card", "card": {"brand": "mastercard", "fingerprint": "fp"}}
    outcome = {"type": "issuer_declined", "network_status": "declined_by_network", "reason": "x"}
    intent = _intent("requires_payment_method", latest_charge={"id": "ch_9", "outcome": outcome})
    stripe_server.play(
        _error(
            402,
            "card_error",
            code="card_declined",
            decline_code="insufficient_funds",
            advice_code="try_again_later",
            network_decline_code="51",
            network_advice_code="25",
            charge="ch_9",
            payment_intent=intent,
            payment_method=card,
        )
    )
    answer = _pay(gateway)
    assert answer.signals is not None
    assert answer.signals.decline_code == "insufficient_funds"
    assert answer.signals.advice_code == "try_again_later"
    assert answer.signals.network_decline_code == "51"
    assert answer.signals.network_advice_code == "25"
    assert answer.signals.outcome_type == "issuer_declined"
    assert (answer.charge_id, answer.payment_method_id) == ("ch_9", "pm_1")
    assert answer.payment_method is not None
    assert answer.payment_method.brand == "mastercard"


def test_a_payment_carries_its_charge_method_amount_and_request(
    stripe_server: ScriptedStripe, gateway: SdkGateway
) -> None:
    paid = _invoice("paid", _intent("succeeded"))
    stripe_server.play(Play(200, paid, {"Idempotent-Replayed": "true"}))
    answer = _pay(gateway)
    assert (answer.charge_id, answer.payment_method_id) == ("ch_1", "pm_1")
    assert answer.amount_paid_minor == 900
    assert (answer.replayed, answer.request_id) == (True, "req_1")
    assert answer.signals is None


def test_a_replayed_decline_says_so(stripe_server: ScriptedStripe, gateway: SdkGateway) -> None:
    declined = _error(402, "card_error", code="card_declined")
    stripe_server.play(Play(402, declined.body, {"Idempotent-Replayed": "true"}))
    assert _pay(gateway).replayed


def test_the_request_names_method_key_version_and_that_nobody_is_there(
    stripe_server: ScriptedStripe, gateway: SdkGateway, limiter: OpenLimiter
) -> None:
    stripe_server.play(Play(200, _invoice("paid")))
    _pay(gateway)
    asked = stripe_server.asked[0]
    assert (asked.method, asked.path) == ("POST", "/v1/invoices/in_1/pay")
    assert asked.params == {
        "payment_method": "pm_1",
        "off_session": "true",
        "expand[0]": "payments.data.payment.payment_intent",
    }
    assert asked.headers["idempotency-key"] == KEY
    assert asked.headers["stripe-version"] == "2026-10-28.endive"
    assert "x-stripe-client-telemetry" not in asked.headers
    assert limiter.taken == []


@pytest.mark.parametrize(
    ("code", "reason", "heard"),
    [
        ("rate_limit", "endpoint-rate", [("invoices.pay", False)]),
        ("rate_limit", "global-rate", [("invoices.pay", True)]),
        ("rate_limit", "", [("invoices.pay", False)]),
        ("lock_timeout", "", []),
    ],
)
def test_the_limiter_hears_of_a_429_but_not_of_a_locked_object(
    *,
    stripe_server: ScriptedStripe,
    gateway: SdkGateway,
    limiter: OpenLimiter,
    code: str,
    reason: str,
    heard: list[tuple[str, bool]],
) -> None:
    headers = {"Stripe-Rate-Limited-Reason": reason} if reason else {}
    body = _error(429, code=code).body
    stripe_server.play(Play(429, body, headers))
    assert _pay(gateway).kind is UNKNOWN
    assert limiter.limited == heard


def test_a_charge_slot_is_of_the_pay_endpoint_and_comes_before_housekeeping(
    gateway: SdkGateway, limiter: OpenLimiter
) -> None:
    assert gateway.take_charge_slot()
    limiter.is_open = False
    assert not gateway.take_charge_slot()
    assert limiter.taken == [("invoices.pay", True)] * 2
