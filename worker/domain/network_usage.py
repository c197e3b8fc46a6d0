"""The proof that no network's rule was broken: what each card was tried, and every breach of ours.

Everybody's tries count, but only the worker's own can be breaches: nobody can stop the others.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from worker.domain.debit_rules import debit_window, scheme_of
from worker.domain.network_rules import ruling
from worker.domain.network_stops import Bar, changed_since, stop_signal
from worker.domain.network_tries import (
    CardIndex,
    MadeBy,
    NetworkTry,
    Target,
    in_order,
    index_cards,
)
from worker.domain.network_windows import Window, card_windows
from worker.domain.policy import NetworkLimits
from worker.domain.readings import PaymentMethodReading

Changes = Mapping[str, Sequence[datetime]]
"""When cards changed, by payment method id."""
NO_CHANGES: Changes = MappingProxyType({})
UNKNOWN_NETWORK = "unknown"


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a try of the worker broke."""

    rule: str
    network: str
    card: str
    """Fingerprint, or the payment method's id where no fingerprint is known."""
    reason: str
    tried: NetworkTry
    behind: tuple[NetworkTry, ...]
    """The earlier tries that forbade it: those in the window, or the one with the signal."""


@dataclass(frozen=True, slots=True)
class FullestWindow:
    """The most tries that one limit's window ever held for a card."""

    rule: str
    network: str
    span: timedelta
    highest: int
    limit: int
    tries: tuple[NetworkTry, ...]


@dataclass(frozen=True, slots=True)
class StopSeen:
    """A stop signal and what happened to the card until it changed or a try succeeded."""

    signal: str
    """In words for staff; may name a masked decline."""
    tried: NetworkTry
    tries_after: tuple[NetworkTry, ...]
    """By anybody, the one that ended the stop included."""

    @property
    def obeyed(self) -> bool:
        """Whether the worker made none of the tries that followed."""
        return all(tried.made_by is not MadeBy.WORKER for tried in self.tries_after)


@dataclass(frozen=True, slots=True)
class CardUsage:
    """Everything about one card or account that a processor may ask for."""

    network: str
    """Brand of the card or scheme of the debit; `unknown` where neither is known."""
    card: str
    tries: tuple[NetworkTry, ...]
    """Those that counted, in order of time."""
    uncounted: int
    """Tries that never reached the network."""
    windows: tuple[FullestWindow, ...]
    stops: tuple[StopSeen, ...]
    violations: tuple[Violation, ...]

    def made_by(self, who: MadeBy) -> int:
        """Return how many of the counted tries *who* made."""
        return sum(1 for tried in self.tries if tried.made_by is who)


def violations(
    tries: Sequence[NetworkTry],
    limits: NetworkLimits,
    changes: Changes = NO_CHANGES,
    *,
    since: datetime | None = None,
) -> tuple[Violation, ...]:
    """Return each rule that a counted try of the worker broke, judged by the tries before it.

    *tries* may be of many cards; give at least 180 days before *since*, which itself drops older
    breaches from the answer. *changes* tells by payment method id when a card changed (the same
    instants that `Target.changed_at` had): without them a try after a stop and a change is a
    breach. In order of time; empty is the proof.
    """
    ordered = in_order(tries)
    cards = index_cards(ordered)
    related: dict[str, list[int]] = defaultdict(list)
    found: list[Violation] = []
    for position, tried in enumerate(ordered):
        keys = _keys(tried, cards)
        if _is_ours(tried) and (since is None or tried.at >= since):
            places = sorted({place for key in keys for place in related[key]})
            found += _broken_by(tried, [ordered[place] for place in places], cards, limits, changes)
        for key in keys:
            related[key].append(position)
    return tuple(found)


def usage(
    tries: Sequence[NetworkTry],
    limits: NetworkLimits,
    changes: Changes = NO_CHANGES,
    *,
    since: datetime | None = None,
) -> tuple[CardUsage, ...]:
    """Return what each card and account was tried, by network and card, in that order.

    Arguments as for `violations`. Only tries from *since* on are listed, and only windows that
    end then; the tries before still fill those windows.
    """
    ordered = in_order(tries)
    cards = index_cards(ordered)
    start = since.astimezone(UTC) if since else None
    of_card: dict[str, list[NetworkTry]] = defaultdict(list)
    of_debt: dict[str, list[NetworkTry]] = defaultdict(list)
    for tried in ordered:
        of_card[_card(tried, cards)].append(tried)
        of_debt[tried.debt].append(tried)
    broken: dict[str, list[Violation]] = defaultdict(list)
    for violation in violations(tries, limits, changes, since=since):
        broken[violation.card].append(violation)
    rows = (
        CardUsage(
            network=_network(group),
            card=card,
            tries=tuple(tried for tried in _since(start, group) if tried.counted),
            uncounted=sum(1 for tried in _since(start, group) if not tried.counted),
            windows=_fullest(group, of_debt, limits, start),
            stops=_stops(group, changes, start),
            violations=tuple(broken[card]),
        )
        for card, group in of_card.items()
        if start is None or group[-1].at >= start
    )
    return tuple(sorted(rows, key=lambda row: (row.network, row.card)))


def _fullest(
    group: Sequence[NetworkTry],
    of_debt: Mapping[str, Sequence[NetworkTry]],
    limits: NetworkLimits,
    start: datetime | None,
) -> tuple[FullestWindow, ...]:
    """Return for each limit its fullest window over all amounts or debts of one card."""
    found: dict[str, FullestWindow] = {}
    for window in _windows(group, of_debt, limits):
        held = window.fullest(start)
        if window.rule not in found or len(held) > found[window.rule].highest:
            found[window.rule] = FullestWindow(
                window.rule, window.network, window.span, len(held), window.limit, held
            )
    return tuple(found.values())


def _stops(
    group: Sequence[NetworkTry], changes: Changes, start: datetime | None
) -> tuple[StopSeen, ...]:
    return tuple(
        StopSeen(signal, tried, _after(tried, group, changes))
        for tried in _since(start, group)
        if (signal := stop_signal(tried))
    )


def _since(start: datetime | None, group: Sequence[NetworkTry]) -> list[NetworkTry]:
    return [tried for tried in group if start is None or tried.at >= start]


def _broken_by(
    tried: NetworkTry,
    before: Sequence[NetworkTry],
    cards: CardIndex,
    limits: NetworkLimits,
    changes: Changes,
) -> list[Violation]:
    target = _target(tried, changes)
    rules = ruling(before, target, limits, now=tried.at)
    return [
        Violation(
            rule=rule.rule,
            network=_network([tried]),
            card=_card(tried, cards),
            reason=rule.reason if isinstance(rule, Bar) else rule.reason(tried.at),
            tried=tried,
            behind=rule.behind if isinstance(rule, Bar) else rule.behind(tried.at),
        )
        for rule in rules.broken_at(tried.at)
    ]


def _target(tried: NetworkTry, changes: Changes, *, brand: str = "") -> Target:
    """Return what was to be tried, as it was known at that instant."""
    changed = [at for at in changes.get(tried.payment_method_id, ()) if at <= tried.at]
    method = PaymentMethodReading(
        id=tried.payment_method_id,
        type=tried.payment_method_type,
        brand=tried.brand or brand,
        fingerprint=tried.fingerprint,
        country=tried.country,
    )
    changed_at = max(changed, default=None)
    return Target(method, tried.amount_minor, tried.currency, tried.debt, changed_at)


def _windows(
    group: Sequence[NetworkTry],
    of_debt: Mapping[str, Sequence[NetworkTry]],
    limits: NetworkLimits,
) -> list[Window]:
    """Return every window over one card's tries: per amount, or per debt for a bank debit."""
    found: list[Window] = []
    brand = _brand(group)
    counted = [tried for tried in group if tried.counted]
    amounts = {(t.amount_minor, t.currency.lower()): t for t in counted if t.is_card}
    for tried in amounts.values():
        found += card_windows(counted, _target(tried, NO_CHANGES, brand=brand), limits)
    for kind, debt in sorted({(tried.payment_method_type, tried.debt) for tried in counted}):
        scheme = scheme_of(kind)
        if scheme is not None:
            found.append(debit_window(scheme, of_debt[debt]))
    return found


def _after(
    stop: NetworkTry, group: Sequence[NetworkTry], changes: Changes
) -> tuple[NetworkTry, ...]:
    """Return the counted tries of a stopped card, until the stop ended."""
    found: list[NetworkTry] = []
    for tried in group:
        stopped = tried.at > stop.at and not changed_since(stop, _target(tried, changes))
        if stopped and tried.counted:
            found.append(tried)
            if not tried.failed:
                break
    return tuple(found)


def _is_ours(tried: NetworkTry) -> bool:
    return tried.made_by is MadeBy.WORKER and tried.counted


def _keys(tried: NetworkTry, cards: CardIndex) -> list[str]:
    """Return what relates tries to each other: the card's names and the debt."""
    names = cards.names(tried.payment_method_id, tried.fingerprint)
    return [*(f"card {name}" for name in names), f"debt {tried.debt}"]


def _card(tried: NetworkTry, cards: CardIndex) -> str:
    return min(cards.names(tried.payment_method_id, tried.fingerprint))


def _brand(group: Sequence[NetworkTry]) -> str:
    return next((tried.brand.lower() for tried in reversed(group) if tried.brand), "")


def _network(group: Sequence[NetworkTry]) -> str:
    scheme = scheme_of(group[-1].payment_method_type)
    if scheme is not None:
        return scheme.name
    if not group[-1].is_card:
        return group[-1].payment_method_type
    return _brand(group) or UNKNOWN_NETWORK
