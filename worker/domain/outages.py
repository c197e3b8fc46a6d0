"""Many declines of one brand or country within an hour: an outage, not the customers' fault.

While one lasts, tries and letters of the cards it touches wait, but for one try an hour that feels
whether it is over. The thresholds are conservative: calling every decline of a bad afternoon an
outage would keep real failures waiting.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from worker.domain.network_tries import CARD_TYPES, CardIndex, NetworkTry, in_order, index_cards
from worker.domain.network_windows import NETWORK_NAMES
from worker.domain.policy import DeclineClass
from worker.domain.readings import PaymentMethodReading

# All thresholds are assumptions: nobody publishes when declines are an outage.
LOOKS_BACK = timedelta(hours=1)
LASTS_AT_MOST = timedelta(hours=24)
LOOK_AGAIN_AFTER = timedelta(hours=1)
APART_MIN = timedelta(minutes=20)
"""An outage that began earlier is looked for at instants so far apart, to keep a look cheap."""
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
    """When to look again: an hour after the group's newest try."""
    may_try: bool = False
    """Nobody tried for an hour: one try may find out whether it is over."""
    brand: str = ""
    """Of the cards it is about, empty for any."""
    country: str = ""
    """Likewise."""

    def touches(self, tried: NetworkTry) -> bool:
        """Return whether a try is of the cards that the outage is about."""
        same_brand = not self.brand or tried.brand.lower() == self.brand
        return tried.is_card and same_brand and self.country in {"", tried.country.upper()}


def outage_of(
    recent: Sequence[NetworkTry], method: PaymentMethodReading, *, now: datetime
) -> Outage | None:
    """Return the outage that a try with *method* would meet at *now*, or None.

    *recent* is everybody's tries of the last day, successes too, of all customers; older ones
    among them are ignored. An outage that began within the day lasts until a try of its cards is
    answered by their bank, whatever the bank says. Brand with country is looked at first, then the
    brand, then the country. Where the method's own brand and country do not mostly fail, a wider
    group says nothing about it.
    """
    if method.type not in CARD_TYPES:
        return None
    since = now.astimezone(UTC) - LASTS_AT_MOST
    tries = [tried for tried in in_order(recent) if tried.at > since and tried.counted]
    failed_at = [tried.at for tried in tries if _like_an_outage(tried)]
    cards = index_cards(tries) if len(failed_at) >= CARDS_MIN else None
    if cards is None:
        return None
    seen = ((at, _outage_at(tries, cards, method, at)) for at in _worth_a_look(failed_at))
    moment, outage = next(((at, one) for at, one in seen if one is not None), (now, None))
    if outage is None:
        return None
    touched = [tried for tried in tries if outage.touches(tried)]
    if any(t.at > moment and _banks_answer(t) for t in touched):
        return None
    until = max(tried.at for tried in touched) + LOOK_AGAIN_AFTER
    return replace(outage, until=until, may_try=until <= now)


def _worth_a_look(failed_at: Sequence[datetime]) -> list[datetime]:
    """Return the failures, newest first, that enough others came shortly before.

    *failed_at* is in order of time.
    """
    found: list[datetime] = []
    for number in range(len(failed_at) - 1, CARDS_MIN - 2, -1):
        at = failed_at[number]
        many = failed_at[number - CARDS_MIN + 1] > at - LOOKS_BACK
        if many and (not found or found[-1] - at >= APART_MIN):
            found.append(at)
    return found


def _outage_at(
    recent: Sequence[NetworkTry], cards: CardIndex, method: PaymentMethodReading, moment: datetime
) -> Outage | None:
    """Return the outage that the hour up to *moment* shows, or None."""
    brand, country = method.brand.lower(), method.country.upper()
    tries = _newest_of_each_card(recent, cards, moment)
    of_brand = [tried for tried in tries if brand and tried.brand.lower() == brand]
    of_country = [tried for tried in tries if country and tried.country.upper() == country]
    of_both = [tried for tried in of_brand if country and tried.country.upper() == country]
    if of_both and _share(of_both) < FAILED_SHARE_MIN:
        return None
    name = NETWORK_NAMES.get(brand, brand)
    if outage := _outage(of_both, cards, f"{name} cards issued in {country}"):
        return replace(outage, brand=brand, country=country)
    countries = {tried.country.upper() for tried in of_brand if _like_an_outage(tried)} - {""}
    if len(countries) >= SPREAD_MIN and (outage := _outage(of_brand, cards, f"{name} cards")):
        return replace(outage, brand=brand)
    brands = {tried.brand.lower() for tried in of_country if _like_an_outage(tried)} - {""}
    if len(brands) < SPREAD_MIN:
        return None
    outage = _outage(of_country, cards, f"cards issued in {country}")
    return None if outage is None else replace(outage, country=country)


def _newest_of_each_card(
    recent: Sequence[NetworkTry], cards: CardIndex, moment: datetime
) -> list[NetworkTry]:
    """Return the counted card tries of the hour up to *moment*, of each card the newest few."""
    of_card: dict[str, list[NetworkTry]] = defaultdict(list)
    for tried in in_order(recent):
        if moment - LOOKS_BACK < tried.at <= moment and tried.is_card and tried.counted:
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


def _banks_answer(tried: NetworkTry) -> bool:
    """Whether the bank was there: it paid, or said something else than an absent one would."""
    return not tried.failed or (tried.answered and not _like_an_outage(tried))


def _card(tried: NetworkTry, cards: CardIndex) -> str:
    return min(cards.names(tried.payment_method_id, tried.fingerprint))
