"""What a subscription's changes mean for recurring revenue: the movements of its life, folded.

`told` is what has been told so far; each state of the subscription may add a movement. MRR is that
of `active` and `past_due` (domain.md 5.2, docs.stripe.com/billing/subscriptions/analytics/glossary)
without pauses: a paused subscription brings nothing, however it is paused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from worker.domain.metrics_rules import ChurnAt, MetricsRules
from worker.domain.policy import DeclineClass
from worker.domain.readings import SubscriptionReading

COUNTED = frozenset(("active", "past_due"))
OWING = "past_due"
UNPAID = "unpaid"
GONE = frozenset(("canceled", UNPAID, "incomplete_expired"))
WITHOUT_MRR = frozenset(("trialing", "incomplete", "paused"))
"""Statuses that bring no revenue and end nothing; one that is not known changes nothing."""
PAYMENT_FAILED = "payment_failed"
INVOLUNTARY_REASONS = frozenset((PAYMENT_FAILED, "payment_disputed", UNPAID))
CONSENT_WITHDRAWN = DeclineClass.CONSENT_WITHDRAWN.value
"""Why it ended where the customer told the bank to stop; Stripe has no word for that."""
RECOVERED_LATE_WITHIN = timedelta(days=30)
"""Who pays this long after a loss was recovered late; later they came back (domain.md 5.2)."""


@dataclass(frozen=True, slots=True)
class Told:
    """What has been told of a subscription: `""`, `started`, `paused` or `churned`."""

    state: str = ""
    mrr_minor: int = 0
    churned_at: datetime | None = None
    churn_kind: str = ""
    owing_since: datetime | None = None
    """Since when it has been past due without a break."""


@dataclass(frozen=True, slots=True)
class Context:
    """What is known beside the subscription's own state."""

    ended_by_us: bool = False
    """Whether the ending of a case of ours cancelled it."""
    in_dunning: bool = False
    consent_withdrawn: bool = False
    """Whether the customer told the bank to stop the payments of such a case."""
    counts_as_voluntary: bool = False
    """Whether the policy of such a case counts that as the customer's own decision."""
    paused_by: str = ""
    """Who paused it, if it is paused: `customer`, `staff` or `payment`."""


@dataclass(frozen=True, slots=True)
class Dunned:
    """A case of a subscription, as it is when the subscription ends."""

    is_open: bool
    ended_by_us: bool
    decline_class: DeclineClass
    policy_digest: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A subscription as one event, or one read, shows it."""

    subscription: SubscriptionReading
    at: datetime
    occasion: str
    """What tells this look from another: the event's id."""
    value_minor: int
    """What it is worth a month if it counts (mrr.subscription_mrr)."""
    context: Context = Context()


@dataclass(frozen=True, slots=True)
class Movement:
    """One change of what a subscription brings."""

    type: str
    at: datetime
    occasion: str
    mrr_minor: int
    """After it."""
    mrr_delta_minor: int
    detail: Mapping[str, object] = field(default_factory=dict)
    """What its kind of fact tells beside the money."""


def fold_subscription(told: Told, seen: Seen, rules: MetricsRules) -> tuple[Told, list[Movement]]:
    """Return what is told after this look at the subscription, and the movements it brings."""
    told, movements = fold_grace(told, until=seen.at, rules=rules, context=seen.context)
    subscription = seen.subscription
    owing = subscription.status == OWING
    if not owing:
        told = replace(told, owing_since=None)
    elif told.owing_since is None:
        told = replace(told, owing_since=seen.at)
    next_told, movement = _next(told, seen, rules)
    return next_told, movements if movement is None else [*movements, movement]


def fold_grace(
    told: Told, *, until: datetime, rules: MetricsRules, context: Context
) -> tuple[Told, list[Movement]]:
    """Return what is told once time has passed, and the loss if the grace ended before *until*."""
    since = told.owing_since
    if rules.churn_at is not ChurnAt.GRACE_END or since is None or told.state != "started":
        return told, []
    over_at = since + rules.grace
    if over_at >= until:
        return told, []
    occasion = f"grace since {since.isoformat()}"
    after, movement = _lost(told, over_at, occasion, _for_payment(rules, context, in_dunning=True))
    return after, [movement]


def _next(told: Told, seen: Seen, rules: MetricsRules) -> tuple[Told, Movement | None]:
    """Return the state after *seen* and the one movement that leads there, if any."""
    subscription = seen.subscription
    if subscription.status in GONE:
        if told.state in {"", "churned"}:
            return told, None
        detail = _churn(subscription, seen.context, rules)
        return _lost(told, seen.at, seen.occasion, detail)
    if subscription.collection_paused or subscription.status == "paused":
        if told.state != "started":
            return told, None
        by = {"by": seen.context.paused_by}
        return _moved("paused", told, seen, "subscription.paused", 0, by)
    if subscription.status in WITHOUT_MRR:
        return _valued(told, seen, 0) if told.state in {"started", "paused"} else (told, None)
    if subscription.status not in COUNTED:
        return told, None
    if subscription.status == OWING and _owing_is_lost(told, seen, rules):
        if told.state in {"", "churned"}:
            return told, None
        detail = _for_payment(rules, seen.context, in_dunning=seen.context.in_dunning)
        return _lost(told, seen.at, seen.occasion, detail)
    return _valued(told, seen, seen.value_minor)


def _owing_is_lost(told: Told, seen: Seen, rules: MetricsRules) -> bool:
    """Whether a subscription that owes counts as lost already."""
    if rules.churn_at is ChurnAt.FIRST_FAILURE:
        return True
    if rules.churn_at is not ChurnAt.GRACE_END or told.owing_since is None:
        return False
    return told.owing_since + rules.grace < seen.at


def _valued(told: Told, seen: Seen, value: int) -> tuple[Told, Movement | None]:
    """Return the movement that makes the subscription count with *value*."""
    if told.state == "started":
        delta = value - told.mrr_minor
        if delta == 0:
            return told, None
        kind = "subscription.expanded" if delta > 0 else "subscription.contracted"
        return _moved("started", told, seen, kind, value, {})
    if told.state == "paused":
        return _moved("started", told, seen, "subscription.resumed", value, {})
    if told.state == "churned":
        return _moved("started", told, seen, "subscription.reactivated", value, _back(told, seen))
    return _moved("started", told, seen, "subscription.started", value, {})


def _back(told: Told, seen: Seen) -> dict[str, object]:
    """Tell somebody who paid a debt late from somebody who came back."""
    lost_at = told.churned_at
    soon = lost_at is not None and seen.at - lost_at <= RECOVERED_LATE_WITHIN
    paid_late = soon and told.churn_kind == "involuntary"
    return {
        "kind": "recovered_late" if paid_late else "returned",
        "churned_at": lost_at.isoformat() if lost_at is not None else "",
    }


def _moved(
    state: str, told: Told, seen: Seen, kind: str, mrr: int, detail: Mapping[str, object]
) -> tuple[Told, Movement]:
    movement = Movement(kind, seen.at, seen.occasion, mrr, mrr - told.mrr_minor, detail)
    after = replace(told, state=state, mrr_minor=mrr, churned_at=None, churn_kind="")
    return after, movement


def _lost(
    told: Told, at: datetime, occasion: str, detail: Mapping[str, object]
) -> tuple[Told, Movement]:
    movement = Movement("subscription.churned", at, occasion, 0, -told.mrr_minor, detail)
    kind = str(detail["kind"])
    return replace(told, state="churned", mrr_minor=0, churned_at=at, churn_kind=kind), movement


def _for_payment(rules: MetricsRules, context: Context, *, in_dunning: bool) -> dict[str, object]:
    """What a loss tells that is counted before Stripe ends anything."""
    return {
        "kind": _kind_unpaid(context),
        "reason": CONSENT_WITHDRAWN if context.consent_withdrawn else PAYMENT_FAILED,
        "feedback": "",
        "during_dunning": in_dunning,
        "consent_withdrawn": context.consent_withdrawn,
        "churn_at": rules.churn_at.value,
    }


def _churn(
    subscription: SubscriptionReading, context: Context, rules: MetricsRules
) -> dict[str, object]:
    """Tell a customer's own decision from a payment that failed (domain.md 5.2).

    What ended for a failed payment, by us or by Stripe, is involuntary, but where the policy counts
    a withdrawn consent as the customer's decision. What the customer ended, also during dunning, is
    voluntary. Who is `unpaid` is lost for that, though a cancel was asked for at the period's end.
    """
    reason = subscription.cancellation_reason or subscription.status
    if subscription.status == UNPAID:
        reason = UNPAID
    unpaid = context.ended_by_us or reason in INVOLUNTARY_REASONS
    withdrawn = unpaid and context.consent_withdrawn
    if withdrawn:
        reason = CONSENT_WITHDRAWN
    elif context.ended_by_us:  # at Stripe it looks like any cancel that was asked for
        reason = PAYMENT_FAILED
    return {
        "kind": _kind_unpaid(context) if unpaid else "voluntary",
        "reason": reason,
        "feedback": subscription.cancellation_feedback,
        "during_dunning": context.in_dunning,
        "consent_withdrawn": withdrawn,
        "churn_at": rules.churn_at.value,
    }


def _kind_unpaid(context: Context) -> str:
    return "voluntary" if context.counts_as_voluntary else "involuntary"


def expected_mrr(
    subscription: SubscriptionReading, value_minor: int, rules: MetricsRules
) -> tuple[int, ...] | None:
    """Return what facts may tell of a subscription as it stands; None where nobody can say.

    Args: value_minor: what it is worth a month if it counts.
    """
    status = subscription.status
    still = subscription.collection_paused or status == "paused"
    if status in GONE | WITHOUT_MRR or still:
        return (0,)
    if status == OWING and rules.churn_at is not ChurnAt.TERMINAL_STATE:
        in_grace = rules.churn_at is ChurnAt.GRACE_END
        return (0, value_minor) if in_grace else (0,)
    return (value_minor,) if status in COUNTED else None
