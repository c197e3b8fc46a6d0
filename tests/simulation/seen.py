"""What was seen from outside in one run: requests, mails, and what Stripe held at each read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

LISTED_LATE = timedelta(minutes=10)
LISTED_VERY_LATE = timedelta(hours=20)
READ_LATELY = timedelta(minutes=8)
"""How old the feed's last read may be where nothing came since: charges wait at 15 minutes."""
READ_PAST_SECONDS = 1800.0
"""When the feed has surely read past an event that is listed very late, as it does in life."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What Stripe held about an invoice at one moment."""

    at: datetime
    invoice_id: str
    status: str
    subscription_id: str
    subscription_status: str
    cancels_at: int | None
    paused: bool
    stripe_tries_at: int | None


@dataclass(frozen=True, slots=True)
class Send:
    """One writing request as it left the worker."""

    at: datetime
    process: str
    method: str
    path: str
    key: str
    params: Mapping[str, str]
    committed_at: datetime | None
    """When the process last committed before it."""
    read: Truth | None
    """What the process had last read of this invoice."""
    ledger: Mapping[str, Any]
    """What the ledger knew just then."""

    @property
    def parts(self) -> list[str]:
        """The path's parts: `v1`, `invoices`, id, act."""
        return self.path.strip("/").split("/")

    @property
    def is_charge(self) -> bool:
        """Whether it asks to charge an invoice."""
        return self.parts[1:2] == ["invoices"] and self.parts[3:] == ["pay"]


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail that the mail server took, or may have taken."""

    at: datetime
    message_id: str
    to: str
    notice: str
    committed_at: datetime | None
    ledger: Mapping[str, Any]
    process: str = ""


@dataclass
class Seen:
    """Everything one run showed."""

    simulation: "Simulation"
    sends: list[Send] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    hidden_until: dict[str, datetime] = field(default_factory=dict)
    last_event_at: datetime | None = None
    hides: bool = False
    """Whether every new event is listed very late."""

    def note_send(
        self, began_at: datetime, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Keep a writing request of a worker, begun at *began_at*, with what was known then."""
        sim = self.simulation
        names = {name.lower(): value for name, value in headers.items()}
        process, parts = sim.running, path.strip("/").split("/")
        invoice_id = parts[2] if parts[1] == "invoices" else ""
        mine = [truth for (name, _), truth in sim.reads.items() if name == process.name]
        about = [one for one in mine if parts[2] in {one.subscription_id, one.invoice_id}]
        send = Send(
            began_at,
            process.name,
            method,
            path,
            names.get("idempotency-key", ""),
            dict(parse_qsl(body.decode())),
            sim.committed_at.get(process.name),
            max(about, key=lambda one: one.at, default=None),
            sim.ground.case_of_invoice(invoice_id) if invoice_id else {},
        )
        self.sends.append(send)
        sim.note(f"send {method} {path} {send.key} {sorted(send.params.items())}")

    def note_executed(
        self, method: str, path: str, answer: tuple[int, dict[str, str], bytes]
    ) -> tuple[int, dict[str, str], bytes]:
        """Keep what a read showed; leave events out of a list that are to be listed late."""
        sim, parts = self.simulation, path.partition("?")[0].strip("/").split("/")
        if method != "GET":
            return answer
        if parts == ["v1", "events"] and answer[0] == 200:
            return self._without_hidden(answer)
        if parts[:2] == ["v1", "invoices"] and len(parts) == 3 and sim.has_turn:
            truth = self.truth(parts[2])
            if truth is not None and answer[0] == 200:
                sim.reads[sim.running.name, parts[2]] = truth
        return answer

    def truth(self, invoice_id: str) -> Truth | None:
        """Return what Stripe holds about an invoice now, or None where it has none."""
        sim = self.simulation
        world = sim.sandbox.world
        row = world.find("invoice", invoice_id)
        if row is None:
            return None
        details = (row.get("parent") or {}).get("subscription_details") or {}
        subscription = world.find("subscription", str(details.get("subscription"))) or {}
        return Truth(
            sim.agenda.now,
            invoice_id,
            row["status"],
            str(details.get("subscription") or ""),
            subscription.get("status", ""),
            subscription.get("cancel_at"),
            subscription.get("pause_collection") is not None,
            row.get("next_payment_attempt"),
        )

    def _without_hidden(
        self, answer: tuple[int, dict[str, str], bytes]
    ) -> tuple[int, dict[str, str], bytes]:
        body = json.loads(answer[2])
        now, before = self.simulation.agenda.now, len(body["data"])
        body["data"] = [
            each for each in body["data"] if self.hidden_until.get(each["id"], now) <= now
        ]
        if len(body["data"]) == before:
            return answer
        return answer[0], answer[1], json.dumps(body).encode()

    def came_after(self, read_at: datetime | None) -> bool:
        """Return whether the list has grown since the feed was read up to *read_at*.

        What a reader was told and lost, or took to its grave, it never read.
        """
        if self.last_event_at is None:
            return False
        if read_at is None or self.last_event_at > read_at:
            return True
        now = self.simulation.agenda.now
        return any(read_at < at <= now for at in self.hidden_until.values())

    def is_behind(self, read_at: datetime | None) -> bool:
        """Return whether a feed that was read up to *read_at* should be read."""
        lately = read_at is not None and self.simulation.agenda.now - read_at < READ_LATELY
        return not lately or self.came_after(read_at)

    def note_event(self, event: Mapping[str, Any]) -> None:
        """Decide when a new event is listed."""
        sim = self.simulation
        self.last_event_at = sim.agenda.now
        sim.stir()
        drawn = sim.trouble.draws("listed").fraction()
        stormy = not sim.trouble.calm and sim.trouble.stripe_share > 0
        if self.hides or (stormy and drawn < 0.01):
            self.hidden_until[event["id"]] = sim.agenda.now + LISTED_VERY_LATE
            sim.agenda.after(READ_PAST_SECONDS, sim.read_stripe)
            return
        if not stormy:
            return
        if drawn < 0.06:
            self.hidden_until[event["id"]] = sim.agenda.now + LISTED_LATE

    def note_mail(self, began_at: datetime, message_id: str, to: str, notice: str) -> None:
        """Keep a mail that the server took, whose sending began at *began_at*."""
        sim = self.simulation
        known = sim.ground.letter(message_id)
        committed_at = sim.committed_at.get(sim.running.name)
        name = sim.running.name
        self.mails.append(Mail(began_at, message_id, to, notice, committed_at, known, name))
        sim.note(f"mail {message_id} {notice}")
