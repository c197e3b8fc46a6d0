"""What a letter says, before anybody words it: plain values, formatted by `worker.mail`."""

from dataclasses import dataclass
from datetime import datetime

from worker.domain.money import Money
from worker.domain.offers import Offer
from worker.domain.policy import DeclineClass, EndingAct
from worker.domain.readings import CustomerReading, InvoiceReading, PaymentMethodReading

CLOSING_NOTICES = frozenset(
    ("payment_recovered", "subscription_ended", "subscription_paused", "subscription_downgraded")
)
"""Letters that are right only after their case has closed; all others only before."""
ENDING_NOTICES = CLOSING_NOTICES - {"payment_recovered"}
"""Those of them that tell what became of the subscription, because nobody paid."""


@dataclass(frozen=True, slots=True)
class LetterContent:
    """Everything a letter may mention; None and empty where it does not apply.

    Instants are aware UTC; the mail package turns them into days of the customer's zone.
    """

    notice: str
    customer: CustomerReading
    now: datetime
    amount: Money | None = None
    invoices: tuple[InvoiceReading, ...] = ()
    """Every unpaid invoice the letter is about, oldest first; the first is the case's own."""
    method: PaymentMethodReading | None = None
    decline_class: DeclineClass | None = None
    plan_name: str = ""
    failed_at: datetime | None = None
    next_try_at: datetime | None = None
    ends_at: datetime | None = None
    """When the subscription is cancelled if nobody pays; at most one of these three is set."""
    pauses_at: datetime | None = None
    """The same, where it is paused or its new invoices are held back."""
    downgrades_at: datetime | None = None
    """The same, where it moves to another price."""
    undecided: EndingAct | None = None
    """What may become of the subscription where a person decides about it: then none of the three
    instants is set, since nobody can promise one."""
    held_at: datetime | None = None
    """Since when new invoices are held back, in a letter that says so."""
    ended_at: datetime | None = None
    """When the ending took effect, or was asked for where the subscription runs on."""
    runs_until: datetime | None = None
    """When it takes effect where that is still to come, in a letter that tells of a cancel."""
    goes_on: bool = False
    """Whether the subscription goes on as it was: not over, going to be, paused or moved by us."""
    paid_at: datetime | None = None
    renews_at: datetime | None = None
    renews_until: datetime | None = None
    trial_ends_at: datetime | None = None
    offer: Offer | None = None
    """What the letter's step gave the customer."""
