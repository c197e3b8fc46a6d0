"""Wrong parts: each lacks one guarantee of the design and is put in the place of the right one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from tests.simulation.ports import Message, SimulatedLedger
from tests.simulation.simulation import Simulation
from worker.bootstrap import App
from worker.domain.case import Attempt, Case, Surroundings
from worker.domain.decisions import Decision
from worker.domain.engine import decide
from worker.domain.engine_situation import Situation
from worker.domain.readings import Answer, InvoiceReading
from worker.ports import CaseChange, Control, Json, LetterTask, Used
from worker.queue.messages import ADVANCE_CASE
from worker.services import case_turn
from worker.store.ledger import Transaction


class Wrapped:
    """A part of which a subclass does something wrongly and the rest as it was."""

    def __init__(self, real: Any) -> None:
        """Wrap *real*."""
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def with_stripe(kind: type[Wrapped]) -> Callable[[App], None]:
    """Return what wraps a worker's Stripe."""

    def change(app: App) -> None:
        app.__dict__["stripe"] = kind(app.stripe)

    return change


def with_books(**kinds: type[Wrapped]) -> Callable[[App], None]:
    """Return what wraps books of a worker's ledger: `cases=...`."""

    def edit(books: Transaction) -> Transaction:
        wrong: dict[str, Any] = {n: kind(getattr(books, n)) for n, kind in kinds.items()}
        return replace(books, **wrong)

    def change(app: App) -> None:
        ledger: Any = app.ledger
        assert isinstance(ledger, SimulatedLedger)
        ledger.edit = edit

    return change


class FreshKey(Wrapped):
    """Each send has a key of its own."""

    numbers = count(1000)

    def pay_invoice(self, invoice_id: str, **more: Any) -> Answer:
        """Pay under a new key."""
        more["key"] = f"dun:v1:{invoice_id}:{next(self.numbers)}"
        answer: Answer = self.real.pay_invoice(invoice_id, **more)
        return answer


class DriftingParams(Wrapped):
    """A repeated send names what is on file by then."""

    sent: set[str]

    def __init__(self, real: Any) -> None:
        """Wrap *real*."""
        super().__init__(real)
        self.sent = set()

    def pay_invoice(self, invoice_id: str, **more: Any) -> Answer:
        """Pay with another method the second time."""
        if more["key"] in self.sent:
            more["payment_method_id"] = f"{more['payment_method_id']}x"
        self.sent.add(more["key"])
        answer: Answer = self.real.pay_invoice(invoice_id, **more)
        return answer


class NoReread(Wrapped):
    """What was read once is believed for ever."""

    def __init__(self, real: Any) -> None:
        """Wrap *real*."""
        super().__init__(real)
        self.known: dict[str, InvoiceReading] = {}

    def read_invoice(self, invoice_id: str) -> InvoiceReading:
        """Return the invoice as it was at the first read."""
        if invoice_id not in self.known:
            self.known[invoice_id] = self.real.read_invoice(invoice_id)
        return self.known[invoice_id]


class NoOwner(Wrapped):
    """Nobody looks whether Stripe tries by itself."""

    def read_invoice(self, invoice_id: str) -> InvoiceReading:
        """Return the invoice without Stripe's plan."""
        found: InvoiceReading = self.real.read_invoice(invoice_id)
        return replace(found, next_payment_attempt_at=None)


class NoIntent(Wrapped):
    """A charge goes out before anything is written about it."""

    def start(self, _found: Case, _attempt: Attempt) -> bool:
        """Write nothing."""
        return True


class NoFence(Wrapped):
    """Nobody asks whether the lease is still ours."""

    def hold_lease(self, case_id: int, *, token: str, wall_now: datetime) -> Case | None:
        """Return the case, whoever has it."""
        del token, wall_now
        found: Case | None = self.real.load(case_id)
        return found


class AlwaysYoung(Wrapped):
    """A key is never too old to be sent again."""

    def surroundings(self, *args: Any, **more: Any) -> Surroundings:
        """Return what is around a case, its key sent a moment ago."""
        found: Surroundings = self.real.surroundings(*args, **more)
        return replace(found, key_age=min(found.key_age, timedelta(hours=1)))


class NoWakeSeq(Wrapped):
    """What was learnt during a look is overwritten by what the look had planned."""

    def finish(self, found: Case, change: CaseChange, **more: Any) -> bool:
        """Finish as if nobody had woken the case meanwhile."""
        now: Case | None = self.real.load(found.id)
        found = replace(found, wake_seq=now.wake_seq) if now is not None else found
        done: bool = self.real.finish(found, change, **more)
        return done


def decide_without_collapse(at: Situation) -> Decision:
    """Return what the engine would say if it knew only the next letter: the others come after."""
    unwritten = [s.name for s in at.policy.steps if s.letter and at.case.record(s.name) is None]
    steps = tuple(s for s in at.policy.steps if s.name not in unwritten[1:])
    return decide(replace(at, policy=replace(at.policy, steps=steps)))


def decide_alone(at: Situation) -> Decision:
    """Return what the engine would say if nothing were left to a person."""
    return decide(replace(at, policy=replace(at.policy, person_decides=())))


@contextmanager
def reads_of_any_age() -> Iterator[None]:
    """Let an act begin however long ago its invoice was read."""
    seam = vars(case_turn)
    right = seam["READ_WINDOW_SECONDS"]
    seam["READ_WINDOW_SECONDS"] = float("inf")
    try:
        yield
    finally:
        seam["READ_WINDOW_SECONDS"] = right


@contextmanager
def wrong_engine(wrong: Callable[[Situation], Decision]) -> Iterator[None]:
    """Let the services ask *wrong* in the place of the engine, in this process."""
    seam = vars(case_turn)
    right = seam["decide"]
    seam["decide"] = wrong
    try:
        yield
    finally:
        seam["decide"] = right


class UncountedCharges(Wrapped):
    """What went out within a window counts for nothing."""

    def asked_since(self, *_args: Any, **_more: Any) -> Used:
        """Return that nothing did."""
        return Used(0, None)


class UncountedLetters(Wrapped):
    """Letters that went out within a window count for nothing."""

    def begun_since(self, _since: datetime) -> Used:
        """Return that none did."""
        return Used(0, None)


class BackToFront(Wrapped):
    """Facts get their places in the order in which they come to hand."""

    def unsealed(self, *, limit: int) -> list[Any]:
        """Return the newest facts first."""
        found: list[Any] = self.real.unsealed(limit=limit)
        return found[::-1]


class NoSwitch(Wrapped):
    """Nobody asks whether charging is stopped."""

    def read(self) -> Control | None:
        """Return the control row as it is while nothing is stopped."""
        found: Control | None = self.real.read()
        return replace(found, charging=True) if found is not None else None


class NoHolds(Wrapped):
    """Nobody asks whether a case is held."""

    def on_case(self, _case: Case, **_: Any) -> None:
        """Know of no hold."""

    def on_letter(self, _letter: LetterTask, **_: Any) -> bool:
        """Know of none."""
        return False


class ForgetfulInbox(Wrapped):
    """What a webhook brings is acknowledged and not kept."""

    def keep(self, _event: Json, **_: Any) -> bool:
        """Say that it is kept."""
        return True


class MarkedAfterwards(Wrapped):
    """A letter is marked only once it was sent."""

    def begin_sending(self, letter_id: int, **_: Any) -> bool:
        """Write nothing."""
        return letter_id > 0


@dataclass
class DelayedMessages:
    """The next look at a case is a delayed message, not a row."""

    simulation: Simulation

    def __call__(self, app: App) -> None:
        """Change a worker."""
        later = self

        class Cases(Wrapped):
            def finish(self, found: Case, change: CaseChange, **more: Any) -> bool:
                at = change.next_action_at
                if at is not None:
                    send = later.simulation.queue.send
                    later.simulation.agenda.at(at, partial(send, Message(ADVANCE_CASE, found.id)))
                done: bool = self.real.finish(found, replace(change, next_action_at=None), **more)
                return done

        with_books(cases=Cases)(app)
