"""The worker's ports in a simulated world: each input and output is a point of the simulation."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
import stripe
from sqlalchemy import Connection, Engine

from tests.simulation.stripe_in_process import BASE, Door, Network
from worker.domain.notices import LetterContent
from worker.domain.readings import CustomerReading
from worker.errors import DatabaseUnavailable, QueueUnavailable
from worker.mail.zones import zone_for
from worker.ports import RenderedNotice, SendOutcome, SendResult
from worker.queue.messages import ADVANCE_CASE, DELIVER_LETTER, RUN_JOB
from worker.rehearsal.sandbox.faults import Rule
from worker.store.ledger import PostgresLedger, Transaction

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

GIVES_UP_SECONDS = 20.0
"""The read timeout of the real transport: so long a caller waits for an answer that is lost."""

LATE_SECONDS_MAX = 600.0


class SimulatedLedger(PostgresLedger):
    """The real ledger; before and after each commit the process may stop, die or be told nothing.

    Others run before a transaction's reads as well, but not once it has written or locked: they
    might wait for it in PostgreSQL, which the baton could not see.
    """

    def __init__(self, engine: Engine, account_id: str, simulation: "Simulation") -> None:
        """Work on *engine* within *simulation*."""
        super().__init__(engine, account_id)
        self.simulation = simulation
        self.edit: Callable[[Transaction], Transaction] = lambda books: books
        """Puts a mutant's wrong books in the place of right ones."""

    def books(self, connection: Connection) -> Transaction:
        """Return the books of one connection."""
        return self.edit(super().books(connection))

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Start a transaction as the real one does. Raises: DatabaseUnavailable."""
        sim = self.simulation
        sim.point("begin")
        if sim.trouble.of_database("begin"):
            raise DatabaseUnavailable("away")
        with super().connection() as connection:
            sim.begin_transaction()
            yield connection
            sim.point("before commit", others=False)
            if sim.trouble.of_database("commit"):
                raise DatabaseUnavailable("rolled back")
        sim.committed()
        sim.point("after commit", freezes=True)
        if sim.trouble.of_database("answer"):
            raise DatabaseUnavailable("committed, but the word was lost")


class SimulatedNetwork(Network):
    """The way to Stripe, on which requests and answers are lost, late, or struck by faults."""

    def __init__(self, door: Door, simulation: "Simulation") -> None:
        """Lead to *door* within *simulation*."""
        super().__init__(door)
        self._simulation = simulation

    def ask(
        self, method: str, url: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Return the answer to one request. Raises: stripe.APIConnectionError: there is none."""
        sim, path = self._simulation, url.removeprefix(BASE)
        began_at = sim.agenda.now
        sim.point(f"request {method} {path.partition('?')[0]}", slow=True)
        if method != "GET":
            sim.seen.note_send(began_at, method, path, headers, body)
        fault = sim.trouble.of_request(method)
        if fault == "refused":
            raise _no_answer("refused")
        if fault == "late":
            later = sim.trouble.seconds("late", GIVES_UP_SECONDS, LATE_SECONDS_MAX)
            sim.agenda.after(later, lambda: self._execute(method, path, headers, body))
            sim.wait(GIVES_UP_SECONDS)
            raise _no_answer("timeout")
        answer = self._execute(method, path, headers, body, fault)
        if fault == "lost":
            sim.wait(GIVES_UP_SECONDS)
            raise _no_answer("timeout")
        sim.point(f"answer {method} {answer[0]}", slow=True)
        return answer

    def _execute(
        self, method: str, path: str, headers: dict[str, str], body: bytes, fault: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        sim, rules = self._simulation, self.door.sandbox.faults
        rules.rules = [Rule(fault, left=1)] if fault not in {"", "lost"} else []
        answer = self.door.ask(method, path, headers, body)
        rules.rules = []
        return sim.seen.note_executed(method, path, answer)


def _no_answer(why: str) -> Exception:
    make: Any = stripe.APIConnectionError  # the SDK leaves it untyped
    error: Exception = make(f"simulated: {why}", should_retry=True)
    error.__cause__ = requests.exceptions.Timeout() if why == "timeout" else None
    return error


class SimulatedLimiter:
    """Always has room, but not quite always."""

    def __init__(self, simulation: "Simulation") -> None:
        """Belong to *simulation*."""
        self._simulation = simulation

    def take(self, endpoint: str, *, money: bool) -> bool:
        """Return whether a call may start."""
        del endpoint, money
        return self._simulation.trouble.of_message() != "away"

    def report_limited(self, endpoint: str, *, whole_account: bool) -> None:
        """Hear of a 429."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the queue: an actor's name and its argument."""

    actor: str
    argument: int | str = ""


class SimulatedBell:
    """Rings by putting messages into the simulated queue (ports.Doorbell)."""

    def __init__(self, simulation: "Simulation") -> None:
        """Ring in *simulation*."""
        self._simulation = simulation

    def advance_case(self, case_id: int) -> None:
        """Ask a worker to look at a case."""
        self._ring(Message(ADVANCE_CASE, case_id))

    def deliver_letter(self, letter_id: int) -> None:
        """Ask a worker to deliver a letter."""
        self._ring(Message(DELIVER_LETTER, letter_id))

    def run_job(self, name: str) -> None:
        """Ask a worker to run a scheduled job."""
        self._ring(Message(RUN_JOB, name))

    def waiting(self) -> int:
        """Return how many messages wait."""
        return len(self._simulation.queue.pending)

    def _ring(self, message: Message) -> None:
        self._simulation.point("ring", others=False)
        if self._simulation.queue.send(message) == "away":
            raise QueueUnavailable("away")


class SimulatedLetters:
    """Plain letters into a list; the mail server takes them, or does not, or nobody knows."""

    def __init__(self, simulation: "Simulation") -> None:
        """Write within *simulation*."""
        self._simulation = simulation

    def zone_of(self, customer: CustomerReading | None) -> str:
        """Return the customer's zone, as the real post office does."""
        office = self._simulation.configuration.dunning.office_zone
        if customer is None:
            return office
        return zone_for(customer.country, customer.metadata.get("time_zone"), office).key

    def locale_of(self, _customer: CustomerReading) -> str:
        """Return English."""
        return "en"

    def render(self, content: LetterContent) -> RenderedNotice:
        """Return the letter."""
        return RenderedNotice(content.notice, "", content.notice, "digest")

    def send(self, *, message_id: str, customer: Any, rendered: RenderedNotice) -> SendResult:
        """Hand one letter over, once."""
        sim, began_at = self._simulation, self._simulation.agenda.now
        sim.point(f"mail {rendered.subject}")
        fate = sim.trouble.of_mail()
        if fate == "not_sent":
            return SendResult(SendOutcome.NOT_SENT, "no connection")
        if fate == "refused":
            return SendResult(SendOutcome.REFUSED, "no such mailbox")
        if fate != "vanished":
            sim.seen.note_mail(began_at, message_id, customer.email, rendered.subject)
        sim.point("mailed")
        if fate in {"unknown", "vanished"}:
            return SendResult(SendOutcome.UNKNOWN, "the answer was lost")
        return SendResult(SendOutcome.SENT, "accepted")
