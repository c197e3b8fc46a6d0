"""What the ledger knows around a case: leading case, our own endings, disputes, last try."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    Text,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by, array

from worker.domain.case import (
    IN_FLIGHT,
    SET_ASIDE,
    Attempt,
    AttemptKind,
    AttemptState,
    Case,
    CaseState,
    Surroundings,
)
from worker.domain.holds import last_over, strongest
from worker.domain.network_rules import NetworkTry
from worker.domain.notices import CLOSING_NOTICES
from worker.domain.outages import outage_of
from worker.domain.readings import InvoiceReading, PaymentMethodReading, method_in_use
from worker.store.approvals import approval_behind
from worker.store.cancels import is_shown
from worker.store.holds import holds_around, holds_from_json, names_of
from worker.store.mirror_tables import customers, disputes, payment_methods
from worker.store.network import RecentTries, fingerprints_of, tries_of
from worker.store.offers import last_offer, offer_from_json
from worker.store.rows import payment_method_of
from worker.store.tables import (
    attempts,
    cases,
    last_asked_at,
    letters,
    network_attempts,
    never_made,
)
from worker.store.waiting_acts import waiting_acts, waiting_acts_from_json

DISPUTE_OPEN = (
    "needs_response",
    "under_review",
    "warning_needs_response",
    "warning_under_review",
)

DISPUTE_LOST = "lost"
"""Also how Stripe tells of a bank debit that was returned after it had succeeded."""


_ACCOUNT = bindparam("account", type_=String())
_SUBSCRIPTION = bindparam("subscription", type_=String())

_METHODS = (
    select(payment_methods)
    .where(
        payment_methods.c.account_id == _ACCOUNT,
        payment_methods.c.customer_id == bindparam("customer"),
    )
    .order_by(payment_methods.c.created_at, payment_methods.c.id)
)


def _leading_case() -> ColumnElement[int | None]:
    failed_at = bindparam("failed_at", type_=cases.c.failed_at.type)
    older = or_(
        cases.c.failed_at < failed_at,
        and_(cases.c.failed_at == failed_at, cases.c.id < bindparam("case")),
    )
    return (
        select(cases.c.id)
        .where(
            cases.c.account_id == _ACCOUNT,
            cases.c.subscription_id == _SUBSCRIPTION,
            cases.c.subscription_id != "",
            cases.c.state != CaseState.CLOSED.value,
            older,
        )
        .order_by(cases.c.failed_at, cases.c.id)
        .limit(1)
        .scalar_subquery()
    )


def _ended_by_us() -> ColumnElement[bool]:
    return exists().where(
        cases.c.id == attempts.c.case_id,
        cases.c.account_id == _ACCOUNT,
        cases.c.subscription_id == _SUBSCRIPTION,
        cases.c.subscription_id != "",
        is_shown(bindparam("canceled_at", type_=attempts.c.sent_at.type)),
        attempts.c.state == AttemptState.SUCCEEDED.value,
    )


def _set_aside_by_us() -> ColumnElement[list[str]]:
    """Which such endings went through since this case's failure: older ones may have been undone,
    and what looks the same by now may be somebody else's."""
    return (
        select(func.coalesce(func.array_agg(attempts.c.kind.distinct()), array([], type_=Text())))
        .join(cases, cases.c.id == attempts.c.case_id)
        .where(
            cases.c.account_id == _ACCOUNT,
            cases.c.subscription_id == _SUBSCRIPTION,
            cases.c.subscription_id != "",
            attempts.c.kind.in_([kind.value for kind in sorted(SET_ASIDE)]),
            attempts.c.state == AttemptState.SUCCEEDED.value,
            attempts.c.sent_at >= bindparam("failed_at", type_=cases.c.failed_at.type),
        )
        .scalar_subquery()
    )


def _dispute_open() -> ColumnElement[bool]:
    return exists().where(
        disputes.c.account_id == _ACCOUNT,
        disputes.c.customer_id == bindparam("customer"),
        disputes.c.status.in_(DISPUTE_OPEN),
    )


def _payment_returned() -> ColumnElement[bool]:
    return exists().where(
        network_attempts.c.account_id == disputes.c.account_id,
        network_attempts.c.charge_id == disputes.c.charge_id,
        disputes.c.account_id == _ACCOUNT,
        disputes.c.status == DISPUTE_LOST,
        network_attempts.c.payment_intent_id == bindparam("payment"),
        network_attempts.c.payment_intent_id != "",
    )


def _other_try_at() -> ColumnElement[datetime | None]:
    """By when our last charge of the customer for another invoice had reached Stripe.

    A release that is being replaced writes neither: what it sent again counts from its outcome.
    One that was given up without an answer may have reached the customer's card at its sending.
    """
    given_up = attempts.c.state == AttemptState.ABANDONED.value
    outcome_at = case((and_(attempts.c.sends > 1, ~given_up), attempts.c.settled_at))
    return (
        select(func.max(func.coalesce(attempts.c.reached_at, outcome_at, last_asked_at)))
        .where(
            attempts.c.account_id == _ACCOUNT,
            attempts.c.customer_id == bindparam("customer"),
            attempts.c.invoice_id != bindparam("invoice"),
            attempts.c.kind == AttemptKind.CHARGE.value,
            ~never_made,
        )
        .scalar_subquery()
    )


def _charge_in_flight_in() -> ColumnElement[int | None]:
    """The customer's other case that has a charge in flight; a unique index allows one."""
    return (
        select(attempts.c.case_id)
        .where(
            attempts.c.account_id == _ACCOUNT,
            attempts.c.customer_id == bindparam("customer"),
            attempts.c.invoice_id != bindparam("invoice"),
            attempts.c.kind == AttemptKind.CHARGE.value,
            attempts.c.state.in_([state.value for state in sorted(IN_FLIGHT)]),
        )
        .scalar_subquery()
    )


def _unread_others() -> ColumnElement[list[str]]:
    """Other cases' invoices: of one that is due, or whose failure nobody has read yet."""
    return (
        select(func.array_agg(aggregate_order_by(cases.c.invoice_id, cases.c.id)))
        .where(
            cases.c.account_id == _ACCOUNT,
            cases.c.customer_id == bindparam("customer"),
            cases.c.invoice_id != bindparam("invoice"),
            cases.c.state != CaseState.CLOSED.value,
            or_(
                and_(cases.c.failure == literal({}, type_=JSONB), cases.c.due_at.is_(None)),
                cases.c.next_action_at <= bindparam("now", type_=cases.c.next_action_at.type),
            ),
        )
        .scalar_subquery()
    )


def _named_at() -> ColumnElement[datetime | None]:
    """When a letter of the subscription's other cases last named all that were open."""
    return (
        select(func.max(letters.c.sent_at))
        .join(cases, cases.c.id == letters.c.case_id)
        .where(
            cases.c.account_id == _ACCOUNT,
            cases.c.subscription_id == _SUBSCRIPTION,
            cases.c.subscription_id != "",
            cases.c.id != bindparam("case"),
            letters.c.notice.not_in(sorted(CLOSING_NOTICES)),
            letters.c.sent_at >= bindparam("opened_at", type_=cases.c.opened_at.type),
        )
        .scalar_subquery()
    )


def _default_changed_at() -> ColumnElement[datetime | None]:
    return (
        select(customers.c.default_changed_at)
        .where(customers.c.account_id == _ACCOUNT, customers.c.id == bindparam("customer"))
        .scalar_subquery()
    )


# Asked before every decision: one round trip, and built once, which is half of its cost.
_AROUND = select(
    _leading_case().label("leading_case"),
    _ended_by_us().label("ended_by_us"),
    _set_aside_by_us().label("set_aside_by_us"),
    _dispute_open().label("dispute_open"),
    _payment_returned().label("payment_returned"),
    _other_try_at().label("other_try_at"),
    _charge_in_flight_in().label("charge_in_flight_in"),
    _unread_others().label("unread_others"),
    _named_at().label("named_at"),
    _default_changed_at().label("default_changed_at"),
    holds_around().label("holds"),
    waiting_acts().label("waiting_acts"),
    last_offer().label("last_offer"),
)


def surroundings_of(
    connection: Connection,
    account_id: str,
    found: Case,
    invoice: InvoiceReading,
    *,
    now: datetime,
    wall_now: datetime,
    of_many: RecentTries | None = None,
) -> Surroundings:
    """Return the surroundings of a case at decision time.

    Args: of_many: what a reader of many cases asks once for all of them.
    """
    last_day = of_many or RecentTries(connection, account_id, now=now)
    in_flight = found.in_flight
    email = invoice.customer.email if invoice.customer is not None else ""
    in_use = method_in_use(invoice)
    methods, changes = _methods(connection, account_id, found.customer_id)
    held = [*methods, *([in_use] if in_use is not None else [])]
    tries = tries_of(
        connection,
        account_id,
        fingerprints=fingerprints_of(held),
        customer_id=found.customer_id,
    )
    recent = last_day.of(in_use) if in_use else ()
    known = connection.execute(_AROUND, _asked_about(account_id, found, invoice, now)).one()
    holds = holds_from_json(known.holds)
    asked = waiting_acts_from_json(known.waiting_acts)
    approval = asked.approval
    if approval is None and in_flight is not None:
        approval = approval_behind(connection, found.id, in_flight.no)
    return Surroundings(
        leading_case=known.leading_case,
        ended_by_us=known.ended_by_us,
        set_aside_by_us=frozenset(AttemptKind(kind) for kind in known.set_aside_by_us),
        dispute_open=known.dispute_open,
        hold=strongest(holds, now),
        hold_over=last_over(holds, now),
        payment_returned=known.payment_returned,
        last_try_at=_last_try_at(found, invoice, tries),
        other_try_at=known.other_try_at,
        charge_in_flight_in=known.charge_in_flight_in,
        unread_others=tuple(known.unread_others or ()),
        named_at=known.named_at,
        last_offer=offer_from_json(known.last_offer),
        tries=_with_debt(tries, found, invoice),
        methods=methods,
        method_changes=changes,
        default_changed_at=known.default_changed_at,
        outage=outage_of(recent, in_use, now=now) if in_use is not None and recent else None,
        retry_request=asked.retry,
        close_request=asked.close,
        approval=approval,
        can_be_written_to=bool(email),
        key_age=wall_now - in_flight.first_sent_at if in_flight is not None else timedelta(),
    )


def _asked_about(
    account_id: str, found: Case, invoice: InvoiceReading, now: datetime
) -> dict[str, object]:
    """Return the parameters of the one query about a case."""
    payment, subscription = invoice.payment, invoice.subscription
    return {
        "account": account_id,
        "case": found.id,
        **names_of(found),
        "failed_at": found.failed_at,
        "opened_at": found.opened_at,
        "canceled_at": subscription.canceled_at if subscription is not None else None,
        "now": now,
        "payment": payment.payment_intent_id if payment is not None else "",
    }


def _with_debt(
    tries: tuple[NetworkTry, ...], found: Case, invoice: InvoiceReading
) -> tuple[NetworkTry, ...]:
    """Name the debt of our own untold tries of this invoice as Stripe's charges name it."""
    payment = invoice.payment
    if payment is None or not payment.payment_intent_id:
        return tries
    return tuple(
        replace(each, debt=payment.payment_intent_id) if each.debt == found.invoice_id else each
        for each in tries
    )


def _last_try_at(
    found: Case, invoice: InvoiceReading, tries: tuple[NetworkTry, ...]
) -> datetime | None:
    """Return the newest of: the first failure, our charges, charges of this debt by anybody.

    None for an invoice that is paid by hand, unless somebody tried to pay it.
    """
    charges = (each for each in found.attempts if each.kind is AttemptKind.CHARGE)
    ours = [_reached_by(each) for each in charges if each.may_have_been_made]
    intent = invoice.payment.payment_intent_id if invoice.payment is not None else ""
    seen = [each.at for each in tries if each.debt in {found.invoice_id, intent} - {""}]
    first = [found.failed_at] if found.due_at is None else []
    return max((*first, *ours, *seen), default=None)


def _reached_by(charge: Attempt) -> datetime:
    """Return by when a charge had reached Stripe, in the words of `_other_try_at`."""
    again = charge.sends > 1 and charge.state is not AttemptState.ABANDONED
    outcome_at = charge.settled_at if again else None
    return charge.reached_at or outcome_at or charge.asked_at or charge.sent_at


def _methods(
    connection: Connection, account_id: str, customer_id: str
) -> tuple[tuple[PaymentMethodReading, ...], dict[str, datetime]]:
    """Return the customer's payment methods, oldest first, and when each last changed."""
    asked = {"account": account_id, "customer": customer_id}
    rows = connection.execute(_METHODS, asked).mappings().all()
    changes = {row["id"]: row["changed_at"] for row in rows if row["changed_at"] is not None}
    return tuple(payment_method_of(row) for row in rows), changes
