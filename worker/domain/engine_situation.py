"""Everything a rule of the engine may look at, in one frozen value."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from worker.domain.caps import passed_alone
from worker.domain.case import (
    CANCELS,
    SET_ASIDE,
    AttemptKind,
    AttemptState,
    Case,
    Surroundings,
)
from worker.domain.decisions import Decision
from worker.domain.decline_table import Family, find_row
from worker.domain.money import Money
from worker.domain.network_rules import Allowance, Target, allowance, ruling
from worker.domain.network_stops import STOP_SIGNAL
from worker.domain.network_tries import MadeBy, NetworkTry
from worker.domain.policy import ClassRule, Limits, Mode, Policy, Reaction
from worker.domain.readings import (
    NOTHING_SAID,
    DeclineSignals,
    InvoiceReading,
    PaymentMethodReading,
    SubscriptionReading,
    method_in_use,
)

ENDING_REST = timedelta(minutes=15)
"""So long after its last send Stripe has carried out an ending, or never will (assumption)."""

STILL_IN_FLIGHT = timedelta(days=1)
"""How often a case looks that waits for another charge's outcome; that outcome wakes it as well."""

SUBSCRIPTION_OVER = frozenset(("canceled", "incomplete_expired"))
PAUSED = "paused"
UNPAID = "payment_failed"
"""The reason of a cancel that Stripe made by itself after the last retry."""

KEEP_AS_DRAFT = "keep_as_draft"
"""The behaviour of `pause_collection` that comes closest to Stripe's `unpaid`."""

UNSTATED = ClassRule(Reaction.WAIT_FOR_NEW_CARD)
"""For a class an old policy did not know: write, never charge."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps every charge of a case from starting for now; letters go on meanwhile."""

    why: str
    """Part of a sentence for a person."""
    until: datetime | None = None
    """When to look again; None where only the operator can remove it, so no charge is planned."""
    passes_soon: bool = False
    """Whether a person's wish for a charge waits for it, instead of being refused."""
    limit: str = ""
    """The cap that is reached, if that is what it is."""


LETTERS_ONLY = Obstacle("mode letters charges nothing")
"""What `mode: letters` forbids."""


def obstacle_of(mode: Mode) -> Obstacle | None:
    """Return what the mode forbids; a mode that only watches acts on no plan at all."""
    return LETTERS_ONLY if mode is Mode.LETTERS else None


def policy_in(mode: Mode, policy: Policy) -> Policy:
    """Return the policy as *mode* follows it: only `live` does what a person could decide about."""
    return policy if mode is Mode.LIVE else replace(policy, person_decides=())


def is_ending(subscription: SubscriptionReading) -> bool:
    """Return whether a subscription is over or going to be."""
    ending = subscription.cancel_at_period_end or subscription.cancel_at is not None
    return subscription.status in SUBSCRIPTION_OVER or ending


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
    obstacle: Obstacle | None = None
    """What this look has learnt, or the configuration says, against any charge just now."""

    @property
    def never_charged(self) -> bool:
        """Whether the customer pays the invoice by hand, so that no charge is ever made for it."""
        return self.policy.for_sent_invoices or self.invoice.is_sent

    @property
    def charge_obstacle(self) -> Obstacle | None:
        """What keeps every charge from starting: as told, or the customer's own in flight.

        One charge per customer at a time: two at once could both meet the same last money.
        """
        other = self.around.charge_in_flight_in
        if self.obstacle is not None or other is None:
            return self.obstacle
        why = f"a charge of the same customer (C-{other}) has no outcome yet"
        return Obstacle(why, self.now + STILL_IN_FLIGHT)

    @property
    def subscription_ends(self) -> bool:
        """Whether the subscription is over or going to be, as the read just now shows it."""
        return self.invoice.subscription is None or is_ending(self.invoice.subscription)

    @property
    def ended_by_us(self) -> bool:
        """Whether an ending of ours, in this case or another, still holds.

        Staff may undo a pause, or a cancel for the period's end; then the subscription goes on.
        """
        return self.ending_of_ours is not None

    @property
    def ending_of_ours(self) -> AttemptKind | None:
        """The ending of ours that still holds; a cancel stands for both kinds of it."""
        if self.own_cancel_holds or (self.around.ended_by_us and self.subscription_ends):
            return AttemptKind.CANCEL
        ours = (
            kind
            for kind in sorted(SET_ASIDE)
            if self.case.did(frozenset((kind,))) or kind in self.around.set_aside_by_us
        )
        return next((kind for kind in ours if self.shows(kind)), None)

    @property
    def own_cancel_holds(self) -> bool:
        """Whether a cancel of this very case is the one that ends the subscription.

        One for the period's end may have been undone, and what ends it by now be the customer's
        own: Stripe tells when the cancel that it shows was asked for (`store.around` asks the same
        of other cases' cancels). One of Stripe's for the failed payment only came before ours ran
        out.
        """
        subscription = self.invoice.subscription
        shown_since = subscription.canceled_at if subscription is not None else None
        by_stripe = subscription is not None and subscription.cancellation_reason == UNPAID
        return self.subscription_ends and any(
            each.kind is AttemptKind.CANCEL
            or shown_since is None
            or by_stripe
            or shown_since <= (each.asked_at or each.sent_at) + ENDING_REST
            for each in self.case.attempts
            if each.kind in CANCELS and each.state is AttemptState.SUCCEEDED
        )

    def shows(self, kind: AttemptKind) -> bool:
        """Return whether the subscription is as an ending of *kind* leaves it, whoever did it."""
        subscription = self.invoice.subscription
        if subscription is None:
            return kind in CANCELS
        match kind:
            case AttemptKind.CANCEL | AttemptKind.CANCEL_AT_PERIOD_END:
                later = kind is AttemptKind.CANCEL_AT_PERIOD_END
                over = subscription.status in SUBSCRIPTION_OVER
                return over or (later and subscription.cancel_at_period_end)
            case AttemptKind.PAUSE:
                return subscription.status == PAUSED
            case AttemptKind.HOLD_INVOICES:
                # With another behaviour it is somebody else's, for reasons of their own.
                kept = subscription.pause_behavior in {"", KEEP_AS_DRAFT}
                return subscription.collection_paused and kept
            case AttemptKind.DOWNGRADE:
                prices = {item.price_id for item in subscription.items if item.price_id}
                return prices == {self.policy.ending.to_price_id}
            case _:
                return False

    @property
    def method(self) -> PaymentMethodReading | None:
        """The payment method that a charge would use, or None.

        A customer may have set a new card as their own default while the subscription still names
        its old one, which Stripe would go on charging (domain.md 1.2): then the new one is used.
        """
        in_use = method_in_use(self.invoice)
        chosen = self._chosen_elsewhere
        if chosen is None or in_use is None or self._is_untried(in_use):
            return in_use
        return chosen

    @property
    def on_wrong_level(self) -> bool:
        """Whether the method to charge is a new default that Stripe itself would not use."""
        return self.method is not None and self.method != method_in_use(self.invoice)

    @property
    def _chosen_elsewhere(self) -> PaymentMethodReading | None:
        subscription, customer = self.invoice.subscription, self.invoice.customer
        if subscription is None or subscription.default_payment_method is None or customer is None:
            return None
        changed_at, default = self.around.default_changed_at, customer.default_payment_method
        if default is None or changed_at is None or changed_at < self.case.failed_at:
            return None
        return default if default.id != subscription.default_payment_method.id else None

    @property
    def reaction(self) -> ClassRule:
        """What the policy does about the last failure's class."""
        failure = self.case.failure
        if failure is None:
            return UNSTATED
        return self.policy.when_declined.get(failure.decline_class, UNSTATED)

    @property
    def new_card_step(self) -> str:
        """The step name of a try on a new or changed method, or the empty string.

        The name is made of the method (and its change), so the same card is tried at once only
        once, whatever crashes or repeats.
        """
        failure, method = self.case.failure, self.method
        if failure is None or method is None:
            return ""
        if self._is_untried(method):
            return f"new card {method.id}"
        changed_at = self.around.method_changes.get(method.id)
        if changed_at is not None and changed_at > self._known_until(method):
            return f"new card {method.id} of {changed_at:%Y-%m-%d %H:%M:%S}"
        return ""

    def _is_untried(self, method: PaymentMethodReading) -> bool:
        """Return whether nobody has charged this invoice to *method* yet, as far as known."""
        failure = self.case.failure
        if failure is not None and failure.payment_method_id == method.id:
            return False
        ours = {attempt.payment_method_id for attempt in self.case.charges}
        return method.id not in ours | {t.payment_method_id for t in self._tries_of_this_debt}

    def _known_until(self, method: PaymentMethodReading) -> datetime:
        """Return up to when changes of *method* were known to its last try of this invoice."""
        failure = self.case.failure
        if failure is not None and failure.payment_method_id == method.id:
            # Newer than the failed charge, or than what was known at it: Stripe's seconds can tie.
            return min(failure.method_changed_at or failure.failed_at, failure.failed_at)
        ours = [a.sent_at for a in self.case.charges if a.payment_method_id == method.id]
        seen = [t.at for t in self._tries_of_this_debt if t.payment_method_id == method.id]
        return max((*ours, *seen), default=self.case.failed_at)

    def may_back_up(self, method: PaymentMethodReading) -> bool:
        """Return whether *method* can stand in: untried, not expired, with a mandate in force."""
        today = self.now.date()
        expired = method.exp_year > 0 and (method.exp_year, method.exp_month) < (
            today.year,
            today.month,
        )
        mandate_over = method.mandate_status == "inactive"
        return self._is_untried(method) and not expired and not mandate_over

    @property
    def _tries_of_this_debt(self) -> list[NetworkTry]:
        return [each for each in self.around.tries if each.debt == self.debt]

    @property
    def debt(self) -> str:
        """What is owed, as tries name it: the PaymentIntent, else the invoice."""
        return self.invoice.debt

    def allowance(self, method: PaymentMethodReading) -> Allowance:
        """Return when the networks' rules allow the next try of *method* for this invoice."""
        target = self._target(method)
        return allowance(self._known_tries, target, self.limits.networks, now=self.now)

    def stopped_because(self, method: PaymentMethodReading) -> str:
        """Return what forbids *method* until it changes, for staff; empty where nothing does.

        The case's own last failure is left out: while a charge is unknown it may be its decline.
        """
        target, limits = self._target(method), self.limits.networks
        own = {attempt.key for attempt in self.case.charges}
        tries = [each for each in self.around.tries if each.may_be_of not in own]
        bars = ruling(tries, target, limits, now=self.now).bars
        return next((bar.reason for bar in bars if bar.rule == STOP_SIGNAL), "")

    def _target(self, method: PaymentMethodReading) -> Target:
        return Target(
            method=method,
            amount_minor=self.invoice.amount_remaining_minor,
            currency=self.invoice.currency,
            debt=self.debt,
            changed_at=self._changed_at(method),
        )

    def _changed_at(self, method: PaymentMethodReading) -> datetime | None:
        """Return when *method* last changed, after its last failure where both tie in a second."""
        changed_at, failure = self.around.method_changes.get(method.id), self.case.failure
        if changed_at is None or failure is None or failure.payment_method_id != method.id:
            return changed_at
        tied = changed_at == failure.failed_at and changed_at > self._known_until(method)
        return changed_at + timedelta(microseconds=1) if tied else changed_at

    @property
    def _known_tries(self) -> tuple[NetworkTry, ...]:
        """Every try known, also the last failure where no event has told of its charge."""
        failure, tries = self.case.failure, self.around.tries
        if failure is None or not failure.charge_id:
            return tries
        if any(each.charge_id == failure.charge_id and not each.may_be_of for each in tries):
            return tries
        known = [*self.around.methods, *([self.method] if self.method is not None else [])]
        method = next((each for each in known if each.id == failure.payment_method_id), None)
        # Failures that an older release stored have no signals. A network's own code in the place
        # of Stripe's would read as something unknown.
        known_code = find_row(Family.STRIPE_CODE, failure.code) is not None
        by_code = DeclineSignals(decline_code=failure.code if known_code else "")
        untold = NetworkTry(
            at=failure.failed_at,
            made_by=MadeBy.STRIPE,
            payment_method_id=failure.payment_method_id,
            fingerprint=method.fingerprint if method is not None else "",
            brand=method.brand if method is not None else "",
            payment_method_type=method.type if method is not None else "",
            country=method.country if method is not None else "",
            amount_minor=self.invoice.amount_remaining_minor,
            currency=self.invoice.currency,
            debt=self.debt,
            failed=True,
            signals=by_code if failure.signals == NOTHING_SAID else failure.signals,
            charge_id=failure.charge_id,
        )
        return (*tries, untold)


OVER_ALONE = "its amount alone is over the limit"
"""How the reason of a review begins that a higher limit ends."""


def over_alone(at: Situation) -> str:
    """Return why a charge of this invoice can never start, or the empty string.

    It would wait for ever, so it goes to a person; others are not kept waiting by it.
    """
    owed = Money(at.invoice.amount_remaining_minor, at.invoice.currency)
    cap = passed_alone(at.limits, owed)
    return f"{OVER_ALONE} of {cap.said}" if cap is not None else ""


Rule = Callable[[Situation], Decision | None]
"""Looks at a situation and decides, or has nothing to say."""
