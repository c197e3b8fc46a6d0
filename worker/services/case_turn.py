"""One look at one case: what it works with, and how it gives the case back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from worker.domain.case import Attempt, Case, CaseState, Surroundings
from worker.domain.decisions import Decision, Wait
from worker.domain.engine import decide
from worker.domain.engine_situation import Obstacle, Situation, obstacle_of, policy_in
from worker.domain.facts import Fact
from worker.domain.identifiers import case_name
from worker.domain.policy import Configuration, Mode, Policy
from worker.domain.readings import InvoiceReading
from worker.domain.watching import WatchedAct, as_if_done
from worker.ports import CaseChange, Clock, JobLog, Ledger, Letters, StripeGateway, Tx

LEASE = timedelta(seconds=150)
"""Read 25 + slot 10 + window 60 + charge 25 seconds, with room (architecture.md 5)."""

FEED_LAG_MAX = timedelta(minutes=15)
"""No charge while the event list was not read for this long."""


SEND_WINDOW_SECONDS = 60.0
"""A request or a letter may start this long after its commit and no later (I2)."""

READ_WINDOW_SECONDS = 60.0
"""A request is committed within this long of the invoice's reading: with the window above it starts
less than two minutes after it (I2)."""

ASK_AGAIN_MINUTES = (2, 4, 8, 16, 32, 60)
"""How soon an unknown outcome is asked about again after the first ask, the second, and so on;
the last pause stays. A 500 that Stripe saved is all it answers for a day."""


class LeaseLostError(Exception):
    """Somebody else has the case now; nothing of this look may be written."""


@dataclass(frozen=True, slots=True)
class Later:
    """When an act that may not start now is looked at again."""

    at: datetime
    """Business time."""
    waits_for: str = ""
    """The limit or canary that keeps it back; empty for others."""


@dataclass(frozen=True, slots=True)
class CasePorts:
    """The outside world of the services that work on cases and letters."""

    ledger: Ledger
    stripe: StripeGateway
    letters: Letters
    log: JobLog
    clock: Clock
    new_token: Callable[[], str]
    stopping: Callable[[], bool]
    """Whether the process is ending: then a look goes no further than its read."""
    configuration: Configuration

    @property
    def watches_only(self) -> bool:
        """Whether what falls due is only told, and nothing is done (`mode: watch`)."""
        return self.configuration.dunning.mode is Mode.WATCH


def ask_again_at(attempt: Attempt, now: datetime) -> datetime:
    """Return when Stripe is asked again about *attempt*, just sent for the `sends`th time."""
    return now + timedelta(minutes=ASK_AGAIN_MINUTES[: attempt.sends][-1])


def window_is_over(ports: CasePorts, committed_at: float) -> bool:
    """Return whether what was committed at *committed_at*, monotonic seconds, may start no more.

    The process stood still meanwhile, and what allowed the act may be over.
    """
    return ports.clock.monotonic_seconds() - committed_at > SEND_WINDOW_SECONDS


def report_review(ports: CasePorts, case: Case, reason: str) -> None:
    """Tell the people on call that a case waits for a person."""
    name = case_name(case.id)
    ports.log.warning("review.opened", case=name, reason=reason, do=f"dunning case {name}")


def by_now(clock: Clock, now: datetime, *, clock_stands: bool) -> datetime:
    """Return business time of this very moment; *now* is the look's, minutes ago perhaps."""
    return now if clock_stands else max(now, clock.wall_now())


@dataclass(frozen=True, slots=True)
class Turn:
    """One leased case at one moment, with its fresh invoice."""

    ports: CasePorts
    case: Case
    token: str
    now: datetime
    policy: Policy
    invoice: InvoiceReading
    around: Surroundings
    invoice_read_s: float
    """Monotonic seconds as the invoice's reading began."""
    obstacle: Obstacle | None = None
    """What kept this look's charge from starting."""
    watched: tuple[WatchedAct, ...] = ()
    """In `mode: watch`: the acts that fell due before; what is decided next follows them."""
    clock_stands: bool = False
    """Whether business time is a test clock's, which stands still."""

    @property
    def by_now(self) -> datetime:
        """Business time of this very moment."""
        return by_now(self.ports.clock, self.now, clock_stands=self.clock_stands)

    @property
    def read_is_old(self) -> bool:
        """Return whether the invoice may look otherwise by now."""
        seconds = self.ports.clock.monotonic_seconds() - self.invoice_read_s
        return seconds > READ_WINDOW_SECONDS

    def situation(self) -> Situation:
        """Return what the engine may look at, as this turn knows it."""
        rules = self.ports.configuration.dunning
        at = Situation(
            self.case,
            self.invoice,
            self.around,
            policy_in(rules.mode, self.policy),
            rules.limits,
            rules.office_zone,
            self.now,
            self.obstacle or obstacle_of(rules.mode),
        )
        return as_if_done(at, self.watched)

    def decide(self) -> Decision:
        """Return what the engine says about the case."""
        return decide(self.situation())

    def with_case(self, case: Case) -> "Turn":
        """Return this turn with what was learnt about its case."""
        return replace(self, case=case)

    def fence(self, tx: Tx) -> Case:
        """Lock the case's row and return it as it stands now, while the lease is ours.

        Raises: LeaseLostError: somebody else has the case.
        """
        wall_now = self.ports.clock.wall_now()
        held = tx.cases.hold_lease(self.case.id, token=self.token, wall_now=wall_now)
        if held is None:
            raise LeaseLostError
        return held

    def finish(
        self,
        change: CaseChange,
        *,
        decision: Decision | None = None,
        facts: Sequence[Fact] = (),
        also: Callable[[Tx], Sequence[Fact]] | None = None,
        unless: Callable[[Tx], Later | None] | None = None,
    ) -> None:
        """Commit everything this turn came to, in one transaction, and give the lease back (T3).

        *also* writes further rows in the same commit and returns their facts; where *unless* says
        when to look again, nothing is written and the case is due then.
        Raises: LeaseLostError: nothing was written.
        """
        wall_now = self.ports.clock.wall_now()
        learnt = replace(
            change,
            failure=change.failure or self.case.failure,
            action_required_at=change.action_required_at or self.case.action_required_at,
            due_at=self.case.due_at,
            stands_down=decision is not None and decision.stands_down,
            waits_for=change.waits_for or self._waits_for(decision),
        )
        with self.ports.ledger.begin() as tx:
            later = unless(tx) if unless is not None else None
            if later is not None:
                self._hand_back(tx, later)
                return
            if not tx.cases.finish(self.case, learnt, token=self.token, now=self.now):
                raise LeaseLostError
            if self.case.stands_still and (change.goes_on or change.state is CaseState.OPEN):
                tx.letters.ring(self.case.id, now=self.now)
            if decision is not None:
                tx.cases.record_skips(self.case.id, decision.skips, at=self.now)
                tx.cases.record_decision(self.case.id, decision, at=self.now)
            told = [*facts, *(also(tx) if also is not None else ())]
            tx.facts.append(told, wall_now=wall_now)

    def _waits_for(self, decision: Decision | None) -> str:
        """Return the limit that keeps this look's charge from starting."""
        waits = decision is not None and isinstance(decision.act, Wait)
        return self.obstacle.limit if waits and self.obstacle is not None else ""

    def hand_back(self, later: Later | None = None) -> None:
        """Give the case back unchanged; it stays due unless *later* says otherwise."""
        with self.ports.ledger.begin() as tx:
            self._hand_back(tx, later or Later(self.now))

    def _hand_back(self, tx: Tx, later: Later) -> None:
        tx.cases.hand_back(
            self.case.id,
            token=self.token,
            retry_at=later.at,
            wake_seq=self.case.wake_seq,
            waits_for=later.waits_for,
        )
