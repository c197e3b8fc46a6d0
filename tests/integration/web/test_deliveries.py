"""Deliveries over real HTTP: what is believed becomes one row, nothing else becomes anything."""

import json
from datetime import timedelta

import pytest

from tests.integration.cli_run.service import wait_until
from tests.integration.services.raw import invoice
from tests.integration.store.building import DAY, NOW
from tests.integration.web.posting import NEW, OLD, Web, failed, signed, web_process

SECOND = timedelta(seconds=1)
STORED, DUPLICATE, IGNORED = (200, "stored"), (200, "duplicate"), (200, "ignored")


def test_an_event_is_stored_before_the_answer_and_wakes_the_feed(web: Web) -> None:
    assert web.deliver(failed()) == STORED
    assert web.rows() == [("evt_1", True)]
    wait_until(lambda: web.app.broker.queued() == 1, "the feed is rung for")
    (line,) = web.said("webhook")
    assert (line["event_id"], line["event_type"]) == ("evt_1", "invoice.payment_failed")


def test_many_at_once_are_one_ring(web: Web) -> None:
    assert [web.deliver(failed(number)) for number in range(1, 9)] == [STORED] * 8
    wait_until(lambda: web.app.broker.queued() > 0, "the feed is rung for")
    assert web.app.broker.queued() <= 2
    assert len(web.rows()) == 8


def test_a_replayed_delivery_changes_nothing(web: Web) -> None:
    body = json.dumps(failed()).encode()
    header = signed(body, at=int(web.clock.wall_now().timestamp()))
    assert [web.post(body, header) for _ in range(3)] == [STORED, DUPLICATE, DUPLICATE]
    with web.app.ledger.begin() as tx:
        assert len(tx.inbox.add([failed()], wall_now=web.clock.wall_now())) == 1
    assert web.post(body, header) == DUPLICATE
    assert web.rows() == [("evt_1", False)]
    web.clock.ahead += 301 * SECOND
    assert web.post(body, header) == (400, "too_old")


def test_nothing_that_is_not_believed_passes(web: Web) -> None:
    body = json.dumps(failed()).encode()
    at = int(web.clock.wall_now().timestamp())
    good = signed(body, at=at)
    other_body = body.replace(b"1200", b"9900")
    refused: dict[str, list[tuple[bytes, str | None]]] = {
        "unsigned": [(body, None), (body, "")],
        "forged": [
            (body, "nonsense"),
            (body, f"t={at},v1=\xe9"),
            (body, f"t={at}"),
            (body, f"t={at},v1="),
            (body, f"t=now,{good.split(',')[1]}"),
            (body, f"t={at + 1},{good.split(',')[1]}"),
            (body, good.replace("v1=", "v0=")),
            (body, signed(body, at=at, secrets=("whsec_other",))),
            (other_body, good),
            (b"\xff\xfe" + body, good),
            (b"\xff" + body, f"v1={good[-64:]}"),
            (b"\xff" + body, "t,v1"),
            (b"\xff" + body, f"t=now,{good.split(',')[1]}"),
            (b"\xff" + body, signed(b"\xff" + body, at=at, secrets=("whsec_other",))),
            (b"", good),
        ],
        "too_old": [(body, signed(body, at=at - 302))],
        "in_the_future": [(body, signed(body, at=at + 302))],
    }
    for reason, deliveries in refused.items():
        for told, header in deliveries:
            assert web.post(told, header) == (400, reason), header
    assert web.rows() == []
    assert web.post(body, signed(body, at=at - 299)) == STORED


@pytest.mark.parametrize(
    ("told", "answer"),
    [
        (b"not json", (400, "not_json")),
        (b"\xff\xfe not even text", (400, "not_json")),
        (json.dumps(failed()).encode("utf-16"), (400, "not_json")),
        (b"[" * 100_000, (400, "not_json")),
        (b"[]", (400, "no_event")),
        (b"null", (400, "no_event")),
        ({"id": "evt_1", "object": "v2.core.event", "type": "v1.invoice.paid"}, (400, "no_event")),
        (failed(id="in_1"), (400, "no_event")),
        (failed(id="evt_1\0"), (400, "no_event")),
        (failed(type=None), (400, "no_event")),
        (failed(created="now"), (400, "no_event")),
        (failed(created=True), (400, "no_event")),
        (failed(created=10**30), (400, "no_event")),
        (failed(data={"object": None}), (400, "no_event")),
        (failed(data={"object": invoice(1, memo="\ud800")}), (400, "no_event")),
        (json.dumps(failed(extra=float("nan"))).encode(), (400, "no_event")),
        (failed(account="acct_2"), (403, "other_account")),
        (failed(livemode=True), (403, "other_mode")),
        (failed(livemode=None), (403, "other_mode")),
        (failed(extra="x" * 1_048_576), (413, "too_large")),
    ],
)
def test_what_is_signed_and_yet_no_event_of_ours_is_refused(
    web: Web, told: object, answer: tuple[int, str]
) -> None:
    assert web.deliver(told) == answer
    assert web.rows() == []
    assert web.app.broker.queued() == 0


def test_an_event_that_names_this_account_is_ours(web: Web) -> None:
    assert web.deliver(failed(account="acct_1")) == STORED


def test_what_is_not_ours_to_know_is_taken_and_forgotten(begun_url: str, redis_url: str) -> None:
    with web_process(begun_url, redis_url, STRIPE_TEST_CLOCK="clock_1") as web:
        own = failed(1, data={"object": invoice(1, test_clock="clock_1")})
        assert web.deliver(failed(2, data={"object": invoice(2, test_clock="clock_2")})) == IGNORED
        assert web.deliver(failed(3, data={"object": invoice(3, test_clock=None)})) == IGNORED
        assert web.deliver(failed(4, type="test_helpers.test_clock.advancing")) == IGNORED
        before = int((NOW - 31 * DAY).timestamp())
        assert web.deliver(own | {"created": before}) == IGNORED
        assert web.rows() == []
        assert web.deliver(own) == STORED


def test_secrets_are_rotated_with_an_overlap(begun_url: str, redis_url: str) -> None:
    with web_process(begun_url, redis_url, STRIPE_WEBHOOK_SECRET=OLD) as web:
        assert web.deliver(failed(1), secrets=(OLD,)) == STORED
        assert web.deliver(failed(2), secrets=(NEW,)) == (400, "forged")
        assert web.deliver(failed(2), secrets=(OLD, NEW)) == STORED
    with web_process(begun_url, redis_url, STRIPE_WEBHOOK_SECRET=f"{OLD}, {NEW}") as web:
        assert web.deliver(failed(3), secrets=(OLD,)) == STORED
        assert web.deliver(failed(4), secrets=(NEW,)) == STORED
        assert web.deliver(failed(5), secrets=(NEW, OLD)) == STORED
    with web_process(begun_url, redis_url, STRIPE_WEBHOOK_SECRET=NEW) as web:
        assert web.deliver(failed(6), secrets=(OLD,)) == (400, "forged")
        assert web.deliver(failed(6), secrets=(NEW,)) == STORED
        assert [event_id for event_id, _ in web.rows()] == [f"evt_{n}" for n in range(1, 7)]


def test_a_flood_of_strangers_is_one_line_without_anything_of_theirs(web: Web) -> None:
    body = json.dumps(failed(1, extra="someone@example.com")).encode()
    for number in range(20):
        assert web.post(body, f"t=1,v1=stranger{number}")[0] == 400
    web.deliver(failed(2), secrets=("whsec_other",))
    (line,) = web.said("webhook.refused")
    assert (line["reason"], line["count"]) == ("forged", 1)
    log = web.stream.getvalue()
    assert not [word for word in ("127.0.0.1", "stranger", "someone", OLD, NEW) if word in log]
