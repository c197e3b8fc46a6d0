"""What another configuration does to open cases: the engine's own forecasts, held side by side."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from worker.domain.case import CaseState, LetterState
from worker.domain.forecast import Forecast, forecast_all
from worker.domain.forecast_values import Planned, PlannedKind
from worker.domain.money import Money
from worker.domain.policy import Configuration, DunningRules, Policy
from worker.domain.policy_match import choose_policy, traits_of
from worker.domain.step_names import readable
from worker.office.plan import ENDS, money_of, start_of, ways_of
from worker.office.rules_changes import Move, RulesChange, rules_changes
from worker.office.ways import Office, office_of
from worker.store.reading_plan import OpenCase

SAME_MOMENT = timedelta(minutes=1)
"""Ends that lie no further apart are the same."""

LOOK_AHEAD = timedelta(days=30)
"""How far beyond the longest policy's end the forecasts reach: holds, weekends, caps."""

PROMISED = frozenset(
    (LetterState.QUEUED, LetterState.SENDING, LetterState.SENT, LetterState.UNKNOWN)
)
"""A final letter that has gone out, or may have, has told the customer a day."""


class Effect(StrEnum):
    """What may change for a case, worst first: the order in which people read it."""

    ENDS_SOONER = "Ends sooner"
    ENDS_AT_ALL = "Ends, and would not have"
    ENDS_OTHERWISE = "Ends otherwise"
    MORE_CHARGES = "More charges"
    MORE_LETTERS = "More letters"
    ENDS_LATER = "Ends later"
    ASKS_NOBODY = "No longer waits for a person's approval"
    ASKS = "Waits for a person's approval"
    NO_END = "No longer ends"
    FEWER_CHARGES = "Fewer charges"
    FEWER_LETTERS = "Fewer letters"
    OTHER_POLICY = "Served by another policy"
    UNSERVED = "Served by no policy"


@dataclass(frozen=True, slots=True)
class Change:
    """One effect on one case."""

    case_id: int
    owed: Money
    effect: Effect
    was: str
    """In a few words; `at` and `was_at` belong to it where an end is meant."""
    becomes: str
    at: datetime | None = None
    """When the changed act comes first; None where nothing has an instant."""
    was_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """All cases with one effect, first the one that meets it first."""

    effect: Effect
    changes: tuple[Change, ...]

    @property
    def money(self) -> tuple[Money, ...]:
        """What these cases owe, one amount per currency."""
        return money_of(each.owed for each in self.changes)

    @property
    def first_at(self) -> datetime | None:
        """When the first of it happens."""
        return min((each.at for each in self.changes if each.at is not None), default=None)


@dataclass(frozen=True, slots=True)
class Target:
    """The policy that would serve an open case, and why the case does not move to it."""

    case_id: int
    owed: Money
    digest: str
    policy: Policy | None
    """None where nobody serves it: then it keeps its own as well."""
    stays: str = ""
    """Why it keeps its own policy; empty where it may move."""

    @property
    def moves(self) -> bool:
        """Whether moving changes anything."""
        return self.differs and not self.stays

    @property
    def differs(self) -> bool:
        """Whether another policy than its own would serve it."""
        return self.policy is not None and self.digest != self.policy.digest


@dataclass(frozen=True, slots=True)
class Effects:
    """What a candidate does to the cases that are not closed."""

    cases: int
    at_once: tuple[Section, ...]
    """Whatever happens to their policy: mode, limits and hours count for all."""
    moved: tuple[Section, ...]
    """If the cases are moved to the policies that match them now; `at_once` is in it."""
    rules: tuple[RulesChange, ...]
    """Every rule that would be another for the cases that move, foreseen in `moved` or not."""
    targets: tuple[Target, ...]


def effects_of(
    found: Sequence[OpenCase], current: Configuration, candidate: Configuration, *, now: datetime
) -> Effects:
    """Return what *candidate* changes for the open cases *found*, as if every charge fails.

    Cases that nobody has looked at yet cannot be foreseen and are in no section.
    """
    offices, rules = (office_of(current), office_of(candidate)), candidate.dunning
    until = now + _reach(found, rules)
    before = _forecast(found, offices[0], now, until, {})
    targets = [_target(each, rules, now) for each in found]
    wanted = _wanted(targets)
    then = _forecast(found, offices[1], now, until, wanted)
    cases = {each.case.id: each for each in found}
    targets = [_keep_promise(each, cases[each.case_id], before, then) for each in targets]
    if {each.case_id for each in targets if each.moves} != wanted.keys():
        wanted = _wanted(targets)
        then = _forecast(found, offices[1], now, until, wanted)
    at_once = before if _same_ways(*offices) else _forecast(found, offices[1], now, until, {})
    return Effects(
        len(found),
        _sections(_changes(found, before, at_once)),
        _sections([*_changes(found, before, then), *_served(found, targets)]),
        rules_changes(
            Move(each.case_id, each.owed, cases[each.case_id].policy, each.policy)
            for each in targets
            if each.moves and each.policy is not None
        ),
        tuple(targets),
    )


def _wanted(targets: Iterable[Target]) -> dict[int, Policy]:
    """Return the policies of the cases that move."""
    return {each.case_id: each.policy for each in targets if each.policy and each.moves}


def _same_ways(one: Office, other: Office) -> bool:
    return (one.zone, one.mode, one.limits, one.quiet) == (
        other.zone,
        other.mode,
        other.limits,
        other.quiet,
    )


def _reach(found: Iterable[OpenCase], rules: DunningRules) -> timedelta:
    ends = [each.policy.ending.after + each.case.shift for each in found if each.policy is not None]
    return max([*ends, *(policy.ending.after for policy in rules.policies)]) + LOOK_AHEAD


def _forecast(
    found: Sequence[OpenCase],
    office: Office,
    now: datetime,
    until: datetime,
    instead: Mapping[int, Policy],
) -> dict[int, Forecast]:
    starts = []
    for each in found:
        number = each.case.id
        policy, moved = instead.get(number, each.policy), number in instead
        start = start_of(each, office, now, policy, moved=moved)
        starts += [start] if start is not None else []
    return {told.case_id: told for told in forecast_all(starts, until, ways=ways_of(office))}


def _owed(found: OpenCase) -> Money:
    return Money(found.invoice.amount_remaining_minor, found.invoice.currency)


def _target(found: OpenCase, rules: DunningRules, now: datetime) -> Target:
    """Return the policy that matches a case now; a case in somebody's hands keeps its own."""
    invoice, case = found.invoice, found.case
    traits = traits_of(
        invoice, subscription=invoice.subscription, customer=invoice.customer, now=now
    )
    stays = ""
    if case.in_flight is not None:
        stays = "a request to Stripe is under way"
    elif case.state is CaseState.IN_REVIEW:
        stays = "it waits for a person"
    return Target(
        case.id,
        _owed(found),
        case.policy_digest,
        choose_policy(rules, traits),
        stays,
    )


def _keep_promise(
    target: Target, found: OpenCase, before: Mapping[int, Forecast], then: Mapping[int, Forecast]
) -> Target:
    """Let a case keep its policy where its final letter has promised a later day."""
    policy = found.policy
    if not target.moves or policy is None or target.policy is None:
        return target
    told = {each.step for each in found.case.letters if each.state in PROMISED}
    step, new_step = (each.ending.final_letter_step for each in (policy, target.policy))
    if new_step in told and new_step != step:
        return replace(target, stays=f"its letter `{new_step}` announced no end")
    was, becomes = (_end(each.get(target.case_id)) for each in (before, then))
    if step not in told or becomes is None:
        return target
    if was is None or becomes.at < was.at - SAME_MOMENT:
        return replace(target, stays="its final letter has promised a later end")
    if policy.ending.worst is not target.policy.ending.worst:
        return replace(target, stays="its final letter has promised another end")
    return target


def _end(told: Forecast | None) -> Planned | None:
    """Return how a case ends: the subscription first, then its invoice, then the case alone."""
    ends = [each for each in told.planned if each.kind in ENDS] if told is not None else []
    order = (PlannedKind.ENDING, PlannedKind.INVOICE_END, PlannedKind.CLOSE)
    return min(ends, key=lambda each: (order.index(each.kind), each.at), default=None)


def _acts(told: Forecast) -> tuple[str, ...]:
    """Return everything that is ended, such as `cancel` and `uncollectible`."""
    ends = [each for each in told.planned if each.kind in ENDS]
    return tuple(each.act.value if each.act is not None else "left as it is" for each in ends)


def _changes(
    found: Iterable[OpenCase], before: Mapping[int, Forecast], then: Mapping[int, Forecast]
) -> Iterator[Change]:
    for each in found:
        was, becomes = before.get(each.case.id), then.get(each.case.id)
        if was is not None and becomes is not None and was is not becomes:
            yield from _end_changes(each, was, becomes)
            yield from _asked_changes(each, was, becomes)
            yield from _count_changes(each, was, becomes)


def _end_changes(found: OpenCase, was: Forecast, becomes: Forecast) -> Iterator[Change]:
    old, new = _end(was), _end(becomes)
    if old is None and new is None:
        return
    said = (_acts_words(was), _acts_words(becomes))

    def change(effect: Effect) -> Change:
        at, was_at = (each.at if each is not None else None for each in (new, old))
        return Change(found.case.id, _owed(found), effect, *said, at=at, was_at=was_at)

    if old is None:
        yield change(Effect.ENDS_AT_ALL)
    elif new is None:
        yield change(Effect.NO_END)
    else:
        if new.at < old.at - SAME_MOMENT:
            yield change(Effect.ENDS_SOONER)
        if _acts(was) != _acts(becomes):
            yield change(Effect.ENDS_OTHERWISE)
        if new.at > old.at + SAME_MOMENT:
            yield change(Effect.ENDS_LATER)


def _asked_changes(found: OpenCase, was: Forecast, becomes: Forecast) -> Iterator[Change]:
    old, new = (
        [p for p in told.planned if p.kind is PlannedKind.PERSON] for told in (was, becomes)
    )
    said = [" and ".join(readable(each.step) for each in asked) for asked in (old, new)]
    if said[0] != said[1]:
        yield Change(
            found.case.id,
            _owed(found),
            Effect.ASKS if new else Effect.ASKS_NOBODY,
            said[0] or "nothing",
            said[1] or "nothing",
            at=min((each.at for each in new), default=None),
        )


def _acts_words(told: Forecast) -> str:
    return " and ".join(act.replace("_", " ") for act in _acts(told)) or "no end"


def _count_changes(found: OpenCase, was: Forecast, becomes: Forecast) -> Iterator[Change]:
    kinds = (
        (PlannedKind.CHARGE, "charge", Effect.MORE_CHARGES, Effect.FEWER_CHARGES),
        (PlannedKind.LETTER, "letter", Effect.MORE_LETTERS, Effect.FEWER_LETTERS),
    )
    for kind, word, more, fewer in kinds:
        old, new = ([p for p in told.planned if p.kind is kind] for told in (was, becomes))
        if len(old) == len(new):
            continue
        known = {each.at for each in old}
        added = [each.at for each in new if each.at not in known]
        yield Change(
            found.case.id,
            _owed(found),
            more if len(new) > len(old) else fewer,
            _counted(len(old), word),
            _counted(len(new), word),
            at=min(added, default=None) if len(new) > len(old) else None,
        )


def _counted(count: int, word: str) -> str:
    return f"{count} {word if count == 1 else word + 's'}"


def _served(found: Sequence[OpenCase], targets: Iterable[Target]) -> Iterator[Change]:
    names = {each.case.id: each.policy.name if each.policy else "" for each in found}
    for each in targets:
        name = names[each.case_id] or "a policy that is not kept"
        if each.policy is None:
            yield Change(each.case_id, each.owed, Effect.UNSERVED, name, "its own for good")
        elif not each.stays and name != each.policy.name:
            yield Change(each.case_id, each.owed, Effect.OTHER_POLICY, name, each.policy.name)


def _sections(changes: Iterable[Change]) -> tuple[Section, ...]:
    """Return the changes by effect, worst first, and in each the earliest first."""
    listed = list(changes)
    latest = max((each.at for each in listed if each.at is not None), default=None)
    sections = []
    for effect in Effect:
        chosen = [each for each in listed if each.effect is effect]
        chosen.sort(key=lambda each: (each.at is None, each.at or latest, each.case_id))
        if chosen:
            sections.append(Section(effect, tuple(chosen)))
    return tuple(sections)
