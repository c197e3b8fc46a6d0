"""The circuit breaker: when the charges of the last minutes look so wrong that charging stops.

Pure. Rules and figures: reliability.md 4. An outage of one bank or network is no matter of it: the
declines it brings are told as technical, and cards of that kind wait by themselves (outages.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

from worker.domain.policy import BreakerLimits

RECENT = timedelta(minutes=10)
"""How far back the breaker looks for what is wrong now."""
MEMORY = timedelta(days=30)
"""How far back a decline code counts as seen; so much history the comparisons need."""
MEAN_OVER = timedelta(days=7)
"""Over how long the usual share of successes is taken."""
HISTORY_MIN = 200
"""Charges in that history before anything is compared with it."""


@dataclass(frozen=True, slots=True)
class Recent:
    """The charges of the last ten minutes, or since charging was resumed."""

    sent: int = 0
    unknown: int = 0
    """Without an answer, or with a 5xx; a 429 or 409 is an answer."""
    succeeded: int = 0
    declined: int = 0
    """By the issuer's will; technical declines are counted nowhere."""
    codes: Mapping[str, int] = field(default_factory=dict)
    """Decline code -> how often."""


@dataclass(frozen=True, slots=True)
class History:
    """The charges before those."""

    began_at: datetime | None = None
    sent: int = 0
    """Within the last 30 days."""
    codes_seen: frozenset[str] = frozenset()
    """Those of the recent codes that were seen within the 30 days before."""
    week_succeeded: int = 0
    week_declined: int = 0


@dataclass(frozen=True, slots=True)
class Trip:
    """Why charging stops."""

    cause: str
    """A stable word: `unknown_answers`, `new_decline_codes` or `few_successes`."""
    seen: int
    of: int
    limit: str
    """The bound that was passed, for a person."""
    said: str
    """A sentence's part for a person."""


def unknown_answers(recent: Recent, limits: BreakerLimits) -> Trip | None:
    """Return the trip where too many charges had no answer; this needs no history."""
    if recent.sent < limits.charges_min:
        return None
    if not _more_than(recent.unknown, recent.sent, limits.unknown_percent_max):
        return None
    limit = f"{limits.unknown_percent_max} %"
    said = f"{recent.unknown} of {recent.sent} answers unknown in 10 min (limit {limit})"
    return Trip("unknown_answers", recent.unknown, recent.sent, limit, said)


def unusual_outcomes(
    recent: Recent, history: History, limits: BreakerLimits, *, now: datetime
) -> Trip | None:
    """Return the trip where codes are new or successes rare, compared with what is usual."""
    known_for = now - history.began_at if history.began_at is not None else timedelta()
    if recent.sent < limits.charges_min or known_for < MEMORY or history.sent < HISTORY_MIN:
        return None
    new = sum(count for code, count in recent.codes.items() if code not in history.codes_seen)
    if _more_than(new, recent.sent, limits.new_codes_percent_max):
        limit = f"{limits.new_codes_percent_max} %"
        said = (
            f"{new} of {recent.sent} charges declined by codes unseen for 30 days (limit {limit})"
        )
        return Trip("new_decline_codes", new, recent.sent, limit, said)
    return _few_successes(recent, history, limits)


def _few_successes(recent: Recent, history: History, limits: BreakerLimits) -> Trip | None:
    answered = recent.succeeded + recent.declined
    usual_of = history.week_succeeded + history.week_declined
    if answered < limits.charges_min or not usual_of:
        return None
    least = Fraction(history.week_succeeded, usual_of) * limits.success_percent_min / 100
    if Fraction(recent.succeeded, answered) >= least:
        return None
    limit = f"{round(float(least * 100))} %"
    said = f"{recent.succeeded} of {answered} charges succeeded in 10 min (limit {limit})"
    return Trip("few_successes", recent.succeeded, answered, limit, said)


def _more_than(count: int, of: int, percent: int) -> bool:
    return count * 100 > percent * of
