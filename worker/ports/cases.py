"""Cases and attempts: what the services need of them in the ledger.

Business instants are called `now`, wall instants `wall_now`; both aware UTC, both passed in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from worker.domain.breaker import History, Recent
from worker.domain.case import (
    Attempt,
    AttemptState,
    Case,
    CaseState,
    Failure,
    Outcome,
    Question,
    RecoveredBy,
    Surroundings,
)
from worker.domain.decisions import Decision, Skip
from worker.domain.policy import RetriesBy
from worker.domain.readings import DeclineSignals, InvoiceReading


@dataclass(frozen=True, slots=True)
class NewCase:
    """A failed or sent invoice that becomes a case."""

    invoice: InvoiceReading
    failed_at: datetime
    policy_digest: str
    next_action_at: datetime
    due_at: datetime | None = None
    """Of a sent invoice."""


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
    due_at: datetime | None = None
    """The due date as the read just now showed it."""
    recovered_by: RecoveredBy | None = None
    reopened: bool = False
    """Out of its close: the timeline counts anew, or with `goes_on` from where it stood."""
    stands_down: bool = False
    """From now on the timeline stands still, if it does not already."""
    goes_on: bool = False
    """The timeline goes on: what is undone moves later by the time it stood still."""
    charge_is_over: bool = False
    """A charge of this case came to its end: the customer's other cases wait for it no more."""
    next_action_at: datetime | None = None
    """Planned; written only if nothing woke the case since the claim, else it is due now."""
    next_step: str = ""
    waits_for: str = ""
    """The limit that keeps an act of the case waiting; empty where none does."""


@dataclass(frozen=True, slots=True)
class BulkRun:
    """One act on many cases: those it was begun with, and those it has come to."""

    id: int
    case_ids: tuple[int, ...]
    begun_at: datetime
    done: frozenset[int] = frozenset()


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

    def of_invoice(self, invoice_id: str) -> Case | None:
        """Lock the case of an invoice and return it, or None where it has none."""

    def load(self, case_id: int, *, lock: bool = False) -> Case | None:
        """Return a case as it stands, without a lease; *lock* keeps it so until the commit."""

    def hold_lease(self, case_id: int, *, token: str, wall_now: datetime) -> Case | None:
        """Lock the case's row and return it while the lease is still ours, else None: the fence.

        The lease then lasts at least as long as one request to Stripe may take.
        """

    def finish(self, case: Case, change: CaseChange, *, token: str, now: datetime) -> bool:
        """Apply *change* and give the lease back; False where the lease was no longer ours."""

    def hand_back(
        self,
        case_id: int,
        *,
        token: str,
        retry_at: datetime,
        wake_seq: int | None = None,
        paused_until: datetime | None = None,
        waits_for: str = "",
    ) -> None:
        """Give the lease back without having done anything; look again at *retry_at*.

        Args: wake_seq: as read at the claim; a case woken since then stays due. paused_until: no
        scan rings for it before, wall time. waits_for: the limit or canary that keeps it back.
        """

    def wake(
        self,
        *,
        now: datetime,
        invoice_ids: Iterable[str] = (),
        subscription_ids: Iterable[str] = (),
        customer_ids: Iterable[str] = (),
        disputing_ids: Iterable[str] = (),
        case_ids: Iterable[int] = (),
        not_case: int | None = None,
    ) -> int:
        """Make the matching cases due and raise their wake_seq; return how many.

        A case that was closed so long ago that a payment would not count any more hears only of
        its own invoice and of disputes. Args: disputing_ids: customers who dispute a payment.
        """

    def wake_for_comparison(self, *, now: datetime) -> int:
        """Make every case due that is open, in review or ended lately; return how many."""

    def resume_all(self, *, now: datetime, stopped_at: datetime) -> int:
        """After a stop: move undone steps later by its length and make open cases due (D16)."""

    def move_later(self, case_id: int, *, by: timedelta, now: datetime) -> None:
        """Move what is undone of a case and its ending later, and make it due."""

    def surroundings(
        self, case: Case, invoice: InvoiceReading, *, now: datetime, wall_now: datetime
    ) -> Surroundings:
        """Return what the ledger knows around *case* at *now*, business time."""

    def following(self, case: Case) -> list[str]:
        """Return the invoices of the open cases that *case* leads, oldest first."""

    def counts(self, *, now: datetime) -> dict[str, int]:
        """Return how many cases are in each state, are `due`, and `late`: for over 15 minutes.

        Open cases of invoices that are paid by hand and not due yet count as `not_due` instead.
        """

    def oldest_due_at(self) -> datetime | None:
        """Return the earliest instant at which a case is due, or None."""

    def record_step(
        self, case_id: int, step: str, *, done: bool, at: datetime, reason: str
    ) -> None:
        """Record what became of a step; a step that has a record keeps it."""

    def record_skips(self, case_id: int, skips: Sequence[Skip], *, at: datetime) -> None:
        """Record steps that will not be done."""

    def record_decision(self, case_id: int, decision: Decision, *, at: datetime) -> None:
        """Keep the decision for the story, unless it says what the last one said."""


class ActBook(Protocol):
    """What people asked for."""

    def ask_retry(
        self, case_id: int, *, by: str, reason: str, now: datetime, run: int | None = None
    ) -> int | None:
        """Record the wish for a charge and return its number; None where one already waits.

        Args: run: the act on many cases that it is part of, here and below.
        """

    def ask_close(
        self, case_id: int, *, by: str, reason: str, now: datetime, run: int | None = None
    ) -> int | None:
        """Record the wish that a case is closed; None where one already waits."""

    def close_is_asked(self, case_id: int) -> bool:
        """Return whether a person wishes that the case is closed; False once it is closed."""

    def record(
        self,
        case_id: int | None,
        act: str,
        *,
        by: str,
        reason: str,
        detail: Mapping[str, object],
        now: datetime,
        run: int | None = None,
    ) -> None:
        """Keep an act that is done, with who and why."""

    def begin_run(
        self,
        act: str,
        key: str,
        case_ids: Sequence[int],
        *,
        by: str,
        reason: str,
        now: datetime,
        not_before: datetime,
    ) -> BulkRun:
        """Return the unfinished run of the same key since *not_before*, else begin one.

        `answer` ends it. Args: key: names the command; case_ids: what a new run is about.
        """

    def unfinished_run(self, act: str, key: str, *, not_before: datetime) -> BulkRun | None:
        """Return the newest run of that key that began since *not_before* and is not over."""

    def is_done_in(self, run: int, case_id: int) -> bool:
        """Return whether the run has done its act to this case."""

    def answer(self, act_id: int, *, answer: str, now: datetime) -> None:
        """Record what became of an act; the first answer stays."""

    def answer_close(self, case_id: int, *, answer: str, now: datetime) -> None:
        """Record what became of the wish that a case is closed, if one waits by now."""

    def answer_retry(self, case_id: int, *, answer: str, now: datetime) -> None:
        """Record what became of the wish that a case is charged, if one waits by now."""


class ApprovalBook(Protocol):
    """What cases ask of people, and the people's yes to it; `ActBook.answer` ends one."""

    def approve(
        self,
        case_id: int,
        question: Question,
        *,
        by: str,
        reason: str,
        now: datetime,
        run: int | None = None,
    ) -> bool:
        """Record a person's yes to what the case asked; False where one already waits.

        Args: run: the act on many cases that it is part of.
        """

    def asked(self, case_id: int) -> Question | None:
        """Return what the case waits for a person to decide, or None where it does not."""

    def all_asked(self) -> list[tuple[int, Question]]:
        """Return every case that waits for a person to decide, with what it asks, by number."""


class AccessBook(Protocol):
    """What customers may use, per subscription; where nothing ever changed it, all of it."""

    def known(self, *, customer_id: str, subscription_id: str) -> str:
        """Return the word for a subscription; nobody else changes it before the commit."""

    def put(
        self,
        word: str,
        *,
        customer_id: str,
        subscription_id: str,
        case_id: int | None,
        at: datetime,
        because: str,
    ) -> None:
        """Write what the customer may use from *at* on. Args: case_id: whose case changed it."""


@dataclass(frozen=True, slots=True)
class Used:
    """How much of a cap is used up within its window."""

    count: int
    oldest_at: datetime | None = None
    """When the first of them was sent, business time."""
    amount_minor: int = 0
    """What was charged or may turn out to be; a declined charge is not in it."""
    held_count: int = 0
    """What keeps a place beside them: sent before the window, and perhaps sent again."""
    held_amount_minor: int = 0


class AttemptBook(Protocol):
    """Requests of ours that charge, cancel or write off; the intent is written before the call."""

    def start(self, case: Case, attempt: Attempt, *, asked_at: datetime) -> bool:
        """Write the intent; False where another attempt of this customer is in flight.

        Args: asked_at: business time of this moment; `sent_at` is that of the look.
        """

    def resend(self, case: Case, no: int, *, asked_at: datetime, wall_now: datetime) -> None:
        """Count one more send of the same attempt. Args: asked_at: business time of this moment."""

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
        reached_at: datetime | None = None,
        signals: DeclineSignals | None = None,
    ) -> None:
        """Write what an attempt came to.

        Args: reached_at: by when it had reached Stripe, where that is known better than by *now*.
        signals: why it was declined; the network ledger knows it by them until its event comes.
        """

    def asked_since(
        self,
        kinds: Sequence[str],
        *,
        since: datetime,
        currency: str = "",
        but_key: str = "",
        held_since: datetime | None = None,
    ) -> Used:
        """Count attempts of *kinds* last sent since an instant, exactly: callers wait for each
        other.

        Args: currency: only those in it; without it the sum is over currencies, and means nothing.
        but_key: the one that is about to be sent again, which is not counted. held_since: what was
        last sent since then and has no answer keeps a place, though it was before the window.
        """

    def unanswered(self, case: Case, no: int, *, now: datetime) -> None:
        """Remember that Stripe did not answer an attempt; the first time stays."""

    def cases_unanswered(self, keys: Iterable[str]) -> list[int]:
        """Return the cases whose request under one of *keys* Stripe left without an answer."""

    def charges_since(self, since: datetime) -> Recent:
        """Return what became of the charges sent since an instant, as the breaker asks."""

    def charges_before(self, at: datetime, *, codes: Iterable[str]) -> History:
        """Return the charges of the 30 days before an instant, and which of *codes* they had."""

    def unknown_keys(self, keys: Iterable[str]) -> list[str]:
        """Return those idempotency keys of ours that no attempt of this ledger has."""
