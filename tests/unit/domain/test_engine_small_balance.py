"""Debts too small to be dunned: written off once, and nothing else happens to anybody."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.domain.building import (
    after,
    around,
    attempt,
    case,
    decision,
    invoice,
    paid_invoice,
    policy,
    subscription,
)
from worker.domain.case import AttemptKind, AttemptState, CaseState, Outcome
from worker.domain.decisions import Close, Decision, End, Resend, Wait
from worker.domain.engine_small_balance import SMALL_BALANCE
from worker.domain.policy import InvoiceEnd, SmallBalance

UNCOLLECTIBLE, VOID = AttemptKind.UNCOLLECTIBLE, AttemptKind.VOID
BELOW_TWO = policy(small_balance=SmallBalance({"eur": 200, "usd": 200}, InvoiceEnd.UNCOLLECTIBLE))
SOON = after(minutes=15)


def left(minor: int, currency: str = "eur", **more: object) -> Decision:
    small = invoice(amount_remaining_minor=minor, currency=currency)
    return decision(SOON, the_invoice=small, by=BELOW_TWO)


@pytest.mark.parametrize(
    ("minor", "currency", "small"),
    [(199, "eur", True), (1, "usd", True), (200, "eur", False), (199, "gbp", False)],
)
def test_less_than_the_bound_is_written_off(minor: int, currency: str, small: bool) -> None:
    decided = left(minor, currency)
    assert (decided.act == End(UNCOLLECTIBLE, SMALL_BALANCE)) is small
    assert (decided.rule == "small_balance") is small
    if small:
        assert f"{minor / 100:.2f} {currency.upper()}" in decided.reason


def test_not_before_it_is_clear_who_retries() -> None:
    small = invoice(amount_remaining_minor=120)
    early = decision(SOON - timedelta(seconds=1), the_invoice=small, by=BELOW_TWO)
    assert (early.act, early.rule) == (Wait(), "owner_unconfirmed")


def test_without_the_setting_every_debt_is_dunned() -> None:
    assert decision(SOON, the_invoice=invoice(amount_remaining_minor=1)).act == Wait()


def test_it_may_be_voided_instead() -> None:
    by = policy(small_balance=SmallBalance({"eur": 200}, InvoiceEnd.VOID))
    small = invoice(amount_remaining_minor=120)
    assert decision(SOON, the_invoice=small, by=by).act == End(VOID, SMALL_BALANCE)


@pytest.mark.parametrize(
    ("status", "kind"), [("uncollectible", UNCOLLECTIBLE), ("void", VOID), ("open", UNCOLLECTIBLE)]
)
def test_then_the_case_closes_and_the_subscription_is_not_touched(
    status: str, kind: AttemptKind
) -> None:
    """The shipped policy cancels after an ending's write-off; this one is no ending."""
    step = f"{SMALL_BALANCE}: {kind.value}"
    written = attempt(step, AttemptState.SUCCEEDED, kind, amount_minor=120)
    shown = invoice(status=status, amount_remaining_minor=120)
    for now in (SOON, after(days=14)):
        told = decision(now, case(attempts=(written,)), shown, by=BELOW_TWO).act
        assert told == Close(Outcome.WRITTEN_OFF, "a small balance: only 1.20 EUR was left to pay")


def test_a_lost_answer_is_asked_again_and_never_as_an_ending() -> None:
    step = f"{SMALL_BALANCE}: uncollectible"
    lost = case(attempts=(attempt(step, AttemptState.SENDING, UNCOLLECTIBLE),))
    near = around(key_age=timedelta(minutes=2))
    small = invoice(amount_remaining_minor=120)
    assert decision(SOON, lost, small, near, BELOW_TWO).act == Resend(1)
    grown = invoice(amount_remaining_minor=4900)
    assert decision(SOON, lost, grown, near, BELOW_TWO).act == Wait()


def test_paid_held_or_cancelled_comes_first() -> None:
    paid = decision(SOON, the_invoice=paid_invoice(amount_paid_minor=120), by=BELOW_TWO).act
    assert isinstance(paid, Close)
    assert paid.outcome is Outcome.RECOVERED
    small = invoice(amount_remaining_minor=120)
    disputed = decision(SOON, None, small, around(dispute_open=True), BELOW_TWO)
    assert not isinstance(disputed.act, End)
    gone = replace(small, subscription=subscription(status="canceled"))
    told = decision(SOON, None, gone, None, BELOW_TWO).act
    assert isinstance(told, Close)
    assert told.outcome is Outcome.CUSTOMER_CANCELLED
    assert decision(SOON, case(state=CaseState.IN_REVIEW), small, by=BELOW_TWO).act == Wait()


def test_an_invoice_paid_by_hand_is_dunned_until_it_is_late() -> None:
    sent = case(due_at=after(days=10))
    small = invoice(amount_remaining_minor=120, collection_method="send_invoice")
    early = decision(after(days=9), sent, small, by=BELOW_TWO)
    assert early.rule != "small_balance"
    late = decision(after(days=10), sent, small, by=BELOW_TWO)
    assert late.act == End(UNCOLLECTIBLE, SMALL_BALANCE)
