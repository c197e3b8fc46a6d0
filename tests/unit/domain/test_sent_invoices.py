"""What the engine decides about invoices that customers pay by hand."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.unit.domain.building import (
    BERLIN,
    T0,
    around,
    case,
    decision,
    done,
    failure,
    invoice,
    letter,
    method,
    paid_invoice,
    payment,
    policy,
    situation,
    subscription,
)
from worker.domain.case import Case, CaseState, LetterState, Outcome, RecoveredBy, RetryRequest
from worker.domain.decisions import Charge, Close, End, Refuse, Reopen, Skip, Wait, Write
from worker.domain.due_dates import days_overdue, with_due_date
from worker.domain.engine_charging import PAID_BY_HAND
from worker.domain.forecast import forecast
from worker.domain.forecast_values import PlannedKind, Ways
from worker.domain.opening import opens_case
from worker.domain.policy import (
    DunningRules,
    Ending,
    EndingAct,
    InvoiceEnd,
    Match,
    Mode,
    Policy,
    RetriesBy,
    Step,
)
from worker.domain.policy_match import choose_policy, traits_of
from worker.domain.readings import SEND_INVOICE, InvoiceReading
from worker.domain.timetable import step_due_at

DAY = timedelta(days=1)
DUE = T0 + 14 * DAY
"""A Monday at 10:00 in Berlin; the invoice became final at `T0`."""
STEPS = (
    Step("soon", -7 * DAY, letter="invoice_due_soon"),
    Step("today", 0 * DAY, letter="invoice_due_today"),
    Step("late", 3 * DAY, letter="invoice_overdue_1"),
    Step("final", 10 * DAY, letter="invoice_overdue_final"),
)
ALL = tuple(step.name for step in STEPS)


def sending(**ending: Any) -> Policy:
    """Return a policy for sent invoices; *ending* changes its ending: left after 20 days."""
    whole: dict[str, Any] = {"after": 20 * DAY, "do": EndingAct.LEAVE, **ending}
    return Policy(
        name="sent",
        retries_by=RetriesBy.NOBODY,
        when_declined={},
        charge_new_card_at_once=False,
        steps=STEPS,
        ending=Ending(**whole),
        collection_method=SEND_INVOICE,
    )


def sent_case(**changes: Any) -> Case:
    """Return the case of an invoice that is due on `DUE`, with nothing done yet."""
    return replace(case(failure=None, due_at=DUE), **changes)


def sent(**changes: Any) -> InvoiceReading:
    """Return that invoice, open, of an active subscription."""
    base = invoice(
        collection_method=SEND_INVOICE,
        due_at=DUE,
        attempted=False,
        subscription=subscription(status="active"),
    )
    return replace(base, **changes)


def paid_at(at: datetime, **changes: Any) -> InvoiceReading:
    """Return that invoice paid at *at*."""
    paid = paid_invoice(collection_method=SEND_INVOICE, due_at=DUE, paid_at=at)
    return replace(paid, **changes)


def due(**offset: float) -> datetime:
    """Return the instant *offset* after the due date."""
    return DUE + timedelta(**offset)


@pytest.mark.parametrize(
    ("days", "did", "step", "notice"),
    [
        (-7, (), "soon", "invoice_due_soon"),
        (0, ALL[:1], "today", "invoice_due_today"),
        (3, ALL[:2], "late", "invoice_overdue_1"),
        (10, ALL[:3], "final", "invoice_overdue_final"),
    ],
)
def test_a_reminder_is_due_on_its_day(
    days: int, did: tuple[str, ...], step: str, notice: str
) -> None:
    the_case = sent_case(steps=done(*did))
    before = decision(due(days=days, minutes=-1), the_case, sent(), by=sending())
    assert (before.act, before.next_at) == (Wait(), due(days=days))
    at_once = decision(due(days=days), the_case, sent(), by=sending())
    assert at_once.act == Write(step, notice)


def test_nobody_waits_for_who_retries() -> None:
    """There is nothing to retry: the first look may write."""
    opened = sent_case(opened_at=DUE - 8 * DAY, failed_at=DUE)
    assert decision(DUE, replace(opened, steps=done("soon")), sent(), by=sending()).act == Write(
        "today", "invoice_due_today"
    )


@pytest.mark.parametrize("by", [sending(), policy()], ids=["its own policy", "another one"])
@pytest.mark.parametrize("the_failure", [None, failure()], ids=["nothing failed", "a try failed"])
def test_nothing_is_ever_charged(by: Policy, the_failure: Any) -> None:
    """On no day of a year, with a card on file or a new one, whatever the policy says."""
    the_case = sent_case(failure=the_failure, opened_at=T0)
    fresh = sent(subscription=subscription(default_payment_method=method("pm_new")))
    for the_invoice in (sent(), fresh):
        for day in range(0, 365, 3):
            found = decision(T0 + day * DAY, the_case, the_invoice, by=by)
            assert not isinstance(found.act, Charge)
            assert found.owner in {None, RetriesBy.NOBODY}


def test_a_charge_asked_for_by_a_person_is_refused() -> None:
    wish = around(retry_request=RetryRequest(7, "jo", "try it", asked_at=DUE))
    found = decision(DUE, sent_case(), sent(), wish, by=sending())
    assert found.act == Refuse(7)
    assert PAID_BY_HAND in found.reason


@pytest.mark.parametrize(
    ("at", "outcome"),
    [
        (due(days=-9), Outcome.PAID_ON_TIME),
        (due(hours=13), Outcome.PAID_ON_TIME),  # 23:00 of the due day in the office
        (due(hours=15), Outcome.RECOVERED),
        (due(days=12), Outcome.RECOVERED),
    ],
)
def test_paid_by_the_due_day_is_no_recovery(at: datetime, outcome: Outcome) -> None:
    found = decision(at + DAY, sent_case(letters=(letter("soon"),)), paid_at(at), by=sending())
    assert isinstance(found.act, Close)
    assert found.act.outcome is outcome
    on_time = outcome is Outcome.PAID_ON_TIME
    assert (found.act.recovered_by is None) is on_time
    assert (found.act.letter == "") is on_time


def test_paid_outside_of_stripe_is_told_apart() -> None:
    elsewhere = paid_at(due(days=5), payment=None)
    found = decision(due(days=6), sent_case(), elsewhere, by=sending())
    assert isinstance(found.act, Close)
    assert found.act.recovered_by is RecoveredBy.OUT_OF_BAND


def test_a_case_paid_on_time_stays_closed_unless_the_money_goes_back() -> None:
    closed = sent_case(state=CaseState.CLOSED, outcome=Outcome.PAID_ON_TIME, closed_at=DUE)
    settled = paid_at(due(days=-1))
    assert decision(due(days=1), closed, settled, by=sending()).act == Wait()
    back = decision(due(days=9), closed, settled, around(payment_returned=True), by=sending())
    assert isinstance(back.act, Reopen)


def test_given_up_early_and_paid_on_time_is_no_late_recovery() -> None:
    closed = sent_case(
        state=CaseState.CLOSED, outcome=Outcome.CLOSED_BY_HAND, closed_at=due(days=-5)
    )
    found = decision(due(days=1), closed, paid_at(due(days=-1)), by=sending())
    assert found.act == Close(Outcome.PAID_ON_TIME, "paid by the due date")


def test_taken_up_late_only_the_last_letter_is_written_and_the_ending_waits_for_it() -> None:
    """An invoice that is 40 days overdue when it is first seen (D16)."""
    now = due(days=40)
    opened = sent_case(opened_at=now)
    first = decision(now, opened, sent(), by=sending())
    assert first.act == Write("final", "invoice_overdue_final")
    assert {skip.step for skip in first.skips} == {"soon", "today", "late"}
    queued = letter("final", LetterState.QUEUED, notice="invoice_overdue_final")
    waiting = replace(opened, steps=done(*ALL), letters=(queued,))
    for days in (0, 1, 4):
        then = decision(now + days * DAY, waiting, sent(), by=sending())
        assert then.act == Wait()
    out = replace(waiting, letters=(replace(queued, state=LetterState.SENT, sent_at=now),))
    assert isinstance(decision(now + DAY, out, sent(), by=sending()).act, Close)


@pytest.mark.parametrize("do", EndingAct)
def test_an_ending_keeps_the_gap_after_its_letter(do: EndingAct) -> None:
    by = sending(do=do, invoice=InvoiceEnd.UNCOLLECTIBLE, final_letter_step="final")
    now = due(days=40, hours=1)
    sent_at = now - timedelta(hours=47)
    out = letter("final", sent_at=sent_at, notice="invoice_overdue_final")
    the_case = sent_case(opened_at=sent_at, steps=done(*ALL), letters=(out,))
    assert decision(now, the_case, sent(), by=by).act == Wait()
    assert isinstance(decision(now + 4 * DAY, the_case, sent(), by=by).act, End)


def test_reminders_whose_day_was_over_when_the_invoice_came_are_left_out() -> None:
    """Terms of five days and a reminder seven days before: the invoice itself has just arrived."""
    the_case = sent_case(opened_at=due(days=-5))
    found = decision(due(days=-5), the_case, sent(), by=sending())
    assert found.act == Wait()
    assert found.next_at == DUE
    assert found.skips == (Skip("soon", "its time was over when the case opened"),)


def test_a_later_due_date_moves_what_is_undone_and_repeats_nothing() -> None:
    the_case = sent_case(steps=done("soon", "today"))
    moved = with_due_date(the_case, sent(due_at=due(days=30)))
    assert moved.due_at == due(days=30)
    found = decision(due(days=3), moved, sent(due_at=due(days=30)), by=sending())
    assert (found.act, found.next_at) == (Wait(), due(days=33))
    assert with_due_date(the_case, sent(due_at=None)).due_at == DUE
    assert with_due_date(case(), sent()).due_at is None


def test_a_stop_moves_what_follows_the_due_date_and_no_reminder_before_it() -> None:
    the_case = sent_case(shift=5 * DAY)
    moments = [step_due_at(the_case, step, BERLIN) for step in STEPS]
    assert moments == [due(days=-7), DUE, due(days=8), due(days=15)]


def test_a_debit_under_way_is_waited_for() -> None:
    found = decision(due(days=3), sent_case(), sent(payment=payment("processing")), by=sending())
    assert found.rule == "payment_processing"


def test_the_plan_is_reminders_and_the_end_alone() -> None:
    at = situation(due(days=-10), sent_case(), sent(), by=sending())
    planned = forecast(at, due(days=60), ways=Ways(lambda _customer, at: at))
    assert [(each.kind, each.step, each.at) for each in planned] == [
        *((PlannedKind.LETTER, step.name, DUE + step.after) for step in STEPS),
        (PlannedKind.CLOSE, "", due(days=20)),
    ]
    assert all(each.sure for each in planned)


@pytest.mark.parametrize(
    ("changes", "opens"),
    [
        ({}, True),
        ({"billing_reason": "subscription_create"}, True),
        ({"billing_reason": "manual"}, True),
        ({"status": "draft"}, False),
        ({"status": "paid"}, False),
        ({"amount_remaining_minor": 0}, False),
        ({"subscription_id": ""}, False),
        ({"due_at": None}, False),
        ({"due_at": T0 - timedelta(seconds=1)}, False),
    ],
    ids=str,
)
def test_which_sent_invoices_open_a_case(changes: dict[str, Any], opens: bool) -> None:
    """By their due date: what was overdue at go-live is the past, whenever it is seen."""
    assert opens_case(sent(**changes), failed_at=due(days=50), go_live_at=T0) is opens


def test_only_policies_of_their_own_serve_them() -> None:
    others = (replace(policy(), name="vip"), replace(policy(), name="rest"))
    traits = traits_of(sent(), subscription=None, customer=None, now=T0)
    charged = traits_of(invoice(), subscription=None, customer=None, now=T0)
    without = DunningRules(Mode.LIVE, BERLIN, others, matches={"vip": Match()})
    assert choose_policy(without, traits) is None
    rules = replace(
        without,
        policies=(others[0], sending(), others[1]),
        matches={"vip": Match(), "sent": Match(collection_method=SEND_INVOICE)},
    )
    assert choose_policy(rules, traits) == sending()
    assert choose_policy(rules, charged) == others[0]


@pytest.mark.parametrize(("hours", "days"), [(-30, 0), (13, 0), (15, 1), (24 * 3, 3)])
def test_days_overdue_are_counted_by_the_calendar(hours: int, days: int) -> None:
    assert days_overdue(DUE, now=due(hours=hours), zone=ZoneInfo(BERLIN)) == days


@pytest.mark.parametrize(
    ("changes", "since"),
    [
        ({}, DUE),
        ({"outcome": Outcome.PAID_ON_TIME, "closed_at": due(days=2)}, None),
        ({"outcome": Outcome.VOIDED, "closed_at": due(days=-2)}, None),
        ({"outcome": Outcome.RECOVERED, "closed_at": due(days=2)}, DUE),
    ],
)
def test_unpaid_counts_from_the_due_date(changes: dict[str, Any], since: datetime | None) -> None:
    assert sent_case(**changes).unpaid_from_at == since
    assert case().unpaid_from_at == T0
