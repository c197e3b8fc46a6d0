"""A hold stands a case still, whoever put it, and its end lets it go on where it stood."""

from datetime import timedelta

import pytest

from tests.unit.domain.building import after, around, attempt, case, decision, done_until, invoice
from worker.domain.case import AttemptState, CaseState, CloseRequest, Outcome
from worker.domain.decisions import Charge, Close, GoOn, Hold, Release, Wait
from worker.domain.holds import HeldBy, HoldKind, HoldScope, last_over, strongest

NOW = after(days=1, hours=2)
"""`try 1` is overdue: without the hold, the engine charges."""

SAID = "held by jo (promise to pay): pays on Friday"


def hold(**changes: object) -> HeldBy:
    """Return Jo's hold of the case, without an end."""
    given: dict[str, object] = {
        "id": 1,
        "scope": HoldScope.CASE,
        "target": "C-1042",
        "kind": HoldKind.PROMISE_TO_PAY,
        "owner": "jo",
        "reason": "pays on Friday",
        "by": "jo",
        "at": after(hours=20),
    }
    return HeldBy(**(given | changes))  # type: ignore[arg-type]  # a test's own fields


def test_without_a_hold_the_case_is_charged() -> None:
    assert isinstance(decision(NOW).act, Charge)


def test_a_hold_stands_the_case_still_and_says_who_and_why() -> None:
    decided = decision(NOW, the_surroundings=around(hold=hold()))
    assert decided.act == Hold(SAID)
    assert (decided.rule, decided.stands_down) == ("on_hold", True)
    assert decided.reason == "Held by jo (promise to pay): pays on Friday."
    assert decided.next_at == NOW + timedelta(days=1)


def test_it_is_put_once_and_waited_for_after_that() -> None:
    held = case(state=CaseState.HELD, reason=SAID, stood_down_at=after(hours=20))
    decided = decision(NOW, held, the_surroundings=around(hold=hold()))
    assert decided.act == Wait()
    assert decided.stands_down


def test_its_end_is_told_in_office_time_and_looked_at_then() -> None:
    until = NOW + timedelta(hours=3)
    decided = decision(NOW, the_surroundings=around(hold=hold(until=until)))
    assert isinstance(decided.act, Hold)
    assert ", until " in decided.act.reason
    assert decided.next_at == until


@pytest.mark.parametrize(
    ("over", "said"),
    [
        (hold(until=NOW), "the hold of jo has expired"),
        (
            hold(released_at=NOW, released_by="kim", release_reason="she paid half"),
            "released by kim: she paid half",
        ),
    ],
)
def test_when_it_is_over_the_case_is_released(over: HeldBy, said: str) -> None:
    held = case(state=CaseState.HELD, reason=SAID, stood_down_at=after(hours=20))
    decided = decision(NOW, held, the_surroundings=around(hold_over=over))
    assert decided.act == Release(said)
    assert decided.next_at == NOW


def test_a_hold_that_ended_since_the_ledger_was_read_holds_no_more() -> None:
    held = case(state=CaseState.HELD, reason=SAID)
    decided = decision(NOW, held, the_surroundings=around(hold=hold(until=NOW)))
    assert decided.act == Release("the hold of jo has expired")


def test_a_dispute_and_a_hold_are_told_apart() -> None:
    both = around(hold=hold(), dispute_open=True)
    held = case(state=CaseState.HELD, reason=SAID)
    assert decision(NOW, held, the_surroundings=both).act == Hold("the customer disputes a payment")
    disputed = case(state=CaseState.HELD, reason="the customer disputes a payment")
    assert decision(NOW, disputed, the_surroundings=around(hold=hold())).act == Hold(SAID)
    over = around(hold_over=hold(until=NOW))
    assert decision(NOW, disputed, the_surroundings=over).act == Release("the dispute is closed")


def test_no_ending_and_no_request_again_while_it_is_held() -> None:
    late = after(days=14, hours=1)
    done = case(steps=done_until("final letter"))
    assert isinstance(decision(late, done, the_surroundings=around(hold=hold())).act, Hold)
    sending = case(attempts=(attempt("try 1", AttemptState.SENDING),))
    near = around(hold=hold(), key_age=timedelta(minutes=10))
    decided = decision(NOW, sending, the_surroundings=near)
    assert decided.act == Wait()
    assert "held by jo" in decided.reason


def test_a_case_given_up_is_closed_and_an_unknown_charge_is_not_asked_again() -> None:
    near = around(close_request=CloseRequest("jo", "an error of ours"), hold=hold())
    assert decision(NOW, the_surroundings=near).act == Close(
        Outcome.CLOSED_BY_HAND, "jo closed it: an error of ours"
    )
    in_review = case(state=CaseState.IN_REVIEW)
    assert isinstance(decision(NOW, in_review, the_surroundings=near).act, Close)
    sending = case(attempts=(attempt("try 1", AttemptState.SENDING),))
    assert decision(NOW, sending, the_surroundings=near).act == Wait()


def test_who_stood_still_without_a_hold_goes_on() -> None:
    still = case(stood_down_at=after(hours=20))
    decided = decision(NOW, still, invoice(), around(hold_over=hold(until=NOW)))
    assert decided.act == GoOn()


def test_the_longest_hold_counts_and_the_last_one_over() -> None:
    friday, monday = NOW + timedelta(days=2), NOW + timedelta(days=5)
    short, long = hold(id=1, until=friday), hold(id=2, until=monday)
    endless, gone = hold(id=3), hold(id=4, released_at=NOW - timedelta(hours=1))
    assert strongest((short, long), NOW) == long
    assert strongest((short, endless, long, gone), NOW) == endless
    assert strongest((gone,), NOW) is None
    expired = hold(id=5, until=NOW - timedelta(days=1))
    assert last_over((expired, gone, long), NOW) == gone
    assert last_over((long,), NOW) is None
