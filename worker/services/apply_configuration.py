"""A person makes another configuration the current one, with who and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from worker.domain.facts import Fact
from worker.domain.policy import Configuration
from worker.domain.staff_words import StaffWords
from worker.errors import UsageError
from worker.ports import Clock, Ledger, NewVersion, Tx
from worker.services.case_facts import case_fact
from worker.services.keep_configuration import keep_policies
from worker.services.operate import require_who_and_why

MOVE = "move"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A configuration that is to be the current one, with its files as written."""

    files: Mapping[str, str]
    configuration: Configuration


@dataclass(frozen=True, slots=True)
class Move:
    """An open case that is to go on under another policy, both by digest."""

    case_id: int
    was: str
    becomes: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply came to."""

    no: int
    moved: tuple[int, ...] = ()
    left: tuple[int, ...] = ()
    """Cases that were to move and came into somebody's hands meanwhile."""


def apply_configuration(
    candidate: Candidate,
    *,
    after: int,
    moves: Sequence[Move] = (),
    ledger: Ledger,
    clock: Clock,
    now: datetime,
    by: str,
    reason: str,
) -> Applied:
    """Store *candidate* as the version that follows number *after*, and move the cases of *moves*.

    Every process takes it at its next run. Other open cases keep the policy they began with.
    Of a policy that this ledger never had, a few cases act first (domain/canary.py).
    Raises:
    UsageError: no who or why, or somebody else has applied another version meanwhile.
    """
    require_who_and_why(by, reason)
    configuration = candidate.configuration
    new = NewVersion(configuration.digest, candidate.files, by=by, reason=reason)
    with ledger.begin() as tx:
        no = tx.versions.store(new, after=after, now=now)
        if no is None:
            raise UsageError(
                f"Nothing was applied: version {after} is no longer the current one. Look again: "
                "dunning policy diff DIR."
            )
        wall_now = clock.wall_now()
        for digest, name in keep_policies(tx, configuration, wall_now=wall_now):
            tx.canaries.begin(digest, policy=name, now=now)
        facts, moved = [], []
        for move in sorted(moves, key=lambda each: each.case_id):
            fact = _moved(tx, move, no=no, by=by, reason=reason, now=now)
            if fact is not None:
                facts.append(fact)
                moved.append(move.case_id)
        data = {
            "config_version": no,
            "digest": configuration.digest,
            "by": by,
            "reason": StaffWords(reason),
            "moved": len(moved),
        }
        applied = Fact("configuration.applied", "account", now, str(no), data)
        tx.facts.append([applied, *facts], wall_now=wall_now)
    left = [move.case_id for move in moves if move.case_id not in moved]
    return Applied(no, tuple(moved), tuple(left))


def _moved(tx: Tx, move: Move, *, no: int, by: str, reason: str, now: datetime) -> Fact | None:
    """Move one case, keep who and why, and return its fact; None where it cannot be moved now."""
    if not tx.versions.move_case(move.case_id, was=move.was, becomes=move.becomes, now=now):
        return None
    case = tx.cases.load(move.case_id)
    if case is None:
        return None
    detail = {"from": move.was, "policy_digest": move.becomes, "config_version": no}
    tx.acts.record(move.case_id, MOVE, by=by, reason=reason, detail=detail, now=now)
    said = StaffWords(f"moved by {by}: {reason}")
    data = {**detail, "by": by, "reason": said}
    return case_fact(case, "case.policy_changed", at=now, occasion=str(no), data=data)
