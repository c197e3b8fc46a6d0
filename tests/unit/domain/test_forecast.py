"""The forecast and the deed: what is planned of a life is what happens in it."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.domain.building import (
    OLD_CARD,
    T0,
    after,
    around,
    attempt,
    case,
    done,
    failure,
    invoice,
    letter,
    policy,
    situation,
    subscription,
)
from tests.unit.domain.case_days import live
from tests.unit.domain.case_life import DECLINES, LIFE_MAX, Done, Script, World, begin
from worker.domain.case import (
    AttemptKind,
    AttemptState,
    Case,
    LetterState,
    RetryRequest,
)
from worker.domain.decisions import Charge, End, Review, Write
from worker.domain.engine_situation import Situation, obstacle_of
from worker.domain.forecast import Forecast, forecast, forecast_all
from worker.domain.forecast_course import CLOSING_STEP, LOOKS_MAX, Course
from worker.domain.forecast_values import Condition, Planned, PlannedKind, Start, Ways
from worker.domain.outages import Outage
from worker.domain.policy import (
    CancelWhen,
    DayWindow,
    DeclineClass,
    EndingAct,
    InvoiceEnd,
    Limits,
    Mode,
    Policy,
    RetriesBy,
    Step,
)
from worker.services import queue_letter

Act = tuple[str, str, datetime]
AT_ONCE = Ways(lambda _customer, at: at)
FAR = T0 + LIFE_MAX
KINDS = {
    PlannedKind.CHARGE: "charge",
    PlannedKind.LETTER: "letter",
    PlannedKind.ENDING: "end",
    PlannedKind.INVOICE_END: "end",
    PlannedKind.REVIEW: "review",
}


def ways_of(delay: timedelta) -> Ways:
    """Return ways in which each letter waits for *delay*."""
    return Ways(lambda _customer, at: at + delay)


# Plan and deed


def steps_of(drawn: list[tuple[int, str, bool]]) -> tuple[Step, ...]:
    """Return charges and letters at the drawn hours, and the final letter after them all."""
    found = []
    for number, (hours, kind, office_hours) in enumerate(drawn):
        at = timedelta(hours=hours)
        if kind == "letter":
            found.append(Step(f"letter {number}", at, letter="payment_failed_1"))
        else:
            window = DayWindow(time(8), time(20)) if office_hours else None
            found.append(Step(f"try {number}", at, charge=True, charge_window=window))
    last = max([hours for hours, _, _ in drawn], default=0)
    final = Step("final letter", timedelta(hours=last + 20), letter="payment_failed_final")
    return (*found, final)


step_lists = st.lists(
    st.tuples(st.integers(0, 24 * 20), st.sampled_from(["try", "try", "letter"]), st.booleans()),
    max_size=9,
    unique_by=lambda drawn: drawn[0],
).map(steps_of)
policies = st.builds(
    policy,
    steps=step_lists,
    retries_by=st.sampled_from([RetriesBy.WORKER] * 6 + [RetriesBy.STRIPE, RetriesBy.NOBODY]),
    retries_max=st.sampled_from([8, 8, 3]),
    retry_gap=st.sampled_from([timedelta(hours=20), timedelta(hours=50)]),
    ending_after=st.integers(5, 25).map(lambda days: timedelta(days=days)),
    ending_do=st.sampled_from([EndingAct.CANCEL] * 4 + [EndingAct.LEAVE]),
    ending_when=st.sampled_from(CancelWhen),
    ending_invoice=st.sampled_from(InvoiceEnd),
)
firsts = st.sampled_from([*DECLINES] + ["funds"] * 4 + ["technical"] * 2)
delays = st.integers(0, 40).map(lambda hours: timedelta(hours=hours))


def lived(first: str, by: Policy, delay: timedelta) -> World:
    """Return a life in which every charge is declined as the first one was, and nobody acts."""
    world = begin(Script((first,), (timedelta(hours=1),), ((delay, LetterState.SENT),)), by, first)
    live(world)
    return world


def deeds_of(world: World, since: int = 0) -> list[Act]:
    """Return what was done from the *since*-th act on.

    A letter that a later one replaced before it could go is no act.
    """
    sent = {letter.step for letter in world.case.letters if letter.state is LetterState.SENT}
    found: list[Act] = []
    for deed in world.done[since:]:
        match deed.decision.act:
            case Charge(step):
                found.append(("charge", step, deed.at))
            case Write(step) if step in sent:
                found.append(("letter", step, deed.at))
            case End(kind):
                found.append(("end", f"ending: {kind.value.replace('_', ' ')}", deed.at))
            case Review():
                found.append(("review", "", deed.at))
    return found


def plans_of(planned: tuple[Planned, ...]) -> list[Act]:
    """Return what is planned in the same words; a letter when it is decided on."""
    return [
        (KINDS[each.kind], each.step, each.decided_at)
        for each in sorted(planned, key=lambda each: each.decided_at)
        if each.kind in KINDS and each.step != CLOSING_STEP
    ]


def check_same(planned: list[Act], deeds: list[Act]) -> None:
    """The pretend world looks again a second after each act, so instants agree but for those."""
    assert [act[:2] for act in planned] == [act[:2] for act in deeds]
    for (*_, planned_at), (*_, done_at) in zip(planned, deeds, strict=True):
        assert abs(done_at - planned_at) < timedelta(minutes=1)


def test_the_deed_is_the_plan() -> None:
    """At the beginning of a life. And lives are of every kind, else this would be cheap."""
    seen: set[str] = set()
    most = 0

    @settings(max_examples=300, derandomize=True, database=None, deadline=None)
    @given(firsts, policies, delays)
    def check_one(first: str, by: Policy, delay: timedelta) -> None:
        nonlocal most
        world = begin(Script((first,), (), ()), by, first)
        start = Situation(
            world.case, world.read(), world.surroundings(), by, Limits(), "Europe/Berlin", T0
        )
        [told] = forecast_all([Start(start, T0)], FAR, ways=ways_of(delay))
        deeds = deeds_of(lived(first, by, delay))
        check_same(plans_of(told.planned), deeds)
        seen.update(kind for kind, *_ in deeds)
        most = max(most, len([kind for kind, *_ in deeds if kind == "charge"]))

    check_one()
    assert seen == {"charge", "letter", "end", "review"}
    assert most >= 5


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(firsts, policies, delays, st.integers(0, 30))
def test_the_rest_of_the_deed_is_the_plan(
    first: str, by: Policy, delay: timedelta, middle: int
) -> None:
    """Also from the middle of a life, with letters that wait and attempts under way."""
    world = lived(first, by, delay)
    since = middle % len(world.done)
    deed: Done = world.done[since]
    start = Start(
        Situation(deed.case, deed.invoice, deed.around, by, Limits(), "Europe/Berlin", deed.at),
        deed.at,
        {number: at for number, (at, _) in world.accepted.items()},
    )
    [told] = forecast_all([start], FAR, ways=ways_of(delay))
    waiting = {m.step for m in deed.case.letters if m.state is LetterState.QUEUED}
    later = tuple(each for each in told.planned if each.step not in waiting)
    check_same(plans_of(later), deeds_of(world, since))


# What is sure, and what must come first


def planned(at: Situation, until: datetime = FAR, ways: Ways = AT_ONCE) -> list[Planned]:
    """Return the plan of one case."""
    return forecast(at, until, ways=ways)


def test_what_follows_a_charge_happens_only_if_it_fails() -> None:
    acts = planned(situation(T0))
    assert [(each.kind.value, each.step) for each in acts[:3]] == [
        ("letter", "first letter"),
        ("charge", "try 1"),
        ("charge", "try 2"),
    ]
    assert [each.sure for each in acts[:3]] == [True, True, False]
    tries = [each for each in acts if each.kind is PlannedKind.CHARGE]
    assert tries[1].condition == Condition(1042, "try 1", tries[0].at)
    assert acts[-1].condition == Condition(1042, tries[-1].step, tries[-1].at)
    assert all(each.amount_minor == 4900 for each in acts)
    assert acts == sorted(acts, key=lambda each: each.at)


def test_a_plan_ends_before_its_last_instant() -> None:
    everything = planned(situation(T0))
    until = everything[3].at
    assert planned(situation(T0), until) == everything[:3]


def test_a_moved_charge_tells_from_when_and_why() -> None:
    told = failure(retry_not_before=after(days=4))
    first = next(
        each
        for each in planned(situation(T0, case(failure=told)))
        if each.kind is PlannedKind.CHARGE
    )
    assert first.at >= after(days=4)
    assert first.due_at is not None
    assert first.due_at < after(days=4)
    assert first.why == "moved to the earliest allowed time, by the decline insufficient_funds"


def test_a_letter_goes_out_when_the_customers_hours_open() -> None:
    first = planned(situation(T0), ways=ways_of(timedelta(hours=15)))[0]
    assert (first.notice, first.decided_at) == ("payment_failed_1", after(hours=4))
    assert first.at == after(hours=19)
    assert first.due_at == after(hours=4)
    assert first.why == "waits for the customer's hours"


def test_a_queued_letter_goes_out_at_its_own_time() -> None:
    waiting = letter(state=LetterState.QUEUED, sent_at=None)
    at = situation(after(hours=5), case(letters=(waiting,), steps=done("first letter")))
    start = Start(at, at.now, {waiting.id: after(hours=9)})
    [told] = forecast_all([start], FAR, ways=AT_ONCE)
    assert told.planned[0].kind is PlannedKind.LETTER
    assert (told.planned[0].at, told.planned[0].sure) == (after(hours=9), True)


def test_an_answer_that_is_awaited_makes_the_rest_conditional() -> None:
    flying = attempt(state=AttemptState.SENDING)
    now = after(days=1, minutes=10)
    acts = planned(situation(now, case(attempts=(flying,), steps=done("first letter"))))
    assert acts[0].condition == Condition(1042, "try 1")
    assert "try 1" not in {each.step for each in acts}


def test_an_outage_is_named_as_what_is_waited_for() -> None:
    out = Outage("Visa cards issued in DE", 20, 20, after(days=1), after(days=1, hours=2))
    now = after(days=1, hours=1)
    at = situation(now, case(steps=done("first letter")), the_surroundings=around(outage=out))
    first = planned(at)[0]
    assert first.kind is PlannedKind.CHARGE
    assert first.at == out.until
    assert first.condition is not None
    assert "that is no customer's fault" in first.condition.waits_for


def test_a_charge_that_a_person_asked_for_comes_first() -> None:
    wish = RetryRequest(7, "ada", "they called")
    now = after(days=2)
    first, *rest = planned(situation(now, the_surroundings=around(retry_request=wish)))
    assert (first.step, first.at, first.sure) == ("by hand 7", now, True)
    assert "by hand 7" not in {each.step for each in rest}


def test_a_case_that_needs_its_operator_waits_for_them() -> None:
    [only] = planned(situation(after(days=1), case(failure=failure(DeclineClass.SETUP, "setup"))))
    assert only.kind is PlannedKind.REVIEW
    assert only.why == "setup: only a change of set-up can cure this"


def test_mode_letters_plans_letters_alone() -> None:
    at = replace(situation(T0), obstacle=obstacle_of(Mode.LETTERS))
    acts = planned(at, ways=replace(AT_ONCE, ends=False))
    assert {each.kind for each in acts} == {PlannedKind.LETTER}


def test_a_policy_that_leaves_the_subscription_closes_the_case() -> None:
    leaves = policy(ending_do=EndingAct.LEAVE, ending_invoice=InvoiceEnd.LEAVE)
    last = planned(situation(T0, by=leaves))[-1]
    assert last.kind is PlannedKind.CLOSE
    assert last.why == "left as it is by the policy"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dispute_open": True}, "the customer disputes a payment"),
        ({"leading_case": 7}, "Follows case C-7, the older open invoice"),
    ],
)
def test_a_case_that_stands_still_says_why(changes: dict[str, object], said: str) -> None:
    at = situation(after(days=1), the_surroundings=around(**changes))
    [told] = forecast_all([Start(at, at.now)], after(days=8), ways=AT_ONCE)
    assert told.planned == ()
    assert said in told.standing


def test_a_course_that_turns_in_circles_is_cut() -> None:
    course = Course.begin(Start(situation(T0), T0), AT_ONCE)
    course.looks = LOOKS_MAX
    course.step(T0)
    assert course.next_at is None
    assert course.standing.startswith("This plan is cut")


# Several cases of one customer


def other_case(**changes: object) -> Case:
    """Return the customer's second case, an hour younger, for another invoice."""
    base: dict[str, object] = {"id": 1043, "invoice_id": "in_2", "failed_at": after(hours=1)}
    return case(**{**base, **changes})


def together(first: Situation, second: Situation) -> tuple[Forecast, Forecast]:
    """Return both plans."""
    both = forecast_all([Start(at, at.now) for at in (first, second)], FAR, ways=AT_ONCE)
    return both[0], both[1]


def test_invoices_of_a_customer_keep_the_gap_between_their_charges() -> None:
    second = situation(T0, other_case(subscription_id="sub_2"), invoice(id="in_2"))
    both = together(situation(T0), second)
    charges = sorted(
        each.at for told in both for each in told.planned if each.kind is PlannedKind.CHARGE
    )
    assert len(charges) > 5
    gaps = [later - sooner for sooner, later in pairwise(charges)]
    assert min(gaps) >= policy().retry_gap


def test_a_follower_ends_with_its_leader() -> None:
    follower = situation(
        T0, other_case(), invoice(id="in_2"), the_surroundings=around(leading_case=1042)
    )
    leads, follows = together(situation(T0), follower)
    [ending] = [each for each in leads.planned if each.kind is PlannedKind.ENDING]
    [end] = follows.planned
    assert (end.kind, end.act) == (PlannedKind.INVOICE_END, AttemptKind.UNCOLLECTIBLE)
    assert end.at == ending.at
    assert end.condition == ending.condition


def test_a_follower_goes_on_where_its_leader_is_left() -> None:
    leaves = policy(ending_do=EndingAct.LEAVE, ending_invoice=InvoiceEnd.LEAVE)
    follower = situation(T0, other_case(), invoice(id="in_2"), around(leading_case=1042), by=leaves)
    leads, follows = together(situation(T0, by=leaves), follower)
    assert leads.planned[-1].kind is PlannedKind.CLOSE
    assert follows.planned[0].at >= leads.planned[-1].at
    assert follows.planned[0].condition == leads.planned[-1].condition


def test_a_leading_cases_letter_counts_for_its_followers() -> None:
    """What the leader's last letter named a moment ago is not told anew; the final letter is."""
    days = timedelta(days=11, hours=6)
    leaves = policy(
        ending_do=EndingAct.LEAVE,
        ending_invoice=InvoiceEnd.LEAVE,
        ending_after=days,
        ending_final_letter_gap=timedelta(),
    )
    younger = other_case(failed_at=after(days=5))
    follower = situation(T0, younger, invoice(id="in_2"), around(leading_case=1042), by=leaves)
    leads, follows = together(situation(T0, by=leaves), follower)
    [close] = [each for each in leads.planned if each.kind is PlannedKind.CLOSE]
    letters = [each for each in follows.planned if each.kind is PlannedKind.LETTER]
    assert close.at == T0 + days
    assert [each.step for each in letters] == ["final letter"]


def test_an_answer_for_one_invoice_frees_the_other() -> None:
    now = after(days=1, hours=1)
    flying = attempt(state=AttemptState.SENDING, sent_at=now)
    first = situation(now, case(attempts=(flying,), steps=done("first letter")))
    second = situation(
        now,
        other_case(subscription_id="sub_2", steps=done("first letter")),
        invoice(id="in_2", subscription=subscription(id="sub_2")),
        around(charge_in_flight_in=1042),
    )
    _, told = together(first, second)
    charge = next(each for each in told.planned if each.kind is PlannedKind.CHARGE)
    assert charge.at < now + timedelta(days=1)


def test_a_card_is_named_as_it_is_charged() -> None:
    charge = next(each for each in planned(situation(T0)) if each.kind is PlannedKind.CHARGE)
    assert charge.method is not None
    assert charge.method.id == OLD_CARD


def test_the_closing_letter_is_called_as_the_service_calls_it() -> None:
    assert CLOSING_STEP == queue_letter.CLOSING_STEP
    last = planned(situation(T0))[-1]
    assert (last.step, last.notice) == (CLOSING_STEP, "subscription_ended")
