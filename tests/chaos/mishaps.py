"""What befalls a whole installation once in a run: its backup is restored, or it gets a double."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import psycopg

from tests.chaos.installation import Installation
from tests.chaos.people import CHARGED_IN
from tests.chaos.plan import Blow
from tests.chaos.rest import View
from tests.chaos.runbook import FOREIGN, Runbook, stop_cause
from tests.chaos.second import Second
from tests.chaos.witness import ChainWatcher
from tests.scenarios.stripe_side import HOUR
from worker.rehearsal.draws import Draws

LOST = 6 * HOUR
"""How old a dump is when it is restored."""
DUMPED_FROM, DUMPED_WITHIN = CHARGED_IN + 19 * HOUR, 5
"""So that people act, and first tries are made, in the hours that are lost."""
BEGINS_WITHIN = 12
"""Hours; half of the doubles begin before anything has failed."""


class Mishap(Protocol):
    """One of them."""

    @property
    def next_at(self) -> datetime | None:
        """When something of it happens next, in business time; None where nothing will."""

    def blows(self, now: datetime) -> list[Blow]:
        """Return what of it falls in this hour."""

    def befall(self, blow: Blow, now: datetime) -> None:
        """Let it happen."""

    def at_rest(self, now: datetime, wall_now: datetime) -> bool:
        """Return whether what it brought has done all that is due."""

    def cure(self) -> bool:
        """Do what the runbook says, if it is time, and return whether there is work again."""

    def end(self) -> list[str]:
        """End what it brought, set aside what it excuses, and return what is wrong."""

    @property
    def excused(self) -> str:
        """What it alone explains, counted, in words."""

    def excuses(self, at: datetime) -> bool:
        """Return whether a letter's line of the job log, of that wall time, is no word kept."""


@dataclass
class Restored:
    """A dump is taken while work goes on; six hours later the ledger is what it was then."""

    on: Installation
    seed: str
    start_at: datetime
    runbook: Runbook
    watcher: ChainWatcher
    repeated: int = 0
    """Letters that went out again, under their Message-IDs."""
    _dumped_at: datetime | None = None
    _wall: list[datetime] = field(default_factory=list)
    _mails: list[int] = field(default_factory=list)
    _sealed: int = 0
    _cured: bool = False

    @property
    def next_at(self) -> datetime | None:
        """When the dump is taken, then when it is restored."""
        if self._dumped_at is None:
            hours = Draws(self.seed, "restored").below(DUMPED_WITHIN)
            return self.start_at + DUMPED_FROM + hours * HOUR
        return None if self._restored else self._dumped_at + LOST

    @property
    def _restored(self) -> bool:
        return len(self._wall) == len(("dumped", "restored"))

    def blows(self, now: datetime) -> list[Blow]:
        """Return whether it is time for the one or the other."""
        if self.next_at is None or now < self.next_at:
            return []
        return [Blow.DUMP if self._dumped_at is None else Blow.RESTORE]

    def befall(self, blow: Blow, now: datetime) -> None:
        """Take the dump; or kill every process and put it in the ledger's place."""
        if blow is Blow.DUMP:
            self._dumped_at = now
            self.on.replace_database("dump", by="wild")
            with psycopg.connect(self.on.postgres.database_url("dump")) as connection:
                row = connection.execute("SELECT max(position) FROM event_chain").fetchone()
            self._sealed = row[0] or 0 if row is not None else 0
        else:
            for name in self.on.supervisor.processes:
                self.on.supervisor.kill(name)
                self.on.process(name).short_lives = 0
            self.on.replace_database("wild", by="dump")
            self.watcher.forget_after(self._sealed)
        self._wall.append(self.on.clock.wall_now())
        self._mails.append(self.on.inbox.last_number)

    def at_rest(self, now: datetime, wall_now: datetime) -> bool:  # noqa: ARG002
        """Return True: it brought no processes of its own."""
        return True

    def cure(self) -> bool:
        """Once restored: write the lost attempts again and go on."""
        if self._cured or not self._restored:
            return False
        self._cured = True
        self.runbook.rebuild_and_go()
        return True

    def end(self) -> list[str]:
        """Set aside the letters of the lost hours that went out again."""
        if not self._cured:
            return ["the dump was never restored"]
        after, until = self._mails
        self.repeated = self.on.inbox.set_aside_repeated(after=after, until=until)
        return self.runbook.failed

    @property
    def excused(self) -> str:
        """How many letters went out again."""
        return f"restored, {self.repeated} letters of the lost hours went out again"

    def excuses(self, at: datetime) -> bool:
        """Return whether it was in the lost hours: what became of a letter then is forgotten."""
        if not self._restored:
            return False
        begun, ended = self._wall
        return begun - timedelta(minutes=2) <= at <= ended + timedelta(minutes=2)


@dataclass
class Doubled:
    """A second installation with another database starts on the same account."""

    on: Installation
    seed: str
    start_at: datetime
    runbook: Runbook
    second: Second
    noticed: bool = False
    letters: int = 0
    """What it wrote to customers before it was noticed."""
    _view: View = field(init=False)
    _begun: bool = False

    def __post_init__(self) -> None:
        """Look at its database."""
        self._view = View(self.second.database_url)

    @property
    def next_at(self) -> datetime | None:
        """When it starts: before anything has failed, or between the cohorts."""
        if self._begun:
            return None
        draws = Draws(self.seed, "doubled")
        hours = draws.below(BEGINS_WITHIN) if draws.fraction() >= 1 / 2 else 1
        return self.start_at + hours * HOUR

    def blows(self, now: datetime) -> list[Blow]:
        """Return whether it is time."""
        return [Blow.SECOND] if self.next_at is not None and now >= self.next_at else []

    def befall(self, blow: Blow, now: datetime) -> None:  # noqa: ARG002
        """Start it."""
        self._begun = True
        self.second.start()

    def at_rest(self, now: datetime, wall_now: datetime) -> bool:
        """Return whether it did all that is due, as long as it runs."""
        if not self._begun or self.noticed:
            return True
        self.second.watch()
        state = self._view.look(now, wall_now)
        return state is not None and state.at_rest(now)

    def cure(self) -> bool:
        """Once either of the two has stopped for the other's keys: stop the second one for good."""
        own = stop_cause(self.runbook.database_url)
        if self.noticed or FOREIGN not in {own, stop_cause(self.second.database_url)}:
            return False
        self.noticed = True
        self.second.stop()
        if own:
            self.runbook.rebuild_and_go()
        return True

    def end(self) -> list[str]:
        """Stop it, and set aside what it wrote before it was noticed."""
        self.second.stop()
        self._view.close()
        self.letters = self.on.inbox.set_aside(self.second.wrote)
        unseen = [] if self.noticed else ["the second installation was never noticed"]
        return [*unseen, *self.runbook.failed]

    @property
    def excused(self) -> str:
        """How many letters it wrote."""
        return f"the second worker was noticed, and had written {self.letters} letters"

    def excuses(self, at: datetime) -> bool:  # noqa: ARG002
        """Return False: the first ledger forgot nothing."""
        return False
