"""Debts too small to be dunned: written off as soon as it is clear who retries the invoice.

No letter, no charge and no ending come of them; the subscription goes on.
"""

from worker.domain.case import AttemptState, Outcome
from worker.domain.decisions import Close, Decision, End
from worker.domain.engine_ending import invoice_end_kind
from worker.domain.engine_situation import Situation
from worker.domain.money import Money

SMALL_BALANCE = "small balance"
"""What the steps of such requests begin with, apart from those of an ending."""


def small_balance_due(at: Situation) -> Decision | None:
    """Write the invoice off instead of dunning it, where less remains than the policy asks for."""
    small, invoice = at.policy.small_balance, at.invoice
    below_minor = small.below_minor.get(invoice.currency) if small is not None else None
    if small is None or below_minor is None or invoice.status != "open":
        return None
    if not 0 < invoice.amount_remaining_minor < below_minor:
        return None
    if at.case.due_at is not None and at.now < at.case.due_at:
        return None  # nobody is late yet with an invoice that is paid by hand
    kind = invoice_end_kind(small.invoice)
    if kind is None:
        return None
    left = _said(invoice.amount_remaining_minor, invoice.currency)
    limit = _said(below_minor, invoice.currency)
    return Decision(
        End(kind, SMALL_BALANCE),
        "small_balance",
        f"Only {left} is left to pay, less than {limit}: it is written off, not dunned.",
    )


def small_balance_written_off(at: Situation) -> Decision | None:
    """Close the case whose small debt was written off: nothing else follows from it."""
    done = (
        each
        for each in at.case.attempts
        if each.step.startswith(SMALL_BALANCE) and each.state is AttemptState.SUCCEEDED
    )
    attempt = next(done, None)
    if attempt is None:
        return None
    left = _said(attempt.amount_minor, attempt.currency)
    return Decision(
        Close(Outcome.WRITTEN_OFF, f"a small balance: only {left} was left to pay"),
        "small_balance",
        f"Only {left} was left to pay: the invoice is written off and the subscription goes on.",
    )


def _said(amount_minor: int, currency: str) -> str:
    return f"{Money(amount_minor, currency).major} {currency.upper()}"
