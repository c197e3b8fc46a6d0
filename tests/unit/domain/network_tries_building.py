"""Tries, targets and cards for the tests of network rules, one line each.

Unless a test says otherwise, all is one German Visa card and one debt of 49.00 EUR, and `NOW` is
a Sunday noon.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from worker.domain.network_rules import Allowance, MadeBy, NetworkTry, Target, allowance
from worker.domain.policy import NetworkLimits
from worker.domain.readings import DeclineSignals, PaymentMethodReading

NOW = datetime(2026, 12, 6, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
NO_MONEY = DeclineSignals(code="card_declined", decline_code="insufficient_funds")
LIMITS = NetworkLimits()


def ago(**offset: float) -> datetime:
    """Return the instant *offset* before `NOW`: `ago(days=3)`."""
    return NOW - timedelta(**offset)


def signals(**said: str) -> DeclineSignals:
    """Return what a failed charge said."""
    return DeclineSignals(**said)


def tried(at: datetime, said: DeclineSignals = NO_MONEY, **changes: Any) -> NetworkTry:
    """Return a failed try of Stripe's at *at*, with *changes*."""
    base = NetworkTry(
        at=at,
        made_by=MadeBy.STRIPE,
        payment_method_id="pm_a",
        fingerprint="card_a",
        brand="visa",
        payment_method_type="card",
        country="DE",
        amount_minor=4900,
        currency="eur",
        debt="pi_1",
        failed=True,
        signals=said,
    )
    return replace(base, **changes)


def paid(at: datetime, **changes: Any) -> NetworkTry:
    """Return a try that took the money."""
    return tried(at, DeclineSignals(), failed=False, **changes)


def card(**changes: Any) -> PaymentMethodReading:
    """Return the payment method."""
    base = PaymentMethodReading(
        id="pm_a", type="card", brand="visa", fingerprint="card_a", country="DE"
    )
    return replace(base, **changes)


def target(method: PaymentMethodReading | None = None, **changes: Any) -> Target:
    """Return the try that the worker wishes to make."""
    return replace(Target(method or card(), 4900, "eur", "pi_1"), **changes)


def ask(
    tries: list[NetworkTry],
    wish: Target | None = None,
    *,
    limits: NetworkLimits = LIMITS,
    now: datetime = NOW,
) -> Allowance:
    """Return the answer for *wish*, by default one more try of the same."""
    return allowance(tries, wish or target(), limits, now=now)


def every_hour(
    count: int, newest: datetime, said: DeclineSignals = NO_MONEY, **changes: Any
) -> list[NetworkTry]:
    """Return *count* tries an hour apart, the newest first."""
    return [tried(newest - timedelta(hours=back), said, **changes) for back in range(count)]
