"""One try that reached a network, who made it, and which tries were made with the same card.

Everybody's tries count (domain.md 0.4): the worker's, Stripe's and the customer's. Nothing here
knows a limit.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

from worker.domain.decline_networks import reached_network
from worker.domain.declines import Decline, classify
from worker.domain.readings import DeclineSignals, PaymentMethodReading

CARD_TYPES = frozenset({"card", "link", ""})
"""Payment method types that card rules apply to; charges of old records may miss theirs. Behind
Link is a card whose brand Stripe does not say, so it obeys the strictest (assumption)."""


class MadeBy(StrEnum):
    """Who asked for a try."""

    WORKER = "worker"
    STRIPE = "stripe"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class NetworkTry:
    """One try to take money, whoever made it."""

    at: datetime
    """Business instant: of our attempt's sending, else of the charge."""
    made_by: MadeBy
    payment_method_id: str
    fingerprint: str
    """The card's or account's, the same over all customers; empty where Stripe gave none."""
    brand: str
    payment_method_type: str
    country: str
    amount_minor: int
    currency: str
    debt: str
    """What the money was owed for: payment intent id, else invoice id."""
    failed: bool
    """False only where the money is known to have been taken; a try that nobody answered yet is
    failed without a code, so that it counts and lifts no stop, but is none either."""
    signals: DeclineSignals
    charge_id: str = ""
    key: str = ""
    """Our idempotency key that Stripe's event names as its request's; empty where it names none of
    ours, or no event told of the try yet."""
    asked_for: bool = False
    """Whether Stripe's event names a request that is not ours; its own tries come of none."""
    answered_at: datetime | None = None
    """By when our own charge's answer was here, business time; None: not ours, or none came."""
    learnt_at: datetime | None = None
    """When an event or a read first told of it, business time; None: nothing has, or an older
    release heard it."""
    said_at: datetime | None = None
    """Since when they say what came of it: a debit may fail after it went through."""
    may_be_of: str = ""
    """The key of our attempt that it may be, until its event or that attempt's outcome tells; what
    it says of the card holds, but it is not counted, since that attempt is."""

    @property
    def counted(self) -> bool:
        """Whether it counts: it arrived at the network, or nobody can rule that out."""
        return not self.may_be_of and (not self.failed or reached_network(self.signals))

    @property
    def answered(self) -> bool:
        """Whether it is known to have failed: a debit under way and a lost answer say nothing."""
        said = self.signals
        codes = (said.code, said.decline_code, said.advice_code)
        networks = (said.network_decline_code, said.network_advice_code)
        told = any(codes) or any(networks) or said.outcome_type not in {"", "authorized"}
        return self.failed and told

    @property
    def is_card(self) -> bool:
        """Whether card rules apply to it."""
        return self.payment_method_type in CARD_TYPES

    @property
    def verdict(self) -> Decline:
        """What its signals mean (`declines.classify`); of use only where it failed."""
        return _verdict(self.signals, self.brand, self.payment_method_type)


@dataclass(frozen=True, slots=True)
class Target:
    """The try somebody wishes to make unattended."""

    method: PaymentMethodReading
    amount_minor: int
    currency: str
    debt: str
    changed_at: datetime | None = None
    """When this very method last changed: the updater's or the customer's new card data. That it
    became a default again, or was attached a second time, is no change."""


@dataclass(frozen=True, slots=True)
class CardIndex:
    """Which names a card or account goes by: its fingerprint, else its payment method's id.

    A try without a fingerprint belongs to every fingerprint that its payment method is known by.
    """

    known: dict[str, frozenset[str]]

    def names(self, payment_method_id: str, fingerprint: str) -> frozenset[str]:
        """Return the names; two tries are of one card where they share one."""
        if fingerprint:
            return frozenset({fingerprint})
        return self.known.get(payment_method_id) or frozenset({payment_method_id})

    def same(self, tried: NetworkTry, names: frozenset[str]) -> bool:
        """Return whether *tried* was made with the card of these *names*."""
        return not names.isdisjoint(self.names(tried.payment_method_id, tried.fingerprint))


def index_cards(
    tries: Iterable[NetworkTry], methods: Iterable[PaymentMethodReading] = ()
) -> CardIndex:
    """Return which fingerprints each payment method is known by, over *tries* and *methods*."""
    known: dict[str, set[str]] = defaultdict(set)
    pairs = [(tried.payment_method_id, tried.fingerprint) for tried in tries]
    pairs += [(method.id, method.fingerprint) for method in methods]
    for method_id, fingerprint in pairs:
        if fingerprint:
            known[method_id].add(fingerprint)
    return CardIndex({method_id: frozenset(names) for method_id, names in known.items()})


def in_order(tries: Sequence[NetworkTry]) -> tuple[NetworkTry, ...]:
    """Return *tries* by instant, all in UTC: other zones lose or repeat an hour in sums."""
    in_utc = (
        tried if tried.at.tzinfo is UTC else replace(tried, at=tried.at.astimezone(UTC))
        for tried in tries
    )
    return tuple(sorted(in_utc, key=lambda tried: tried.at))


@lru_cache(maxsize=4096)
def _verdict(signals: DeclineSignals, brand: str, payment_method_type: str) -> Decline:
    return classify(signals, brand=brand, payment_method_type=payment_method_type)
