"""Signed deliveries to a real endpoint, and what goes wrong on the way."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest
import stripe

from tests.contract.sandbox.driving import Driver


@dataclass
class Receiver:
    """An endpoint that keeps what it gets."""

    url: str = ""
    got: list[tuple[bytes, str]] = field(default_factory=list)
    wanted: int = 1
    enough: Event = field(default_factory=Event)

    def types(self, secret: str) -> list[str]:
        """Return the types received, each signature checked with *secret*."""
        verify: Any = stripe.Webhook.construct_event
        return [verify(body, header, secret).type for body, header in self.got]

    def wait(self, count: int) -> None:
        """Wait until *count* deliveries came."""
        self.wanted = count
        if len(self.got) < count:
            self.enough.clear()
            assert self.enough.wait(10), f"only {len(self.got)} of {count} came"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            kept.got.append((self.rfile.read(length), self.headers["Stripe-Signature"]))
            self.send_response(200)
            self.end_headers()
            if len(kept.got) >= kept.wanted:
                kept.enough.set()

        def log_message(self, *_arguments: Any) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield kept
    server.shutdown()
    server.server_close()


def register(box: Driver, receiver: Receiver, *secrets: str, **faults: Any) -> None:
    endpoint = {"url": receiver.url, "secrets": list(secrets), "types": ["customer.created"]}
    box.control("webhooks", endpoints=[endpoint], faults=faults)


def create(box: Driver, count: int) -> list[str]:
    return [box.client.v1.customers.create({"name": str(n)}).id for n in range(count)]


def test_deliveries_are_signed_with_every_secret_of_a_rotation(
    box: Driver, receiver: Receiver
) -> None:
    register(box, receiver, "whsec_old", "whsec_new")
    create(box, 1)
    receiver.wait(1)
    assert receiver.types("whsec_old") == receiver.types("whsec_new") == ["customer.created"]
    with pytest.raises(stripe.SignatureVerificationError):
        receiver.types("whsec_other")


def test_duplicates(box: Driver, receiver: Receiver) -> None:
    register(box, receiver, "whsec_a", duplicate=1.0)
    create(box, 2)
    receiver.wait(4)
    bodies = [body for body, _ in receiver.got]
    assert bodies[0] == bodies[1] != bodies[2] == bodies[3]


def test_lost_events_are_still_listed_as_undelivered(box: Driver, receiver: Receiver) -> None:
    register(box, receiver, "whsec_a", lost=1.0)
    create(box, 1)
    undelivered: Any = {"delivery_success": False}
    assert [e.type for e in box.client.v1.events.list(undelivered).data] == ["customer.created"]
    register(box, receiver, "whsec_a")
    create(box, 1)
    receiver.wait(1)
    assert [d["result"] for d in box.read("webhooks")["deliveries"]][:1] == ["lost"]


def test_reordered_events(box: Driver, receiver: Receiver) -> None:
    register(box, receiver, "whsec_a", reorder=1.0)
    made = create(box, 2)
    receiver.wait(2)
    verify: Any = stripe.Webhook.construct_event
    order = [verify(body, header, "whsec_a").data.object.id for body, header in receiver.got]
    assert order == made[::-1]


def test_late_events_come_after_later_ones(box: Driver, receiver: Receiver) -> None:
    register(box, receiver, "whsec_a", late=1.0, late_seconds=0.3)
    (late,) = create(box, 1)
    register(box, receiver, "whsec_a")
    (prompt,) = create(box, 1)
    receiver.wait(2)
    verify: Any = stripe.Webhook.construct_event
    order = [verify(body, header, "whsec_a").data.object.id for body, header in receiver.got]
    assert order == [prompt, late]


def test_strangers_deliver_what_no_secret_of_ours_or_no_clock_confirms(
    box: Driver, receiver: Receiver
) -> None:
    register(box, receiver, "whsec_a", forged=1.0, replayed=1.0)
    create(box, 1)
    receiver.wait(3)
    verify: Any = stripe.Webhook.construct_event
    (forged, true, replayed) = receiver.got
    with pytest.raises(stripe.SignatureVerificationError, match="No signatures found"):
        verify(*forged, "whsec_a")
    assert verify(*true, "whsec_a").type == "customer.created"
    assert replayed[0] == true[0]
    with pytest.raises(stripe.SignatureVerificationError, match="tolerance"):
        verify(*replayed, "whsec_a")
