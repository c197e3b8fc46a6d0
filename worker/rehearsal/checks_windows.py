"""How full each window of a card network ever was, from the sandbox's log (domain.md 2)."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worker.rehearsal.checks_tries import Tried, read_tries

DAY = 86_400
VISA_MAX_IN_30_DAYS = 15
"""Visa allows 20; the worker keeps a margin for tries it cannot see."""
MASTERCARD_MAX_IN_24_HOURS = 10
MASTERCARD_MAX_IN_30_DAYS = 35
OTHERS_MAX_IN_30_DAYS = 15
"""No count is published for other networks; an unknown one may be any of them."""
_MONTHLY_MAX = {"visa": VISA_MAX_IN_30_DAYS, "mastercard": MASTERCARD_MAX_IN_30_DAYS}


@dataclass(frozen=True, slots=True)
class Fullest:
    """The most tries one limit's window ever held."""

    network: str
    window_seconds: int
    most: int
    """The limit."""
    highest: int


def tries_too_often(tries: Sequence[Tried]) -> list[str]:
    """Return a sentence for each card, and amount where that counts, tried too often.

    Windows are half-open, (at - window, at]; whoever made a try, it counts.
    """
    found = []
    for network, window, most, made in _windows(tries):
        for one, count in _counted(made, window):
            if count > most and one.ours:
                name = f"{network} card {one.card}"
                days = window // DAY
                found.append(f"{one.invoice}: {name} was tried {count} times in {days} days")
                break
    return found


def fullest_windows(log: Sequence[Mapping[str, Any]]) -> list[Fullest]:
    """Return for each network's limit the fullest window in GET /_sandbox/charges, by name."""
    highest: dict[tuple[str, int, int], int] = defaultdict(int)
    for network, window, most, made in _windows(read_tries(log)):
        count = max(count for _one, count in _counted(made, window))
        highest[network, window, most] = max(highest[network, window, most], count)
    return [Fullest(*name, count) for name, count in sorted(highest.items())]


def tries_by_network(log: Sequence[Mapping[str, Any]], *, only_ours: bool = False) -> Counter[str]:
    """Return how many tries reached each card network or debit scheme, whoever made them."""
    return Counter(
        _network(one)
        for one in read_tries(log)
        if one.reached_network and (one.ours or not only_ours)
    )


def _network(one: Tried) -> str:
    return (one.brand or "unknown") if one.kind == "card" else one.kind


def _windows(tries: Sequence[Tried]) -> Iterator[tuple[str, int, int, list[Tried]]]:
    """Yield network, window in seconds, limit, and the tries that one such window counts."""
    by_card: dict[str, list[Tried]] = defaultdict(list)
    by_amount: dict[tuple[str, int, str], list[Tried]] = defaultdict(list)
    for one in tries:
        if one.kind != "card" or not one.reached_network:
            continue
        by_amount[one.card, one.amount, one.currency].append(one)
        if one.brand == "mastercard":
            by_card[one.card].append(one)
    for made in by_card.values():
        yield "mastercard", DAY, MASTERCARD_MAX_IN_24_HOURS, made
    for made in by_amount.values():
        network = _network(made[0])
        yield network, 30 * DAY, _MONTHLY_MAX.get(network, OTHERS_MAX_IN_30_DAYS), made


def _counted(made: Sequence[Tried], window: int) -> Iterator[tuple[Tried, int]]:
    """Yield each try with the number of tries in the window that ends with it."""
    for one in made:
        yield one, sum(1 for other in made if one.at - window < other.at <= one.at)
