"""Everything a rule of the engine may look at, in one frozen value."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from worker.domain.case import Case, Surroundings
from worker.domain.decisions import Decision
from worker.domain.policy import ClassRule, Limits, Policy, Reaction
from worker.domain.readings import InvoiceReading, PaymentMethodReading, method_in_use

UNSTATED = ClassRule(Reaction.WAIT_FOR_NEW_CARD)
"""For a class an old policy did not know: write, never charge."""


@dataclass(frozen=True, slots=True)
class Situation:
    """One case at one moment."""

    case: Case
    invoice: InvoiceReading
    around: Surroundings
    policy: Policy
    limits: Limits
    office_zone: str
    now: datetime

    @property
    def method(self) -> PaymentMethodReading | None:
        """The payment method that a charge would use, or None."""
        return method_in_use(self.invoice)

    @property
    def reaction(self) -> ClassRule:
        """What the policy does about the last failure's class."""
        failure = self.case.failure
        if failure is None:
            return UNSTATED
        return self.policy.when_declined.get(failure.decline_class, UNSTATED)

    @property
    def new_card_step(self) -> str:
        """The step name of a try on a changed method, or the empty string where nothing changed.

        The name is made of the method (and its change), so the same card is tried at once only
        once, whatever crashes or repeats.
        """
        failure, method = self.case.failure, self.method
        if failure is None or method is None:
            return ""
        if method.id != failure.payment_method_id:
            return f"new card {method.id}"
        changed = self.around.method_changed_at
        # Newer than the failed charge, or than what was known at it: Stripe's seconds can tie.
        known = min(failure.method_changed_at or failure.failed_at, failure.failed_at)
        if changed is not None and changed > known:
            return f"new card {method.id} of {changed:%Y-%m-%d %H:%M:%S}"
        return ""


Rule = Callable[[Situation], Decision | None]
"""Looks at a situation and decides, or has nothing to say."""
