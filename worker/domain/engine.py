"""`decide`: what to do about a case, and why. Pure (architecture.md D4).

The rules run in order and the first that has something to say decides. Truth about the invoice
comes before everything; then an ending under way; then the policy's timeline.
"""

from dataclasses import replace
from datetime import datetime

from worker.domain.case import Case, Surroundings
from worker.domain.decisions import Decision
from worker.domain.engine_ending import ending_under_way
from worker.domain.engine_situation import Situation
from worker.domain.engine_timeline import timeline
from worker.domain.engine_truth import TRUTH_RULES
from worker.domain.policy import Limits, Policy, RetriesBy
from worker.domain.readings import InvoiceReading


def decide(
    case: Case,
    invoice: InvoiceReading,
    around: Surroundings,
    policy: Policy,
    *,
    limits: Limits,
    office_zone: str,
    now: datetime,
) -> Decision:
    """Return the one next act for *case*, or a wait, with its rule and its reason.

    Args: case: with its last failure brought up to date from *invoice*; invoice: read moments
    ago, with payment, subscription and customer; now: business time, aware UTC.
    Repeating the call with the same arguments gives the same decision.
    """
    at = Situation(case, invoice, around, policy, limits, office_zone, now)
    for rule in (*TRUTH_RULES, ending_under_way):
        decision = rule(at)
        if decision is not None:
            return _with_stripe_seen(at, decision)
    return _with_stripe_seen(at, timeline(at))


def _with_stripe_seen(at: Situation, decision: Decision) -> Decision:
    """Remember that Stripe was seen scheduling a retry, whatever else was decided (D10)."""
    if at.invoice.next_payment_attempt_at is None or at.case.owner is RetriesBy.STRIPE:
        return decision
    return replace(decision, owner=RetriesBy.STRIPE)
