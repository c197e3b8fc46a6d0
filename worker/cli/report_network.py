"""The network report as a value: per network what was tried, the fullest windows, every row.

Everything is counted by the domain's own functions over everybody's tries (network_usage); the
demo's checks count the sandbox's log without them, and tests compare the two.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from worker.domain.decline_networks import MASTERCARD_WAITS, mastercard_advice
from worker.domain.network_rules import ruling
from worker.domain.network_tries import MadeBy, NetworkTry, Target, in_order, index_cards
from worker.domain.network_usage import CardUsage, FullestWindow, StopSeen, Violation, usage
from worker.domain.policy import NetworkLimits
from worker.domain.readings import PaymentMethodReading
from worker.store.reading_network import NetworkRecord


@dataclass(frozen=True, slots=True)
class CardWindow:
    """A window together with the card that filled it most."""

    card: str
    window: FullestWindow


@dataclass(frozen=True, slots=True)
class Row:
    """One try of the period with the windows as they stood right after it."""

    tried: NetworkTry
    network: str
    card: str
    windows: tuple[tuple[str, int, int], ...]
    """(rule, tries in the window that ends here, limit); empty where it does not count."""


@dataclass(frozen=True, slots=True)
class NetworkLine:
    """One network or debit scheme."""

    network: str
    cards: tuple[CardUsage, ...]
    fullest: tuple[CardWindow, ...]
    """Of each limit the fullest window over all cards."""
    waits: int
    """Mastercard's waits that began in the period."""
    waits_cut: int

    @property
    def tries(self) -> int:
        """Tries that counted."""
        return sum(len(card.tries) for card in self.cards)

    @property
    def uncounted(self) -> int:
        """Tries that never reached the network."""
        return sum(card.uncounted for card in self.cards)

    def made_by(self, who: MadeBy) -> int:
        """Return how many of the counted tries *who* made."""
        return sum(card.made_by(who) for card in self.cards)

    @property
    def stops(self) -> tuple[tuple[str, StopSeen], ...]:
        """(card, stop signal) for each that was seen."""
        return tuple((card.card, stop) for card in self.cards for stop in card.stops)

    @property
    def stops_obeyed(self) -> int:
        """Stop signals after which the worker made no try."""
        return sum(stop.obeyed for _, stop in self.stops)

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Rules that tries of the worker broke."""
        return tuple(broken for card in self.cards for broken in card.violations)


@dataclass(frozen=True, slots=True)
class NetworkReport:
    """The whole report of one period, [from_at, to_at)."""

    account: str
    live: bool
    from_at: datetime
    to_at: datetime
    limits: NetworkLimits
    lines: tuple[NetworkLine, ...]
    rows: tuple[Row, ...]
    """Every try of the period, oldest first, also those that did not count."""

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Every rule that a try of the worker broke; empty is the proof."""
        return tuple(broken for line in self.lines for broken in line.violations)

    @property
    def cards(self) -> int:
        """Cards and accounts that were tried."""
        return sum(len(line.cards) for line in self.lines)

    @property
    def tries(self) -> int:
        """Tries that counted, by everybody."""
        return sum(line.tries for line in self.lines)


def network_report(
    record: NetworkRecord,
    limits: NetworkLimits,
    *,
    account: str,
    live: bool,
    from_at: datetime,
    to_at: datetime,
) -> NetworkReport:
    """Return the report of the tries in [from_at, to_at)."""
    by_network: dict[str, list[CardUsage]] = defaultdict(list)
    for card in usage(record.tries, limits, record.changes, since=from_at):
        by_network[card.network].append(card)
    tries = in_order(record.tries)
    networks = {card.card: name for name, cards in by_network.items() for card in cards}
    return NetworkReport(
        account=account,
        live=live,
        from_at=from_at,
        to_at=to_at,
        limits=limits,
        lines=tuple(_line(name, cards) for name, cards in sorted(by_network.items())),
        rows=tuple(_rows(tries, limits, networks, since=from_at)),
    )


def _line(network: str, cards: Sequence[CardUsage]) -> NetworkLine:
    fullest: dict[str, CardWindow] = {}
    for card in cards:
        for window in card.windows:
            known = fullest.get(window.rule)
            if known is None or window.highest > known.window.highest:
                fullest[window.rule] = CardWindow(card.card, window)
    waits = [tried for card in cards for tried in card.tries if _asks_to_wait(tried)]
    cut = {
        tried
        for card in cards
        for broken in card.violations
        if broken.rule == "mastercard_wait"
        for tried in broken.behind
    }
    return NetworkLine(network, tuple(cards), tuple(fullest.values()), len(waits), len(cut))


def _asks_to_wait(tried: NetworkTry) -> bool:
    return tried.failed and mastercard_advice(tried.signals, tried.brand) in MASTERCARD_WAITS


def _rows(
    tries: Sequence[NetworkTry],
    limits: NetworkLimits,
    networks: dict[str, str],
    *,
    since: datetime,
) -> Iterable[Row]:
    """Yield the rows; each is judged by the tries of its card and debt up to itself."""
    cards = index_cards(tries)
    before: dict[str, list[int]] = defaultdict(list)
    for position, tried in enumerate(tries):
        names = cards.names(tried.payment_method_id, tried.fingerprint)
        keys = [*(f"card {name}" for name in names), f"debt {tried.debt}"]
        for key in keys:
            before[key].append(position)
        if tried.at < since:
            continue
        known = sorted({place for key in keys for place in before[key]})
        windows = _windows(tried, [tries[place] for place in known], limits)
        card = min(names)
        yield Row(tried, networks[card], card, windows if tried.counted else ())


def _windows(
    tried: NetworkTry, known: Sequence[NetworkTry], limits: NetworkLimits
) -> tuple[tuple[str, int, int], ...]:
    method = PaymentMethodReading(
        id=tried.payment_method_id,
        type=tried.payment_method_type,
        brand=tried.brand,
        fingerprint=tried.fingerprint,
        country=tried.country,
    )
    target = Target(method, tried.amount_minor, tried.currency, tried.debt)
    found = ruling(known, target, limits, now=tried.at).windows
    return tuple((each.rule, len(each.behind(tried.at)), each.limit) for each in found)
