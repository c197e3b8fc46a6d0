"""Reads, lists and endings through the real SDK: retries, pages, filters, errors."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.gateway.scripted_stripe import OpenLimiter, Play, ScriptedStripe
from worker.domain.readings import Answer, AnswerKind
from worker.errors import GatewayRejected, GatewayUnavailable
from worker.gateway.stripe_gateway import SdkGateway
from worker.gateway.transport import Transport

INVOICE = {"id": "in_1", "object": "invoice", "status": "open", "created": 1_760_000_000}


def _error(status: int, **error: Any) -> Play:
    return Play(status, {"error": {"type": "invalid_request_error", "message": "no", **error}})


def _page(*ids: str, more: bool = False, **fields: Any) -> Play:
    data = [{"id": one, **fields} for one in ids]
    return Play(200, {"object": "list", "data": data, "has_more": more})


@pytest.mark.parametrize("first", [_error(500), _error(409), Play(fault="cut")])
def test_a_read_is_repeated_by_the_sdk(
    stripe_server: ScriptedStripe, gateway: SdkGateway, first: Play
) -> None:
    stripe_server.play(first, Play(200, INVOICE))
    assert gateway.read_invoice("in_1").id == "in_1"
    assert len(stripe_server.asked) == 2


@pytest.mark.parametrize("play", [_error(429), _error(400, code="rate_limit"), Play(200, "oops")])
def test_a_read_that_stripe_cannot_serve_now_waits_for_the_next_run(
    stripe_server: ScriptedStripe, gateway: SdkGateway, play: Play
) -> None:
    stripe_server.play(play)
    with pytest.raises(GatewayUnavailable, match="read invoice in_1"):
        gateway.read_invoice("in_1")
    assert len(stripe_server.asked) == 1


def test_three_failing_reads_are_given_up(
    stripe_server: ScriptedStripe, gateway: SdkGateway
) -> None:
    stripe_server.play(_error(503))
    with pytest.raises(GatewayUnavailable, match="503"):
        gateway.read_charge("ch_1")
    assert len(stripe_server.asked) == 3


@pytest.mark.parametrize(("status", "code"), [(404, "resource_missing"), (400, ""), (403, "")])
def test_a_refused_read_is_our_defect_and_carries_status_and_code(
    stripe_server: ScriptedStripe, gateway: SdkGateway, status: int, code: str
) -> None:
    stripe_server.play(_error(status, code=code, message="customer a@example.com"))
    with pytest.raises(GatewayRejected) as refused:
        gateway.read_subscription("sub_1")
    assert (refused.value.status, refused.value.code) == (status, code)
    assert "a@example.com" not in str(refused.value)


def test_no_slot_means_no_request(
    stripe_server: ScriptedStripe, gateway: SdkGateway, limiter: OpenLimiter
) -> None:
    limiter.is_open = False
    with pytest.raises(GatewayUnavailable, match=r"invoices\.read"):
        gateway.read_invoice("in_1")
    with pytest.raises(GatewayUnavailable):
        gateway.cancel_subscription("sub_1")
    assert stripe_server.asked == []


def test_an_invoice_is_read_once_with_all_it_takes_to_decide(
    stripe_server: ScriptedStripe, gateway: SdkGateway, limiter: OpenLimiter
) -> None:
    stripe_server.play(Play(200, INVOICE))
    gateway.read_invoice("in_1")
    assert sorted(stripe_server.asked[0].params.values()) == [
        "customer.invoice_settings.default_payment_method",
        "parent.subscription_details.subscription.default_payment_method",
        "parent.subscription_details.subscription.discounts",
        "payments.data.payment.payment_intent",
    ]
    assert limiter.taken == [("invoices.read", True)]


def test_an_id_cannot_lead_to_another_path(
    stripe_server: ScriptedStripe, gateway: SdkGateway
) -> None:
    stripe_server.play(Play(200, {"id": "x", "object": "charge"}))
    gateway.read_charge("../customers/cus_1?x=1")
    assert stripe_server.asked[0].path == "/v1/charges/..%2Fcustomers%2Fcus_1%3Fx%3D1"


def test_events_are_paged_newest_first_without_type_filter(
    stripe_server: ScriptedStripe, gateway: SdkGateway, limiter: OpenLimiter
) -> None:
    stripe_server.play(_page("evt_3", "evt_2", more=True), _page("evt_1"))
    from_at, to_at = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    pages = list(gateway.event_pages(from_at=from_at, to_at=to_at))
    assert [[event["id"] for event in page] for page in pages] == [["evt_3", "evt_2"], ["evt_1"]]
    assert all(isinstance(event, dict) for page in pages for event in page)
    span = {"created[gte]": "1767225600", "created[lte]": "1767312000", "limit": "100"}
    assert stripe_server.asked[0].params == span
    assert stripe_server.asked[1].params == {**span, "starting_after": "evt_2"}
    assert limiter.taken == [("events.list", False)] * 2


def test_an_empty_list_yields_no_page(stripe_server: ScriptedStripe, gateway: SdkGateway) -> None:
    stripe_server.play(_page())
    assert list(gateway.customer_pages()) == []


def test_the_backfill_asks_for_whole_pages_of_everything(
    stripe_server: ScriptedStripe, gateway: SdkGateway
) -> None:
    stripe_server.play(_page("x"))
    list(gateway.subscription_pages())
    list(gateway.open_invoice_pages())
    list(gateway.customer_pages())
    assert [asked.params for asked in stripe_server.asked] == [
        {
            "limit": "100",
            "status": "all",
            "expand[0]": "data.default_payment_method",
            "expand[1]": "data.discounts",
            "expand[2]": "data.items.data.discounts",
            "expand[3]": "data.latest_invoice",
        },
        {"limit": "100", "status": "open"},
        {"limit": "100", "expand[0]": "data.invoice_settings.default_payment_method"},
    ]


def test_with_a_test_clock_only_its_own_objects_are_listed(stripe_server: ScriptedStripe) -> None:
    transport = Transport(api_key="rk_test_1", api_base=stripe_server.url, limiter=OpenLimiter())
    gateway = SdkGateway(transport, test_clock_id="clock_1")
    stripe_server.play(
        _page("sub_1"),
        _page("cus_1"),
        _page("in_1", more=True, customer={"id": "cus_1", "test_clock": "clock_1"}),
        _page("in_2", customer={"id": "cus_2", "test_clock": None}),
    )
    list(gateway.subscription_pages())
    list(gateway.customer_pages())
    invoices = [one["id"] for page in gateway.open_invoice_pages() for one in page]
    assert [asked.params.get("test_clock") for asked in stripe_server.asked[:2]] == ["clock_1"] * 2
    assert invoices == ["in_1"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [("ready", datetime.fromtimestamp(1_760_000_000, UTC)), ("advancing", None)],
)
def test_an_advancing_clock_has_no_time(
    stripe_server: ScriptedStripe, status: str, expected: datetime | None
) -> None:
    transport = Transport(api_key="rk_test_1", api_base=stripe_server.url, limiter=OpenLimiter())
    clock = {"id": "clock_1", "object": "test_helpers.test_clock", "frozen_time": 1_760_000_000}
    stripe_server.play(Play(200, {**clock, "status": status}))
    assert SdkGateway(transport, test_clock_id="clock_1").test_clock_now() == expected


def test_without_a_test_clock_nobody_is_asked(
    stripe_server: ScriptedStripe, gateway: SdkGateway
) -> None:
    assert gateway.test_clock_now() is None
    assert stripe_server.asked == []


def test_the_account_is_read_once(stripe_server: ScriptedStripe, gateway: SdkGateway) -> None:
    stripe_server.play(Play(200, {"id": "acct_1", "object": "account"}))
    assert [gateway.account_id(), gateway.account_id()] == ["acct_1", "acct_1"]
    assert len(stripe_server.asked) == 1


Ending = Callable[[SdkGateway], Answer]
ENDINGS: list[tuple[Ending, dict[str, Any], str, str]] = [
    (
        lambda gateway: gateway.cancel_subscription("sub_1"),
        {"status": "canceled"},
        "DELETE /v1/subscriptions/sub_1",
        "",
    ),
    (
        lambda gateway: gateway.cancel_at_period_end("sub_1", key="k"),
        {"cancel_at_period_end": True},
        "POST /v1/subscriptions/sub_1",
        "k",
    ),
    (
        lambda gateway: gateway.mark_uncollectible("in_1", key="k"),
        {"status": "uncollectible"},
        "POST /v1/invoices/in_1/mark_uncollectible",
        "k",
    ),
    (
        lambda gateway: gateway.void_invoice("in_1", key="k"),
        {"status": "void"},
        "POST /v1/invoices/in_1/void",
        "k",
    ),
]
NAMES = ["cancel", "period_end", "uncollectible", "void"]


@pytest.mark.parametrize(("end", "shown", "request_line", "key"), ENDINGS, ids=NAMES)
def test_an_ending_is_done_only_when_the_answer_shows_it(
    *,
    stripe_server: ScriptedStripe,
    gateway: SdkGateway,
    end: Ending,
    shown: dict[str, Any],
    request_line: str,
    key: str,
) -> None:
    stripe_server.play(
        Play(200, {"id": "x", "object": "x", **shown}),
        Play(200, {"id": "x", "object": "x", "status": "open"}),
        _error(404, code="resource_missing"),
        Play(fault="cut"),
    )
    answers = [end(gateway) for _ in range(4)]
    assert [answer.kind for answer in answers] == [
        AnswerKind.DONE,
        AnswerKind.UNKNOWN,
        AnswerKind.REFUSED,
        AnswerKind.UNKNOWN,
    ]
    assert len(stripe_server.asked) == 4
    asked = stripe_server.asked[0]
    assert f"{asked.method} {asked.path}" == request_line
    assert asked.headers.get("idempotency-key", "") == key
