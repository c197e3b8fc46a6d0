"""Letters: once per occasion, sent at most once, never by two."""

from collections import Counter

import pytest

from tests.integration.store.building import (
    DAY,
    DISPATCH,
    LEASE,
    MINUTE,
    NOW,
    WALL,
    at_once,
    letter,
    open_case,
    under_another_message_id,
)
from worker.domain.caps import Cap, Counted, Window
from worker.domain.case import LetterState
from worker.ports import LetterTask, NewLetter
from worker.store.ledger import PostgresLedger

LATER = WALL + LEASE + MINUTE


def queue(ledger: PostgresLedger, new: NewLetter) -> int | None:
    """Queue one letter in a transaction of its own."""
    with ledger.begin() as tx:
        return tx.letters.queue(new, now=NOW)


def queued(ledger: PostgresLedger, *occasions: str, case_id: int | None = None) -> int:
    """Queue a letter that surely is new."""
    letter_id = queue(ledger, letter(*occasions, case_id=case_id))
    assert letter_id is not None
    return letter_id


def claim(
    ledger: PostgresLedger,
    letter_id: int,
    token: str = "t1",  # noqa: S107 (a lease, not a secret)
    *,
    late: bool = False,
) -> LetterTask | None:
    """Claim a letter for the usual time."""
    with ledger.begin() as tx:
        wall_now = LATER if late else WALL
        return tx.letters.claim(letter_id, now=NOW, wall_now=wall_now, token=token, lease=LEASE)


def begin(ledger: PostgresLedger, letter_id: int, token: str = "t1") -> bool:  # noqa: S107
    """Commit to sending."""
    with ledger.begin() as tx:
        return tx.letters.begin_sending(letter_id, token=token, now=NOW, wall_now=WALL)


def settle(
    ledger: PostgresLedger,
    letter_id: int,
    state: LetterState,
    token: str = "t1",  # noqa: S107
) -> bool:
    """Write what became of a letter that *token* has."""
    with ledger.begin() as tx:
        return tx.letters.settle(letter_id, state, token=token, now=NOW, reason=state.value)


def postpone(ledger: PostgresLedger, letter_id: int, token: str = "t1") -> bool:  # noqa: S107
    """Put a letter back that was surely not sent."""
    with ledger.begin() as tx:
        return tx.letters.postpone(letter_id, token=token, until=NOW, count_try=True)


def state_of(ledger: PostgresLedger, letter_id: int) -> str:
    """Return a letter's state."""
    with ledger.connection() as connection:
        found = connection.exec_driver_sql(
            "SELECT state FROM letters WHERE id = %(id)s", {"id": letter_id}
        )
        return str(found.scalar_one())


def due(ledger: PostgresLedger) -> list[int]:
    """Dispatch and return what is due."""
    with ledger.begin() as tx:
        return tx.letters.take_due(now=NOW, wall_now=WALL, limit=500, dispatch=DISPATCH)


def test_an_occasion_has_one_letter_ever(ledger: PostgresLedger) -> None:
    first = queued(ledger, "renewal:sub_1:2027-01-01")
    claim(ledger, first)
    again = letter("renewal:sub_1:2027-01-01")
    assert queue(ledger, again) is None
    assert queue(ledger, under_another_message_id(again)) is None
    assert settle(ledger, first, LetterState.SUPPRESSED)
    assert queue(ledger, again) is None


def test_occasions_that_have_a_letter_are_told(ledger: PostgresLedger) -> None:
    queued(ledger, "a")
    with ledger.begin() as tx:
        assert tx.letters.taken(["b", "a", "a"]) == {"a"}
        assert tx.letters.taken([]) == set()


def test_a_refused_letter_leaves_its_transaction_usable(ledger: PostgresLedger) -> None:
    queued(ledger, "a")
    with ledger.begin() as tx:
        assert tx.letters.queue(letter("a"), now=NOW) is None
        assert tx.letters.queue(letter("b"), now=NOW) is not None
    assert len(due(ledger)) == 2


def test_merged_occasions_are_taken_all_or_none(ledger: PostgresLedger) -> None:
    queued(ledger, "b")
    assert queue(ledger, letter("a", "b", "c")) is None
    assert queue(ledger, letter("a", "c")) is not None
    assert queue(ledger, letter("c")) is None


def test_of_eight_letters_for_one_occasion_at_once_one_is_queued(ledger: PostgresLedger) -> None:
    ids = at_once(8, lambda _: queue(ledger, letter("trial:sub_1:2027-01-01")))
    assert len([letter_id for letter_id in ids if letter_id is not None]) == 1


def test_merged_letters_with_shared_occasions_do_not_deadlock(ledger: PostgresLedger) -> None:
    def queue_all(thread: int) -> int:
        taken = 0
        for turn in range(30):
            names = [f"{turn}:{part}" for part in range(4)]
            merged = letter(f"{turn}:own:{thread}", *(names if thread % 2 else reversed(names)))
            taken += queue(ledger, merged) is not None
        return taken

    assert sum(at_once(4, queue_all)) == 30


def test_a_letter_waits_for_its_instant(ledger: PostgresLedger) -> None:
    letter_id = queue(ledger, letter("a", send_at=NOW + MINUTE))
    assert due(ledger) == []
    assert letter_id is not None
    assert claim(ledger, letter_id) is None


def test_a_claimed_letter_carries_what_was_queued(ledger: PostgresLedger) -> None:
    case_id = open_case(ledger)
    task = claim(ledger, queued(ledger, "a", case_id=case_id))
    assert task is not None
    assert (task.notice, task.step, task.case_id) == ("first", "first", case_id)
    assert (task.customer_id, task.message_id) == ("cus_1", "<a@dunning.invalid>")
    assert (task.send_by, task.tries) == (NOW + 5 * DAY, 0)
    assert task.context == {"card": "Visa 4242"}


def test_four_scans_at_once_never_give_out_the_same_letter(ledger: PostgresLedger) -> None:
    ids = [queued(ledger, f"occasion {number}") for number in range(60)]

    def scan(_: int) -> list[int]:
        found: list[int] = []
        for _round in range(15):
            with ledger.begin() as tx:
                found += tx.letters.take_due(now=NOW, wall_now=WALL, limit=6, dispatch=DISPATCH)
        return found

    assert Counter(one for found in at_once(4, scan) for one in found) == Counter(ids)


def test_one_of_two_claims_wins_until_its_lease_is_over(ledger: PostgresLedger) -> None:
    letter_id = queued(ledger, "a")
    assert claim(ledger, letter_id) is not None
    assert claim(ledger, letter_id, "t2") is None
    assert claim(ledger, letter_id, "t2", late=True) is not None
    assert not begin(ledger, letter_id)


def test_sending_begins_once(ledger: PostgresLedger) -> None:
    letter_id = queued(ledger, "a")
    assert not begin(ledger, letter_id)
    assert claim(ledger, letter_id) is not None
    assert not begin(ledger, letter_id, "t2")
    assert begin(ledger, letter_id)
    assert not begin(ledger, letter_id)


def test_a_letter_that_is_being_sent_is_not_claimed_again(ledger: PostgresLedger) -> None:
    letter_id = queued(ledger, "a")
    claim(ledger, letter_id)
    assert begin(ledger, letter_id)
    assert claim(ledger, letter_id, "t2", late=True) is None
    assert due(ledger) == []


def test_a_send_without_an_end_is_lost_once_its_lease_is_over(ledger: PostgresLedger) -> None:
    letter_id = queued(ledger, "a")
    claim(ledger, letter_id)
    assert begin(ledger, letter_id)
    with ledger.begin() as tx:
        assert tx.letters.lost_sends(wall_now=WALL + LEASE) == []
        assert [task.id for task in tx.letters.lost_sends(wall_now=LATER)] == [letter_id]
        assert tx.letters.lose(letter_id, reason="lost")
        assert not tx.letters.lose(letter_id, reason="lost")
        assert tx.letters.lost_sends(wall_now=LATER) == []
    assert state_of(ledger, letter_id) == "unknown"


@pytest.mark.parametrize("state", [LetterState.SENT, LetterState.REFUSED])
def test_a_lost_sender_may_still_say_what_became_of_its_letter(
    ledger: PostgresLedger, state: LetterState
) -> None:
    letter_id = queued(ledger, "a")
    claim(ledger, letter_id)
    assert begin(ledger, letter_id)
    with ledger.begin() as tx:
        assert tx.letters.lose(letter_id, reason="lost")
    assert not settle(ledger, letter_id, state, "t2")
    assert settle(ledger, letter_id, state)
    assert state_of(ledger, letter_id) == state.value


def test_a_known_end_stays(ledger: PostgresLedger) -> None:
    letter_id = queued(ledger, "a")
    claim(ledger, letter_id)
    assert settle(ledger, letter_id, LetterState.SENT)
    assert not settle(ledger, letter_id, LetterState.SUPPRESSED)
    assert not postpone(ledger, letter_id)
    assert state_of(ledger, letter_id) == "sent"
    assert due(ledger) == []


def test_a_letter_that_was_surely_not_sent_is_tried_again(ledger: PostgresLedger) -> None:
    letter_id = queued(ledger, "a")
    claim(ledger, letter_id)
    assert begin(ledger, letter_id)
    assert postpone(ledger, letter_id)
    again = claim(ledger, letter_id, "t2")
    assert again is not None
    assert again.tries == 1


def test_what_was_surely_not_sent_takes_no_room_also_once_it_is_dropped(
    ledger: PostgresLedger,
) -> None:
    """A limit of one an hour holds the other letter, and the promise of limits is kept."""
    case_id = open_case(ledger)
    dropped, sent = queued(ledger, "dropped", case_id=case_id), queued(ledger, "sent")
    claim(ledger, dropped)
    assert begin(ledger, dropped)
    assert postpone(ledger, dropped)
    with ledger.begin() as tx:
        tx.letters.suppress_queued(case_id, reason="case closed")
    claim(ledger, sent)
    assert begin(ledger, sent)
    with ledger.begin() as tx:
        assert tx.letters.begun_since(NOW - MINUTE).count == 1
        cap = Cap(Counted.LETTERS, Window.HOUR, most=1)
        assert tx.promises.over_cap(cap, [], since=NOW - DAY, zone="UTC") == []


def test_what_is_dropped_at_once_takes_no_room(ledger: PostgresLedger) -> None:
    """The mail server did not take it, and by the next try it would be too late."""
    letter_id = queued(ledger, "a", case_id=open_case(ledger))
    claim(ledger, letter_id)
    assert begin(ledger, letter_id)
    with ledger.begin() as tx:
        assert tx.letters.begun_since(NOW - MINUTE).count == 1
        assert tx.letters.settle(letter_id, LetterState.SUPPRESSED, token="t1", now=NOW)
        assert tx.letters.begun_since(NOW - MINUTE).count == 0


def test_what_the_release_before_put_back_breaks_no_promise_once_it_is_dropped(
    ledger: PostgresLedger,
) -> None:
    """It kept when such a letter had begun."""
    case_id = open_case(ledger)
    dropped, sent = queued(ledger, "dropped", case_id=case_id), queued(ledger, "sent")
    for letter_id in (dropped, sent):
        claim(ledger, letter_id)
        assert begin(ledger, letter_id)
    assert postpone(ledger, dropped)
    with ledger.connection() as connection:
        connection.exec_driver_sql(
            "UPDATE letters SET begun_at = %(at)s WHERE id = %(id)s", {"at": NOW, "id": dropped}
        )
    with ledger.begin() as tx:
        tx.letters.suppress_queued(case_id, reason="case closed")
        cap = Cap(Counted.LETTERS, Window.HOUR, most=1)
        assert tx.promises.over_cap(cap, [], since=NOW - DAY, zone="UTC") == []


def test_a_sender_that_lost_its_lease_moves_nothing(ledger: PostgresLedger) -> None:
    """The first was slow; the second is talking to the mail server when the first wakes up."""
    letter_id = queued(ledger, "a")
    claim(ledger, letter_id)
    assert claim(ledger, letter_id, "t2", late=True) is not None
    with ledger.begin() as tx:
        assert tx.letters.begin_sending(letter_id, token="t2", now=NOW, wall_now=LATER)
    assert not postpone(ledger, letter_id)
    assert not settle(ledger, letter_id, LetterState.SUPPRESSED)
    assert state_of(ledger, letter_id) == "sending"
    assert due(ledger) == []
    assert settle(ledger, letter_id, LetterState.SENT, "t2")


def test_no_scan_rings_for_a_paused_letter(ledger: PostgresLedger) -> None:
    letter_id = queued(ledger, "a")
    claim(ledger, letter_id)
    with ledger.begin() as tx:
        paused_until = WALL + MINUTE
        assert tx.letters.postpone(
            letter_id,
            token="t1",
            until=NOW,
            paused_until=paused_until,
        )
    assert due(ledger) == []
    with ledger.begin() as tx:
        later = WALL + 2 * MINUTE
        assert tx.letters.take_due(now=NOW, wall_now=later, limit=5, dispatch=DISPATCH) == [
            letter_id
        ]


def test_dropped_letters_stay_dropped_also_under_a_sender(ledger: PostgresLedger) -> None:
    case_id = open_case(ledger)
    leased, waiting, sending, calendar = (
        queued(ledger, name, case_id=case_id if name != "calendar" else None)
        for name in ("leased", "waiting", "sending", "calendar")
    )
    for letter_id in (leased, sending):
        claim(ledger, letter_id)
    assert begin(ledger, sending)
    with ledger.begin() as tx:
        dropped = tx.letters.suppress_queued(case_id, reason="case closed")
    assert {task.id for task in dropped} == {leased, waiting}
    assert not begin(ledger, leased)
    assert not postpone(ledger, leased)
    assert state_of(ledger, leased) == "suppressed"
    assert due(ledger) == [calendar]


def test_after_a_stop_waiting_letters_may_go_out_that_much_longer(ledger: PostgresLedger) -> None:
    waiting, sent = queued(ledger, "a"), queued(ledger, "b")
    claim(ledger, sent)
    assert settle(ledger, sent, LetterState.SENT)
    with ledger.begin() as tx:
        assert tx.letters.extend_waiting(by=2 * DAY) == 1
    task = claim(ledger, waiting)
    assert task is not None
    assert task.send_by == NOW + 7 * DAY
