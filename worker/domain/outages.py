"""Many declines of one brand or country within an hour: an outage, not the customers' fault.

While one lasts, tries and letters of the cards it touches wait. The thresholds are conservative:
calling every decline of a bad afternoon an outage would keep real failures waiting.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from worker.domain.network_tries import CARD_TYPES, CardIndex, NetworkTry, in_order, index_cards
from worker.domain.network_windows import NETWORK_NAMES
from worker.domain.policy import DeclineClass
from worker.domain.readings import PaymentMethodReading

# All thresholds are assumptions: nobody publishes when declines are an outage.
LOOKS_BACK = timedelta(hours=1)
LOOK_AGAIN_AFTER = timedelta(hours=1)
TRIES_MIN = 12
CARDS_MIN = 8
FAILED_SHARE_MIN = Fraction(8, 10)
TRIES_PER_CARD_MAX = 2
"""Of each card only its newest tries count, so that no single customer makes an outage."""
SPREAD_MIN = 2
"""A whole brand is out only if cards of two countries fail, a country only if two brands do."""
OUTAGE_CLASSES = frozenset({DeclineClass.TECHNICAL, DeclineClass.UNCLEAR})
"""What an issuer that is out answers, or what stands in for it; no money is an answer."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A group of cards of which nearly every try fails for no fault of their holders."""

    group: str
    """For a person: `Visa cards issued in DE`."""
    failed: int
    of: int
    since: datetime
    """The first such failure within the last hour."""
    until: datetime
    """When to look again: an hour after the newest such failure."""


def outage_of(
    recent: Sequence[NetworkTry], method: PaymentMethodReading, *, now: datetime
) -> Outage | None:
    """Return the outage that a try with *method* would meet at *now*, or None.

    *recent* is everybody's tries of the last hour, successes too, of all customers; older ones
    among them are ignored. Brand with country is looked at first, then the brand, then the
    country. Where the method's own brand and country do not mostly fail, a wider group says
    nothing about it.
    """
    if method.type not in CARD_TYPES:
        return None
    brand, country = method.brand.lower(), method.country.upper()
    cards = index_cards(recent)
    tries = _newest_of_each_card(recent, cards, now.astimezone(UTC) - LOOKS_BACK)
    of_brand = [tried for tried in tries if brand and tried.brand.lower() == brand]
    of_country = [tried for tried in tries if country and tried.country.upper() == country]
    of_both = [tried for tried in of_brand if country and tried.country.upper() == country]
    if of_both and _share(of_both) < FAILED_SHARE_MIN:
        return None
    name = NETWORK_NAMES.get(brand, brand)
    if outage := _outage(of_both, cards, f"{name} cards issued in {country}"):
        return outage
    countries = {tried.country.upper() for tried in of_brand if _like_an_outage(tried)} - {""}
    if len(countries) >= SPREAD_MIN and (outage := _outage(of_brand, cards, f"{name} cards")):
        return outage
    brands = {tried.brand.lower() for tried in of_country if _like_an_outage(tried)} - {""}
    if len(brands) < SPREAD_MIN:
        return None
    return _outage(of_country, cards, f"cards issued in {country}")


def _newest_of_each_card(
    recent: Sequence[NetworkTry], cards: CardIndex, after: datetime
) -> list[NetworkTry]:
    """Return the counted card tries later than *after*, of each card the newest few."""
    of_card: dict[str, list[NetworkTry]] = defaultdict(list)
    for tried in in_order(recent):
        if tried.at > after and tried.is_card and tried.counted:
            of_card[_card(tried, cards)].append(tried)
    return [tried for group in of_card.values() for tried in group[-TRIES_PER_CARD_MAX:]]


def _outage(tries: Sequence[NetworkTry], cards: CardIndex, group: str) -> Outage | None:
    failures = [tried for tried in tries if _like_an_outage(tried)]
    if len(tries) < TRIES_MIN or _share(tries) < FAILED_SHARE_MIN:
        return None
    if len({_card(tried, cards) for tried in failures}) < CARDS_MIN:
        return None
    instants = [tried.at for tried in failures]
    newest = max(instants)
    return Outage(group, len(failures), len(tries), min(instants), newest + LOOK_AGAIN_AFTER)


def _share(tries: Sequence[NetworkTry]) -> Fraction:
    return Fraction(sum(1 for tried in tries if _like_an_outage(tried)), len(tries))


def _like_an_outage(tried: NetworkTry) -> bool:
    return tried.answered and tried.verdict.decline_class in OUTAGE_CLASSES


def _card(tried: NetworkTry, cards: CardIndex) -> str:
    return min(cards.names(tried.payment_method_id, tried.fingerprint))
