"""What the buttons of the first page do, one act after the other, in the thread that drives.

The web server's threads only put acts into a queue and read what `Play.shown` says.
"""

import queue
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from worker.rehearsal.driver_sandbox import Refused, SandboxClient

GOOD_CARD = {"number": "4242424242424242", "exp_month": "12", "exp_year": "2034"}
LOOK_SECONDS = 1.0
"""How often it looks whether somebody did something on the sandbox's own pages."""

_POOR = {"decline_code": "insufficient_funds", "network_decline_code": "51"}
_LOST = {"decline_code": "lost_card", "network_decline_code": "41"}


@dataclass(frozen=True, slots=True)
class Manner:
    """A way in which a card can behave from now on, as POST /_sandbox/cards takes it."""

    said: str
    outcomes: Sequence[Any]
    then: Any = None


ACCEPTED = "good"
MANNERS: Mapping[str, Manner] = {
    "poor-once": Manner("not enough money, the next time", [_POOR], "approve"),
    "poor": Manner("not enough money, every time", [_POOR]),
    "lost": Manner("reported lost: it must never be tried again", [_LOST]),
    "confirm": Manner("the bank wants a confirmation, the next time",
                      [{"requires_action": True}], "approve"),
    ACCEPTED: Manner("accepted, every time", ["approve"]),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """How the play stands; `version` grows with each change of anything that pages show."""

    now: datetime
    """Simulated time."""
    version: int = 0
    busy: str = ""
    """What is being done, as a phrase; empty while nothing is."""
    said: str = ""
    """What the last act came to, as a sentence."""
    failed: bool = False
    cards: Mapping[str, str] = field(default_factory=dict)
    """Payment method -> how it was told to behave, until it was charged."""


class Watches(Protocol):
    """Looks after the processes (supervisor.Supervisor)."""

    def watch(self) -> None:
        """Start again what has ended. Raises: ServiceUnavailable."""


class Drives(Protocol):
    """Moves simulated time and lets the worker do what is due (driver.Driver)."""

    now: datetime

    @property
    def supervisor(self) -> Watches:
        """Who looks after the processes."""

    def drive(self, until: datetime, on_stop: Callable[[datetime], None]) -> None:
        """Move to *until*, telling *on_stop* of each stop. Raises: ServiceUnavailable."""

    def anything_due(self) -> bool:
        """Whether something is due now; it was not when the last drive ended."""


class Act(Protocol):
    """One act: a phrase for what is being done, and the doing, which returns a sentence."""

    @property
    def doing(self) -> str:
        """What is being done, as a phrase."""

    def run(self, play: "Play") -> str:
        """Do it and say what it came to. Raises: Refused: the sandbox said no."""


class Play:
    """The one who plays: customers, banks and time are in the hands of a person."""

    def __init__(self, driver: Drives, client: SandboxClient) -> None:
        """Take what drives the rehearsal; `step` must be called by the thread that made both."""
        self.driver, self.client = driver, client
        self.shown = Shown(driver.now)
        self._acts: queue.Queue[Act] = queue.Queue(maxsize=1)
        self._requests_seen = self._charges_seen = 0

    def ask_for(self, act: Act) -> bool:
        """Have *act* done soon; False where another one is still under way. For any thread."""
        if self.shown.busy:
            return False
        try:
            self._acts.put_nowait(act)
        except queue.Full:
            return False
        self._show(busy=act.doing, said="", failed=False)
        return True

    def begin(self) -> None:
        """Let the worker read what is there at the start."""
        self._show(busy="starting")
        self.catch_up()
        self._show(busy="")

    def step(self) -> None:
        """Do the next act, or after a second of waiting look at what people did elsewhere.

        Raises: ServiceUnavailable: the processes or the sandbox no longer do their part.
        """
        try:
            act = self._acts.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            self.driver.supervisor.watch()
            if self._somebody_acted() or self.driver.anything_due():
                self.catch_up()
                self._show()
            return
        try:
            said, failed = act.run(self), False
        except Refused as refused:
            self.catch_up()
            said, failed = str(refused), True
        self._show(busy="", said=said, failed=failed)

    def drive(self, until: datetime) -> None:
        """Move to *until*, showing each stop on the way."""
        self.driver.drive(until, self._stopped_at)
        self._somebody_acted()

    def catch_up(self) -> None:
        """Let the worker do what is due now."""
        self.drive(self.driver.now)

    def tell_card(self, method_id: str, manner: Manner) -> None:
        """Script a card and remember it until the card was charged."""
        body: dict[str, Any] = {"payment_method": method_id, "outcomes": list(manner.outcomes)}
        if manner.then is not None:
            body["then"] = manner.then
        self.client.control("/_sandbox/cards", body)
        self._show(cards={**self.shown.cards, method_id: manner.said})

    def _stopped_at(self, now: datetime) -> None:
        answer = self.client.get("/_sandbox/charges", since=self._charges_seen)
        charged = {str(one["payment_method"]) for one in answer["charges"]}
        self._charges_seen = max([self._charges_seen, *(int(o["n"]) for o in answer["charges"])])
        left = {name: said for name, said in self.shown.cards.items() if name not in charged}
        self._show(now=now, cards=left)

    def _somebody_acted(self) -> bool:
        answer = self.client.get("/_sandbox/requests", since=self._requests_seen)
        rows = answer["requests"]
        self._requests_seen = max([self._requests_seen, *(int(row["n"]) for row in rows)])
        return any(row["by"] == "customer" for row in rows)

    def _show(self, **changes: Any) -> None:
        self.shown = replace(self.shown, version=self.shown.version + 1, **changes)


@dataclass(frozen=True, slots=True)
class Advance:
    """Let simulated time pass."""

    hours: int

    @property
    def doing(self) -> str:
        """What is being done."""
        return "time passes"

    def run(self, play: Play) -> str:
        """Go on hour by hour, as the service would."""
        play.drive(play.driver.now + timedelta(hours=self.hours))
        return ""


@dataclass(frozen=True, slots=True)
class Decline:
    """Tell a customer's card how to behave."""

    customer_id: str
    manner: str

    @property
    def doing(self) -> str:
        """What is being done."""
        return "the card is told"

    def run(self, play: Play) -> str:
        """Script the card that would be charged next."""
        owner = play.client.get(f"/v1/customers/{self.customer_id}")
        method_id = owner["invoice_settings"]["default_payment_method"]
        if not method_id:
            raise Refused("This customer has no card on file; change the card first.")
        manner = MANNERS[self.manner]
        play.tell_card(method_id, manner)
        return f"From now on the card of {owner['name'] or self.customer_id}: {manner.said}."


@dataclass(frozen=True, slots=True)
class Pay:
    """Pay an invoice by hand, with a card that is not kept."""

    invoice_id: str

    @property
    def doing(self) -> str:
        """What is being done."""
        return "the customer pays"

    def run(self, play: Play) -> str:
        """Pay on the invoice's page, and let the worker see it."""
        path = f"/_sandbox/pay/{self.invoice_id}"
        invoice = play.client.post(path, {**GOOD_CARD, "remember": "no"})
        play.catch_up()
        number = invoice["number"] or self.invoice_id
        return f"Invoice {number} is {invoice['status']}."


@dataclass(frozen=True, slots=True)
class ChangeCard:
    """Save a card that works in the customer's portal."""

    customer_id: str

    @property
    def doing(self) -> str:
        """What is being done."""
        return "the customer changes the card"

    def run(self, play: Play) -> str:
        """Save the card, and let the worker see it."""
        play.client.post(f"/_sandbox/portal/{self.customer_id}", GOOD_CARD)
        play.catch_up()
        return "The new card is saved; what is open is charged to it at once."
