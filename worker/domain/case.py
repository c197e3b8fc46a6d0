"""A case and what belongs to it, as values: the engine's view of one failed invoice in dunning."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from worker.domain.holds import HeldBy
from worker.domain.network_rules import NetworkTry
from worker.domain.offers import Given
from worker.domain.outages import Outage
from worker.domain.policy import DeclineClass, RetriesBy
from worker.domain.readings import NOTHING_SAID, DeclineSignals, PaymentMethodReading


class CaseState(StrEnum):
    """Where a case stands; the moves between them are in `domain.transitions`."""

    OPEN = "open"
    HELD = "held"
    IN_REVIEW = "in_review"
    CLOSED = "closed"


class Outcome(StrEnum):
    """How a closed case came out."""

    RECOVERED = "recovered"
    RECOVERED_LATE = "recovered_late"
    ENDED = "ended"
    CUSTOMER_CANCELLED = "customer_cancelled"
    PAID_ON_TIME = "paid_on_time"
    """A sent invoice that was paid by its due date: nothing to recover."""
    VOIDED = "voided"
    WRITTEN_OFF = "written_off"
    CLOSED_BY_HAND = "closed_by_hand"


class AttemptKind(StrEnum):
    """What an attempt asks Stripe to do; all kinds share one number series per invoice."""

    CHARGE = "charge"
    CANCEL = "cancel"
    CANCEL_AT_PERIOD_END = "cancel_at_period_end"
    PAUSE = "pause"
    HOLD_INVOICES = "hold_invoices"
    DOWNGRADE = "downgrade"
    UNCOLLECTIBLE = "uncollectible"
    VOID = "void"
    COUPON = "coupon"
    """Ends nothing: a step's offer is put on the subscription."""


CANCELS = frozenset((AttemptKind.CANCEL, AttemptKind.CANCEL_AT_PERIOD_END))
SET_ASIDE = frozenset((AttemptKind.PAUSE, AttemptKind.HOLD_INVOICES, AttemptKind.DOWNGRADE))
"""Endings after which the subscription lives on: somebody may undo them, and set their like anew
for reasons of their own."""
SUBSCRIPTION_ENDS = CANCELS | SET_ASIDE
INVOICE_ENDS = frozenset((AttemptKind.UNCOLLECTIBLE, AttemptKind.VOID))


class AttemptState(StrEnum):
    """How far an attempt is. At most one per invoice is SENDING or PROCESSING (I4)."""

    SENDING = "sending"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    ABANDONED = "abandoned"


IN_FLIGHT = frozenset((AttemptState.SENDING, AttemptState.PROCESSING))


class LetterState(StrEnum):
    """How far a letter is. UNKNOWN and everything after SENDING is never sent again (I8)."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    SUPPRESSED = "suppressed"


class RecoveredBy(StrEnum):
    """Whose act brought the money (domain.md 5.3)."""

    RETRY = "retry"
    NEW_CARD = "new_card"
    BACKUP = "backup"
    BY_HAND = "by_hand"
    CUSTOMER = "customer"
    OUT_OF_BAND = "out_of_band"
    STRIPE = "stripe"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request of ours to charge, cancel or write off, with its key and frozen parameters."""

    no: int
    kind: AttemptKind
    step: str
    key: str
    state: AttemptState
    amount_minor: int
    currency: str
    payment_method_id: str
    sent_at: datetime
    """Business time of the first send."""
    first_sent_at: datetime
    """Wall time of the first send; the 23 hours of the key's life count from here."""
    sends: int = 1
    settled_at: datetime | None = None
    asked_at: datetime | None = None
    """Business time of the commit before the last send; None where an older release sent it."""
    reached_at: datetime | None = None
    """Business time by which it had reached Stripe; None while that is not known."""
    decline_class: DeclineClass | None = None
    answer_code: str = ""
    """Stripe's error code where it refused the request; empty where it did not, or nobody knows."""

    @property
    def refused(self) -> bool:
        """Whether Stripe said no, rather than that the request was given up."""
        return self.state is AttemptState.ABANDONED and bool(self.answer_code)

    @property
    def may_have_been_made(self) -> bool:
        """Whether a charge may have reached the card: all but one refused at its first sending."""
        return not (self.refused and self.sends == 1)


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What became of one named step: done, or skipped with its reason."""

    step: str
    done: bool
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CaseLetter:
    """A letter of this case, as far as decisions need it."""

    id: int
    step: str
    notice: str
    state: LetterState
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """The last failure as the case remembers it."""

    decline_class: DeclineClass
    code: str
    charge_id: str
    failed_at: datetime
    """When the method was charged; a bank debit comes back days later, and waits from then."""
    payment_method_id: str
    """The method that was declined; another one in use since then is a new card."""
    method_changed_at: datetime | None = None
    """When Stripe last reported a change of that method, as known at the failure."""
    retry_not_before: datetime | None = None
    """The earliest instant the decline itself allows, by code or network advice."""
    may_retry: bool = True
    masked: bool = False
    """The customer is told no reason (domain.md 1.4)."""
    signals: DeclineSignals = NOTHING_SAID
    """What Stripe said of it; the network ledger knows a charge of ours by them until it is told
    of by an event."""


@dataclass(frozen=True, slots=True)
class Case:
    """One failed invoice in dunning, with everything the ledger knows of it."""

    id: int
    invoice_id: str
    customer_id: str
    subscription_id: str
    amount_minor: int
    """What was owed when the case opened."""
    currency: str
    state: CaseState
    policy_digest: str
    failed_at: datetime
    """First failure known; of a sent invoice, its creation. The oldest of a subscription leads.

    Where no event told of a failure it is when the open invoice was found.
    """
    opened_at: datetime
    wake_seq: int = 0
    outcome: Outcome | None = None
    reason: str = ""
    owner: RetriesBy | None = None
    """None until a read at least 15 minutes after the failure decided it (D10)."""
    failure: Failure | None = None
    action_required_at: datetime | None = None
    """When 3-D Secure was first seen waiting for the customer."""
    shift: timedelta = timedelta()
    """How much later undone steps and the ending fall, because charging or letters were stopped."""
    stood_down_at: datetime | None = None
    """Since when a dispute, a pause or a moved renewal keeps the case still; None: it goes on."""
    closed_at: datetime | None = None
    due_at: datetime | None = None
    """Due date of an invoice that is sent to be paid by hand; None where it is charged."""
    attempts: tuple[Attempt, ...] = ()
    steps: tuple[StepRecord, ...] = ()
    letters: tuple[CaseLetter, ...] = ()

    @property
    def stands_still(self) -> bool:
        """Whether its timeline stands still, by what its last look found: held, paused, moved."""
        stood_down = self.state is CaseState.OPEN and self.stood_down_at is not None
        return stood_down or self.state in {CaseState.HELD, CaseState.IN_REVIEW}

    @property
    def counts_from_at(self) -> datetime:
        """The instant from which every step counts: the due date, else the first failure."""
        return self.due_at or self.failed_at

    @property
    def unpaid_from_at(self) -> datetime | None:
        """Since when the invoice counts as unpaid; None where it was over by its due date."""
        if self.due_at is None:
            return self.failed_at
        over = self.outcome is Outcome.PAID_ON_TIME
        over = over or (self.closed_at is not None and self.closed_at <= self.due_at)
        return None if over else self.due_at

    @property
    def in_flight(self) -> Attempt | None:
        """The attempt that Stripe may still be working on, or None."""
        return next((a for a in self.attempts if a.state in IN_FLIGHT), None)

    @property
    def charges(self) -> tuple[Attempt, ...]:
        """Charge attempts that were not given up, oldest first."""
        return tuple(
            a
            for a in self.attempts
            if a.kind is AttemptKind.CHARGE and a.state is not AttemptState.ABANDONED
        )

    @property
    def next_no(self) -> int:
        """The number of the next attempt; numbers are never used again."""
        return max((a.no for a in self.attempts), default=0) + 1

    @property
    def next_asked_no(self) -> int:
        """The number of the next attempt as a person is asked about it: an offer's request, about
        which nobody is asked, does not make it another one."""
        asked = (a.no for a in self.attempts if a.kind is not AttemptKind.COUPON)
        return max(asked, default=0) + 1

    def did(self, kinds: frozenset[AttemptKind]) -> bool:
        """Return whether an attempt of one of *kinds* is known to have succeeded."""
        return any(a.kind in kinds and a.state is AttemptState.SUCCEEDED for a in self.attempts)

    def tried(self, kinds: frozenset[AttemptKind]) -> bool:
        """Return whether an attempt of *kinds* succeeded or may have."""
        return any(
            a.kind in kinds and a.state in {AttemptState.SUCCEEDED, *IN_FLIGHT}
            for a in self.attempts
        )

    def record(self, step: str) -> StepRecord | None:
        """Return what became of *step*, or None while it is still to come."""
        return next((r for r in self.steps if r.step == step), None)


@dataclass(frozen=True, slots=True)
class RetryRequest:
    """A person's wish that the case is charged now."""

    id: int
    by: str
    reason: str
    asked_at: datetime | None = None


NOT_CLOSED = "not closed: "
"""How the answer to a wish that a case is closed begins where it was not fulfilled."""


NOT_CHARGED = "not charged: "
"""The same of a wish that a case is charged, where no rule of charges refused it."""


@dataclass(frozen=True, slots=True)
class CloseRequest:
    """A person's wish that the case is closed: what is owed stays owed, nothing more is done."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Question:
    """One act that waits for a person, with all that the person is shown of it."""

    step: str
    """The step that charges, or `ending`."""
    amount_minor: int
    currency: str
    attempt_no: int
    """`Case.next_asked_no`; another one means that something came between."""
    policy_digest: str = ""
    """The policy by which it would be done: another one may end otherwise."""

    def as_inputs(self) -> dict[str, object]:
        """Return it as decisions and acts keep it."""
        return {
            "step": self.step,
            "amount_minor": self.amount_minor,
            "currency": self.currency,
            "attempt_no": self.attempt_no,
            "policy_digest": self.policy_digest,
        }


def question_from(kept: Mapping[str, object]) -> Question:
    """Return the question that `as_inputs` wrote."""
    amount_minor, attempt_no = kept["amount_minor"], kept["attempt_no"]
    assert isinstance(amount_minor, int) and isinstance(attempt_no, int)  # noqa: S101, PT018
    currency, digest = str(kept["currency"]), str(kept.get("policy_digest", ""))
    return Question(str(kept["step"]), amount_minor, currency, attempt_no, digest)


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's yes to one act, as long as it waits to be done."""

    id: int
    by: str
    question: Question


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the ledger knows around a case at decision time, beside the fresh invoice."""

    leading_case: int | None = None
    """The case that charges, writes and ends for this subscription, if it is another one."""
    ended_by_us: bool = False
    """A cancel of ours for this subscription went through, in whichever case; one for the period's
    end is still the one that Stripe shows."""
    set_aside_by_us: frozenset[AttemptKind] = frozenset()
    """Which of our pauses, held invoices and downgrades of this subscription went through since
    this case's failure, in whichever case."""
    dispute_open: bool = False
    hold: HeldBy | None = None
    """The hold that lasts longest of those in force."""
    hold_over: HeldBy | None = None
    """The hold that came to its end last."""
    payment_returned: bool = False
    """The charge that paid this invoice came back: a lost dispute, or a debit the bank returned."""
    last_try_at: datetime | None = None
    """Business instant of the last charge of this invoice that we know of, whoever made it."""
    other_try_at: datetime | None = None
    """Business instant of our last charge of the same customer for another invoice."""
    charge_in_flight_in: int | None = None
    """Another case of the same customer whose charge has no outcome yet."""
    unread_others: tuple[str, ...] = ()
    """Invoices of the customer's other cases that no look has read since Stripe told of them."""
    named_at: datetime | None = None
    """When a letter of another case of the same subscription last named this invoice too."""
    last_offer: Given | None = None
    """The customer's last offer, of whichever case, given or about to be."""
    tries: tuple[NetworkTry, ...] = ()
    """Every try of the customer's payment methods within the networks' windows, and of the same
    cards in other hands, whoever made it."""
    methods: tuple[PaymentMethodReading, ...] = ()
    """The customer's payment methods as far as known, oldest first."""
    method_changes: Mapping[str, datetime] = field(default_factory=dict)
    """Payment method -> when Stripe last reported a change of it, also by the card network."""
    default_changed_at: datetime | None = None
    """When the customer's default payment method was last changed."""
    outage: Outage | None = None
    """Many declines of the same kind of card right now, which are not the customer's fault."""
    retry_request: RetryRequest | None = None
    close_request: CloseRequest | None = None
    approval: Approval | None = None
    """The yes that waits for its act, or that the attempt in flight goes by."""
    can_be_written_to: bool = True
    """False where the customer has no address a letter could go to."""
    key_age: timedelta = timedelta()
    """Wall time since the attempt in flight was first sent; zero where there is none."""
