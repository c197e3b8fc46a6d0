"""Which cases a person means: terms about a case, all of which must hold.

`settings.written_filter` reads what was typed into these. What is not known of a case fulfils no
term about it, neither `=` nor `!=`; metadata that a customer does not have is known to be absent.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from worker.domain.money import Money
from worker.domain.policy_match import Traits

METADATA = "metadata."
"""What a field begins with that is a key of the customer's or the subscription's metadata."""


class Comparison(StrEnum):
    """How a case's value is held against the one of the filter; the values are what is typed."""

    IS = "="
    IS_NOT = "!="
    BELOW = "<"
    UP_TO = "<="
    OVER = ">"
    FROM = ">="


_HOLDS: Mapping[Comparison, Callable[[Any, Any], bool]] = {
    Comparison.IS: operator.eq,
    Comparison.IS_NOT: operator.ne,
    Comparison.BELOW: operator.lt,
    Comparison.UP_TO: operator.le,
    Comparison.OVER: operator.gt,
    Comparison.FROM: operator.ge,
}


@dataclass(frozen=True, slots=True)
class WordTerm:
    """The case has one of the values, or none of them."""

    field: str
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class AmountTerm:
    """What is owed, in major units of the case's currency."""

    comparison: Comparison
    major: Decimal


@dataclass(frozen=True, slots=True)
class DayTerm:
    """The office's day of the first failure; a day counts whole."""

    comparison: Comparison
    day: date


Term = WordTerm | AmountTerm | DayTerm


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """All terms must hold."""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A case as a filter sees it."""

    case_id: int
    state: str
    policy: str
    """Name of the version it keeps; empty where that is not kept any more."""
    decline_class: str
    decline_code: str
    failed_at: datetime
    customer_id: str
    subscription_id: str
    traits: Traits
    """Its amount is what is owed now."""


def fits(wanted: CaseFilter, candidate: Candidate, zone: ZoneInfo) -> bool:
    """Return whether every term holds for the case. Args: zone: the office's."""
    return all(_holds(term, candidate, zone) for term in wanted.terms)


def _holds(term: Term, candidate: Candidate, zone: ZoneInfo) -> bool:
    match term:
        case AmountTerm():
            owed = Money(candidate.traits.amount_minor, candidate.traits.currency)
            return _HOLDS[term.comparison](owed.major, term.major)
        case DayTerm():
            day = candidate.failed_at.astimezone(zone).date()
            return _HOLDS[term.comparison](day, term.day)
        case WordTerm():
            known = _known(candidate, term.field)
            return bool(known) and known.isdisjoint(term.values) is term.negated


def _known(candidate: Candidate, field: str) -> frozenset[str]:
    """Return the case's values of a field; empty: not known."""
    traits = candidate.traits
    if field.startswith(METADATA):
        return frozenset((traits.metadata.get(field.removeprefix(METADATA), ""),))
    interval = traits.interval
    values: Mapping[str, tuple[str, ...]] = {
        "state": (candidate.state,),
        "policy": (candidate.policy,),
        "class": (candidate.decline_class,),
        "code": (candidate.decline_code,),
        "customer": (candidate.customer_id,),
        "subscription": (candidate.subscription_id,),
        "currency": (traits.currency,),
        "country": (traits.country,),
        "plan": traits.price_ids,
        "product": traits.product_ids,
        "interval": (interval.unit if interval is not None and interval.count == 1 else "",),
        "method": (traits.method_type,),
        "brand": (traits.brand,),
    }
    return frozenset(values[field]) - {""}
