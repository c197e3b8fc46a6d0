"""A case's life as a state machine: time, people and outages in any order, over five years.

The first failure may be at any instant: the days 1 to 31 of a month, the leap day, both changes of
the clocks in ten zones. After each step the sentences of `case_judging` must hold.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.unit.domain.case_days import EVENTS, arrive, happen, when_next
from tests.unit.domain.case_judging import check_life
from tests.unit.domain.case_life import LOOKS_MAX, Script, World, begin
from tests.unit.domain.case_scripts import firsts, policies, scripts
from worker.domain.case import CaseState
from worker.domain.decisions import Decision, Wait
from worker.domain.policy import Policy

ZONES = (
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Santiago",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Africa/Casablanca",
)
YEARS = (2025, 2029)
"""First and last; 2028 is a leap year."""

AT_ONCE_MAX = 25
"""Acts that may follow each other without time passing."""


def _clock_changes(zone: str) -> list[datetime]:
    """Return the noons of the days on which the zone's clocks change."""
    here, day, found = ZoneInfo(zone), date(YEARS[0], 1, 1), []
    while day.year <= YEARS[1]:
        noon = datetime.combine(day, time(12), here)
        if noon.utcoffset() != (noon + timedelta(days=1)).utcoffset():
            found.append(noon.astimezone(UTC))
        day += timedelta(days=1)
    return found


CHANGES = [(zone, at) for zone in ZONES for at in _clock_changes(zone)]

any_day = st.tuples(
    st.sampled_from(ZONES),
    st.dates(date(YEARS[0], 1, 1), date(YEARS[1], 11, 1)).map(
        lambda day: datetime.combine(day, time(12), UTC)
    ),
)
month_end = st.tuples(
    st.sampled_from(ZONES),
    st.sampled_from(
        [
            datetime(year, month, 1, 12, tzinfo=UTC) - timedelta(days=back)
            for year in range(YEARS[0], YEARS[1] + 1)
            for month in range(2, 12)
            for back in (1, 2, 3)
        ]
    ),
)
anchors = st.tuples(
    st.one_of(any_day, month_end, st.sampled_from(CHANGES)), st.integers(-36 * 60, 36 * 60)
).map(lambda drawn: (drawn[0][0], drawn[0][1] + timedelta(minutes=drawn[1])))


class Figures:
    """How much was judged in this process."""

    lives = steps = looks = 0

    @classmethod
    def reset(cls) -> None:
        """Begin to count."""
        cls.lives = cls.steps = cls.looks = 0


class CaseMachine(RuleBasedStateMachine):
    """One case, from its failure on."""

    world: World
    next_at: datetime

    @initialize(anchor=anchors, script=scripts, by=policies, first=firsts)
    def fail(self, anchor: tuple[str, datetime], script: Script, by: Policy, first: str) -> None:
        """Let the first charge fail."""
        zone, failed_at = anchor
        self.world = begin(script, by, first, failed_at=failed_at, zone=zone)
        self.next_at = failed_at
        Figures.lives += 1

    @rule()
    def wait_until_due(self) -> None:
        """Let time pass until the case is due, and look."""
        self._look_at(max(self.world.now, self.next_at))

    @rule(minutes=st.integers(1, 3 * 24 * 60))
    def look_again(self, minutes: int) -> None:
        """Look at some moment, due or not: messages are only hints."""
        self._look_at(self.world.now + timedelta(minutes=minutes))

    @rule(event=st.sampled_from(EVENTS), minutes=st.integers(0, 600))
    def somebody_acts(self, event: str, minutes: int) -> None:
        """Let somebody do something, and look once that is known."""
        happen(self.world, event)
        self._look_at(self.world.now + timedelta(minutes=minutes))

    @precondition(lambda self: self.world.case.state is not CaseState.CLOSED)
    @rule(hours=st.integers(6, 24 * 12))
    def nobody_works(self, hours: int) -> None:
        """Let the worker be down."""
        self._look_at(self.world.now + timedelta(hours=hours))

    @invariant()
    def is_right(self) -> None:
        """Judge everything that was done so far."""
        check_life(self.world)
        Figures.steps += 1

    def _look_at(self, at: datetime) -> None:
        self.world.now = at
        for _ in range(AT_ONCE_MAX):
            arrive(self.world)
            self.world.looks = min(self.world.looks, LOOKS_MAX - 2)
            decided = self.world.look()
            Figures.looks += 1
            if isinstance(decided.act, Wait) or self.world.case.in_flight is not None:
                self.next_at = self._after(decided)
                return
            self.world.now += timedelta(seconds=1)
        raise AssertionError(f"no end of acts at {self.world.now}")

    def _after(self, decided: Decision) -> datetime:
        if isinstance(decided.act, Wait) and decided.next_at is None:
            return self.world.now + timedelta(days=1)
        return when_next(self.world, decided)
