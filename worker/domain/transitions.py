"""The state table of a case, as data; README prints it and a test compares the two.

`MOVES` lists every allowed change. `END_STATES` tells, per outcome, whether Stripe goes on
invoicing, what access the customer has and what reopens the case (architecture.md 6).
"""

from dataclasses import dataclass

from worker.domain.case import CaseState, Outcome
from worker.errors import InvariantBroken

MOVES: frozenset[tuple[CaseState, CaseState]] = frozenset(
    (
        (CaseState.OPEN, CaseState.HELD),
        (CaseState.OPEN, CaseState.IN_REVIEW),
        (CaseState.OPEN, CaseState.CLOSED),
        (CaseState.HELD, CaseState.OPEN),
        (CaseState.HELD, CaseState.IN_REVIEW),
        (CaseState.HELD, CaseState.CLOSED),
        (CaseState.IN_REVIEW, CaseState.OPEN),
        (CaseState.IN_REVIEW, CaseState.HELD),
        (CaseState.IN_REVIEW, CaseState.CLOSED),
        (CaseState.CLOSED, CaseState.OPEN),
        (CaseState.CLOSED, CaseState.IN_REVIEW),
    )
)


@dataclass(frozen=True, slots=True)
class EndState:
    """What a closed case means for the people around it."""

    outcome: Outcome
    stripe_goes_on: str
    access: str
    reopened_by: str


END_STATES: tuple[EndState, ...] = (
    EndState(Outcome.RECOVERED, "yes", "full", "the payment is returned or charged back"),
    EndState(
        Outcome.RECOVERED_LATE,
        "as after the end that came before the payment",
        "as after the end that came before the payment",
        "the payment is returned or charged back",
    ),
    EndState(
        Outcome.ENDED,
        "no after `cancel` and `pause`; as drafts that nobody collects after `hold_invoices`; "
        "yes, at the new price, after `downgrade`; yes after `leave`",
        "none after `cancel` and `pause`; as your application treats unpaid customers after "
        "`hold_invoices`; of the new price after `downgrade`; full after `leave`",
        "a payment within 30 days makes it `recovered_late`; a person undoes a pause, a hold or a "
        "downgrade, in Stripe's Dashboard",
    ),
    EndState(
        Outcome.CUSTOMER_CANCELLED,
        "no, or until the period ends",
        "until the period ends",
        "a payment makes it `recovered_late`; the cancel is undone while the invoice is open",
    ),
    EndState(Outcome.PAID_ON_TIME, "yes", "full", "the payment is returned or charged back"),
    EndState(Outcome.VOIDED, "yes", "full", "nothing"),
    EndState(Outcome.WRITTEN_OFF, "yes", "full", "a payment makes it `recovered_late`"),
    EndState(Outcome.CLOSED_BY_HAND, "yes", "full", "a payment makes it `recovered_late`"),
)


def check_move(before: CaseState, after: CaseState) -> None:
    """Refuse a change of state that the table does not list. Raises: InvariantBroken."""
    if before is not after and (before, after) not in MOVES:
        raise InvariantBroken(f"a case cannot go from {before} to {after}")
