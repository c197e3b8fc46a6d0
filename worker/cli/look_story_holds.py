"""Holds as lines of a story: who put one and who released it, when and why.

They are told from their own rows: what a person did counts from its commit on, also while no worker
is there to look. The facts of the case say only when it stood still and when it went on.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from worker.cli.act_hold_names import what_is_held
from worker.cli.look_story_lines import Item
from worker.domain.case import CaseState
from worker.domain.holds import HELD_BY, HeldBy, HoldScope
from worker.store.holds import STRIPE
from worker.store.reading_case import CaseRecord
from worker.store.reading_facts import StoredFact

LOOK_BEGAN = timedelta(minutes=2)
"""A look that sees a hold may have begun so long before it; its fact has the look's time."""


def by_whom(said: str) -> str:
    """Return a reason such as `held by jo (vip): …` without its verb, for a line that has it."""
    return said.removeprefix("held ") if said.startswith(HELD_BY) else said


def holds_told(record: CaseRecord, *, office_zone: str) -> tuple[list[Item], frozenset[str]]:
    """Return a line for each act of a person on a hold, and the facts that these stand for."""
    puts = [hold for hold in record.holds if hold.by != STRIPE and _concerns(record, hold)]
    held = _facts_behind(record, "case.held", puts, who=lambda hold: hold.by, at=lambda h: h.at)
    ends = [
        hold
        for hold in record.holds
        if hold.released_by not in {"", STRIPE} and _concerns(record, hold)
    ]
    over = _facts_behind(
        record,
        "case.released",
        ends,
        who=lambda hold: hold.released_by,
        at=lambda hold: hold.released_at or hold.at,
    )
    items = [*(_put(record, hold, office_zone) for hold in puts), *_releases(record, ends, over)]
    return items, frozenset({*held, *over})


def _concerns(record: CaseRecord, hold: HeldBy) -> bool:
    """Return whether it was in force at some time while the case was not closed."""
    over_at, ended_at = hold.over_at(), _ended_at(record)
    begun_before_end = ended_at is None or hold.at < ended_at
    return begun_before_end and (over_at is None or over_at > _began_at(record))


def _began_at(record: CaseRecord) -> datetime:
    case = record.case
    return case.failed_at if case.due_at is None else case.opened_at


def _ended_at(record: CaseRecord) -> datetime | None:
    case = record.case
    return case.closed_at if case.state is CaseState.CLOSED else None


def _facts_behind(
    record: CaseRecord,
    kind: str,
    holds: Sequence[HeldBy],
    *,
    who: Callable[[HeldBy], str],
    at: Callable[[HeldBy], datetime],
) -> dict[str, int]:
    """Return the fact that tells of an act -> the hold's number; of each act the first one."""
    found: dict[str, int] = {}
    for fact in _of_people(record, kind):
        acts = [
            hold
            for hold in holds
            if who(hold) == fact.data.get("by")
            and at(hold) <= fact.time + LOOK_BEGAN
            and hold.id not in found.values()
        ]
        if acts:
            found[fact.id] = max(acts, key=lambda hold: (at(hold), hold.id)).id
    return found


def _of_people(record: CaseRecord, kind: str) -> Iterator[StoredFact]:
    return (fact for fact in record.facts if fact.type == kind and fact.data.get("by"))


def _put(record: CaseRecord, hold: HeldBy, office_zone: str) -> Item:
    began_at = _began_at(record)
    parts = [by_whom(hold.said(office_zone))]
    if hold.by != hold.owner:
        parts.append(f"put by {hold.by}")
    if hold.scope is not HoldScope.CASE:
        parts.append(f"with all of {what_is_held(hold.scope, hold.target)}")
    if hold.at >= began_at:
        return Item(hold.at, "held", "; ".join(parts))
    return Item(began_at, "held", "; ".join((*parts, "since {until}")), hold.at)


def _releases(record: CaseRecord, ends: Sequence[HeldBy], over: dict[str, int]) -> Iterator[Item]:
    """Yield one line for the holds that one act released; `goes on` where the case stood still."""
    ended_at = _ended_at(record)
    acts: dict[tuple[datetime, str], list[HeldBy]] = {}
    for hold in ends:
        released_at = hold.released_at or hold.at
        if ended_at is None or released_at <= ended_at:
            acts.setdefault((released_at, hold.over_said()), []).append(hold)
    for (released_at, said), holds in acts.items():
        went_on = any(hold.id in over.values() for hold in holds)
        if went_on:
            yield Item(released_at, "goes on", said)
        else:
            yield Item(released_at, "released", said.removeprefix("released "))
