"""Words of the money report: periods, causes, reasons, standings, kinds of movement."""

from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction

from worker.domain.metric import Period
from worker.domain.money import Money
from worker.office.words import money_words

CAUSES = {
    "retry_alone": "a retry alone",
    "after_letter": "after a letter",
    "customer": "the customer, without a letter",
    "updater": "a card that its network renewed",
    "backup": "another method on file",
    "by_hand": "a try that a person asked for",
    "out_of_band": "a payment outside Stripe",
}
MOVES = {
    "taken_over": "taken over",
    "new": "new",
    "reactivation": "came back",
    "expansion": "expansion",
    "resume": "resumed",
    "contraction": "contraction",
    "pause": "paused",
    "churn": "churn",
}
"""Movements of MRR in the order of the waterfall: gains, then losses."""

STANDINGS = {
    "paid": "paid",
    "open": "still in dunning",
    "ended": "ended by the policy",
    "customer_cancelled": "cancelled by the customer",
    "voided": "voided",
    "written_off": "written off",
    "closed_by_hand": "closed by a person",
    "recovered": "closed as recovered",
    "recovered_late": "closed as recovered late",
    "paid_on_time": "closed as paid on time",
}
"""How an invoice that once failed stands now."""


def day_words(at: datetime, period: Period) -> str:
    """Return `6 Dec 2026` in the period's zone."""
    local = at.astimezone(period.zone)
    return f"{local.day} {local:%b} {local.year}"


def period_words(period: Period) -> str:
    """Return `1 Nov 2026 to 30 Nov 2026 (UTC)`, with hours where it is not made of whole days."""
    begin, end = period.from_at.astimezone(period.zone), period.to_at.astimezone(period.zone)
    if begin.time() != datetime.min.time() or end.time() != datetime.min.time():
        return (
            f"{day_words(begin, period)} {begin:%H:%M} to before {day_words(end, period)}"
            f" {end:%H:%M} ({period.zone.key})"
        )
    last = end - timedelta(days=1)
    if last.date() <= begin.date():
        return f"{day_words(begin, period)} ({period.zone.key})"
    return f"{day_words(begin, period)} to {day_words(last, period)} ({period.zone.key})"


def slice_words(period: Period) -> str:
    """Return `1-7 Nov` or `29 Nov-5 Dec`: short enough for an axis."""
    begin = period.from_at.astimezone(period.zone)
    last = period.to_at.astimezone(period.zone) - timedelta(microseconds=1)
    if begin.date() == last.date():
        return f"{begin.day} {begin:%b}"
    month = f" {begin:%b}" if begin.month != last.month else ""
    return f"{begin.day}{month}–{last.day} {last:%b}"


def plain_words(name: str) -> str:
    """Return a script's word as people write it: `insufficient_funds` -> `insufficient funds`."""
    return name.replace("_", " ")


def money_scale(currency: str) -> Callable[[Fraction], str]:
    """Return what says a number of minor units as money."""
    return lambda minor: money_words(Money(round(minor), currency))


def percent_scale(percent: Fraction) -> str:
    """Return a mark of an axis in per cent."""
    return f"{round(percent)} %"


def count_scale(count: Fraction) -> str:
    """Return a mark of an axis that counts; nothing between whole numbers."""
    return f"{count.numerator:,}" if count.denominator == 1 else ""
