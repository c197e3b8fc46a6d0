"""A whole case life in memory: the engine's decisions are carried out in a small pretend world.

The world plays Stripe, the mail server, the customer and the machine that is down now and then,
all from one drawn `Script`. It keeps a log of what was done, for the tests to judge. Times of the
wall and of the business are the same here.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tests.unit.domain.building import (
    BERLIN,
    OLD_CARD,
    T0,
    case,
    failure,
    invoice,
    method,
    subscription,
)
from worker.domain.case import (
    CANCELS,
    Attempt,
    AttemptKind,
    AttemptState,
    Case,
    CaseLetter,
    CaseState,
    LetterState,
    StepRecord,
    Surroundings,
)
from worker.domain.decisions import (
    Charge,
    Close,
    Decision,
    End,
    GoOn,
    Hold,
    Release,
    Reopen,
    Resend,
    Review,
    SettleAttempt,
    Wait,
    Write,
)
from worker.domain.engine import decide
from worker.domain.engine_situation import Situation
from worker.domain.identifiers import idempotency_key
from worker.domain.policy import DeclineClass, Limits, Policy
from worker.domain.readings import InvoiceReading, PaymentReading
from worker.domain.transitions import check_move

LIFE_MAX = timedelta(days=60)
LOOKS_MAX = 150
"""An ordinary life takes about 20 looks; each one costs a read of Stripe. Looks at an
attempt whose outcome is unknown are not counted: there are as many as Stripe stays silent."""
REFUSED_MAX = 3
PAID, UNKNOWN_PAID, UNKNOWN_LOST, DEBIT, REFUSED = (
    "paid",
    "unknown+",
    "unknown-",
    "debit",
    "refused",
)
DECLINES: dict[str, tuple[DeclineClass, timedelta, bool]] = {
    "funds": (DeclineClass.FUNDS, timedelta(hours=24), True),
    "funds, come in 3 days": (DeclineClass.FUNDS, timedelta(days=3), True),
    "unclear": (DeclineClass.UNCLEAR, timedelta(hours=24), True),
    "technical": (DeclineClass.TECHNICAL, timedelta(hours=1), True),
    "expired": (DeclineClass.CARD_DATA, timedelta(), False),
    "stolen": (DeclineClass.FRAUD, timedelta(), False),
    "3ds": (DeclineClass.AUTHENTICATION, timedelta(), False),
    "withdrawn": (DeclineClass.CONSENT_WITHDRAWN, timedelta(), False),
    "setup": (DeclineClass.SETUP, timedelta(), False),
}
"""What a decline says: its class, its least wait, and whether the card may be tried again."""


@dataclass(frozen=True)
class Script:
    """Everything that chance decides in one life; lists are used in turn, over and over."""

    charges: tuple[str, ...]
    """A key of DECLINES, or how else a charge comes out."""
    asked_again_after: tuple[timedelta, ...]
    """How long until an unknown outcome is asked about; odd ones get no answer again."""
    letters: tuple[tuple[timedelta, LetterState], ...]
    """How long until a letter is accepted, and what becomes of it."""
    events: tuple[tuple[timedelta, str], ...] = ()
    """What others do, by time since the failure."""
    outages: tuple[tuple[timedelta, timedelta], ...] = ()
    """When the worker goes down, and for how long."""
    has_address: bool = True


@dataclass
class Done:
    """One outward act with what was true just then."""

    at: datetime
    decision: Decision
    case: Case
    invoice: InvoiceReading
    around: Surroundings
    zone: str


@dataclass
class World:
    """The state of everything around the case, and the case itself."""

    script: Script
    policy: Policy
    case: Case
    now: datetime = T0
    looks: int = 0
    done: list[Done] = field(default_factory=list)
    status: str = "open"
    payment: str = "requires_payment_method"
    card: str | None = OLD_CARD
    card_changed_at: datetime | None = None
    last_try_at: datetime = T0
    subscription_status: str = "past_due"
    cancelled_at: datetime | None = None
    at_period_end: bool = False
    stripe_plans_at: datetime | None = None
    disputed: bool = False
    paused: bool = False
    executed_paid: int = 0
    accepted: dict[int, tuple[datetime, LetterState]] = field(default_factory=dict)
    debit_ends_at: datetime | None = None
    drawn: dict[str, int] = field(default_factory=dict)
    zone: str = BERLIN

    def draw(self, name: str, count: int) -> int:
        """Return the next index into a list of *count*."""
        self.drawn[name] = self.drawn.get(name, -1) + 1
        return self.drawn[name] % count

    def read(self) -> InvoiceReading:
        """Return what one GET of the invoice shows."""
        paid = self.status == "paid"
        return invoice(
            status=self.status,
            amount_paid_minor=4900 if paid else 0,
            amount_remaining_minor=0 if paid else 4900,
            next_payment_attempt_at=self.stripe_plans_at,
            payment=PaymentReading("pi_1", self.payment),
            subscription=subscription(
                status=self.subscription_status,
                canceled_at=self.cancelled_at,
                cancel_at_period_end=self.at_period_end,
                collection_paused=self.paused,
                default_payment_method=method(self.card) if self.card is not None else None,
            ),
        )

    def surroundings(self) -> Surroundings:
        """Return what the ledger knows around the case."""
        flying = self.case.in_flight
        return Surroundings(
            dispute_open=self.disputed,
            last_try_at=self.last_try_at,
            method_changes={self.card: self.card_changed_at}
            if self.card is not None and self.card_changed_at is not None
            else {},
            can_be_written_to=self.script.has_address,
            key_age=self.now - flying.first_sent_at if flying is not None else timedelta(),
        )

    def look(self) -> Decision:
        """Decide once, twice the same, and carry it out."""
        self.looks += self.case.in_flight is None
        shown, near = self.read(), self.surroundings()
        first, again = (
            decide(Situation(self.case, shown, near, self.policy, Limits(), self.zone, self.now))
            for _ in range(2)
        )
        assert first == again, "the same facts, another decision"
        if not isinstance(first.act, Wait):
            self.done.append(Done(self.now, first, self.case, shown, near, self.zone))
        records = tuple(StepRecord(s.step, False, self.now, s.reason) for s in first.skips)
        known = {record.step for record in self.case.steps}
        assert not known & {record.step for record in records}, "skipped a step that was over"
        self.case = replace(
            self.case,
            steps=(*self.case.steps, *records),
            owner=first.owner or self.case.owner,
            stood_down_at=self.case.stood_down_at or (self.now if first.stands_down else None),
        )
        self.carry_out(first)
        return first

    def carry_out(self, decided: Decision) -> None:
        """Do what was decided, as services and Stripe would."""
        match decided.act:
            case Charge() as charge:
                self.start(AttemptKind.CHARGE, charge.step, charge.payment_method_id)
            case End(kind):
                self.start(kind, f"ending: {kind.value}", "")
            case Resend():
                self.answer()
            case SettleAttempt(_, outcome):
                self.settle_shown(outcome)
            case Write() as write:
                self.queue(write)
            case Close() as close:
                self.move(CaseState.CLOSED, outcome=close.outcome, closed_at=self.now)
            case Hold(reason):
                self.move(CaseState.HELD, reason=reason)
            case Review(reason):
                self.move(CaseState.IN_REVIEW, reason=reason)
            case Release():
                self.go_on()
                self.move(CaseState.OPEN)
            case GoOn():
                self.go_on()
            case Reopen(_, goes_on):
                stood = self.now - (self.case.closed_at or self.now) if goes_on else timedelta()
                self.move(CaseState.OPEN, outcome=None, shift=self.case.shift + stood)
            case _:
                assert isinstance(decided.act, Wait)

    def go_on(self) -> None:
        """Move what is undone later by the time the case stood still."""
        stood_down_at = self.case.stood_down_at or self.now
        shift = self.case.shift + (self.now - stood_down_at)
        self.case = replace(self.case, shift=shift, stood_down_at=None)

    def move(self, state: CaseState, **changes: object) -> None:
        """Change the state, if the table allows it."""
        check_move(self.case.state, state)
        self.case = replace(self.case, state=state, **changes)  # type: ignore[arg-type]

    def start(self, kind: AttemptKind, step: str, card: str) -> None:
        """Write the intent, then send it."""
        no = self.case.next_no
        new = Attempt(
            no=no,
            kind=kind,
            step=step,
            key=idempotency_key("in_1", no),
            state=AttemptState.SENDING,
            amount_minor=4900,
            currency="eur",
            payment_method_id=card,
            sent_at=self.now,
            first_sent_at=self.now,
        )
        self.case = replace(self.case, attempts=(*self.case.attempts, new))
        if kind is AttemptKind.CHARGE:
            self.last_try_at = self.now
            self.charge(new)
        else:
            self.end(new)

    def charge(self, new: Attempt) -> None:
        """Let Stripe answer a charge as the script says."""
        outcome = self.script.charges[self.draw("charges", len(self.script.charges))]
        if outcome in DECLINES:
            self.decline(new, outcome)
        elif outcome in {PAID, UNKNOWN_PAID}:
            self.executed_paid += 1
            self.status, self.payment = "paid", "succeeded"
            if outcome == PAID:
                self.settle(new, AttemptState.SUCCEEDED)
        elif outcome == DEBIT:
            self.payment = "processing"
            self.debit_ends_at = self.now + timedelta(days=4)
            self.settle(new, AttemptState.PROCESSING)
            self.record(new.step)
        elif outcome == REFUSED:
            self.settle(new, AttemptState.ABANDONED)
            refused = [a for a in self.case.attempts if a.state is AttemptState.ABANDONED]
            if len(refused) >= REFUSED_MAX:
                self.move(CaseState.IN_REVIEW, reason="Stripe refused the charge")

    def decline(self, new: Attempt, outcome: str) -> None:
        """Record a declined charge and what it says."""
        decline_class, wait, may_retry = DECLINES[outcome]
        self.settle(new, AttemptState.DECLINED, decline_class=decline_class)
        self.record(new.step)
        self.case = replace(
            self.case,
            failure=failure(
                decline_class,
                outcome,
                failed_at=self.now,
                payment_method_id=new.payment_method_id,
                method_changed_at=self.card_changed_at,
                retry_not_before=self.now + wait if wait else None,
                may_retry=may_retry,
            ),
        )

    def end(self, new: Attempt) -> None:
        """Let Stripe end something; every other time its answer is lost."""
        if new.kind in CANCELS:
            self.cancelled_at = self.now
            if new.kind is AttemptKind.CANCEL:
                self.subscription_status = "canceled"
            else:
                self.at_period_end = True
        else:
            self.status = "void" if new.kind is AttemptKind.VOID else "uncollectible"
        if self.draw("ends", 2) == 0:
            self.settle(new, AttemptState.SUCCEEDED)

    def answer(self) -> None:
        """Answer a request that was asked again: not at all, or as if it were the first."""
        flying = self.case.in_flight
        assert flying is not None
        assert flying.kind is AttemptKind.CHARGE, "what an ending did shows at once in this world"
        if self.draw("answers", 2) == 0:
            self.charge(flying)

    def settle_shown(self, outcome: AttemptState) -> None:
        """Record what the invoice shows, as the service does."""
        flying = self.case.in_flight
        assert flying is not None
        if outcome is AttemptState.DECLINED:
            self.decline(flying, "funds")
        else:
            self.settle(flying, outcome)
        lost = flying.state is AttemptState.SENDING and outcome is not AttemptState.SUCCEEDED
        if lost and self.case.state is CaseState.IN_REVIEW:
            self.move(CaseState.OPEN)

    def settle(
        self, old: Attempt, state: AttemptState, decline_class: DeclineClass | None = None
    ) -> None:
        """Write what an attempt came to."""
        new = replace(old, state=state, decline_class=decline_class)
        rest = tuple(a for a in self.case.attempts if a.no != old.no)
        self.case = replace(self.case, attempts=(*rest, new))

    def record(self, step: str) -> None:
        """Record a step as done; the first record stays."""
        if self.case.record(step) is None:
            record = StepRecord(step, True, self.now)
            self.case = replace(self.case, steps=(*self.case.steps, record))

    def queue(self, write: Write) -> None:
        """Queue a letter; one that still waits gives way to it."""
        delay, fate = self.script.letters[self.draw("letters", len(self.script.letters))]
        number = len(self.case.letters) + 1
        self.accepted[number] = (self.now + delay, fate)
        kept = tuple(
            replace(old, state=LetterState.SUPPRESSED) if old.state is LetterState.QUEUED else old
            for old in self.case.letters
        )
        new = CaseLetter(number, write.step, write.notice, LetterState.QUEUED)
        self.case = replace(self.case, letters=(*kept, new))
        self.record(write.step)


def begin(
    script: Script,
    policy: Policy,
    first: str = "funds",
    *,
    failed_at: datetime = T0,
    zone: str = BERLIN,
) -> World:
    """Return a world in which the first charge has just failed, as *first* says."""
    decline_class, wait, may_retry = DECLINES[first]
    began = failure(
        decline_class,
        first,
        failed_at=failed_at,
        retry_not_before=failed_at + wait if wait else None,
        may_retry=may_retry,
    )
    new = case(failure=began, failed_at=failed_at, opened_at=failed_at)
    return World(script, policy, new, failed_at, last_try_at=failed_at, zone=zone)
