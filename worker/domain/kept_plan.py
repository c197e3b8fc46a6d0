"""A plan as it was kept, and what became of it: news of its cases explain each difference.

A kept plan is compared with the plan of a later day (`plan_changes`) and with what was done
(`surprises`). Nothing is guessed: a difference without news stays without a reason.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from worker.domain.forecast_values import Planned, PlannedKind

SAME_TIME = timedelta(hours=1)
"""Nearer instants are the same: a look comes a little after what is due."""

DONE_KINDS = frozenset(
    (PlannedKind.CHARGE, PlannedKind.LETTER, PlannedKind.ENDING, PlannedKind.INVOICE_END)
)
"""What leaves a trace outside; that a case closes, or goes to a person, is news itself."""


@dataclass(frozen=True, slots=True)
class PlannedAct:
    """One act of a plan, as it is kept."""

    case_id: int
    kind: PlannedKind
    at: datetime
    step: str
    amount_minor: int
    currency: str
    rule: str
    sure: bool
    why: str = ""
    """Why it is later than the policy's own time; not kept."""

    @property
    def key(self) -> tuple[int, PlannedKind, str]:
        """What makes it the same act in another plan; a step is done once in a case."""
        return (self.case_id, self.kind, self.step)


def planned_act(planned: Planned) -> PlannedAct:
    """Return what is kept of *planned*."""
    return PlannedAct(
        planned.case_id,
        planned.kind,
        planned.at,
        planned.step,
        planned.amount_minor,
        planned.currency,
        planned.rule,
        planned.sure,
        planned.why,
    )


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """The plan of one office day."""

    day: date
    made_at: datetime
    until: datetime
    config_digest: str
    acts: tuple[PlannedAct, ...]


@dataclass(frozen=True, slots=True)
class Deed:
    """One act that was done."""

    case_id: int
    kind: PlannedKind
    step: str
    at: datetime

    @property
    def key(self) -> tuple[int, PlannedKind, str]:
        """What makes it the act of a plan."""
        return (self.case_id, self.kind, self.step)


@dataclass(frozen=True, slots=True)
class NewsItem:
    """Something that happened to a case, in a few words: `paid`, `held`, `another decline`."""

    at: datetime
    word: str
    weight: int = 0
    """Of several, the heaviest is the reason that is told."""


@dataclass(frozen=True, slots=True)
class News:
    """What happened between a plan and a later moment."""

    of_cases: Mapping[int, Sequence[NewsItem]] = field(default_factory=dict)
    of_service: Sequence[NewsItem] = ()
    """What concerns every case: charging was stopped, another configuration."""

    def reason(self, case_id: int, *, by: datetime | None = None) -> str:
        """Return the heaviest word that explains a change of the case, or the empty string.

        Args: by: news after that instant explain nothing.
        """
        known = [*self.of_cases.get(case_id, ()), *self.of_service]
        known = [each for each in known if by is None or each.at <= by]
        best = max(known, key=lambda each: (each.weight, each.at), default=None)
        return best.word if best is not None else ""


class ChangeKind(StrEnum):
    """How a plan differs from an older one."""

    NEW = "new"
    GONE = "gone"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Change:
    """One act that an older plan had otherwise."""

    change: ChangeKind
    act: PlannedAct
    """As planned now; for what is gone, as it was planned."""
    was_at: datetime | None
    because: str
    """A few words; empty where no news explains it."""


def plan_changes(
    before: KeptPlan,
    acts: Iterable[PlannedAct],
    *,
    deeds: Iterable[Deed],
    news: News,
    now: datetime,
    until: datetime,
) -> tuple[int, list[Change]]:
    """Return how many acts of *before* were done, and what is otherwise by now, in order of time.

    Args: acts: the later plan, made at *now*; deeds: what was done since; until: where the shorter
    plan ends.
    """
    done = {each.key for each in deeds}
    older = {each.key: each for each in before.acts if each.kind in DONE_KINDS or each.at > now}
    newer = {each.key: each for each in acts}
    changes = [
        *_new_and_moved(older, newer, done, news, until),
        *_gone(older, newer, done, news, until),
    ]
    changes.sort(key=lambda each: (each.act.at, each.act.case_id, each.act.step))
    return len(older.keys() & done), changes


_Acts = Mapping[tuple[int, PlannedKind, str], PlannedAct]
_Keys = set[tuple[int, PlannedKind, str]]


def _new_and_moved(
    older: _Acts, newer: _Acts, done: _Keys, news: News, until: datetime
) -> Iterator[Change]:
    for key, act in newer.items():
        was = older.get(key)
        if key in done or (act.at >= until and (was is None or was.at >= until)):
            continue
        if was is None:
            yield Change(ChangeKind.NEW, act, None, news.reason(act.case_id))
        elif abs(act.at - was.at) > SAME_TIME:
            because = act.why or news.reason(act.case_id)
            yield Change(ChangeKind.MOVED, act, was.at, because)


def _gone(older: _Acts, newer: _Acts, done: _Keys, news: News, until: datetime) -> Iterator[Change]:
    for key, was in older.items():
        if key not in newer and key not in done and was.at < until:
            yield Change(ChangeKind.GONE, was, was.at, news.reason(was.case_id))


class SurpriseKind(StrEnum):
    """How what was done differs from the plan of that morning."""

    UNPLANNED = "unplanned"
    """It was done, and not in the plan at that time."""
    UNDONE = "undone"
    """It was sure, and was not done."""


@dataclass(frozen=True, slots=True)
class Surprise:
    """One difference between plan and deed."""

    kind: SurpriseKind
    case_id: int
    what: PlannedKind
    step: str
    at: datetime
    because: str
    """The news that explains it; empty where there is none, which is a defect of ours."""


def surprises(
    plan: KeptPlan, deeds: Iterable[Deed], news: News, *, until: datetime, slack: timedelta
) -> list[Surprise]:
    """Return where the acts of *plan* before *until* and what was done by then differ.

    Args: deeds: what was done from the plan's making to *until*; slack: how much later than
    planned is still as planned.
    """
    done = {each.key: each for each in deeds if plan.made_at <= each.at}
    planned = {each.key: each for each in plan.acts if each.kind in DONE_KINDS}
    found = []
    for key, deed in done.items():
        act = planned.get(key)
        if deed.at >= until or (act is not None and abs(deed.at - act.at) <= slack):
            continue
        because = news.reason(deed.case_id, by=deed.at)
        found.append(_surprise(SurpriseKind.UNPLANNED, key, deed.at, because))
    for key, act in planned.items():
        if act.sure and act.at + slack < until and key not in done:
            because = news.reason(act.case_id, by=until)
            found.append(_surprise(SurpriseKind.UNDONE, key, act.at, because))
    return found


def _surprise(
    kind: SurpriseKind, key: tuple[int, PlannedKind, str], at: datetime, because: str
) -> Surprise:
    case_id, what, step = key
    return Surprise(kind, case_id, what, step, at, because)
