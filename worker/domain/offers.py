"""What a step's letter may offer: a coupon of Stripe's, or more days; once per customer a year."""

from dataclasses import dataclass
from datetime import datetime, timedelta

ONCE_IN = timedelta(days=365)
"""A customer gets at most one offer within any such span, whichever case or policy gives it."""

COUPON_SUFFIX = ": coupon"
"""What the name of a coupon's request adds to the name of its step."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What one step offers; exactly one of both."""

    coupon: str = ""
    """The id of a coupon at Stripe, which lowers the subscription's next invoices."""
    extra: timedelta | None = None
    """Whole days by which what is left of the case, and its ending, moves later."""

    @property
    def days(self) -> int:
        """The days of more time; 0 for a coupon."""
        return self.extra.days if self.extra is not None else 0

    @property
    def said(self) -> str:
        """The offer as part of a sentence: `coupon SAVE20` or `7 more days`."""
        if self.coupon:
            return f"coupon {self.coupon}"
        return "1 more day" if self.days == 1 else f"{self.days} more days"


@dataclass(frozen=True, slots=True)
class Given:
    """An offer that a customer got, or that is being given."""

    case_id: int
    step: str
    given_at: datetime
    """Business time."""
    offer: Offer

    def bars(self, case_id: int, step: str, *, at: datetime) -> bool:
        """Return whether it keeps another step from offering anything at *at*."""
        same = (self.case_id, self.step) == (case_id, step)
        return not same and at < self.given_at + ONCE_IN


def coupon_step(attempt_step: str) -> str:
    """Return the name of the policy's step that a coupon's request belongs to."""
    return attempt_step.removesuffix(COUPON_SUFFIX)
