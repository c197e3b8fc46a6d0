"""What is special about a run, drawn from its seed: caps, the chain, webhooks, who decides."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import time
from typing import Any

from worker.domain.policy import AmountLimit, BreakerLimits, DayWindow, Limits, PersonDecides
from worker.rehearsal.draws import Draws

FREE = Limits(
    charges_per_hour=10_000,
    letters_per_hour=10_000,
    endings_per_day=10_000,
    endings_between=DayWindow(time(0), time(23, 59)),
    endings_on_weekdays_only=False,
    breaker=BreakerLimits(charges_min=10_000),
)
"""Limits that nobody meets."""
CURRENCY = "eur"
TWO_AMOUNTS = 9_000
"""Minor units: room for any one amount of a run, and mostly not for two."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a run has that most have not: each costs time, so that only a share of runs has it."""

    limits: Limits = FREE
    crowd: bool = False
    """Whether several customers' renewals fail within minutes, so that they meet at the caps."""
    sealed: bool = False
    """Whether the facts are sealed, and the chain walked, while the run goes on."""
    webhooks: bool = False
    """Whether events come by webhooks as well; in most runs they are only polled."""
    person_decides: tuple[PersonDecides, ...] = ()
    """What waits for a person in this run."""


PLAIN = Conditions()
ASKS: tuple[tuple[PersonDecides, ...], ...] = (
    *(((),) * 9),
    (PersonDecides.CHARGES,),
    (PersonDecides.ENDING,),
    tuple(PersonDecides),
)


def conditions_of(seed: str) -> Conditions:
    """Return what the run of *seed* has."""
    draws = Draws(seed, "conditions")
    capped, sealed, webhooks = (draws.happens(share) for share in (0.12, 0.2, 0.3))
    limits, asks = small_caps(draws) if capped else FREE, draws.one_of(ASKS)
    return Conditions(limits, capped, sealed, webhooks, asks)


def small_caps(draws: Draws) -> Limits:
    """Return limits of which some are so small that a crowd of three meets them."""
    return replace(FREE, **dict(_caps(draws)))


def _caps(draws: Draws) -> Iterator[tuple[str, Any]]:
    kind = draws.below(5)
    if kind in {0, 4}:
        yield "charges_per_hour", 1 + draws.below(2)
    if kind in {1, 4}:
        yield "letters_per_hour", 1 + draws.below(2)
    if kind in {2, 4}:
        yield "endings_per_day", 1
    if kind == 3:
        hourly = AmountLimit(CURRENCY, per_hour_minor=TWO_AMOUNTS)
        daily = AmountLimit(CURRENCY, per_day_minor=TWO_AMOUNTS)
        yield "charged_amounts", (draws.one_of((hourly, daily)),)
        yield "charges_per_day", 2
