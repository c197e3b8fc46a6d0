"""The ledger: one transaction with its books; facts, control and jobs.

Lock order everywhere: mirrors, cases, attempts, letters, each by id.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from worker.domain.facts import Fact
from worker.domain.kept_plan import KeptPlan
from worker.domain.subscription_story import Dunned
from worker.ports.canaries import CanaryBook
from worker.ports.cases import AccessBook, ActBook, ApprovalBook, AttemptBook, CaseBook
from worker.ports.chain import ChainBook
from worker.ports.customer_discounts import CustomerDiscountBook
from worker.ports.days import DayBook, KeptBook
from worker.ports.discounts import DiscountBook
from worker.ports.forgetting import ForgettingBook
from worker.ports.holds import HoldBook
from worker.ports.imports import ImportBook
from worker.ports.letters import LetterBook
from worker.ports.mirror import InboxBook, MirrorBook
from worker.ports.offers import OfferBook
from worker.ports.prices import PriceBook
from worker.ports.promises import PromiseBook
from worker.ports.retention import RetentionBook
from worker.ports.revenue import RevenueBook
from worker.ports.sinks import SinkBook
from worker.ports.staff import StaffBook
from worker.ports.tax_shares import TaxBook
from worker.ports.versions import VersionBook
from worker.ports.watched import WatchBook


class FactBook(Protocol):
    """Append-only facts."""

    def append(self, facts: Sequence[Fact], *, wall_now: datetime) -> int:
        """Write facts; one that is already there stays as it is. Return how many were new."""

    def fold_alone(self) -> None:
        """Wait until nobody else folds events, and let nobody begin before the commit."""

    def dunned(
        self, subscription_id: str, *, at: datetime, canceled_at: datetime | None = None
    ) -> Sequence[Dunned]:
        """Return its cases that were open at *at*, and those whose ending of ours cancelled it.

        Args: canceled_at: when the cancel that Stripe shows was asked for; None where unknown.
        """

    def paused_by_us(self, subscription_id: str, *, at: datetime) -> bool:
        """Return whether an ending of ours paused it, or held its invoices back, just then."""

    def renewal_told(self, subscription_id: str, invoice_id: str) -> bool:
        """Return whether a fact tells that this invoice renewed the subscription."""

    def recovered_by(self, invoice_id: str, no: int) -> str:
        """Return what paid the invoice where attempt *no* of ours did, else ``""``."""


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
    live: bool
    """Whether this ledger is about real money: a live key began it."""
    config_version: int = 0
    """Number of the configuration that all processes work with; 0 where none is stored yet."""
    resumed_at: datetime | None = None
    """When a person last started charging again, business time."""


class ControlBook(Protocol):
    """Switch, business time, cursors, policies."""

    def read(self) -> Control | None:
        """Return the control row, or None on a fresh ledger."""

    def create(self, *, charging: bool, live: bool, go_live_at: datetime, cause: str) -> None:
        """Write the first control row; one that exists stays."""

    def stop(self, *, cause: str, detail: str, by: str, now: datetime) -> bool:
        """Stop charges, letters and endings; False where they were stopped already."""

    def go(self, *, by: str, now: datetime) -> Control | None:
        """Start again and return the row as it was, or None where nothing was stopped."""

    def restate(self, *, cause: str, detail: str) -> None:
        """Give a stop that holds already a graver cause; since when it holds stays."""

    def set_business_time(self, at: datetime, *, wall_now: datetime) -> None:
        """Mirror the test clock's frozen time."""

    def cursor(self, name: str) -> datetime | None:
        """Return a cursor's position."""

    def set_cursor(self, name: str, position_at: datetime) -> None:
        """Move a cursor forward; one that is further already stays."""

    def put_policy(self, digest: str, text: Mapping[str, object], *, wall_now: datetime) -> bool:
        """Keep a policy's text under its digest; False where it is kept already."""

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

    def last_period(self, name: str) -> str:
        """Return the latest period that was asked for once, or the empty string."""

    def alive(self, *, since: datetime) -> dict[str, str]:
        """Return the processes heard of since *since*, with their configuration's digest."""

    def beat(self, process: str, *, wall_now: datetime, config_digest: str) -> None:
        """Record that a process is alive."""


class PlanBook(Protocol):
    """Each office day's plan as it was made, for a month."""

    def has(self, day: date) -> bool:
        """Return whether the plan of that office day is kept."""

    def keep(self, plan: KeptPlan) -> bool:
        """Keep the plan of its day and drop those that are too old; False where one is kept."""


class Tx(Protocol):
    """One transaction; leaving it commits, an error rolls it back."""

    @property
    def cases(self) -> CaseBook:
        """Cases, steps, decisions."""

    @property
    def attempts(self) -> AttemptBook:
        """Requests that charge, cancel or write off."""

    @property
    def watched(self) -> WatchBook:
        """What would have been done, had the mode allowed it."""

    @property
    def approvals(self) -> ApprovalBook:
        """What cases ask of people."""

    @property
    def access(self) -> AccessBook:
        """What customers may use."""

    @property
    def offers(self) -> OfferBook:
        """What steps offered to customers."""

    @property
    def acts(self) -> ActBook:
        """What people asked for."""

    @property
    def holds(self) -> HoldBook:
        """What is kept still on purpose."""

    @property
    def letters(self) -> LetterBook:
        """Letters."""

    @property
    def inbox(self) -> InboxBook:
        """Stripe's events."""

    @property
    def mirror(self) -> MirrorBook:
        """Stripe's objects."""

    @property
    def facts(self) -> FactBook:
        """Facts."""

    @property
    def chain(self) -> ChainBook:
        """Sealed facts."""

    @property
    def revenue(self) -> RevenueBook:
        """How far facts tell of each subscription."""

    @property
    def forgetting(self) -> ForgettingBook:
        """People who are forgotten."""

    @property
    def retention(self) -> RetentionBook:
        """What is not kept for ever."""

    @property
    def sinks(self) -> SinkBook:
        """How far facts were copied."""

    @property
    def discounts(self) -> DiscountBook:
        """What discounts take off."""

    @property
    def customer_discounts(self) -> CustomerDiscountBook:
        """Which discounts customers have."""

    @property
    def prices(self) -> PriceBook:
        """Amounts of prices that subscriptions do not show."""

    @property
    def taxes(self) -> TaxBook:
        """Taxes that Stripe computes into prices."""

    @property
    def control(self) -> ControlBook:
        """Switch, cursors, policies."""

    @property
    def jobs(self) -> JobBook:
        """Scheduled jobs."""

    @property
    def versions(self) -> VersionBook:
        """Versions of the configuration."""

    @property
    def canaries(self) -> CanaryBook:
        """The first cases of new policies."""

    @property
    def promises(self) -> PromiseBook:
        """What breaks the ledger's promises."""

    @property
    def plans(self) -> PlanBook:
        """Kept plans."""

    @property
    def days(self) -> DayBook:
        """Figures of each day."""

    @property
    def kept(self) -> KeptBook:
        """Kept rows of the views of the metrics."""

    @property
    def imports(self) -> ImportBook:
        """Figures from files."""

    @property
    def staff(self) -> StaffBook:
        """Mails to staff."""


class Ledger(Protocol):
    """The database, for one account."""

    account_id: str

    def begin(self) -> AbstractContextManager[Tx]:
        """Start a transaction. Raises: ServiceUnavailable: the database is away; nobody acts."""
