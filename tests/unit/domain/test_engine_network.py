"""What the engine makes of the network ledger, backups, paydays, confirmations and outages."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.unit.domain.building import (
    NEW_CARD,
    OLD_CARD,
    T0,
    after,
    around,
    attempt,
    case,
    decision,
    done,
    failure,
    invoice,
    method,
    policy,
    subscription,
)
from worker.domain.case import Case
from worker.domain.decisions import Charge, Wait, Write
from worker.domain.network_rules import MadeBy, NetworkTry
from worker.domain.outages import Outage
from worker.domain.policy import ClassRule, DeclineClass, Policy, Reaction
from worker.domain.readings import CustomerReading, DeclineSignals, PaymentMethodReading
from worker.domain.timetable import next_payday

WRITTEN = done("first letter")
POOR = DeclineSignals(code="card_declined", decline_code="insufficient_funds")
HARD = failure(DeclineClass.CARD_DATA, "expired_card", may_retry=False)
BACKUP = method("pm_backup")
DEBIT = PaymentMethodReading("pm_debit", "sepa_debit", created_at=T0)


def tried(at: datetime, **changes: Any) -> NetworkTry:
    """Return a declined try of the old card for another debt, made by Stripe."""
    base = NetworkTry(
        at, MadeBy.STRIPE, OLD_CARD, "", "visa", "card", "DE", 4900, "eur", "pi_0", True, POOR
    )
    return replace(base, **changes)


def with_rule(decline_class: DeclineClass, rule: ClassRule, **changes: Any) -> Policy:
    """Return the shipped policy with another rule for one class."""
    rules = {**policy().when_declined, decline_class: rule}
    return policy(when_declined=rules, **changes)


def the_charge(decided_act: object) -> Charge | None:
    """Return the act where it is a charge."""
    return decided_act if isinstance(decided_act, Charge) else None


# The ledger: wishes move, and never before the allowed instant


def test_a_charge_moves_to_the_first_instant_that_the_window_has_room() -> None:
    """15 tries of this card and amount in 30 days, the failure among them: the next one may
    follow when the first falls out of the window."""
    first_at = T0 - timedelta(days=29)
    many = tuple(tried(first_at + timedelta(hours=n)) for n in range(14))
    near = around(tries=many)
    decided = decision(after(days=1, hours=2), case(steps=WRITTEN), the_surroundings=near)
    room_at = first_at + timedelta(days=30)
    assert isinstance(decided.act, Charge) is (room_at <= after(days=1, hours=2))
    near = around(tries=tuple(replace(one, at=one.at + timedelta(days=3)) for one in many))
    decided = decision(after(days=1, hours=2), case(steps=WRITTEN), the_surroundings=near)
    assert isinstance(decided.act, Wait)
    assert decided.next_step == "second letter"
    assert decided.allowed_from == room_at + timedelta(days=3)


def test_a_wait_beyond_the_policys_window_ends_the_tries_with_that_reason() -> None:
    """Mastercard's ten days with eight days left: nothing is charged any more, letters go on."""
    late = failure(retry_not_before=after(days=18))
    decided = decision(after(days=8), case(failure=late, steps=WRITTEN))
    assert isinstance(decided.act, Write)
    reasons = {skip.reason for skip in decided.skips if skip.step.startswith(("try", "last"))}
    assert reasons == {"by the decline insufficient_funds, and that is after the policy's end"}


def test_another_invoice_of_the_customer_makes_a_charge_wait_20_hours() -> None:
    near = around(other_try_at=after(days=1))
    wait = decision(after(days=1, hours=2), case(steps=WRITTEN), the_surroundings=near)
    assert isinstance(wait.act, Wait)
    assert wait.next_at == after(days=1, hours=20)
    new = decision(after(days=1, hours=2), case(steps=WRITTEN), invoice(card=NEW_CARD), near)
    assert isinstance(new.act, Wait), "also a new card waits for it"


def test_from_card_a_to_b_and_back_to_a_lifts_nothing() -> None:
    """A was stopped, B declined: A is not charged again, unattended or by a step."""
    stop = DeclineSignals(code="card_declined", decline_code="lost_card")
    tries = (tried(T0, signals=stop, debt="pi_1"),)
    tried_b = failure(payment_method_id=NEW_CARD, failed_at=after(hours=5), charge_id="ch_2")
    back = case(failure=tried_b, steps=WRITTEN, attempts=(attempt("new card pm_new"),))
    decided = decision(after(days=2), back, invoice(card=OLD_CARD), around(tries=tries))
    assert not isinstance(decided.act, Charge)


# A new card on the wrong level


def elsewhere(**changes: Any) -> Any:
    """Return the invoice of a subscription with a card of its own, and another default."""
    customer = CustomerReading(
        "cus_1", email="ada@example.com", default_payment_method=method(NEW_CARD)
    )
    return invoice(subscription=subscription(), customer=customer, **changes)


def test_a_new_default_is_used_where_the_subscription_names_its_old_card() -> None:
    near = around(default_changed_at=after(hours=3))
    decided = decision(after(hours=5), case(steps=WRITTEN), elsewhere(), near)
    assert decided.act == Charge(f"new card {NEW_CARD}", NEW_CARD)
    assert "still names its old one" in decided.reason


def test_a_default_from_before_the_failure_is_no_new_card() -> None:
    near = around(default_changed_at=after(days=-9))
    decided = decision(after(hours=5), case(steps=WRITTEN), elsewhere(), near)
    assert not isinstance(decided.act, Charge)


# Backup methods


@pytest.mark.parametrize(
    ("order", "charged"),
    [((), ""), (("card",), "pm_backup"), (("sepa_debit", "card"), "pm_debit")],
)
def test_after_a_hard_decline_the_backups_follow_in_the_policys_order(
    order: tuple[str, ...], charged: str
) -> None:
    near = around(methods=(method(), BACKUP, DEBIT))
    by = policy(backup_methods=order)
    decided = decision(after(hours=1), case(failure=HARD), the_surroundings=near, by=by)
    act = the_charge(decided.act)
    assert (act.payment_method_id if act else "") == charged


@pytest.mark.parametrize(
    "unfit",
    [
        replace(DEBIT, mandate_status="inactive"),
        replace(DEBIT, type="sepa_debit", exp_year=2026, exp_month=2),
        replace(DEBIT, id=OLD_CARD),
    ],
    ids=["mandate ended", "expired", "tried already"],
)
def test_a_backup_that_may_not_be_charged_is_passed_over(unfit: PaymentMethodReading) -> None:
    by, near = policy(backup_methods=("sepa_debit",)), around(methods=(unfit,))
    decided = decision(after(hours=1), case(failure=HARD), the_surroundings=near, by=by)
    assert not isinstance(decided.act, Charge)


@pytest.mark.parametrize(
    "decline_class", [DeclineClass.AUTHENTICATION, DeclineClass.CONSENT_WITHDRAWN]
)
def test_where_the_customer_must_decide_no_backup_is_charged(decline_class: DeclineClass) -> None:
    by, near = policy(backup_methods=("card",)), around(methods=(BACKUP,))
    asked = case(failure=failure(decline_class, "code", may_retry=False))
    assert not isinstance(decision(after(hours=1), asked, the_surroundings=near, by=by).act, Charge)


# Paydays


@pytest.mark.parametrize(
    ("days", "on", "expected"),
    [
        ({15}, "2026-03-10T10:00+00:00", "2026-03-15T08:00+00:00"),
        ({31}, "2026-02-10T10:00+00:00", "2026-02-28T08:00+00:00"),
        ({1, 15}, "2026-03-15T12:00+00:00", "2026-03-15T12:00+00:00"),
        ({29}, "2026-03-28T12:00+00:00", "2026-03-29T07:00+00:00"),  # the clocks go forward
    ],
)
def test_the_next_payday_is_an_office_morning(days: set[int], on: str, expected: str) -> None:
    at = next_payday(datetime.fromisoformat(on), "Europe/Berlin", frozenset(days))
    assert at == datetime.fromisoformat(expected)


def test_a_charge_for_want_of_funds_waits_for_the_payday_if_the_policy_says_so() -> None:
    """The failure is of 2 March; with paydays on the 10th try 1 waits for it, then is made."""
    by = with_rule(DeclineClass.FUNDS, ClassRule(Reaction.RETRY, paydays=(10,)))
    waits = decision(after(days=1, hours=2), case(steps=WRITTEN), by=by)
    assert isinstance(waits.act, Wait)
    assert waits.next_step == "second letter"
    due = decision(datetime.fromisoformat("2026-03-10T08:30+00:00"), case(steps=WRITTEN), by=by)
    assert isinstance(due.act, Charge)


def test_the_day_a_customer_chose_outranks_the_paydays() -> None:
    rule = ClassRule(Reaction.RETRY, paydays=(10,), payday_key="payday")
    by = with_rule(DeclineClass.FUNDS, rule)
    chose = CustomerReading("cus_1", email="ada@example.com", metadata={"payday": "4"})
    on_the_4th = datetime.fromisoformat("2026-03-04T08:30+00:00")
    shown = invoice(customer=chose)
    assert isinstance(decision(on_the_4th, case(steps=WRITTEN), shown, by=by).act, Charge)


# The ladder of confirmations

ASKS = failure(DeclineClass.AUTHENTICATION, "authentication_required", may_retry=False)


def letters_of(asked: Case, *days: float) -> list[str]:
    """Return the steps that are written when the case is looked at on these days."""
    written: list[str] = []
    for day in days:
        steps = asked.steps + done(*written)
        decided = decision(after(days=day), replace(asked, steps=steps))
        if isinstance(decided.act, Write):
            assert decided.act.notice == "action_required"
            written.append(decided.act.step)
    return written


def test_the_link_to_confirm_is_sent_on_its_own_ladder() -> None:
    ladder = policy().when_declined[DeclineClass.AUTHENTICATION].ask_again
    days = [offset / timedelta(days=1) + 0.01 for offset in ladder]
    expected = [f"confirm {number}" for number in range(1, len(ladder) + 1)]
    assert letters_of(case(failure=ASKS), *days) == expected


def test_a_confirmation_that_was_given_up_ends_the_ladder() -> None:
    """The policy's own letters go on, in their own words."""
    gave_up = replace(ASKS, code="payment_intent_authentication_failure")
    decided = decision(after(days=3, hours=1), case(failure=gave_up, steps=WRITTEN))
    assert decided.act == Write("second letter", "payment_failed_2")


# Outages

UNCLEAR = failure(DeclineClass.UNCLEAR, "do_not_honor")


def outage(until: datetime, *, may_try: bool = False) -> Outage:
    """Return an outage of the card's kind that began before the failure."""
    since = T0 - timedelta(minutes=10)
    return Outage("Visa cards issued in DE", 14, 15, since, until, may_try, "visa", "DE")


@pytest.mark.parametrize(("hours", "step"), [(5, "first letter"), (26, "try 1")])
def test_in_an_outage_tries_and_letters_wait(hours: int, step: str) -> None:
    now = after(hours=hours)
    steps = () if step == "first letter" else WRITTEN
    at_rest = case(failure=UNCLEAR, steps=steps)
    assert not isinstance(decision(now, at_rest).act, Wait), "without one it would be done"
    until = now + timedelta(minutes=40)
    waits = decision(now, at_rest, the_surroundings=around(outage=outage(until)))
    assert (waits.act, waits.rule, waits.next_at, waits.skips) == (Wait(), "outage", until, ())


def test_one_try_may_feel_for_the_end_of_an_outage_but_no_letter() -> None:
    near = around(outage=outage(after(hours=1), may_try=True))
    feels = decision(after(hours=26), case(failure=UNCLEAR, steps=WRITTEN), the_surroundings=near)
    assert isinstance(feels.act, Charge)
    letter = decision(after(hours=5), case(failure=UNCLEAR), the_surroundings=near)
    assert (letter.act, letter.rule) == (Wait(), "outage")


def test_an_outage_keeps_no_letter_about_an_empty_account() -> None:
    near = around(outage=outage(after(hours=9)))
    assert isinstance(decision(after(hours=5), the_surroundings=near).act, Write)


# A renewal that was moved


def test_a_moved_renewal_stands_the_case_down_and_it_goes_on_where_it_stood() -> None:
    moved = subscription(status="trialing", trial_end_at=after(days=10))
    stands = decision(after(days=2), case(steps=WRITTEN), invoice(subscription=moved))
    assert (stands.act, stands.rule, stands.stands_down) == (Wait(), "renewal_moved", True)
    waited = case(steps=WRITTEN, stood_down_at=after(days=2))
    goes_on = decision(after(days=10), waited)
    assert goes_on.rule == "goes_on"
    later = case(steps=WRITTEN, shift=timedelta(days=8))
    assert decision(after(days=10), later).act == Charge("try 1", OLD_CARD)
