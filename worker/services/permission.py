"""Whether an outward act may start now: what T2 asks, in one place (architecture.md 5).

Each question is asked inside the transaction that writes the intent, after the case's row was
locked, so that whoever stops, holds, extends or closes is either seen here or comes later. What
else an act may have to wait for belongs into this module too.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from worker.domain.case import SUBSCRIPTION_ENDS, Attempt, AttemptKind, Case, CaseState
from worker.domain.policy import Mode
from worker.ports import LetterTask, Tx
from worker.services.case_turn import CasePorts, Turn

CAP_PAUSE = timedelta(minutes=5)
"""How soon an act that met an hour's cap looks again."""
STOPPED_LOOK = timedelta(minutes=15)
"""How often a letter looks whether the switch is on again."""
HELD_LOOK = timedelta(hours=1)
"""How often a letter looks whether what it is about is held no more."""
CLOSING_LOOK = timedelta(minutes=5)
"""How soon a letter looks whether its case was closed, as a person wishes."""


class Verdict(StrEnum):
    """What becomes of an act that wants to start."""

    GRANTED = "granted"
    HAND_BACK = "hand_back"
    """Something changed since the act was decided: give it back unchanged and look again."""
    WAIT = "wait"
    """Wait until an instant that is known; others may go on."""


@dataclass(frozen=True, slots=True)
class Permission:
    """The answer to one act."""

    verdict: Verdict
    why: str = ""
    """Part of a sentence for a person; empty where it is granted."""
    until: datetime | None = None
    """When to look again, business time; always there for WAIT."""
    limit: str = ""
    """The limit that is reached, as people write it (`500 charges an hour`); empty for others."""
    more_time: timedelta = timedelta()
    """How much longer a letter has to go out, since it is not its own fault that it waits."""

    @property
    def granted(self) -> bool:
        """Whether the act may start."""
        return self.verdict is Verdict.GRANTED


GRANTED = Permission(Verdict.GRANTED)


def may_begin(tx: Tx, turn: Turn, held: Case, attempt: Attempt) -> Permission:
    """Return whether a new request of the case's may begin: a charge, or one of its ending.

    Args: held: the case as `Turn.fence` has just locked it.
    """
    limit = _cap_of(tx, turn, attempt)  # first: it may wait for others, and the switch must not
    against = _against_case(tx, turn, held)
    if against is not None:
        return against
    return limit or GRANTED


def may_resend(tx: Tx, turn: Turn, held: Case, attempt: Attempt) -> Permission:
    """Return whether Stripe may be asked again about a request that may have reached it.

    No cap counts it twice, and more time for the case does not undo it.
    """
    in_flight = held.in_flight
    if in_flight is None or in_flight.no != attempt.no or held.state is CaseState.CLOSED:
        return Permission(Verdict.HAND_BACK, "the request is settled")
    return _against_act(tx, held, turn.now) or GRANTED


def may_queue(tx: Tx, turn: Turn, held: Case) -> Permission:
    """Return whether a step's letter may be queued, which is asked again before it goes out, or its
    change of access may be told."""
    return _against_case(tx, turn, held) or GRANTED


def may_deliver(tx: Tx, letter: LetterTask, ports: CasePorts, *, now: datetime) -> Permission:
    """Return whether a letter may go out now; every other answer says until when it waits."""
    if not _switch_is_on(tx):
        return Permission(Verdict.WAIT, "letters are stopped", now + STOPPED_LOOK)
    if ports.configuration.dunning.mode is Mode.WATCH:
        return Permission(Verdict.WAIT, "mode watch writes nothing", now + STOPPED_LOOK)
    if tx.holds.on_letter(letter, now=now):
        why = "what it is about is held"
        return Permission(Verdict.WAIT, why, now + HELD_LOOK, more_time=HELD_LOOK)
    if letter.case_id is not None and tx.acts.close_is_asked(letter.case_id):
        return Permission(Verdict.WAIT, "its case is to be closed", now + CLOSING_LOOK)
    return GRANTED


def _against_case(tx: Tx, turn: Turn, held: Case) -> Permission | None:
    """Return what keeps anything new of a case from starting, or None."""
    if held.shift != turn.case.shift:
        return Permission(Verdict.HAND_BACK, "somebody gave the case more time")
    if held.policy_digest != turn.case.policy_digest:
        return Permission(Verdict.HAND_BACK, "the case was moved to another policy")
    return _against_act(tx, held, turn.now)


def _against_act(tx: Tx, held: Case, now: datetime) -> Permission | None:
    if not _switch_is_on(tx):
        return Permission(Verdict.HAND_BACK, "charging is stopped")
    if tx.holds.on_case(held, now=now) is not None:
        return Permission(Verdict.HAND_BACK, "the case is held")
    if tx.acts.close_is_asked(held.id):
        return Permission(Verdict.HAND_BACK, "the case is to be closed")
    return None


def _switch_is_on(tx: Tx) -> bool:
    control = tx.control.read()
    return control is not None and control.charging


def _cap_of(tx: Tx, turn: Turn, attempt: Attempt) -> Permission | None:
    """Return the cap that the attempt would pass, counted under a lock, or None."""
    rules, now = turn.ports.configuration.dunning, turn.now
    if attempt.kind is AttemptKind.CHARGE:
        most = rules.limits.charges_per_hour
        if tx.attempts.sent_since([attempt.kind.value], since=now - timedelta(hours=1)) >= most:
            return _reached(f"{most} charges an hour", now + CAP_PAUSE)
    if attempt.kind in SUBSCRIPTION_ENDS:
        most, today = rules.limits.endings_per_day, start_of_day(now, rules.office_zone)
        if tx.attempts.sent_since([kind.value for kind in SUBSCRIPTION_ENDS], since=today) >= most:
            return _reached(f"{most} endings a day", today + timedelta(days=1))
    return None


def _reached(limit: str, until: datetime) -> Permission:
    return Permission(Verdict.WAIT, f"the limit of {limit} is reached", until, limit)


def start_of_day(now: datetime, zone: str) -> datetime:
    """Return midnight of *now*'s day on the office's clock, as an aware instant."""
    local = now.astimezone(ZoneInfo(zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.astimezone(now.tzinfo)
