"""Give a case to a person: what it is called, and which letters and wishes no longer fit."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from worker.domain.case import NOT_CLOSED, CaseState
from worker.domain.decisions import Review
from worker.domain.facts import Fact
from worker.ports import CaseChange, Tx
from worker.services.case_turn import Turn
from worker.services.queue_letter import suppressed_fact

PAYMENTS = "https://dashboard.stripe.com/{}payments/{}"
TO_REFUND = "the payment is to be refunded"


def to_review(turn: Turn, review: Review, change: CaseChange) -> tuple[Review, CaseChange]:
    """Return the review with the link that a person follows, and what it changes on the case.

    A closed case comes out of its close; whatever is undone moves by the time it was closed.
    """
    reason = review.reason
    if review.refund_of:
        reason = f"{reason} ({_link(turn, review.refund_of)})"
    was_closed = turn.case.state is CaseState.CLOSED
    moved = replace(
        change,
        state=CaseState.IN_REVIEW,
        reason=reason,
        reopened=was_closed,
        goes_on=was_closed,
    )
    return replace(review, reason=reason), moved


def _link(turn: Turn, payment_id: str) -> str:
    with turn.ports.ledger.begin() as tx:
        control = tx.control.read()
    live = control is not None and control.live
    return PAYMENTS.format("" if live else "test/", payment_id)


def refund_first(turn: Turn, review: Review) -> Callable[[Tx], Sequence[Fact]] | None:
    """Return what the proposal of a refund undoes; None: the review proposes none.

    Letters that thank for the money are dropped, and who wished the case closed, when it was not
    known that money had moved, has to wish it again.
    """
    if not review.refund_of:
        return None

    def undo(tx: Tx) -> Sequence[Fact]:
        tx.acts.answer_close(turn.case.id, answer=f"{NOT_CLOSED}{TO_REFUND}", now=turn.now)
        dropped = tx.letters.suppress_queued(turn.case.id, reason=TO_REFUND)
        return [suppressed_fact(turn, each, TO_REFUND) for each in dropped]

    return undo
