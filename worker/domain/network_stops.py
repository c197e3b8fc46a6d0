"""What forbids a card another unattended try: stop signals, waits, authentication, India.

A stop holds for the card, by fingerprint, whoever made the try that earned it, and does not lapse:
only a change of the card or a later success ends it. A network's fee for a stopped card is due
from the first further try (domain.md 2), so nothing here is weighed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from worker.domain.decline_networks import MASTERCARD_WAITS, mastercard_advice, network_stop
from worker.domain.decline_table import Family, row_of
from worker.domain.declines import STRIPE_NEVER_RETRIES
from worker.domain.network_tries import NetworkTry, Target
from worker.domain.network_windows import words
from worker.domain.policy import DeclineClass

AUTHENTICATION_CODE = "authentication_required"
STOPPING_ADVICE = frozenset({"do_not_try_again", "confirm_card_data"})
NOT_THE_CARDS_FAULT = frozenset({DeclineClass.AUTHENTICATION, DeclineClass.SETUP})
"""Classes that may not be retried although nothing is wrong with the card."""
ONE_ATTEMPT_COUNTRY = "IN"
"""Recurring charges of cards issued there are attempted once.

Source: docs.stripe.com/india-recurring-payments (domain.md 1.3 and 2).
"""


STOP_SIGNAL = "stop_signal"
"""The rule by which a decline forbids its card until that changes."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that forbids a try whatever the windows say."""

    rule: str
    reason: str
    behind: tuple[NetworkTry, ...] = ()
    """The tries that caused it."""
    until: datetime | None = None
    """First instant at which it no longer holds; None is never, as the method is now."""

    def holds_at(self, at: datetime) -> bool:
        """Return whether it forbids a try at *at*."""
        return self.until is None or at < self.until


def card_bars(
    card_tries: Sequence[NetworkTry], debt_tries: Sequence[NetworkTry], target: Target
) -> list[Bar]:
    """Return what forbids a card, the lasting first.

    *card_tries* are all tries of this card, *debt_tries* all of this debt, both in order of time.
    """
    bars = india_bars(card_tries, debt_tries, target) + stop_bars(card_tries, target)
    return bars + authentication_bars(card_tries, target) + wait_bars(card_tries)


def stop_bars(same_method: Sequence[NetworkTry], target: Target) -> list[Bar]:
    """Return the newest stop signal that neither a change nor a later success has ended."""
    for tried in reversed(same_method):
        what = stop_signal(tried)
        if what and not _ended(tried, same_method, target):
            thing = "card" if tried.is_card else "account"
            return [Bar(STOP_SIGNAL, f"{what}: not again until the {thing} changes", (tried,))]
    return []


def stop_signal(tried: NetworkTry) -> str:
    """Return the signal by which *tried* forbids its card, in words for staff, or "" if none.

    A network's stop, an advice that stops, Stripe's nine codes, or any class that may not be
    retried; authentication and a wrong set-up say nothing against the card (domain.md 1.4).
    """
    if not tried.answered:
        return ""
    signals, verdict = tried.signals, tried.verdict
    if verdict.network_stopped:
        row = network_stop(
            signals, brand=tried.brand, payment_method_type=tried.payment_method_type
        )
        mastercards = row is not None and row.family is Family.MASTERCARD_ADVICE
        code = row.code if row else ""
        return f"Mastercard advice {code}" if mastercards else f"Visa stop signal {code}"
    if signals.advice_code in STOPPING_ADVICE:
        return f"The issuer's advice {signals.advice_code}"
    never = STRIPE_NEVER_RETRIES - {AUTHENTICATION_CODE}
    for code in (signals.decline_code, signals.code, signals.reason):
        if code in never:
            return f"The decline {code}"
    if verdict.may_retry or verdict.decline_class in NOT_THE_CARDS_FAULT:
        return ""
    return f"The decline {verdict.code}" if verdict.code else "A decline without a known code"


def authentication_bars(same_method: Sequence[NetworkTry], target: Target) -> list[Bar]:
    """Return the newest wish for authentication by this method for this debt, until it changed."""
    for tried in reversed(same_method):
        if tried.debt != target.debt or not tried.failed or changed_since(tried, target):
            continue
        codes = {tried.signals.code, tried.signals.decline_code, tried.signals.reason}
        if (
            AUTHENTICATION_CODE in codes
            or tried.verdict.decline_class is DeclineClass.AUTHENTICATION
        ):
            reason = "The bank asks for authentication: only the customer can confirm this payment"
            return [Bar("authentication", reason, (tried,))]
    return []


def wait_bars(card_tries: Sequence[NetworkTry]) -> list[Bar]:
    """Return the wait of Mastercard's advice 24 to 30 that ends last (domain.md 2).

    Nothing shortens it: not a success, not a changed expiry date. Where the brand is unknown it
    is obeyed as well.
    """
    waits = []
    for tried in card_tries:
        advice = mastercard_advice(tried.signals, tried.brand)
        if tried.failed and advice in MASTERCARD_WAITS:
            wait = row_of(Family.MASTERCARD_ADVICE, advice).wait
            answered_at = max(tried.at, tried.answered_at or tried.at)
            waits.append((answered_at + wait, advice, wait, tried))
    if not waits:
        return []
    until, advice, wait, tried = max(waits, key=lambda found: found[0])
    reason = f"Mastercard advice {advice}: wait {words(wait)}"
    return [Bar("mastercard_wait", reason, (tried,), until)]


def india_bars(
    card_tries: Sequence[NetworkTry], debt_tries: Sequence[NetworkTry], target: Target
) -> list[Bar]:
    """Return the one attempt that a card issued in India gets for a debt, where it was made.

    A try of the same debt with another card issued there is that attempt as well.
    """
    if target.method.country.upper() != ONE_ATTEMPT_COUNTRY:
        return []
    made = [
        tried
        for tried in debt_tries
        if tried.counted and (tried.country.upper() == ONE_ATTEMPT_COUNTRY or tried in card_tries)
    ]
    reason = "A card issued in India is attempted once for each debt"
    return [Bar("india_one_attempt", reason, tuple(made))] if made else []


def changed_since(tried: NetworkTry, target: Target) -> bool:
    """Return whether the target's method is known to have changed after *tried*."""
    return target.changed_at is not None and target.changed_at > tried.at


def _ended(stop: NetworkTry, same_method: Sequence[NetworkTry], target: Target) -> bool:
    succeeded = any(not tried.failed and tried.at > stop.at for tried in same_method)
    return succeeded or changed_since(stop, target)
