"""What a due letter would say, from objects read moments ago, or that it is needed no more."""

from dataclasses import replace
from datetime import datetime, timedelta

from worker.domain.calendar_letters import card_named
from worker.domain.case import AttemptKind, Case
from worker.domain.customer_discount import as_billed
from worker.domain.due_dates import with_due_date
from worker.domain.engine_charging import plan_charge, settle_owner
from worker.domain.engine_ending import ended_by_us_at, expected_end
from worker.domain.engine_queued_letter import Against, against_letter
from worker.domain.engine_situation import PAUSED, SUBSCRIPTION_OVER, Situation, obstacle_of
from worker.domain.money import Money
from worker.domain.notices import CLOSING_NOTICES, ENDING_NOTICES, LetterContent
from worker.domain.policy import DeclineClass, EndingAct, PersonDecides, Policy
from worker.domain.policy_text import from_plain
from worker.domain.readings import (
    CustomerReading,
    InvoiceReading,
    SubscriptionReading,
    method_in_use,
)
from worker.ports import LetterTask
from worker.services.case_turn import CasePorts
from worker.services.give_days import with_days

HELD = frozenset((AttemptKind.HOLD_INVOICES,))
PAUSES = frozenset((EndingAct.PAUSE, EndingAct.HOLD_INVOICES))
"""Endings that a letter announces as a pause."""


class NotNeededError(Exception):
    """The letter would be wrong now; its text is the reason that is recorded."""


class NotNowError(Exception):
    """The letter's case ends or stands still, as the engine would say by now."""

    def __init__(self, against: Against) -> None:
        """Keep what is against the letter."""
        super().__init__(against.why)
        self.against = against


def read_content(letter: LetterTask, *, ports: CasePorts, now: datetime) -> LetterContent:
    """Return the letter's content.

    Raises: NotNeededError, NotNowError, GatewayUnavailable, GatewayRejected.
    """
    if letter.case_id is not None:
        return _of_case(letter, letter.case_id, ports, now)
    return _of_calendar(letter, ports, now)


def _of_case(letter: LetterTask, case_id: int, ports: CasePorts, now: datetime) -> LetterContent:
    invoice = ports.stripe.read_invoice(letter.invoice_id)
    with ports.ledger.begin() as tx:
        case = tx.cases.load(case_id)
        if case is None:
            raise NotNeededError("the case is gone")
        case = with_due_date(case, invoice)
        around = tx.cases.surroundings(case, invoice, now=now, wall_now=ports.clock.wall_now())
        text = tx.control.policy(case.policy_digest)
        given = tx.offers.of_step(case_id, letter.step)
    rules = ports.configuration.dunning
    policy = from_plain(text) if text is not None else rules.policies[-1]
    _check_due_date(letter, case, policy, now)
    at = Situation(
        case,
        invoice,
        around,
        policy,
        rules.limits,
        rules.office_zone,
        now,
        obstacle_of(rules.mode),
    )
    _check_case_letter(letter, at)
    at, offer = with_days(at, letter, given)
    closing = letter.notice in CLOSING_NOTICES
    goes_on, over_at, done_at = _goes_on(at), _over_at(at), ended_by_us_at(case)
    runs_on = closing and over_at is not None and over_at > now
    others = [] if closing else _followers(case, ports)
    content = LetterContent(
        notice=letter.notice,
        customer=_customer(invoice),
        now=now,
        amount=_amount(letter.notice, case, invoice),
        invoices=(invoice, *others),
        method=method_in_use(invoice) if case.due_at is None else None,
        failed_at=case.failed_at if case.due_at is None else None,
        decline_class=_reason_told(case),
        paid_at=invoice.paid_at or case.closed_at,
        ended_at=done_at if runs_on else over_at,
        runs_until=over_at if runs_on else None,
        held_at=done_at if case.did(HELD) else None,
        goes_on=goes_on,
        renews_at=invoice.subscription.period_end_at if invoice.subscription and goes_on else None,
    )
    return content if closing else replace(_with_what_comes(content, at), offer=offer)


def _with_what_comes(content: LetterContent, at: Situation) -> LetterContent:
    """Add when the next charge and the ending are; what a person decides is promised to nobody."""
    policy, charge = at.policy, plan_charge(at, settle_owner(at))
    expects, ends_at = policy.ending.worst, expected_end(at)
    undecided = ends_at is not None and PersonDecides.ENDING in policy.person_decides
    ends_at = None if undecided else ends_at
    return replace(
        content,
        next_try_at=None if PersonDecides.CHARGES in policy.person_decides else charge.at,
        ends_at=ends_at if expects is EndingAct.CANCEL else None,
        pauses_at=ends_at if expects in PAUSES else None,
        downgrades_at=ends_at if expects is EndingAct.DOWNGRADE else None,
        undecided=expects if undecided else None,
    )


def _reason_told(case: Case) -> DeclineClass | None:
    """Return the kind of failure the customer may be told, or None."""
    failure = case.failure
    return failure.decline_class if failure is not None and not failure.masked else None


def _followers(case: Case, ports: CasePorts) -> list[InvoiceReading]:
    """Return the other open invoices of the subscription, oldest first: one letter names all."""
    with ports.ledger.begin() as tx:
        invoice_ids = tx.cases.following(case)
    found = [ports.stripe.read_invoice(invoice_id) for invoice_id in invoice_ids]
    return [invoice for invoice in found if invoice.status == "open"]


def _amount(notice: str, case: Case, invoice: InvoiceReading) -> Money | None:
    """Return what is still open, or what was paid or given up where nothing is open any more.

    None where the ending is told of an invoice that was credited in full since: nobody owes it.
    """
    credited = invoice.status == "paid" and invoice.amount_due_minor <= 0
    if credited and notice in ENDING_NOTICES:
        return None
    minor = invoice.amount_remaining_minor or invoice.amount_paid_minor or case.amount_minor
    return Money(minor, invoice.currency)


def _goes_on(at: Situation) -> bool:
    """Return whether the subscription goes on as it was, as the read just now shows it."""
    subscription = at.invoice.subscription
    if subscription is None or at.subscription_ends or at.ending_of_ours is not None:
        return False
    return subscription.status != PAUSED and not subscription.collection_paused


def _over_at(at: Situation) -> datetime | None:
    """Return when an ending of ours took effect: of a cancel, when the subscription is over, which
    may be the end of a period that is still to come."""
    done_at, subscription = ended_by_us_at(at.case), at.invoice.subscription
    if subscription is None or at.ending_of_ours is not AttemptKind.CANCEL:
        return done_at
    if subscription.status in SUBSCRIPTION_OVER:
        return subscription.ended_at or done_at
    return subscription.cancel_at or subscription.period_end_at or done_at


def _customer(invoice: InvoiceReading) -> CustomerReading:
    customer = invoice.customer
    if customer is None or customer.deleted:
        raise NotNeededError("the customer was deleted")
    return customer


def _check_case_letter(letter: LetterTask, at: Situation) -> None:
    if letter.notice == "payment_recovered" and at.invoice.status != "paid":
        raise NotNeededError("the invoice is not paid any more")
    against = against_letter(at, letter.id, letter.notice)
    if against is not None:
        raise NotNowError(against)


def _check_due_date(letter: LetterTask, case: Case, policy: Policy, now: datetime) -> None:
    """A letter about an overdue invoice is wrong once its due date was moved into the future."""
    step = policy.step(letter.step)
    after_due = step is not None and step.after > timedelta()
    if case.due_at is not None and after_due and now < case.due_at:
        raise NotNeededError("the due date was moved")


def _of_calendar(letter: LetterTask, ports: CasePorts, now: datetime) -> LetterContent:
    subscription = ports.stripe.read_subscription(letter.subscription_id)
    with ports.ledger.begin() as tx:
        customer = tx.mirror.customer(letter.customer_id)
        discounts = tx.customer_discounts.of(letter.customer_id)
    if customer is None or customer.deleted:
        raise NotNeededError("the customer was deleted")
    _check_calendar_letter(letter, subscription)
    billed_at = subscription.period_end_at or now
    as_priced = as_billed(subscription, discounts, at=billed_at) == subscription
    method = subscription.default_payment_method or customer.default_payment_method
    content = LetterContent(
        notice=letter.notice,
        customer=customer,
        now=now,
        amount=subscription.next_amount if as_priced else None,
        method=method,
        plan_name=subscription.plan_name,
        renews_at=subscription.period_end_at,
        trial_ends_at=subscription.trial_end_at,
    )
    card = str(letter.context.get("card") or "")
    if card and (method is None or card != card_named(method)):
        raise NotNeededError("the card was replaced")
    return content


def _check_calendar_letter(letter: LetterTask, subscription: SubscriptionReading) -> None:
    wanted = {"trial_ending": ("trialing",), "renewal_upcoming": ("active",)}
    live = ("active", "past_due", "trialing")
    if subscription.status not in wanted.get(letter.notice, live):
        raise NotNeededError(f"the subscription is {subscription.status}")
    if subscription.cancel_at_period_end or subscription.cancel_at is not None:
        raise NotNeededError("the subscription ends anyway")
    due = letter.context.get("at")
    shown = {
        "renewal_upcoming": subscription.period_end_at,
        "trial_ending": subscription.trial_end_at,
    }.get(letter.notice)
    if shown is not None and due and shown.isoformat() != due:
        raise NotNeededError("the date was moved")
