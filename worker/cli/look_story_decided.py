"""What was decided and what people asked for, as lines of a story: waits, stand-downs, refusals."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from worker.cli.look_story_lines import Item
from worker.domain.case import NOT_CHARGED, NOT_CLOSED, CaseState
from worker.domain.engine_person import RULE
from worker.domain.step_names import readable
from worker.domain.timetable import step_due_at
from worker.office.words import count_words
from worker.store.reading_case import ActLine, CaseRecord, DecisionLine
from worker.store.waiting_acts import CLOSE, RETRY

MOVED = timedelta(hours=2)
"""A charge that is made this much later than its step's own time has moved."""

STANDS_STILL = frozenset(("collection_paused", "renewal_moved"))
"""Rules under which the timeline stands still; a dispute or hold is told by the case's facts."""

HELD = frozenset(("disputed", "on_hold"))

TOLD_OTHERWISE = HELD | {RULE, "not_yet", "owner_unconfirmed", "closed", "in_review"}
"""Rules of waits that the timeline tells in other ways."""

WATCHED = "Mode watch, nothing was done: "
"""How the reason of an act begins that was only watched."""

NOT_BEFORE = "moved to the earliest allowed time, "
"""How the engine begins the reason of a charge that a rule moved."""


def decided(record: CaseRecord, *, office_zone: str, now: datetime) -> Iterator[Item]:
    """Yield what decisions alone tell: charges that moved, waits, and what stood still."""
    yield from _moved(record, office_zone, now)
    before = ""
    for place, decision in enumerate(record.decisions):
        item = _item(record, place, decision)
        if item is not None and not (decision.rule == "outage" == before):
            yield item
        before = decision.rule


def _item(record: CaseRecord, place: int, decision: DecisionLine) -> Item | None:
    said = readable(decision.reason).rstrip(".")
    if decision.act == "GoOn":
        stood = decision.at - _stood_since(record, place)
        days = max(1, round(stood / timedelta(days=1)))
        detail = f"its cause is over; the remaining steps move by {count_words(days, 'day')}"
        return Item(decision.at, "goes on", detail)
    if decision.act == "Resend":
        return Item(decision.at, "asked again", said)
    if decision.rule == "watched":
        return Item(decision.at, "only watched", said.removeprefix(WATCHED))
    if decision.act != "Wait" or decision.rule in TOLD_OTHERWISE:
        return None
    if decision.rule in STANDS_STILL:
        return Item(decision.at, "stands still", said)
    return Item(decision.at, "outage" if decision.rule == "outage" else "waits", said)


def _stood_since(record: CaseRecord, place: int) -> datetime:
    """Return when the stand-down began that the decision at *place* ends."""
    began_at = record.decisions[place].at
    for decision in reversed(record.decisions[:place]):
        if decision.rule not in STANDS_STILL | HELD:
            break
        began_at = decision.at
    return began_at


def _moved(record: CaseRecord, office_zone: str, now: datetime) -> Iterator[Item]:
    """Tell a charge that did not happen at its own time because it may not happen so soon."""
    last = {each.next_step: each for each in record.decisions if each.act == "Wait"}
    for name, decision in last.items():
        step = record.policy.step(name) if record.policy is not None else None
        if step is None or not step.charge or decision.next_at is None:
            continue
        own_at = step_due_at(record.case, step, office_zone)
        if decision.next_at - own_at > MOVED and own_at <= now:
            why = decision.reason.removeprefix(f"Waits for {name}: ").removeprefix(NOT_BEFORE)
            said = f"moved to {{until}}, {why.rstrip('.')}"
            yield Item(own_at, f"{name} not made", said, decision.next_at)


def asked(record: CaseRecord) -> Iterator[Item]:
    """Yield what people asked for, and where it was refused, why; an attempt tells of itself.

    What a policy asks of people, and their answers, are facts.
    """
    for act in record.acts:
        if act.act == CLOSE and not act.answer.startswith(f"{act.by} closed it: "):
            said = f"by {act.by}: {act.reason}{_waiting(record, act)}"
            yield Item(act.at, "close asked for", said)
        if act.answered_at is not None and act.answer.startswith(NOT_CLOSED):
            yield Item(act.answered_at, "not closed", act.answer.removeprefix(NOT_CLOSED))
        if act.act != RETRY:
            continue
        yield Item(act.at, "charge asked for", f"by {act.by}: {act.reason}{_waiting(record, act)}")
        if act.answered_at is not None and not act.answer.startswith("attempt "):
            said = act.answer.removeprefix(f"{act.by} asked for a charge; it is refused: ")
            said = said.removeprefix(NOT_CHARGED).rstrip(".")
            yield Item(act.answered_at, "charge refused", said)


def _waiting(record: CaseRecord, act: ActLine) -> str:
    if act.answered_at is not None:
        return ""
    closed = record.case.state is CaseState.CLOSED
    return "; the case closed before" if closed else "; waits for the worker"
