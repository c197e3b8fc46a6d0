"""What operators do in a run, through the services behind their commands."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from worker.bootstrap import App
from worker.cli.look_story_plan import situation_of
from worker.domain.engine_person import ENDING
from worker.domain.engine_situation import Situation
from worker.domain.holds import HoldKind, HoldScope
from worker.domain.identifiers import case_name
from worker.errors import DunningError
from worker.office.ways import office_of
from worker.ports import NewHold
from worker.rehearsal.draws import Draws
from worker.services.approvals import approve_act
from worker.services.ask_close import ask_close
from worker.services.ask_retry import ask_retry
from worker.services.extend_case import extend_case
from worker.services.hold_cases import put_hold, release_holds
from worker.services.operate import go, stop
from worker.store.reading import snapshot
from worker.store.reading_case import read_case

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

OPERATOR_ACTS = ("hold", "release", "extend", "close", "stop", "go", "flush", "retry", "approve")
AT_WORST = ("hold", "extend", "close", "stop", "retry", "retry")
"""What may be done while a look has read Stripe, or a charge or an ending is on its way."""
HOLD, STOP = timedelta(hours=20), timedelta(hours=3)
CHARGE = "charge"
JUST_NOW = timedelta(seconds=2)


@dataclass(slots=True)
class Still:
    """From when until when a case has to stand still; None: for ever."""

    case_id: int
    since: datetime
    until: datetime | None = None


@dataclass
class Operators:
    """The operators of one run; what they do about a case, they do about an unfinished one."""

    simulation: "Simulation"
    draws: Draws
    by: str = "rehearsal"
    allowed: Counter[tuple[int, str]] = field(default_factory=Counter)
    """(case, CHARGE or ENDING) -> how many acts persons have allowed, or asked for themselves."""
    still: list[Still] = field(default_factory=list)
    """Cases that were put on hold, or that a person wishes closed."""

    def do(self, act: str) -> None:
        """Do one thing; what is refused is not done."""
        sim = self.simulation
        sim.note(f"operator {act}")
        with suppress(DunningError):
            _OPERATES[act](self)
        sim.stir()

    def at_once(self, act: str) -> None:
        """Do one thing before anybody else does another; called from within a process's turn."""
        self.simulation.agenda.after(0, partial(self.do, act))

    def approve_all(self) -> None:
        """Approve whatever waits for a person."""
        for case_id in self.cases():
            with suppress(DunningError):
                self.approve(case_id)

    @property
    def app(self) -> App:
        """The App through which operators act."""
        return next(iter(self.simulation.apps.values()))

    @property
    def now(self) -> datetime:
        """The time by all clocks."""
        return self.simulation.agenda.now

    def cases(self) -> list[int]:
        """Return the numbers of the unfinished cases."""
        found = self.simulation.ground.rows(
            "SELECT id FROM cases WHERE state <> 'closed' ORDER BY id"
        )
        return [row["id"] for row in found]

    def with_a_case(self, act: Callable[[int], None]) -> None:
        """Do something about one unfinished case, if there is any."""
        cases = self.cases()
        if cases:
            act(self.draws.one_of(cases))

    def hold(self, case_id: int) -> None:
        """Put a hold on a case."""
        new = NewHold(
            scope=HoldScope.CASE,
            target=case_name(case_id),
            kind=HoldKind.INTERNAL,
            owner=self.by,
            reason="asked",
            by=self.by,
            until=self.now + HOLD,
        )
        held = put_hold(new, ledger=self.app.ledger, now=self.now)
        if held.number is not None:
            self.still.append(Still(case_id, self.now, self.now + HOLD))

    def release_all(self) -> None:
        """End all holds of cases that are not closed."""
        now = self.now
        release_holds(self.cases(), ledger=self.app.ledger, now=now, by=self.by, reason="asked")
        for each in self.still:
            each.until = min(each.until, now) if each.until is not None else None

    def extend(self, case_id: int) -> None:
        """Give a case another day."""
        app = self.app
        extend_case(
            case_id,
            1,
            ledger=app.ledger,
            clock=app.clock,
            now=self.now,
            by=self.by,
            reason="asked",
        )

    def close(self, case_id: int) -> None:
        """Wish a case closed."""
        ask_close(case_id, ledger=self.app.ledger, now=self.now, by=self.by, reason="asked")
        self.still.append(Still(case_id, self.now))

    def retry(self, case_id: int) -> None:
        """Ask for a charge of a case now."""
        app, at = self.app, self._situation(case_id)
        if at is None:
            return
        mode = app.configuration.dunning.mode
        answer = ask_retry(
            at, ledger=app.ledger, clock=app.clock, mode=mode, by=self.by, reason="asked"
        )
        self.simulation.note(f"retry of {case_id}: {answer.refused or 'granted'}")
        if not answer.refused:
            self.allowed[case_id, CHARGE] += 1

    def _situation(self, case_id: int) -> Situation | None:
        app = self.app
        with snapshot(app.ledger) as connection:
            record = read_case(
                connection, app.ledger.account_id, case_id, now=self.now, wall_now=self.now
            )
        return situation_of(record, office_of(app.configuration), self.now)

    def approve(self, case_id: int) -> None:
        """Say yes to what a case asks."""
        app = self.app
        question = approve_act(
            case_id, ledger=app.ledger, clock=app.clock, now=self.now, by=self.by, reason="asked"
        )
        self.allowed[case_id, ENDING if question.step == ENDING else CHARGE] += 1

    def stop(self) -> None:
        """Stop charges, letters and endings for some hours."""
        app = self.app
        stop(ledger=app.ledger, clock=app.clock, now=self.now, by=self.by, reason="asked")
        self.simulation.agenda.after(STOP.total_seconds(), lambda: self.do("go"))

    def go(self) -> None:
        """Let everything go on."""
        app = self.app
        go(ledger=app.ledger, clock=app.clock, now=self.now, by=self.by, reason="asked")


def has_just_read(sim: "Simulation") -> bool:
    """Return whether the running process read an invoice a moment ago: it decides, or has."""
    mine = (truth.at for (name, _), truth in sim.reads.items() if name == sim.running.name)
    return max(mine, default=sim.agenda.now - JUST_NOW) > sim.agenda.now - JUST_NOW


_OPERATES: dict[str, Callable[[Operators], None]] = {
    "hold": lambda them: them.with_a_case(them.hold),
    "release": Operators.release_all,
    "extend": lambda them: them.with_a_case(them.extend),
    "close": lambda them: them.with_a_case(them.close),
    "stop": Operators.stop,
    "go": Operators.go,
    "flush": lambda them: them.simulation.queue.flush(),
    "retry": lambda them: them.with_a_case(them.retry),
    "approve": lambda them: them.with_a_case(them.approve),
}
