"""Whether an outward act may start now: what T2 asks, in one place (architecture.md 5).

Each question is asked inside the transaction that writes the intent, after the case's row was
locked, so that whoever stops, holds, extends or closes is either seen here or comes later. What
else an act may have to wait for belongs into this module too.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from worker.domain.canary import FIRST_CASES
from worker.domain.caps import Cap, Counted, cap_of_ending, caps_of_charge, caps_of_letter
from worker.domain.case import SUBSCRIPTION_ENDS, Attempt, AttemptKind, Case, CaseState
from worker.domain.notices import CLOSING_NOTICES
from worker.ports import LetterTask, Tx, Used
from worker.services.case_turn import FEED_LAG_MAX, CasePorts, Later, Turn

CAP_PAUSE = timedelta(minutes=5)
"""How soon an act that met an hour's cap looks again."""
PLACE_HELD = timedelta(hours=2)
"""How long a request without an answer keeps its place; it is sent again after an hour at most."""
STOPPED_LOOK = timedelta(minutes=15)
"""How often a letter looks whether the switch is on again."""
HELD_LOOK = timedelta(hours=1)
"""How often a letter looks whether what it is about is held no more, before its case has looked."""
STANDING_LOOK = timedelta(days=1)
"""How often a letter looks that is rung for once its case goes on: only lest the ring be missed."""
CLOSING_LOOK = timedelta(minutes=5)
"""How soon a letter looks whether its case was closed, as a person wishes."""
FEED_LOOK = timedelta(minutes=5)
"""How soon a letter looks whether Stripe's events are read again."""
OUTCOME_LOOK = timedelta(minutes=15)
"""How soon a letter looks whether a request of its case has an outcome."""


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
    """The limit that is reached, as people read it (`500 charges per hour`), or the mark of the
    canary that is waited for; empty for others."""
    more_time: timedelta = timedelta()
    """How much longer a letter has to go out, since it is not its own fault that it waits."""
    is_rung: bool = False
    """Whether the letter is rung for in the commit that ends the wait (`Turn.finish`)."""

    @property
    def granted(self) -> bool:
        """Whether the act may start."""
        return self.verdict is Verdict.GRANTED

    def later(self, now: datetime) -> Later | None:
        """Return when to look again, or None where it is granted."""
        return None if self.granted else Later(self.until or now, self.limit)


GRANTED = Permission(Verdict.GRANTED)


def may_begin(
    tx: Tx, turn: Turn, held: Case, attempt: Attempt, *, asked_at: datetime
) -> Permission:
    """Return whether a new request of the case's may begin: a charge, or one of its ending.

    One without an answer keeps its place between its sendings: else all that waits for the same
    room could keep it from being sent until its key is too old.
    Args: held: the case as `Turn.fence` has just locked it. asked_at: business time of this moment.
    """
    # First: what follows its lock is fresh.
    limit = _cap_on_request(tx, turn, attempt, asked_at, held_since=asked_at - PLACE_HELD)
    against = _against_read(turn) or _against_case(tx, turn, held)
    if against is not None:
        return against
    return limit or _behind_canary(tx, turn.ports, held.id, turn.now) or GRANTED


def may_resend(
    tx: Tx, turn: Turn, held: Case, attempt: Attempt, *, asked_at: datetime
) -> Permission:
    """Return whether Stripe may be asked again about a request that may have reached it.

    Where its sender died it reaches Stripe only now, so there must be room for it now; no cap
    counts it twice. More time for the case does not undo it.
    Args: asked_at: business time of this moment.
    """
    in_flight = held.in_flight
    if in_flight is None or in_flight.no != attempt.no or held.state is CaseState.CLOSED:
        return Permission(Verdict.HAND_BACK, "the request is settled")
    limit = _cap_on_request(tx, turn, attempt, asked_at)  # first, as in `may_begin`
    return _against_read(turn) or _against_act(tx, held, turn.now) or limit or GRANTED


def may_queue(tx: Tx, turn: Turn, held: Case) -> Permission:
    """Return whether a step's letter may be queued.

    Nothing has gone out or been given by then: a canary and caps are asked in `may_send`.
    """
    return _against_case(tx, turn, held) or GRANTED


def may_tell_access(tx: Tx, turn: Turn, held: Case) -> Permission:
    """Return whether a step's change of access may be told."""
    return (
        _against_case(tx, turn, held)
        or _behind_canary(tx, turn.ports, held.id, turn.now)
        or GRANTED
    )


def may_send(tx: Tx, letter: LetterTask, ports: CasePorts, *, now: datetime) -> Permission:
    """Return whether a letter may go out at this moment; every other answer is a wait."""
    limits = ports.configuration.dunning.limits
    capped = _first_passed(
        tx,
        caps_of_letter(limits),
        0,
        lambda _cap, since: tx.letters.begun_since(since),
        ports,
        now,
    )
    permission = may_prepare(tx, letter, ports, now=now)
    return permission if capped is None or not permission.granted else capped


def may_prepare(tx: Tx, letter: LetterTask, ports: CasePorts, *, now: datetime) -> Permission:
    """Return whether a letter may be written now; whether it may go out is asked again then."""
    if not _switch_is_on(tx):
        return Permission(Verdict.WAIT, "letters are stopped", now + STOPPED_LOOK)
    if ports.watches_only:
        return Permission(Verdict.WAIT, "mode watch writes nothing", now + STOPPED_LOOK)
    standing = _case_stands_still(tx, letter, now)
    if standing is not None:
        return standing
    if tx.holds.on_letter(letter, now=now):
        why = "what it is about is held"
        return Permission(Verdict.WAIT, why, now + HELD_LOOK, more_time=HELD_LOOK)
    feed_read_at = tx.control.cursor("events")
    if feed_read_at is None or now - feed_read_at > FEED_LAG_MAX:
        return Permission(Verdict.WAIT, "Stripe's events are not read up to now", now + FEED_LOOK)
    if letter.case_id is None:
        return GRANTED
    if tx.acts.close_is_asked(letter.case_id):
        return Permission(Verdict.WAIT, "its case is to be closed", now + CLOSING_LOOK)
    return _behind_canary(tx, ports, letter.case_id, now) or GRANTED


def _case_stands_still(tx: Tx, letter: LetterTask, now: datetime) -> Permission | None:
    """Return the wait for a case that is known to stand still, so that Stripe need not be read.

    What has happened since the case's last look, the read just before the letter shows.
    """
    if letter.case_id is None or letter.notice in CLOSING_NOTICES:
        return None
    case = tx.cases.load(letter.case_id)
    if case is None:
        return None
    if case.stands_still:
        why = "its case stands still"
        until = now + STANDING_LOOK
        return Permission(Verdict.WAIT, why, until, more_time=STANDING_LOOK, is_rung=True)
    if case.in_flight is not None:
        why = "a request for its case has no outcome yet"
        return Permission(Verdict.WAIT, why, now + OUTCOME_LOOK, more_time=OUTCOME_LOOK)
    return None


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


def _behind_canary(tx: Tx, ports: CasePorts, case_id: int, now: datetime) -> Permission | None:
    """Return the wait of a case whose new policy has had its first cases, or None.

    It is asked where the switch is on. Whoever is let through tells `CanaryBook.join` within the
    same transaction that the case acts, so that of many at once no further one is.
    """
    canary = tx.canaries.before(case_id)
    if canary is None or canary.acted < FIRST_CASES:
        return None
    until = canary.clears_at
    if until is None or until <= now:
        if tx.canaries.clear(canary.digest, by="itself", now=now):
            ports.log.info(
                "canary.cleared",
                policy=canary.name,
                waiting=tx.canaries.due_count(canary.digest, now=now),
                business_at=now,
            )
        return None
    if tx.jobs.once(canary.mark, "waiting", now=now):
        ports.log.warning(
            "canary.waiting",
            policy=canary.name,
            waiting=max(tx.canaries.due_count(canary.digest, now=now), 1),
            clears_at=until,
            business_at=now,
            do="look at what the first cases did; dunning go --by --reason, or dunning stop",
        )
    why = f"the first {FIRST_CASES} cases of its new policy have acted"
    return Permission(Verdict.WAIT, why, until, canary.mark, more_time=until - now)


def _against_read(turn: Turn) -> Permission | None:
    """Return the refusal of what was decided by a read that is too old by now, or None."""
    if not turn.read_is_old:
        return None
    return Permission(Verdict.HAND_BACK, "its invoice was read too long ago")


def _switch_is_on(tx: Tx) -> bool:
    control = tx.control.read()
    return control is not None and control.charging


def _cap_on_request(
    tx: Tx,
    turn: Turn,
    attempt: Attempt,
    asked_at: datetime,
    *,
    held_since: datetime | None = None,
) -> Permission | None:
    """Return the cap that a charge or an ending would pass, counted under a lock, or None."""
    rules = turn.ports.configuration.dunning
    if attempt.kind is AttemptKind.CHARGE:
        kinds, caps = [attempt.kind.value], caps_of_charge(rules.limits, attempt.currency)
    elif attempt.kind in SUBSCRIPTION_ENDS:
        kinds, caps = (
            sorted(kind.value for kind in SUBSCRIPTION_ENDS),
            iter([cap_of_ending(rules.limits)]),
        )
    else:
        return None

    def used(cap: Cap, since: datetime) -> Used:
        return tx.attempts.asked_since(
            kinds,
            since=since,
            currency=cap.currency,
            but_key=attempt.key,
            held_since=held_since,
        )

    return _first_passed(tx, caps, attempt.amount_minor, used, turn.ports, asked_at)


def _first_passed(
    tx: Tx,
    caps: Iterator[Cap],
    amount_minor: int,
    used: Callable[[Cap, datetime], Used],
    ports: CasePorts,
    now: datetime,
) -> Permission | None:
    """Return the wait for that one of *caps* that has room last, having said so once, or None."""
    zone, waits = ports.configuration.dunning.office_zone, []
    for cap in caps:
        found = used(cap, cap.since(now, zone))
        amounts = cap.counts is Counted.AMOUNT
        more = found.amount_minor + amount_minor if amounts else found.count + 1
        held = found.held_amount_minor if amounts else found.held_count
        if more > cap.most:
            clears_at = cap.clears_at(now, zone, oldest_at=found.oldest_at)
            waits.append((max(clears_at, now + CAP_PAUSE), cap, clears_at))
        elif more + held > cap.most:  # the answer that frees the place may come at any moment
            waits.append((now + CAP_PAUSE, cap, now + CAP_PAUSE))
    if not waits:
        return None
    until, cap, clears_at = max(waits, key=lambda each: each[0])
    if tx.jobs.once(f"limit {cap.said}", cap.period(now, zone), now=now):
        letters = cap.counts is Counted.LETTERS
        ports.log.warning(
            "limit.reached",
            limit=cap.said,
            waiting=tx.letters.due_count(now=now) if letters else tx.cases.counts(now=now)["due"],
            clears_at=clears_at,
            business_at=now,
            do=f"dunning status; raise limits → {cap.counts.value} in config/dunning.yaml",
        )
    why = f"the limit of {cap.said} is reached"
    return Permission(Verdict.WAIT, why, until, cap.said, more_time=until - now)
