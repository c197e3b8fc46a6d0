"""Moves a run through simulated time while blows fall; nothing here rings for the worker.

Business time goes on only once all that was due is done, as in the calm run: what a story comes to
must not depend on how long the trouble of one hour lasted.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.chaos.installation import Installation
from tests.chaos.mishaps import Mishap
from tests.chaos.people import Diary
from tests.chaos.plan import Plan, Strike
from tests.chaos.rest import State, View
from tests.chaos.strikes import Striker
from tests.scenarios.stripe_side import HOUR, StripeSide
from worker import clock

LOOK_SECONDS = 0.015
WAIT_FOR_WORK_SECONDS = 7.0
"""A blow waits so long for Stripe to be asked something, then falls all the same."""
REST_SECONDS_MAX = 90.0
"""The host's: above every lease, the longest freeze and a pause of the rate limiter together."""
BUSY_DUE = 4
"""Cases and letters due at an hour that is worth blows."""
BUSY_HOURS = 6
"""How many such hours each cohort has at least: blows are spread over so many."""
STRIDE_MAX = timedelta(days=1)


class NoRestError(AssertionError):
    """Something due is not done although all trouble is over."""

    log = ""
    """Everything that all processes wrote."""


@dataclass
class Driver:
    """Drives one run; used by one thread."""

    on: Installation
    stripe: StripeSide
    view: View
    diary: Diary
    striker: Striker
    plan: Plan
    watch: Callable[[], None]
    """Called every now and then, to remember what an outsider sees."""
    stops: int = 0
    longest_rest_seconds: float = 0.0
    """The host's, from the end of all trouble until all that was due was done."""
    seen: State | None = None
    _per_hour: int = field(init=False)

    def __post_init__(self) -> None:
        """Spread the plan's blows."""
        self._per_hour = -(-len(self.plan.left) // (BUSY_HOURS * self.plan.size.cohorts))

    @property
    def now(self) -> datetime:
        """Business time."""
        return self.stripe.now

    @property
    def mishap(self) -> Mishap | None:
        """What befalls the installation as a whole."""
        return self.striker.mishap

    def settle(self) -> None:
        """Wait for rest at this hour, without trouble."""
        self._live_through([])

    def drive(self, until: datetime) -> None:
        """Move to *until*, with blows wherever much is due. Raises: NoRestError."""
        while self.now < until:
            at = min(self._next_stop(), until)
            due = self._due_by(at)
            self.stripe.move_clock(at)
            self.stops += 1
            blows = self.plan.next(self._per_hour) if due >= BUSY_DUE else []
            if blows:
                self.striker.rain()
            self._live_through([*self.striker.mishaps(self.now), *blows])
            if self.mishap is not None and self.mishap.cure():
                self._live_through([])
            self.striker.heal_mail()
            self.diary.act(self.now)

    def _next_stop(self) -> datetime:
        coming = [self.stripe.next_due_at(), self.diary.next_at]
        coming.append(self.seen.next_at if self.seen is not None else None)
        coming.append(self.mishap.next_at if self.mishap is not None else None)
        earliest = min((at for at in coming if at is not None), default=self.now + STRIDE_MAX)
        return min(max(_whole_hour(earliest), self.now + HOUR), self.now + STRIDE_MAX)

    def _due_by(self, at: datetime) -> int:
        """Return how much will be due at *at*; a renewal of everybody counts as much as that."""
        next_due_at = self.stripe.next_due_at()
        if next_due_at is not None and next_due_at <= at:
            return BUSY_DUE
        state = self.view.look(at, self.on.clock.wall_now())
        return state.cases_due + state.letters_due if state is not None else 0

    def _live_through(self, blows: list[Strike]) -> None:
        """Deal *blows*, heal, and wait until all that is due is done."""
        began = last = clock.monotonic_seconds()
        clear = False
        while True:
            now = clock.monotonic_seconds()
            self.striker.end_what_is_over()
            self.on.supervisor.watch()
            self.watch()
            state = self.view.look(self.now, self.on.clock.wall_now())
            self.seen = state or self.seen
            if blows:
                asked = self.striker.stripe_is_asked(blows[0])
                if self._is_time_for(blows[0], last, state, asked=asked):
                    self.striker.strike(blows.pop(0), at_work=asked)
                    last = clock.monotonic_seconds()
            elif not clear:
                self.striker.clear_up()
                clear, began = True, now
            elif self.striker.lasts:
                began = now
            if clear and self._rests(state):
                self.longest_rest_seconds = max(self.longest_rest_seconds, now - began)
                return
            if clear and now - began > REST_SECONDS_MAX:
                raise NoRestError(f"no rest at {self.now}: {state}")
            clock.sleep(LOOK_SECONDS)

    def _rests(self, state: State | None) -> bool:
        if state is None or not state.at_rest(self.now):
            return False
        wall_now = self.on.clock.wall_now()
        return self.mishap is None or self.mishap.at_rest(self.now, wall_now)

    def _is_time_for(self, blow: Strike, last: float, state: State | None, *, asked: bool) -> bool:
        """Whether *blow* falls now: while Stripe is asked, or where that will not be soon."""
        waited = clock.monotonic_seconds() - last
        if waited < blow.after_seconds:
            return False
        over = state is not None and state.at_rest(self.now)
        return asked or over or waited > blow.after_seconds + WAIT_FOR_WORK_SECONDS


def _whole_hour(at: datetime) -> datetime:
    floor = at.replace(minute=0, second=0, microsecond=0)
    return floor if floor == at else floor + HOUR
