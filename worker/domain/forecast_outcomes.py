"""What an act counts as having brought about, in a forecast: the next situation after it.

Charges are declined, endings are done, letters are accepted; nothing else in the world moves.
"""

from dataclasses import replace
from datetime import timedelta

from worker.domain.case import (
    INVOICE_ENDS,
    SUBSCRIPTION_ENDS,
    Attempt,
    AttemptKind,
    AttemptState,
    CaseLetter,
    CaseState,
    StepRecord,
)
from worker.domain.decisions import Decision, Resend, SettleAttempt
from worker.domain.decline_table import Family, find_row
from worker.domain.declined_try import declined_try
from worker.domain.engine_situation import KEEP_AS_DRAFT, PAUSED, Situation
from worker.domain.identifiers import idempotency_key
from worker.domain.network_tries import NetworkTry
from worker.domain.offers import coupon_step
from worker.domain.readings import (
    DeclineSignals,
    DiscountReading,
    PaymentMethodReading,
    SubscriptionReading,
)


def with_case(at: Situation, **changes: object) -> Situation:
    """Return *at* with fields of its case changed."""
    return replace(at, case=replace(at.case, **changes))  # type: ignore[arg-type]


def with_around(at: Situation, **changes: object) -> Situation:
    """Return *at* with fields of its surroundings changed."""
    return replace(at, around=replace(at.around, **changes))  # type: ignore[arg-type]


def with_letter(at: Situation, letter: CaseLetter) -> Situation:
    """Return *at* with one letter added, or replaced by its id."""
    rest = tuple(each for each in at.case.letters if each.id != letter.id)
    return with_case(at, letters=(*rest, letter))


def with_attempt(at: Situation, attempt: Attempt) -> Situation:
    """Return *at* with one attempt added, or replaced by its number."""
    rest = tuple(each for each in at.case.attempts if each.no != attempt.no)
    return with_case(at, attempts=(*rest, attempt))


def with_done(at: Situation, step: str) -> Situation:
    """Return *at* with *step* done; what is recorded stays."""
    if at.case.record(step) is not None:
        return at
    return with_case(at, steps=(*at.case.steps, StepRecord(step, True, at.now)))


def recorded(at: Situation, decision: Decision) -> Situation:
    """Return *at* with what every decision leaves on its case: skips, owner, stand-down."""
    case = at.case
    skipped = tuple(
        StepRecord(skip.step, False, at.now, skip.reason)
        for skip in decision.skips
        if case.record(skip.step) is None
    )
    return with_case(
        at,
        steps=(*case.steps, *skipped),
        owner=decision.owner or case.owner,
        stood_down_at=case.stood_down_at or (at.now if decision.stands_down else None),
    )


def new_attempt(at: Situation, kind: AttemptKind, step: str, method_id: str = "") -> Attempt:
    """Return the case's next attempt, as sent now."""
    no = at.case.next_no
    return Attempt(
        no=no,
        kind=kind,
        step=step,
        key=idempotency_key(at.case.invoice_id, no),
        state=AttemptState.SENDING,
        amount_minor=at.invoice.amount_remaining_minor,
        currency=at.case.currency,
        payment_method_id=method_id,
        sent_at=at.now,
        first_sent_at=at.now,
    )


def method_called(at: Situation, method_id: str) -> PaymentMethodReading | None:
    """Return the customer's payment method of that id, as far as known."""
    known = [*at.around.methods, *([at.method] if at.method is not None else [])]
    return next((each for each in known if each.id == method_id), None)


def declined(at: Situation, attempt: Attempt) -> Situation:
    """Return *at* after *attempt* was declined now, for the very reason of the last failure."""
    known = at.case.failure
    tried = _as_try(at, attempt)
    failure = known
    if known is not None:
        waits = known.retry_not_before
        failure = replace(
            known,
            charge_id=tried.charge_id,
            failed_at=at.now,
            payment_method_id=attempt.payment_method_id,
            method_changed_at=at.around.method_changes.get(attempt.payment_method_id),
            retry_not_before=at.now + (waits - known.failed_at) if waits else None,
        )
    after = with_around(
        with_case(at, failure=failure),
        last_try_at=at.now,
        tries=(*at.around.tries, tried),
        retry_request=None,
        approval=None,
        key_age=timedelta(),
    )
    settled = replace(
        attempt,
        state=AttemptState.DECLINED,
        settled_at=at.now,
        decline_class=known.decline_class if known is not None else None,
    )
    return with_done(with_attempt(after, settled), attempt.step)


def _as_try(at: Situation, attempt: Attempt) -> NetworkTry:
    """Return the declined attempt as the network ledger would know it."""
    method, known = method_called(at, attempt.payment_method_id), at.case.failure
    charge_id = known.charge_id if known is not None else ""
    told = (each.signals for each in at.around.tries if charge_id and each.charge_id == charge_id)
    # A network's own code in the place of Stripe's would read as something unknown.
    stripes = known is not None and find_row(Family.STRIPE_CODE, known.code) is not None
    untold = DeclineSignals(decline_code=known.code if known is not None and stripes else "")
    return declined_try(
        attempt,
        method,
        debt=at.debt,
        signals=next(told, untold),
        charge_id=f"planned {at.case.id} {attempt.no}",
    )


def ended(at: Situation, attempt: Attempt) -> Situation:
    """Return *at* after an ending went through, with what invoice and subscription then show."""
    after = with_attempt(at, replace(attempt, state=AttemptState.SUCCEEDED, settled_at=at.now))
    invoice, kind = at.invoice, attempt.kind
    step = at.policy.step(coupon_step(attempt.step)) if kind is AttemptKind.COUPON else None
    if step is not None and step.offer is not None and invoice.subscription is not None:
        given = DiscountReading(f"planned {at.case.id}", step.offer.coupon)
        discounts = (*invoice.subscription.discounts, given)
        subscription = replace(invoice.subscription, discounts=discounts)
        return replace(after, invoice=replace(invoice, subscription=subscription))
    if kind in SUBSCRIPTION_ENDS and invoice.subscription is not None:
        subscription = _as_left_by(at, kind, invoice.subscription)
        return replace(after, invoice=replace(invoice, subscription=subscription))
    if kind in INVOICE_ENDS:
        status = "void" if kind is AttemptKind.VOID else "uncollectible"
        return replace(after, invoice=replace(invoice, status=status))
    return after


def _as_left_by(
    at: Situation, kind: AttemptKind, before: SubscriptionReading
) -> SubscriptionReading:
    """Return the subscription as an ending of *kind* leaves it."""
    match kind:
        case AttemptKind.CANCEL:
            return replace(
                before, status="canceled", cancel_at_period_end=False, canceled_at=at.now
            )
        case AttemptKind.CANCEL_AT_PERIOD_END:
            return replace(before, cancel_at_period_end=True, canceled_at=at.now)
        case AttemptKind.PAUSE:
            return replace(before, status=PAUSED)
        case AttemptKind.HOLD_INVOICES:
            return replace(before, collection_paused=True, pause_behavior=KEEP_AS_DRAFT)
        case _:
            moved = at.policy.ending.to_price_id
            items = tuple(replace(item, price_id=moved) for item in before.items)
            return replace(before, items=items)


def settled_by(at: Situation, act: Resend | SettleAttempt) -> Situation:
    """Return *at* after what was under way came out: as the invoice shows, else as if asked again.

    A charge whose answer is unknown counts as declined once it is asked about, an ending as done.
    """
    attempt = next(each for each in at.case.attempts if each.no == act.no)
    charge = attempt.kind is AttemptKind.CHARGE
    if isinstance(act, Resend):
        return declined(at, attempt) if charge else ended(at, attempt)
    if act.succeeded and not charge:
        return ended(at, attempt)
    failure = at.case.failure
    of_class = failure.decline_class if failure is not None else None
    was_declined = act.outcome is AttemptState.DECLINED
    settled = replace(attempt, state=act.outcome, decline_class=of_class if was_declined else None)
    after = with_attempt(at, settled)
    if charge and act.outcome is not AttemptState.ABANDONED:
        after = with_done(after, attempt.step)
    lost = attempt.state is AttemptState.SENDING and not act.succeeded
    released = at.case.state is CaseState.IN_REVIEW and lost
    return with_case(after, state=CaseState.OPEN) if released else after
