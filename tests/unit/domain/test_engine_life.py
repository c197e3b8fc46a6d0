"""Whole case lives: whatever answers, letters, people and outages come, these sentences hold."""

from dataclasses import replace
from datetime import time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.domain.building import BERLIN, T0, policy
from tests.unit.domain.case_days import EVENTS, happen, live
from tests.unit.domain.case_life import (
    DEBIT,
    DECLINES,
    PAID,
    REFUSED,
    UNKNOWN_LOST,
    UNKNOWN_PAID,
    Done,
    Script,
    World,
    begin,
)
from worker.domain.case import (
    CANCELS,
    AttemptKind,
    AttemptState,
    CaseState,
    LetterState,
    Outcome,
)
from worker.domain.decisions import Charge, Close, End, Reopen, Resend, SettleAttempt, Wait, Write
from worker.domain.policy import (
    CancelWhen,
    DeclineClass,
    EndingAct,
    InvoiceEnd,
    Policy,
    RetriesBy,
)
from worker.domain.transitions import MOVES

MAY_BE_RETRIED = {DeclineClass.FUNDS, DeclineClass.UNCLEAR, DeclineClass.TECHNICAL}


def hours(most: int, least: int = 0) -> st.SearchStrategy[timedelta]:
    """Draw a length of whole hours."""
    return st.integers(least, most).map(lambda n: timedelta(hours=n))


fates = st.sampled_from([LetterState.SENT] * 5 + [LetterState.UNKNOWN, LetterState.REFUSED])
charge_outcomes = st.sampled_from(
    [*DECLINES] * 2 + ["funds"] * 8 + [PAID, UNKNOWN_PAID, UNKNOWN_LOST, DEBIT, REFUSED]
)
ENDED_BY = timedelta(days=25)
scripts = st.builds(
    Script,
    # Stripe answers now and then: a case that never gets an answer is asked about for ever.
    charges=st.lists(charge_outcomes, min_size=1, max_size=8)
    .filter(lambda drawn: set(drawn) != {UNKNOWN_LOST})
    .map(tuple),
    asked_again_after=st.lists(
        st.sampled_from([timedelta(minutes=20), timedelta(hours=1), timedelta(hours=9)]),
        min_size=1,
        max_size=3,
    ).map(tuple),
    letters=st.lists(st.tuples(hours(60), fates), min_size=1, max_size=4).map(tuple),
    # What began is over on day 25 at the latest, so that the life can end.
    events=st.lists(st.tuples(hours(24 * 24), st.sampled_from(EVENTS)), max_size=5).map(
        lambda drawn: (*drawn, (ENDED_BY, "dispute over"), (ENDED_BY, "resumes"))
    ),
    outages=st.lists(st.tuples(hours(24 * 20), hours(24 * 8)), max_size=2).map(tuple),
    has_address=st.sampled_from([True] * 6 + [False]),
)
policies = st.builds(
    policy,
    retries_by=st.sampled_from([RetriesBy.WORKER] * 6 + [RetriesBy.STRIPE, RetriesBy.NOBODY]),
    charge_new_card_at_once=st.sampled_from([True, True, False]),
    ending_do=st.sampled_from([EndingAct.CANCEL] * 4 + [EndingAct.LEAVE]),
    ending_when=st.sampled_from(CancelWhen),
    ending_invoice=st.sampled_from(InvoiceEnd),
    retries_max=st.sampled_from([8, 8, 3]),
)
firsts = st.sampled_from([*DECLINES] + ["funds"] * 5)


def check_charge(done: Done, step: str, by: Policy) -> None:
    """Check one charge against everything that forbids it."""
    case, now = done.case, done.at
    failure = case.failure
    assert failure is not None
    assert case.state is CaseState.OPEN
    assert case.in_flight is None, "two at once"
    assert done.invoice.status == "open"
    assert done.invoice.payment is not None
    assert done.invoice.payment.status != "processing"
    check_nobody_stopped(done)
    assert now >= case.failed_at + timedelta(minutes=15)
    assert done.decision.owner in {RetriesBy.WORKER, None}
    assert by.retries_by is RetriesBy.WORKER
    assert done.invoice.next_payment_attempt_at is None, "Stripe owns the retries"
    assert step not in {a.step for a in case.charges}, "two charges for a step"
    assert case.record(step) is None
    counted = [a for a in case.charges if not a.step.startswith("quick")]
    if not step.startswith("quick"):
        assert len(counted) < by.retries_max
    if step.startswith("new card"):
        return
    assert failure.decline_class in MAY_BE_RETRIED
    assert failure.may_retry
    assert failure.retry_not_before is None or now >= failure.retry_not_before
    if step.startswith("quick"):
        assert len(case.charges) - len(counted) < 3
        return
    assert done.around.last_try_at is not None
    assert now - done.around.last_try_at >= timedelta(hours=20)
    found = by.step(step)
    assert found is not None
    assert now >= case.failed_at + found.after
    if found.charge_window is not None:
        local = now.astimezone(ZoneInfo(BERLIN)).time()
        assert found.charge_window.start <= local < found.charge_window.end


def check_nobody_stopped(done: Done) -> None:
    """Check that neither a cancel, nor a dispute, nor a pause stood against *done*."""
    subscription = done.invoice.subscription
    assert subscription is not None
    assert subscription.status == "past_due"
    assert not subscription.collection_paused
    assert subscription.canceled_at is None
    assert not done.around.dispute_open


def check_cancel(done: Done, by: Policy) -> None:
    """Check that the customer was told in time, and that the office is there."""
    assert done.case.state is CaseState.OPEN
    assert done.case.in_flight is None
    assert done.invoice.status == "open"
    check_nobody_stopped(done)
    assert done.at >= done.case.failed_at + by.ending.after
    letters = [letter for letter in done.case.letters if letter.step == by.ending.final_letter_step]
    assert [letter.state for letter in letters] == [LetterState.SENT], "no ending without it"
    assert letters[0].sent_at is not None
    assert letters[0].sent_at <= done.at - timedelta(hours=48)
    local = done.at.astimezone(ZoneInfo(BERLIN))
    assert local.weekday() < 5
    assert time(9) <= local.time() < time(16)


def check_write(done: Done, step: str) -> None:
    """Check that no step is written about twice, nor anything written under a stop."""
    assert done.case.state is CaseState.OPEN
    assert step not in {letter.step for letter in done.case.letters}
    assert done.case.record(step) is None
    assert done.invoice.status == "open"
    assert not done.around.dispute_open


def check_resend(done: Done) -> None:
    """Check that a request is only asked again while it may still be made."""
    flying = done.case.in_flight
    assert flying is not None
    assert done.around.key_age < timedelta(hours=23)
    if flying.kind is AttemptKind.CHARGE:
        assert done.invoice.status == "open"
        check_nobody_stopped(done)


def check_life(world: World) -> None:
    """Check everything that was done in one life."""
    for done in world.done:
        match done.decision.act:
            case Charge(step, card):
                assert card == world_card(done)
                check_charge(done, step, world.policy)
            case End(kind) if kind in CANCELS:
                check_cancel(done, world.policy)
            case Write(step, _):
                check_write(done, step)
            case Resend():
                check_resend(done)
    check_totals(world)


def world_card(done: Done) -> str:
    """Return the card that Stripe would charge."""
    subscription = done.invoice.subscription
    assert subscription is not None
    assert subscription.default_payment_method is not None
    return subscription.default_payment_method.id


def check_totals(world: World) -> None:
    """Check what only the whole life shows."""
    case, by = world.case, world.policy
    assert world.executed_paid <= 1, "charged twice"
    counted = [a for a in case.charges if not a.step.startswith("quick")]
    assert len(counted) <= by.retries_max
    steps = [a.step for a in case.charges]
    assert len(steps) == len(set(steps))
    assert [a.no for a in case.attempts] == list(range(1, len(case.attempts) + 1))
    if case.state is CaseState.CLOSED:
        recovered = case.outcome in {Outcome.RECOVERED, Outcome.RECOVERED_LATE}
        assert (world.status == "paid") is recovered
        assert case.in_flight is None
    closes = [n for n, done in enumerate(world.done) if isinstance(done.decision.act, Close)]
    for done in world.done[closes[0] + 1 :] if closes else []:
        # After the end only money that came late, or went back, changes anything.
        assert isinstance(done.decision.act, Close | Reopen), done
        assert done.decision.rule in {"paid_late", "payment_returned"}


@settings(max_examples=40, derandomize=True)
@given(scripts, st.integers(1, 60))
def test_nothing_is_done_to_a_closed_case(script: Script, days: int) -> None:
    """However late and often it is looked at, with every step and the ending due."""
    world = begin(script, policy())
    live(world)
    if world.case.state is not CaseState.CLOSED:
        happen(world, "pays by hand")
        assert isinstance(world.look().act, Close | SettleAttempt | Wait)
        return
    before = world.case
    for day in range(1, days, 7):
        world.now += timedelta(days=day)
        assert isinstance(world.look().act, Wait)
    assert world.case == before


ONLY_FUNDS = Script(("funds",), (timedelta(hours=1),), ((timedelta(hours=2), LetterState.SENT),))


def test_the_longest_ordinary_life() -> None:
    """Six steps charge, four write, then it ends."""
    world = begin(ONLY_FUNDS, policy())
    live(world)
    check_life(world)
    acts = [type(done.decision.act).__name__ for done in world.done]
    assert acts.count("Charge") == 6
    assert acts.count("Write") == 4
    assert acts[-3:] == ["End", "End", "Close"] or acts[-4:] == [
        *("End", "End", "SettleAttempt", "Close")
    ]
    assert world.case.outcome is Outcome.ENDED
    assert world.now - T0 < timedelta(days=15)
    assert world.looks < 40


@pytest.mark.parametrize("down_days", [1, 3, 7, 13, 20, 30])
def test_no_burst_after_an_outage(down_days: int) -> None:
    """On the first day back: one charge and one letter at most, and no cancel."""
    start = timedelta(days=2, hours=3)
    down = replace(ONLY_FUNDS, outages=((start, timedelta(days=down_days)),))
    world = begin(down, policy())
    live(world)
    check_life(world)
    back_at = T0 + start + timedelta(days=down_days)
    at_once = [d.decision.act for d in world.done if back_at <= d.at < back_at + timedelta(hours=9)]
    assert sum(isinstance(act, Charge) for act in at_once) <= 1
    assert sum(isinstance(act, Write) for act in at_once) <= 1
    assert not any(isinstance(act, End) for act in at_once)
    assert world.case.outcome is Outcome.ENDED
    planned = {step.name for step in policy().steps}
    assert planned == {record.step for record in world.case.steps}, "each step has its record"
    assert all(record.done or record.reason for record in world.case.steps)


@pytest.mark.parametrize("answer", [UNKNOWN_LOST, UNKNOWN_PAID])
@pytest.mark.parametrize("every", [timedelta(minutes=2), timedelta(hours=30)])
def test_an_unknown_charge_comes_out_once(answer: str, every: timedelta) -> None:
    """Also where nobody could ask for more than 25 hours."""
    world = begin(Script((answer, PAID), (every,), ONLY_FUNDS.letters), policy())
    live(world)
    check_life(world)
    assert world.executed_paid == 1
    assert world.case.outcome is Outcome.RECOVERED
    won = [a for a in world.case.attempts if a.state is AttemptState.SUCCEEDED]
    assert len(won) == 1


def test_every_life() -> None:
    """And they do not all go the same way: else the sentences would be cheap."""
    moves: set[tuple[CaseState, CaseState]] = set()
    outcomes: set[Outcome | None] = set()

    @settings(max_examples=250, derandomize=True, database=None)
    @given(scripts, policies, firsts)
    def check_one(script: Script, by: Policy, first: str) -> None:
        world = begin(script, by, first)
        live(world)
        check_life(world)
        outcomes.add(world.case.outcome)
        states = [done.case.state for done in world.done] + [world.case.state]
        moves.update(move for move in pairwise(states) if move[0] is not move[1])

    check_one()
    assert moves <= MOVES
    assert (CaseState.OPEN, CaseState.IN_REVIEW) in moves
    assert outcomes >= {Outcome.RECOVERED, Outcome.ENDED, Outcome.CUSTOMER_CANCELLED}


ON_DAY_5 = [
    ("pays by hand", Outcome.RECOVERED, 3),
    ("pays elsewhere", Outcome.RECOVERED, 3),
    ("voided", Outcome.VOIDED, 3),
    ("cancels", Outcome.CUSTOMER_CANCELLED, 3),
    ("cancels at period end", Outcome.CUSTOMER_CANCELLED, 3),
    ("new card", Outcome.ENDED, 7),
    ("updated card", Outcome.ENDED, 7),
    ("removed card", Outcome.ENDED, 3),
    ("stripe plans a try", Outcome.ENDED, 3),
    ("disputes", Outcome.ENDED, 6),
    ("pauses", Outcome.ENDED, 6),
    ("dispute over", Outcome.ENDED, 6),
    ("resumes", Outcome.ENDED, 6),
]
"""What somebody does, how the case ends, and how many charges it saw."""


@pytest.mark.parametrize(("event", "outcome", "charges"), ON_DAY_5)
def test_what_others_do_on_the_fifth_day(event: str, outcome: Outcome, charges: int) -> None:
    """After three tries. What stands still until day 25 goes on as if no day had passed."""
    others = ((timedelta(days=5), event), (ENDED_BY, "dispute over"), (ENDED_BY, "resumes"))
    world = begin(replace(ONLY_FUNDS, events=others), policy())
    live(world)
    check_life(world)
    assert world.case.outcome is outcome
    assert len(world.case.charges) == charges
    if event in {"disputes", "pauses"}:
        late = [d for d in world.done if d.at >= T0 + ENDED_BY]
        letters = [d.at for d in late if isinstance(d.decision.act, Write)]
        assert len(letters) == 2
        assert letters[1] - letters[0] == timedelta(days=4)


def test_every_event_is_told_above() -> None:
    assert {event for event, _, _ in ON_DAY_5} == set(EVENTS)
