"""What a character is, and the words in which their stories are told."""

from dataclasses import dataclass
from datetime import time
from typing import Any

from worker.rehearsal.population_cards import Scripted
from worker.rehearsal.population_habits import Cue, Do, Habit


@dataclass(frozen=True, slots=True)
class Character:
    """A customer whose story is known beforehand.

    `first_charge_day` counts days from the start to the first renewal or the trial's end.
    `outcomes` are as in population_cards, but `until_days` counts from that first charge.
    """

    name: str
    story: str
    first_charge_day: int
    outcomes: tuple[Scripted, ...] = ()
    then: Scripted = "approve"
    habits: tuple[Habit, ...] = ()
    interval: str = "month"
    plan: str = "Pro"
    brand: str = "visa"
    country: str = ""
    card_country: str = ""
    expires: tuple[int, int] | None = None
    """(year, month) of the card."""
    kind: str = "card"
    """Stripe's type of the payment method."""
    card_of: str = ""
    """The character whose card this one uses, with that one's outcomes; empty is an own card."""
    on_subscription: bool = False
    """Whether the subscription names the method itself, above the customer's default."""
    backup_brand: str = ""
    """The network of a second card on file, which pays; empty is none."""
    trial: bool = False
    subscriptions: int = 1
    email: bool = True
    ends_at: time | None = None
    """The UTC time of day at which the period ends; None is one of the usual ones."""


def declined(code: str, network_code: str = "05", **more: Any) -> dict[str, Any]:
    """Return a decline with Stripe's *code* and the network's."""
    return {"decline_code": code, "network_decline_code": network_code, **more}


def poor(**more: Any) -> dict[str, Any]:
    """Return a decline for want of money."""
    return declined("insufficient_funds", "51", **more)


def poor_for(days: float, **more: Any) -> dict[str, Any]:
    """Return a decline for want of money that ends *days* after the first charge."""
    return poor(advice_code="try_again_later", until_days=days, **more)


def returned(network_code: str, code: str = "insufficient_funds", days: int = 3) -> dict[str, Any]:
    """Return a bank debit that comes back after *days* with the scheme's code."""
    return declined(code, network_code, processing_days=days)


def on_letter(do: Do, nth: int = 1, after_hours: int = 5) -> Habit:
    """Return what is done some hours after the *nth* letter about an unpaid invoice."""
    return Habit(Cue.LETTER, do, nth, after_hours)


def on_failure(do: Do, after_hours: int, nth: int = 1) -> Habit:
    """Return what is done some hours after the *nth* failed charge."""
    return Habit(Cue.FAILURE, do, nth, after_hours)
