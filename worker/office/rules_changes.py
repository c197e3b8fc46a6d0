"""Which rules would be others for open cases that move: all of them, told once for many cases."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from worker.domain.money import Money
from worker.domain.policy import Policy
from worker.office.configuration_changes import rules_that_differ
from worker.office.plan import money_of

NOT_KEPT = "a policy that is not kept"


@dataclass(frozen=True, slots=True)
class Move:
    """An open case that moves to another policy."""

    case_id: int
    owed: Money
    was: Policy | None
    """None where its own is not kept in this ledger."""
    becomes: Policy


@dataclass(frozen=True, slots=True)
class RulesChange:
    """The rules that differ between two versions of a policy, and the cases that move between."""

    was: str
    """The name of the policy they have."""
    becomes: str
    case_ids: tuple[int, ...]
    money: tuple[Money, ...]
    """What these cases owe, one amount per currency."""
    details: tuple[str, ...]
    """`person decides: nothing -> ending`, one line a rule."""


def rules_changes(moves: Iterable[Move]) -> tuple[RulesChange, ...]:
    """Return what differs, first where most cases move; versions that say the same are left out."""
    together: dict[tuple[str, str, tuple[str, ...]], list[Move]] = defaultdict(list)
    for move in moves:
        was = move.was.name if move.was is not None else NOT_KEPT
        together[was, move.becomes.name, _details(move)].append(move)
    found = [
        RulesChange(
            was,
            becomes,
            tuple(sorted(each.case_id for each in group)),
            money_of(each.owed for each in group),
            details,
        )
        for (was, becomes, details), group in together.items()
        if details
    ]
    return tuple(sorted(found, key=lambda each: (-len(each.case_ids), each.case_ids)))


def _details(move: Move) -> tuple[str, ...]:
    if move.was is None:
        return ("all rules: not kept in this ledger -> as written",)
    return rules_that_differ(move.was, move.becomes)
