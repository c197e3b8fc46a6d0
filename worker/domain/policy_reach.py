"""Whether each policy of a list can serve anybody at all, or others come first to all of them.

Every condition is cut into pieces: the values that any policy names, and one piece for all the
rest. A match is then a box of pieces, and a policy is out of reach where the boxes before it
leave nothing of its own.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from worker.domain.policy import Match
from worker.domain.readings import SEND_INVOICE

Piece = tuple[object, ...]
Box = Mapping[str, frozenset[Piece]]
"""Name of a condition -> the pieces of it that match; every box has every condition."""

COLLECTION = "collection_method"
"""The condition that is never left open."""
REST: Piece = ("the rest",)
BOXES_MAX = 2_000
"""Beyond this the question is left open: a list so entangled is not judged."""


def never_matches(match: Match) -> str:
    """Return the two conditions that exclude each other, as a sentence's part; empty is fine."""
    ranged = {each.currency for each in match.amounts}
    if match.amounts and match.currencies and not ranged & set(match.currencies):
        return "`amount` names none of the currencies of `currency`"
    if match.brands and match.method_types and "card" not in match.method_types:
        return "only cards have a `brand`, and `payment_method` names no `card`"
    return ""


def out_of_reach(matches: Sequence[Match | None]) -> dict[int, list[int]]:
    """Return position -> positions of the policies that come first to everybody it could serve.

    Args: matches: of each policy in order; None serves everybody.
    """
    boxes = _boxes([match or Match() for match in matches])
    found: dict[int, list[int]] = {}
    for position, box in enumerate(boxes):
        earlier = [other for other in range(position) if _overlap(box, boxes[other])]
        alone = [other for other in earlier if not _minus(box, boxes[other])]
        if alone:
            found[position] = alone[:1]
        elif earlier and not _left_of(box, [boxes[other] for other in earlier]):
            found[position] = earlier
    return found


def _left_of(box: Box, others: Sequence[Box]) -> list[Box]:
    """Return what *others* leave of *box*; the box itself where they are too entangled."""
    left = [box]
    for other in others:
        left = [part for each in left for part in _minus(each, other)]
        if len(left) > BOXES_MAX:
            return [box]
    return left


def _overlap(box: Box, other: Box) -> bool:
    return all(pieces & other[name] for name, pieces in box.items())


def _minus(box: Box, other: Box) -> list[Box]:
    """Return *box* without *other*, as boxes that do not overlap."""
    if not _overlap(box, other):
        return [box]
    left: list[Box] = []
    shared: dict[str, frozenset[Piece]] = dict(box)
    for name, pieces in box.items():
        if outside := pieces - other[name]:
            left.append({**shared, name: outside})
        shared[name] = pieces & other[name]
    return left


def _boxes(matches: Sequence[Match]) -> list[Box]:
    named: list[dict[str, frozenset[Piece]]] = [_named(match, matches) for match in matches]
    everything: dict[str, frozenset[Piece]] = {}
    for each in named:
        for name, pieces in each.items():
            everything[name] = everything.get(name, frozenset((REST,))) | pieces
    # A policy that does not name them serves no invoices that are sent to be paid by hand.
    if COLLECTION in everything:
        charged = everything[COLLECTION] - {(SEND_INVOICE,)}
        named = [{COLLECTION: charged, **each} for each in named]
    return [{name: each.get(name, every) for name, every in everything.items()} for each in named]


def _named(match: Match, matches: Sequence[Match]) -> dict[str, frozenset[Piece]]:
    """Return the pieces that a match names, for the conditions that it has."""
    lists: dict[str, Sequence[object]] = {
        "plan": match.price_ids,
        "product": match.product_ids,
        "interval": match.intervals,
        "country": match.countries,
        COLLECTION: [match.collection_method] if match.collection_method else [],
        **{f"metadata {key}": values for key, values in match.metadata.items()},
    }
    pieces: dict[str, frozenset[Piece]] = {
        name: frozenset((each,) for each in values) for name, values in lists.items() if values
    }
    if match.amounts or match.currencies:
        pieces["money"] = _money(match, matches)
    if match.method_types or match.brands:
        pieces["method"] = _methods(match, matches)
    if match.customer_age_min is not None or match.customer_age_below is not None:
        pieces["age"] = _ages(match, matches)
    return pieces


def _money(match: Match, matches: Sequence[Match]) -> frozenset[Piece]:
    """Return (currency, from, to) of the spans between all amounts that any policy names."""
    ranges = [each for other in matches for each in other.amounts]
    known = {each.currency for each in ranges}.union(*(other.currencies for other in matches))
    pieces: set[Piece] = set()
    for currency in known:
        own = [each for each in match.amounts if each.currency == currency]
        if match.currencies and currency not in match.currencies:
            continue
        if match.amounts and not own:
            continue
        of_currency = [each for each in ranges if each.currency == currency]
        cuts = {0, *(each.least_minor for each in of_currency)}
        cuts |= {each.most_minor + 1 for each in of_currency if each.most_minor is not None}
        for cut in cuts:
            within = [
                each
                for each in own
                if each.least_minor <= cut and (each.most_minor is None or cut <= each.most_minor)
            ]
            if within or not own:
                pieces.add((currency, cut))
    return frozenset(pieces)


def _methods(match: Match, matches: Sequence[Match]) -> frozenset[Piece]:
    """Return (type, brand) of all types and brands that any policy names; only cards have one."""
    types = {"card"}.union(*(other.method_types for other in matches))
    brands: set[object] = {REST}.union(*(other.brands for other in matches))
    return frozenset(
        (kind, brand)
        for kind in types
        for brand in (brands if kind == "card" else {""})
        if (not match.method_types or kind in match.method_types)
        and (not match.brands or brand in match.brands)
    )


def _ages(match: Match, matches: Sequence[Match]) -> frozenset[Piece]:
    """Return the beginnings of the spans between all ages that any policy names."""
    named = [age for other in matches for age in (other.customer_age_min, other.customer_age_below)]
    cuts = {timedelta(0), *(age for age in named if age is not None)}
    least, below = match.customer_age_min or timedelta(0), match.customer_age_below
    return frozenset(
        ("age", cut) for cut in cuts if cut >= least and (below is None or cut < below)
    )
