"""The state table: every move, and a sentence for each way a case can end."""

import pytest

from worker.domain.case import CaseState, Outcome
from worker.domain.transitions import END_STATES, MOVES, check_move
from worker.errors import InvariantBroken

EVERY_MOVE = [(before, after) for before in CaseState for after in CaseState]


@pytest.mark.parametrize(("before", "after"), EVERY_MOVE)
def test_only_listed_moves_are_allowed(before: CaseState, after: CaseState) -> None:
    if before is after or (before, after) in MOVES:
        check_move(before, after)
        return
    with pytest.raises(InvariantBroken, match=f"from {before} to {after}"):
        check_move(before, after)


def test_the_table_in_full() -> None:
    """Written out, so that a change of the table is a change of this test."""
    text = {f"{before} > {after}" for before, after in MOVES}
    assert text == {
        "open > held",
        "open > in_review",
        "open > closed",
        "held > open",
        "held > in_review",
        "held > closed",
        "in_review > open",
        "in_review > held",
        "in_review > closed",
        "closed > open",
        "closed > in_review",
    }


def test_every_state_can_be_reached_and_left() -> None:
    assert {before for before, _ in MOVES} == set(CaseState)
    assert {after for _, after in MOVES} == set(CaseState)


def test_each_outcome_is_described_once() -> None:
    assert [state.outcome for state in END_STATES] == list(Outcome)
    for state in END_STATES:
        assert state.stripe_goes_on, state
        assert state.access, state
        assert state.reopened_by, state


def test_only_paid_cases_come_back_when_money_is_returned() -> None:
    returned = {state.outcome for state in END_STATES if "returned" in state.reopened_by}
    assert returned == {Outcome.RECOVERED, Outcome.RECOVERED_LATE, Outcome.PAID_ON_TIME}
    undone = {state.outcome for state in END_STATES if "undone" in state.reopened_by}
    assert undone == {Outcome.CUSTOMER_CANCELLED}
    late = {state.outcome for state in END_STATES if "recovered_late" in state.reopened_by}
    assert late == {
        Outcome.ENDED,
        Outcome.CUSTOMER_CANCELLED,
        Outcome.WRITTEN_OFF,
        Outcome.CLOSED_BY_HAND,
    }
