"""Webhooks of a run: what Stripe and strangers send, taken by the worker's own web processes.

The way in is the real one from the ASGI application on; the socket is simulated. Of Stripe's
deliveries some are lost, doubled, late or overtaken; strangers know the endpoint and what events
look like, and at most a secret that was rotated away.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry

from tests.simulation.baton import Process
from tests.simulation.trouble import Row
from worker.rehearsal.sandbox.webhooks import signature
from worker.web.app import WEBHOOK_PATH, outer_app
from worker.web.deliveries import Deliveries
from worker.web.feed_waker import PAUSE_SECONDS
from worker.web.open_ledger import OpenLedger
from worker.web.webhook import WebhookDoor

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

OLD, NEW, STRANGE = "whsec_old", "whsec_new", "whsec_strange"
BOTH_FROM, BOTH_UNTIL = timedelta(hours=8), timedelta(hours=32)
"""After the run's start; while a rotation is under way Stripe signs with both secrets."""
DROPPED = timedelta(hours=20)
"""When the web processes stop believing the old one."""
BELIEVED: Mapping[bool, tuple[str, ...]] = MappingProxyType({False: (NEW, OLD), True: (NEW,)})
"""Whether the old one was dropped -> the secrets."""

FATES = {"lost": 0.15, "doubled": 0.2, "late": 0.15, "plain": 0.5}
LATE_SECONDS_MAX = 20 * 3600.0
TRIES_MAX = 5
AGAIN_SECONDS_MAX = 2 * 3600.0
STRANGERS: Mapping[str, float] = MappingProxyType(
    {"no secret": 0.05, "old secret": 0.05, "replay": 0.05, "altered": 0.05}
)
REPLAYED_AGO = timedelta(minutes=10)
STRANGE_ID = "evt_strange"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request to the endpoint; Stripe's own are signed when they are sent."""

    body: bytes
    event_id: str
    stranger: str = ""
    """What a stranger does; empty for Stripe."""
    tried: int = 0


@dataclass
class Postman:
    """Brings the webhooks of one run to two web processes."""

    simulation: "Simulation"
    believed: Mapping[bool, tuple[str, ...]] = field(default_factory=lambda: BELIEVED)
    strangers: Mapping[str, float] = field(default_factory=lambda: STRANGERS)
    """What strangers do -> the share of events after which they do it."""
    fates: Mapping[str, float] = field(default_factory=lambda: FATES)
    """What becomes of Stripe's own deliveries -> its share."""
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    """(stranger or empty, status) -> how many."""

    def __post_init__(self) -> None:
        """Open the endpoint and listen to Stripe."""
        sim = self.simulation
        self._row = Row(sim.trouble.seed, "webhooks")
        self._began_at = sim.agenda.now
        self._waiting: list[Delivery] = []
        self._rings = False
        self._names = ("web 1", "web 2")
        sim.processes |= {name: Process(name, sim.agenda) for name in self._names}
        app = next(iter(sim.apps.values()))
        deliveries = Deliveries(app.log, app.clock, CollectorRegistry())
        self._doors = {
            (name, dropped): outer_app(_door(app, deliveries, secrets, self._wake))
            for name in self._names
            for dropped, secrets in self.believed.items()
        }
        sim.sandbox.world.event_listeners.append(self.post)

    def post(self, event: Mapping[str, Any]) -> None:
        """Plan what is sent about a new event."""
        row, body = self._row, json.dumps(event, separators=(",", ":")).encode()
        ours = Delivery(body, event["id"])
        fate = row.weighted(self.fates)
        if fate != "lost":
            self._plan(ours, LATE_SECONDS_MAX if fate == "late" else 4.0)
        if fate == "doubled":
            self._plan(ours, 900.0)
        for stranger, share in self.strangers.items():
            if row.happens(share):
                self._plan(_strangers(event, body, stranger), 1200.0)

    def _plan(self, delivery: Delivery, seconds_max: float) -> None:
        seconds = 0.1 + seconds_max * self._row.fraction()
        self.simulation.agenda.after(seconds, lambda: self._arrive(delivery))

    def _arrive(self, delivery: Delivery) -> None:
        self._waiting.append(delivery)
        self._hand_out()

    def _hand_out(self) -> None:
        sim = self.simulation
        while self._waiting:
            able = [n for n in self._names if not sim.processes[n].busy and sim.is_up(n)]
            if not able:
                return
            delivery = self._waiting.pop(self._row.below(len(self._waiting)))
            name = self._row.one_of(able)
            sim.note(f"{name} takes {delivery.event_id} {delivery.stranger}")
            answered: list[int] = []
            work = partial(self._take, name, delivery, answered)
            sim.processes[name].begin(work, partial(self._ended, name, delivery, answered))

    def _take(self, name: str, delivery: Delivery, answered: list[int]) -> None:
        """Let the endpoint answer one request, in a web process."""
        sim = self.simulation
        sim.take_turn(name)
        dropped = sim.agenda.now >= self._began_at + DROPPED
        header = self._header(delivery)
        status = asyncio.run(_answer(self._doors[name, dropped], delivery.body, header))
        sim.point(f"webhook answered {status}")
        answered.append(status)

    def _header(self, delivery: Delivery) -> str:
        at = int(self.simulation.agenda.now.timestamp())
        since = self.simulation.agenda.now - self._began_at
        secrets = [NEW, OLD] if since >= BOTH_FROM else [OLD]
        secrets = [NEW] if since >= BOTH_UNTIL else secrets
        if delivery.stranger == "no secret":
            secrets = [STRANGE]
        elif delivery.stranger == "replay":
            at -= int(REPLAYED_AGO.total_seconds())
        elif delivery.stranger == "altered":
            return signature(secrets, delivery.body.replace(STRANGE_ID.encode(), b"evt_"), at)
        elif delivery.stranger == "old secret":
            believes = since < DROPPED  # then it is no secret of strangers yet
            secrets = [STRANGE] if believes else [OLD]
        return signature(secrets, delivery.body, at)

    def _ended(self, name: str, delivery: Delivery, answered: list[int]) -> None:
        sim = self.simulation
        status = answered[0] if answered else 0
        self.answers[delivery.stranger, status] += 1
        sim.note(f"{name} answered {status}")
        sim.failures += self._wrong(delivery, status)
        sim.ended(name)
        if not sim.is_up(name):
            sim.agenda.after(91, self._hand_out)
        if not delivery.stranger and status != 200 and delivery.tried < TRIES_MAX:
            again = Delivery(delivery.body, delivery.event_id, tried=delivery.tried + 1)
            self._plan(again, AGAIN_SECONDS_MAX)
        self._hand_out()

    def _wrong(self, delivery: Delivery, status: int) -> list[str]:
        """Return what is wrong with an answer: who was believed, and what 200 promises."""
        what = f"{delivery.event_id} at {self.simulation.agenda.now}"
        if delivery.stranger:
            return [f"{delivery.stranger} was believed: {what}"] if status == 200 else []
        kept = "SELECT 1 FROM inbox WHERE event_id = :id"
        if status == 200 and not self.simulation.ground.rows(kept, id=delivery.event_id):
            return [f"a webhook was acknowledged and not kept: {what}"]
        if status not in {0, 200, 503}:
            return [f"Stripe's own webhook was answered {status}: {what}"]
        return []

    def _wake(self) -> None:
        """Ring for the feed as the web process does: once for whatever comes within two seconds."""
        if not self._rings:
            self._rings = True
            self.simulation.agenda.after(PAUSE_SECONDS, self._ring)

    def _ring(self) -> None:
        self._rings = False
        self.simulation.read_stripe()


def _strangers(event: Mapping[str, Any], body: bytes, stranger: str) -> Delivery:
    """Return what a stranger sends; but for a replay it says that an invoice was paid."""
    if stranger == "replay":
        return Delivery(body, event["id"], stranger)
    row = dict(event["data"]["object"]) | {"status": "paid", "amount_remaining": 0}
    kind = "invoice.paid" if row.get("object") == "invoice" else event["type"]
    name = event["id"].replace("evt_", STRANGE_ID)
    said = dict(event) | {"id": name, "type": kind, "data": {"object": row}}
    return Delivery(json.dumps(said).encode(), name, stranger)


class _Inline(Executor):
    """Does at once, in the same thread, what others hand to a pool: the baton stays where it is."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **more: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **more))
        except Exception as error:  # noqa: BLE001 - whoever awaits it judges it
            done.set_exception(error)
        return done


def _door(
    app: Any, deliveries: Deliveries, secrets: tuple[str, ...], wake: Callable[[], None]
) -> WebhookDoor:
    door = WebhookDoor(
        secrets=secrets,
        ledger=OpenLedger(app),
        clock=app.clock,
        deliveries=deliveries,
        wake=wake,
    )
    vars(door)["_pool"] = _Inline()
    return door


async def _answer(application: Any, body: bytes, header: str) -> int:
    """Return the status with which the endpoint answers a request."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": WEBHOOK_PATH,
        "raw_path": WEBHOOK_PATH.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"stripe-signature", header.encode())],
        "client": None,
        "server": ("127.0.0.1", 80),
    }
    said: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            said.append(int(message["status"]))

    await application(scope, receive, send)
    return said[0]
