"""A message with anything but a frozen name and an id is refused, whatever it carries."""

from typing import Any

import dramatiq
import pytest

from worker.queue.messages import (
    ADVANCE_CASE,
    DELIVER_LETTER,
    RUN_JOB,
    TICK,
    refuse_more_than_ids,
)

ADDRESS = "anna@customers.example"


def message(name: str, *args: object, **more: Any) -> dramatiq.Message[object]:
    """Return a message as an actor would send it."""
    fields = {"queue_name": "q", "actor_name": name, "args": args, "kwargs": {}, "options": {}}
    return dramatiq.Message(**(fields | more))


@pytest.mark.parametrize(
    "refused",
    [
        message(ADVANCE_CASE, ADDRESS),
        message(ADVANCE_CASE, 1042, ADDRESS),
        message(ADVANCE_CASE, "1042"),
        message(ADVANCE_CASE, True),
        message(ADVANCE_CASE, -1),
        message(ADVANCE_CASE, 4.5),
        message(ADVANCE_CASE),
        message(ADVANCE_CASE, {"id": 1, "email": ADDRESS}),
        message(ADVANCE_CASE, 1042, kwargs={"email": ADDRESS}),
        message(ADVANCE_CASE, 1042, options={"traceback": f"KeyError: {ADDRESS}"}),
        message(DELIVER_LETTER, "sk_live_51Habc"),
        message(RUN_JOB, ADDRESS),
        message(RUN_JOB, "sk_live_51Habc"),
        message(RUN_JOB, "a" * 41),
        message(RUN_JOB, 7),
        message(TICK, 1),
        message(ADDRESS),
        message("of_a_later_release", 1),
    ],
)
def test_it_is_refused_and_nothing_of_it_is_told(refused: dramatiq.Message[object]) -> None:
    with pytest.raises(ValueError, match="may carry its id and nothing else") as told:
        refuse_more_than_ids(refused, delay=None)
    assert "anna" not in str(told.value)


def test_a_delay_is_refused() -> None:
    with pytest.raises(ValueError, match=r"case\.advance may carry"):
        refuse_more_than_ids(message(ADVANCE_CASE, 1), delay=1000)


@pytest.mark.parametrize(
    "sent",
    [
        message(ADVANCE_CASE, 1042),
        message(DELIVER_LETTER, 2**62),
        message(RUN_JOB, "renewals_cards_trials"),
        message(TICK, options={"redis_message_id": "1"}),
    ],
)
def test_ids_go_through(sent: dramatiq.Message[object]) -> None:
    refuse_more_than_ids(sent, delay=None)
    assert sent.kwargs == {}
