"""Which calendar letters are due: renewals, trial ends, card expiries. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from worker.domain.identifiers import card_occasion, renewal_occasion, trial_occasion
from worker.domain.readings import PaymentMethodReading, SubscriptionReading

LATE_MAX = timedelta(days=5)
"""A letter that should have been written longer ago than this is not written any more (D16)."""


@dataclass(frozen=True, slots=True)
class CalendarLetter:
    """A letter that a date asks for, not a failure: renewal, trial end, card expiry."""

    letter: str
    before: tuple[timedelta, ...]
    """Lead times, longest first."""
    interval: str | None = None
    """Only subscriptions billed every `year` (or `month`, `week`); None is all."""
    shorter_trial_fraction: tuple[int, int] | None = None
    """(1, 3): a trial shorter than the lead time gets its letter a third of its length before."""
    only_if_card_dies_before_next_charge: bool = False


@dataclass(frozen=True, slots=True)
class DueLetter:
    """One calendar letter that should go out now."""

    notice: str
    occasion: str
    subscription: SubscriptionReading
    at: datetime
    """The renewal, trial end or expiry the letter is about."""
    card: str = ""
    """The card that the letter names, see `card_named`."""


def renewal_due(
    rule: CalendarLetter, subscription: SubscriptionReading, now: datetime
) -> DueLetter | None:
    """Return the renewal letter of *subscription* if its lead time has just begun."""
    at, interval = subscription.period_end_at, _interval(subscription)
    if at is None or (rule.interval is not None and interval != rule.interval):
        return None
    if not any(at - lead <= now < at - lead + LATE_MAX for lead in rule.before):
        return None
    occasion = renewal_occasion(subscription.id, at.astimezone(UTC).date())
    return DueLetter(rule.letter, occasion, subscription, at)


def trial_due(
    rule: CalendarLetter, subscription: SubscriptionReading, now: datetime
) -> DueLetter | None:
    """Return the trial letter: its lead time before the end, or a share of a shorter trial."""
    start, end = subscription.trial_start_at, subscription.trial_end_at
    if end is None:
        return None
    lead = rule.before[0]
    length = end - start if start is not None else lead + timedelta(days=1)
    if length <= lead and rule.shorter_trial_fraction is not None:
        part, whole = rule.shorter_trial_fraction
        lead = length * part / whole
    if not end - lead <= now < end:
        return None
    occasion = trial_occasion(subscription.id, end.astimezone(UTC).date())
    return DueLetter(rule.letter, occasion, subscription, end)


def expires_at(method: PaymentMethodReading) -> datetime:
    """Return the first instant after the card's last month, as aware UTC."""
    year, month = method.exp_year, method.exp_month
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)


def card_due(
    rule: CalendarLetter,
    method: PaymentMethodReading,
    subscription: SubscriptionReading,
    now: datetime,
) -> DueLetter | None:
    """Return the expiry letter for the nearest lead time that has begun, if the card dies first."""
    dies_at, next_charge_at = expires_at(method), subscription.period_end_at
    dies_first = next_charge_at is not None and next_charge_at >= dies_at
    if now >= dies_at or (rule.only_if_card_dies_before_next_charge and not dies_first):
        return None
    begun = [lead for lead in rule.before if dies_at - lead <= now]
    if not begun or now >= dies_at - min(begun) + LATE_MAX:
        return None
    occasion = card_occasion(
        method.fingerprint or method.id, method.exp_year, method.exp_month, min(begun).days
    )
    return DueLetter(rule.letter, occasion, subscription, dies_at, card_named(method))


def card_named(method: PaymentMethodReading) -> str:
    """Return what tells one card from its successor, which may expire in the same year."""
    return f"{method.fingerprint}:{method.exp_year}-{method.exp_month:02}"


def _interval(subscription: SubscriptionReading) -> str:
    return subscription.items[0].interval if subscription.items else ""
