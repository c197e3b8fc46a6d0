"""The shape of a step's `offer` in dunning.yaml, and what is wrong with one."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field

from worker.domain.offers import Offer
from worker.settings.fields import TEXT, Duration, Form, Section
from worker.settings.written_values import scalar
from worker.settings.yaml_reader import Location

if TYPE_CHECKING:
    from worker.settings.dunning_file import StepSection

EXTRA_MAX = timedelta(days=90)
"""Who wants to give more than a quarter of a year writes another policy."""
DAY = timedelta(days=1)


def parse_coupon(text: object) -> str:
    """Return a coupon's id as Stripe shows it: one word, 200 characters at most."""
    value = scalar(text)
    if not re.fullmatch(r"\S{1,200}", value):
        raise ValueError(f"`{value}` is no coupon's id; write it as Stripe shows it: `SAVE20`.")
    return value


CouponId = Annotated[str, BeforeValidator(parse_coupon), Form("a coupon's id", TEXT)]


class OfferSection(Section):
    """What the step's letter offers: a coupon or more time."""

    coupon: CouponId | None = Field(default=None, examples=["SAVE20"])
    """A coupon at Stripe, which is added to the subscription just before the letter is written."""
    extra_days: Duration | None = Field(default=None, examples=["7 days"])
    """Whole days by which the steps that are left and the ending move later, with the letter."""

    def offer(self) -> Offer:
        """Return the engine's value."""
        return Offer(self.coupon or "", self.extra_days)


def offer_faults(steps: "Mapping[Location, StepSection]") -> Iterator[tuple[Location, str]]:
    """Yield each offer that is none, two at once, told by no letter, or out of range."""
    for at, step in steps.items():
        offer = step.offer
        if offer is None:
            continue
        here = (*at, "offer")
        if step.letter is None:
            yield here, "a letter must tell of it; add `letter: payment_failed_2` to the step."
        if offer.coupon is None and offer.extra_days is None:
            yield here, "offers nothing; write `{ coupon: SAVE20 }` or `{ extra_days: 7 days }`."
        elif offer.coupon is not None and offer.extra_days is not None:
            yield here, "offers two things; leave `coupon` or `extra_days` out."
        extra = offer.extra_days
        if extra is not None and (extra % DAY or not DAY <= extra <= EXTRA_MAX):
            yield (*here, "extra_days"), "must be whole days, from 1 to 90; write `7 days`."
