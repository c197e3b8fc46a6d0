"""`decide`: what to do about a case, and why. Pure (architecture.md D4).

The rules run in order and the first that has something to say decides. An attempt whose outcome is
open comes first; then the truth about the invoice; then an ending under way; then the policy's
timeline.
"""

from dataclasses import replace

from worker.domain.decisions import Decision
from worker.domain.engine_ending import ending_under_way
from worker.domain.engine_in_flight import unfinished_attempt
from worker.domain.engine_situation import Situation
from worker.domain.engine_timeline import timeline
from worker.domain.engine_truth import TRUTH_RULES, closed_case
from worker.domain.policy import RetriesBy


def decide(at: Situation) -> Decision:
    """Return the one next act for a case, or a wait, with its rule and its reason.

    The case comes with its last failure brought up to date from the invoice, which was read
    moments ago with payment, subscription and customer. Repeating the call with the same
    situation gives the same decision.
    """
    return _with_stripe_seen(at, before_the_timeline(at) or timeline(at))


def before_the_timeline(at: Situation) -> Decision | None:
    """Return what outranks the policy's steps, or None where they decide."""
    return closed_case(at) or unfinished_attempt(at, _with_nothing_in_flight) or _truth(at)


def _with_nothing_in_flight(at: Situation) -> Decision:
    return _truth(at) or timeline(at)


def _truth(at: Situation) -> Decision | None:
    found = (rule(at) for rule in (*TRUTH_RULES, ending_under_way))
    return next((decision for decision in found if decision is not None), None)


def _with_stripe_seen(at: Situation, decision: Decision) -> Decision:
    """Remember that Stripe was seen scheduling a retry, whatever else was decided (D10)."""
    if at.invoice.next_payment_attempt_at is None or at.case.owner is RetriesBy.STRIPE:
        return decision
    return replace(decision, owner=RetriesBy.STRIPE)
