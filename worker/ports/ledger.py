"""What the services need from the ledger: one transaction, and a book for each kind of row.

Lock order everywhere: mirrors, cases, attempts, letters, each by id. Business instants are
called `now`, wall instants `wall_now`; both aware UTC, both passed in.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from worker.domain.case import (
    Attempt,
    AttemptState,
    Case,
    CaseState,
    Failure,
    LetterState,
    Outcome,
    RecoveredBy,
    Surroundings,
)
from worker.domain.decisions import Decision, Skip
from worker.domain.facts import Fact
from worker.domain.policy import RetriesBy
from worker.domain.readings import (
    ChargeReading,
    CustomerReading,
    InvoiceReading,
    PaymentMethodReading,
    SubscriptionReading,
)
from worker.ports.stripe import Json


@dataclass(frozen=True, slots=True)
class NewCase:
    """A failed invoice that becomes a case."""

    invoice: InvoiceReading
    failed_at: datetime
    policy_digest: str
    next_action_at: datetime


@dataclass(frozen=True, slots=True)
class CaseChange:
    """What one decision changes on its case; None leaves a field as it is."""

    state: CaseState | None = None
    outcome: Outcome | None = None
    reason: str | None = None
    owner: RetriesBy | None = None
    failure: Failure | None = None
    action_required_at: datetime | None = None
    closed_at: datetime | None = None
    recovered_by: RecoveredBy | None = None
    reopened: bool = False
    next_action_at: datetime | None = None
    """Planned; written only if nothing woke the case since the claim, else it is due now."""
    next_step: str = ""


class CaseBook(Protocol):
    """Cases with their steps and decisions."""

    def open(self, new: NewCase, *, now: datetime) -> int | None:
        """Open a case and return its number, or None where the invoice already has one."""

    def take_due(
        self, *, now: datetime, wall_now: datetime, limit: int, dispatch: timedelta
    ) -> list[int]:
        """Mark up to *limit* due cases as dispatched and return their numbers (SKIP LOCKED)."""

    def claim(
        self, case_id: int, *, now: datetime, wall_now: datetime, token: str, lease: timedelta
    ) -> Case | None:
        """Lease a due case to *token* and return it, or None where it is not due or leased."""

    def load(self, case_id: int) -> Case | None:
        """Return a case as it stands, without a lease."""

    def hold_lease(self, case_id: int, *, token: str, wall_now: datetime) -> Case | None:
        """Lock the case's row and return it while the lease is still ours, else None: the fence."""

    def finish(self, case: Case, change: CaseChange, *, token: str, now: datetime) -> bool:
        """Apply *change* and give the lease back; False where the lease was no longer ours."""

    def hand_back(self, case_id: int, *, token: str, retry_at: datetime) -> None:
        """Give the lease back without having done anything; look again at *retry_at*."""

    def wake(
        self,
        *,
        now: datetime,
        invoice_ids: Iterable[str] = (),
        subscription_ids: Iterable[str] = (),
        customer_ids: Iterable[str] = (),
        case_ids: Iterable[int] = (),
        not_case: int | None = None,
    ) -> int:
        """Make the matching cases due and raise their wake_seq; return how many."""

    def wake_unfinished(self, *, now: datetime) -> int:
        """Make every case due that is not closed, for the daily comparison with Stripe."""

    def resume_all(self, *, now: datetime, stopped_at: datetime) -> int:
        """After a stop: move undone steps later by its length and make open cases due (D16)."""

    def surroundings(
        self, case: Case, invoice: InvoiceReading, *, wall_now: datetime
    ) -> Surroundings:
        """Return what the ledger knows around *case*."""

    def record_step(
        self, case_id: int, step: str, *, done: bool, at: datetime, reason: str
    ) -> None:
        """Record what became of a step; a step that has a record keeps it."""

    def record_skips(self, case_id: int, skips: Sequence[Skip], *, at: datetime) -> None:
        """Record steps that will not be done."""

    def record_decision(self, case_id: int, decision: Decision, *, at: datetime) -> None:
        """Keep the decision for the story, unless it says what the last one said."""


class AttemptBook(Protocol):
    """Requests of ours that charge, cancel or write off; the intent is written before the call."""

    def start(self, case: Case, attempt: Attempt) -> bool:
        """Write the intent; False where another attempt of this customer is in flight."""

    def resend(self, case: Case, no: int) -> None:
        """Count one more send of the same attempt."""

    def settle(
        self,
        case: Case,
        no: int,
        state: AttemptState,
        *,
        now: datetime,
        decline_class: str = "",
        decline_code: str = "",
        charge_id: str = "",
        answer_code: str = "",
        request_id: str = "",
    ) -> None:
        """Write what an attempt came to."""

    def sent_since(self, kinds: Sequence[str], *, since: datetime) -> int:
        """Count attempts of *kinds* sent since an instant, exactly: callers wait for each other."""

    def unknown_keys(self, keys: Iterable[str]) -> list[str]:
        """Return those idempotency keys of ours that no attempt of this ledger has."""


@dataclass(frozen=True, slots=True)
class NewLetter:
    """A letter to be queued."""

    notice: str
    customer_id: str
    occasions: tuple[str, ...]
    message_id: str
    send_at: datetime
    send_by: datetime | None
    """Dropped with the reason where it could not go out until then; None never is."""
    case_id: int | None = None
    step: str = ""
    subscription_id: str = ""
    invoice_id: str = ""
    context: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LetterTask:
    """A letter claimed for delivery."""

    id: int
    notice: str
    step: str
    state: LetterState
    customer_id: str
    subscription_id: str
    invoice_id: str
    case_id: int | None
    message_id: str
    send_by: datetime | None
    tries: int
    context: Mapping[str, object]


class LetterBook(Protocol):
    """Letters; unique by occasion, sent at most once."""

    def queue(self, letter: NewLetter, *, now: datetime) -> int | None:
        """Queue a letter, or return None where one of its occasions already has one."""

    def take_due(
        self, *, now: datetime, wall_now: datetime, limit: int, dispatch: timedelta
    ) -> list[int]:
        """Mark up to *limit* due letters as dispatched and return their ids."""

    def claim(
        self, letter_id: int, *, now: datetime, wall_now: datetime, token: str, lease: timedelta
    ) -> LetterTask | None:
        """Lease a queued and due letter, or return None."""

    def begin_sending(self, letter_id: int, *, token: str, wall_now: datetime) -> bool:
        """Commit to sending: from here on it is never sent again. False: the lease is gone."""

    def settle(
        self,
        letter_id: int,
        state: LetterState,
        *,
        now: datetime,
        reason: str = "",
        locale: str = "",
        template_digest: str = "",
        recipient_hash: str = "",
        rendered: bytes | None = None,
    ) -> None:
        """Write what became of a letter."""

    def postpone(self, letter_id: int, *, until: datetime, count_try: bool) -> None:
        """Put a letter that was surely not sent back into the queue."""

    def suppress_queued(self, case_id: int, *, reason: str) -> list[LetterTask]:
        """Drop a case's letters that have not gone out, and return them."""

    def extend_waiting(self, *, by: timedelta) -> int:
        """After a stop: give waiting letters that much longer to go out."""

    def lost_sends(self, *, wall_now: datetime) -> list[LetterTask]:
        """Return letters whose sender died between `begin_sending` and the outcome."""


@dataclass(frozen=True, slots=True)
class InboxEvent:
    """One of Stripe's events, as stored."""

    seq: int
    event_id: str
    type: str
    created_at: datetime
    api_version: str
    payload: Json


class InboxBook(Protocol):
    """Each of Stripe's events once."""

    def add(self, raw_events: Sequence[Json], *, wall_now: datetime) -> list[InboxEvent]:
        """Store events, oldest first, and return those that are new."""

    def park(self, event_id: str, *, error: str) -> None:
        """Put an event aside that cannot be applied; it is counted and shown."""

    def parked(self) -> int:
        """Return how many events are parked."""

    def unfolded(self, *, until: datetime, limit: int) -> list[InboxEvent]:
        """Return events not yet folded into facts, in order of (created, arrival)."""

    def mark_folded(self, event_ids: Sequence[str], *, wall_now: datetime) -> None:
        """Remember that these events are in the facts."""


class MirrorBook(Protocol):
    """Narrow mirrors of Stripe's objects; the newer `seen_at` wins."""

    def put_invoices(self, rows: Sequence[tuple[InvoiceReading, datetime]]) -> None:
        """Upsert invoices in one statement, sorted by id; terminal states stay."""

    def put_subscriptions(self, rows: Sequence[tuple[SubscriptionReading, datetime]]) -> None:
        """Upsert subscriptions."""

    def put_customers(self, rows: Sequence[tuple[CustomerReading, datetime]]) -> None:
        """Upsert customers."""

    def put_payment_methods(
        self, rows: Sequence[tuple[PaymentMethodReading, datetime, bool]]
    ) -> None:
        """Upsert payment methods; the flag says that the card itself changed."""

    def put_dispute(
        self, *, dispute_id: str, charge_id: str, status: str, seen_at: datetime
    ) -> str:
        """Upsert one dispute and return the customer of its charge, as far as known."""

    def put_charge(
        self,
        charge: ChargeReading,
        *,
        customer_id: str,
        at: datetime,
    ) -> None:
        """Record that a charge was made, by whomever, once per charge."""

    def charge(self, charge_id: str) -> ChargeReading | None:
        """Return a charge as the event list told of it, or None while it is not known."""

    def mark_failed(self, invoice_id: str, *, at: datetime) -> None:
        """Remember the first failure of an invoice."""

    def failed_before(self, invoice_id: str) -> bool:
        """Return whether a payment of the invoice was ever seen failing."""

    def customer(self, customer_id: str) -> CustomerReading | None:
        """Return what is known of a customer, or None."""

    def payment_method(self, payment_method_id: str) -> PaymentMethodReading | None:
        """Return what is known of a payment method, or None."""

    def subscription(self, subscription_id: str) -> SubscriptionReading | None:
        """Return what is known of a subscription, or None."""

    def renewing(self, *, from_at: datetime, to_at: datetime) -> list[SubscriptionReading]:
        """Return live subscriptions whose period ends in [from_at, to_at), by id."""

    def trials_ending(self, *, from_at: datetime, to_at: datetime) -> list[SubscriptionReading]:
        """Return trials that end in [from_at, to_at), by id."""

    def cards_in_use(
        self, *, expiring_from: tuple[int, int], expiring_to: tuple[int, int]
    ) -> list[tuple[PaymentMethodReading, SubscriptionReading]]:
        """Return cards that live subscriptions use and that expire in the (year, month) range."""

    def stale(self, *, limit: int) -> list[tuple[str, str]]:
        """Return (kind, id) of rows whose newest state is not certain."""

    def settled(self, kind: str, object_id: str) -> None:
        """Mark a stale row as certain again."""


class FactBook(Protocol):
    """Append-only facts."""

    def append(self, facts: Sequence[Fact], *, wall_now: datetime) -> int:
        """Write facts; one that is already there stays as it is. Return how many were new."""

    def fact_state(self, subscription_id: str) -> tuple[str, int]:
        """Return (state, mrr_minor) as the facts tell it: ``""``, `started` or `churned`."""

    def set_fact_state(self, subscription_id: str, state: str, mrr_minor: int) -> None:
        """Remember what the facts now tell."""

    def in_dunning(self, subscription_id: str, *, at: datetime) -> bool:
        """Return whether a case of this subscription was open at *at*."""

    def ending_of(self, subscription_id: str) -> str:
        """Return the decline class of a case of ours that ended this subscription, else ``""``."""


@dataclass(frozen=True, slots=True)
class Control:
    """The one row that all processes obey."""

    charging: bool
    stopped_at: datetime | None
    stop_cause: str
    go_live_at: datetime
    business_at: datetime | None
    """The test clock's frozen time; None where business time is the host's."""
    config_digest: str


class ControlBook(Protocol):
    """Switch, business time, cursors, policies."""

    def read(self) -> Control | None:
        """Return the control row, or None on a fresh ledger."""

    def create(self, *, charging: bool, go_live_at: datetime, cause: str) -> None:
        """Write the first control row; one that exists stays."""

    def stop(self, *, cause: str, detail: str, by: str, now: datetime) -> bool:
        """Stop charges, letters and endings; False where they were stopped already."""

    def go(self, *, by: str) -> Control | None:
        """Start again and return the row as it was, or None where nothing was stopped."""

    def set_business_time(self, at: datetime, *, wall_now: datetime) -> None:
        """Mirror the test clock's frozen time."""

    def cursor(self, name: str) -> datetime | None:
        """Return a cursor's position."""

    def set_cursor(self, name: str, position_at: datetime) -> None:
        """Move a cursor."""

    def put_policy(self, digest: str, text: Mapping[str, object], *, wall_now: datetime) -> None:
        """Keep a policy's text under its digest."""

    def policy(self, digest: str) -> Mapping[str, object] | None:
        """Return a policy's text."""


class JobBook(Protocol):
    """Which job is due is a row; a claim is an UPDATE, so two schedulers are harmless (D11)."""

    def ensure(self, name: str, *, first_due_at: datetime) -> None:
        """Create the job's row where it is missing."""

    def due(self, names: Sequence[str], *, now: datetime) -> list[str]:
        """Return the jobs of *names* due by *now* (wall or business), locked until the commit."""

    def started(self, name: str, *, next_due_at: datetime, wall_now: datetime) -> None:
        """Record a start and when the job is due again."""

    def ring(self, name: str, *, at: datetime) -> None:
        """Make a job due at once."""

    def ended(self, name: str, *, outcome: str, wall_now: datetime) -> None:
        """Record how a run ended."""

    def once(self, name: str, period: str, *, now: datetime) -> bool:
        """Return True the first time a (job, period) is asked for, ever."""

    def beat(self, process: str, *, wall_now: datetime, config_digest: str) -> None:
        """Record that a process is alive."""


class Tx(Protocol):
    """One transaction; leaving it commits, an error rolls it back."""

    cases: CaseBook
    attempts: AttemptBook
    letters: LetterBook
    inbox: InboxBook
    mirror: MirrorBook
    facts: FactBook
    control: ControlBook
    jobs: JobBook


class Ledger(Protocol):
    """The database, for one account."""

    account_id: str

    def begin(self) -> AbstractContextManager[Tx]:
        """Start a transaction. Raises: ServiceUnavailable: the database is away; nobody acts."""
