"""Money that moved after a cancel is proposed to be paid back, and is no recovery."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.domain.building import (
    NEW_CARD,
    after,
    around,
    attempt,
    case,
    decision,
    paid_invoice,
    payment,
    subscription,
)
from worker.domain.case import AttemptKind, AttemptState, Case, CaseState, CloseRequest, Outcome
from worker.domain.decisions import Close, Review, Wait
from worker.domain.readings import InvoiceReading

PAID_AT = after(days=2, minutes=5)
NOW = after(days=2, minutes=6)
MINUTE = timedelta(minutes=1)
WON = attempt(state=AttemptState.SUCCEEDED)
REASON = "the customer had cancelled before the money moved: refund 49.00 EUR of pi_1"


def paid(*, asked_ago: timedelta = MINUTE, **changes: Any) -> InvoiceReading:
    """Return an invoice paid by a charge of ours, of a subscription cancelled before that."""
    over = subscription(status="canceled", canceled_at=PAID_AT - asked_ago, **changes)
    return paid_invoice(subscription=over, paid_at=PAID_AT)


def in_review(reason: str) -> Case:
    return case(attempts=(WON,), state=CaseState.IN_REVIEW, reason=reason)


def closed(outcome: Outcome) -> Case:
    return case(attempts=(WON,), state=CaseState.CLOSED, outcome=outcome, closed_at=PAID_AT)


@pytest.mark.parametrize(
    "found",
    [
        case(attempts=(WON,)),
        case(attempts=(WON,), state=CaseState.HELD),
        in_review("try 1: no answer from Stripe for 23 hours"),
        closed(Outcome.RECOVERED),
    ],
    ids=["open", "held", "in review for its outcome", "closed as recovered"],
)
def test_a_person_is_asked_to_pay_it_back(found: Case) -> None:
    made = decision(NOW, found, paid())
    assert (made.rule, made.act) == ("paid_after_cancel", Review(REASON, "pi_1"))


def test_a_wish_from_before_the_refund_was_proposed_closes_nothing() -> None:
    wish = around(close_request=CloseRequest("jo", "gives it up"))
    for found in (case(attempts=(WON,)), in_review("try 1: no answer from Stripe for 23 hours")):
        assert decision(NOW, found, paid(), wish).act == Review(REASON, "pi_1")


@pytest.mark.parametrize("found", [case(attempts=(WON,)), in_review(REASON)], ids=["open", "asked"])
def test_what_the_bank_took_back_is_not_paid_back_as_well(found: Case) -> None:
    made = decision(NOW, found, paid(), around(payment_returned=True))
    assert made.act == Review("the payment was returned; Stripe still shows the invoice as paid")


def test_a_person_who_has_it_is_left_alone() -> None:
    made = decision(NOW, in_review(f"{REASON} (link)"), paid())
    assert (made.rule, made.act) == ("refund_proposed", Wait())


def test_a_person_closes_it_and_it_stays_closed() -> None:
    wish = around(close_request=CloseRequest("jo", "refunded re_1"))
    made = decision(NOW, in_review(REASON), paid(), wish)
    assert made.act == Close(Outcome.CLOSED_BY_HAND, "jo closed it: refunded re_1")
    later = decision(NOW, closed(Outcome.CLOSED_BY_HAND), paid())
    assert (later.rule, later.act) == ("closed", Wait())


@pytest.mark.parametrize(
    "invoice",
    [
        pytest.param(paid(asked_ago=-MINUTE), id="cancelled after the payment"),
        pytest.param(paid(asked_ago=timedelta()), id="in the same second"),
        pytest.param(paid(asked_ago=timedelta(days=30)), id="cancelled before the failure"),
        pytest.param(replace(paid(), paid_at=None), id="nobody knows when it was paid"),
        pytest.param(
            replace(paid(), payment=replace(payment("succeeded"), payment_method_id=NEW_CARD)),
            id="paid by the customer",
        ),
    ],
)
def test_other_payments_count(invoice: InvoiceReading) -> None:
    made = decision(NOW, case(attempts=(WON,)), invoice)
    assert isinstance(made.act, Close)
    assert made.act.outcome is Outcome.RECOVERED


def test_a_cancel_of_our_own_is_none_of_the_customers() -> None:
    ours = attempt("ending: cancel", AttemptState.SUCCEEDED, AttemptKind.CANCEL)
    made = decision(NOW, case(attempts=(WON, replace(ours, no=2))), paid())
    assert isinstance(made.act, Close)
    assert made.act.outcome is Outcome.RECOVERED_LATE
