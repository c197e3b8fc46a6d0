"""How many tries fit into which rolling window: the card networks' limits, counted.

Windows are half-open, (t - span, t]: a try that is exactly a span old no longer counts. Spans are
elapsed time, so neither months nor clock changes have a say. Tries dated after now (clocks
differ) count as well.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from worker.domain.decline_networks import BRANDS_WITHOUT_SIGNALS
from worker.domain.network_tries import NetworkTry, Target
from worker.domain.policy import NetworkLimits

THIRTY_DAYS = timedelta(days=30)
ONE_DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class CardLimit:
    """One limit of a card network."""

    rule: str
    network: str
    span: timedelta
    setting: str
    """The field of NetworkLimits by which the operator may lower it."""
    highest: int
    """What the operator cannot go above."""
    one_amount: bool
    """True: only tries of the same amount and currency count; False: all tries of the card."""


CARD_LIMITS = (
    CardLimit("visa_30_days", "visa", THIRTY_DAYS, "visa_in_30_days", 20, one_amount=True),
    CardLimit(
        "mastercard_24_hours", "mastercard", ONE_DAY, "mastercard_in_24_hours", 10, one_amount=False
    ),
    CardLimit(
        "mastercard_30_days",
        "mastercard",
        THIRTY_DAYS,
        "mastercard_in_30_days",
        35,
        one_amount=True,
    ),
    CardLimit(
        "other_cards_30_days", "other", THIRTY_DAYS, "other_cards_in_30_days", 15, one_amount=True
    ),
)
"""The closed list. Source: domain.md 2, where Visa's 20 are reattempts and Mastercard's 10 and 35
declines; counting every try, the first and successful ones too, is the stricter reading. Rolling
windows are stricter than calendar days and tumbling ones (domain.md 7). For the other networks no
count is published: 15 is an assumption, after the suggested default of domain.md 2."""

NETWORK_NAMES = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "amex": "American Express",
    "diners": "Diners Club",
    "discover": "Discover",
    "eftpos_au": "eftpos",
    "interac": "Interac",
    "jcb": "JCB",
    "unionpay": "UnionPay",
}


@dataclass(frozen=True, slots=True)
class WindowUse:
    """How full one window of a network is."""

    network: str
    window: timedelta
    count: int
    """Tries in the window that ends now, with those dated later."""
    highest: int
    """Most tries in any window so far."""
    limit: int


@dataclass(frozen=True, slots=True)
class Window:
    """A limit together with the tries that count against it, in order of time."""

    rule: str
    network: str
    label: str
    span: timedelta
    limit: int
    tries: tuple[NetworkTry, ...]
    instants: tuple[datetime, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Keep the instants beside the tries, for bisection."""
        object.__setattr__(self, "instants", tuple(tried.at for tried in self.tries))

    def has_room_at(self, at: datetime) -> bool:
        """Return whether one more try at *at* leaves every window that holds it within limits.

        No window that holds it has other tries than those behind *at*, whenever it ends.
        """
        return len(self.behind(at)) < self.limit

    def frees_at(self) -> list[datetime]:
        """Return the instants at which a try stops counting."""
        return [at + self.span for at in self.instants]

    def behind(self, at: datetime) -> tuple[NetworkTry, ...]:
        """Return the tries that count at *at*, with those dated later."""
        return self.tries[bisect_right(self.instants, at - self.span) :]

    def fullest(self, since: datetime | None = None) -> tuple[NetworkTry, ...]:
        """Return the tries of the fullest window, the earliest of equals.

        Only windows that end with a try are looked at, with *since* those from then on.
        """
        best: tuple[NetworkTry, ...] = ()
        for position, end in enumerate(self.instants, start=1):
            if since is not None and end < since:
                continue
            start = bisect_right(self.instants, end - self.span)
            if position - start > len(best):
                best = self.tries[start:position]
        return best

    def use(self, now: datetime) -> WindowUse:
        """Return how full it is at *now* and how full it ever was."""
        highest = len(self.fullest())
        return WindowUse(self.network, self.span, len(self.behind(now)), highest, self.limit)

    def reason(self, at: datetime) -> str:
        """Return the part of a sentence that says how full it is at *at*."""
        return f"{self.label}: {len(self.behind(at))} of {self.limit} tries in {words(self.span)}"


def card_windows(
    card_tries: Sequence[NetworkTry], target: Target, limits: NetworkLimits
) -> tuple[Window, ...]:
    """Return the windows of the target card's network.

    *card_tries* are the counted tries of this card in order of time. A brand that is missing or
    unknown gets the windows of every network, so the strictest decides.
    """
    brand = target.method.brand.lower()
    return tuple(
        Window(
            rule=limit.rule,
            network=brand if limit.network == "other" and brand else limit.network,
            label=_label(brand, limit),
            span=limit.span,
            limit=allowed(limits, limit),
            tries=tuple(t for t in card_tries if not limit.one_amount or same_amount(t, target)),
        )
        for limit in limits_of(brand)
    )


def limits_of(brand: str) -> tuple[CardLimit, ...]:
    """Return the limits that apply to a card of *brand*, all of them where it is unknown."""
    network = "other" if brand.lower() in BRANDS_WITHOUT_SIGNALS else brand.lower()
    known = tuple(limit for limit in CARD_LIMITS if limit.network == network)
    return known or CARD_LIMITS


def allowed(limits: NetworkLimits, limit: CardLimit) -> int:
    """Return the operator's number, never above what the network allows."""
    return min(int(getattr(limits, limit.setting)), limit.highest)


def same_amount(tried: NetworkTry, target: Target) -> bool:
    """Return whether *tried* was for the target's amount and currency."""
    same_currency = tried.currency.lower() == target.currency.lower()
    return same_currency and tried.amount_minor == target.amount_minor


def words(span: timedelta) -> str:
    """Return *span* for a person: `24 hours`, `30 days`."""
    hours = int(span.total_seconds() // 3600)
    if hours <= 24 or hours % 24:
        return f"{hours} hour{'s' * (hours != 1)}"
    return f"{hours // 24} days"


def _label(brand: str, limit: CardLimit) -> str:
    if brand in NETWORK_NAMES:
        return NETWORK_NAMES[brand]
    whose = NETWORK_NAMES.get(limit.network, "the general")
    whose = f"{whose}'s" if limit.network in NETWORK_NAMES else whose
    return f"Card of unknown brand, {whose} limit"
