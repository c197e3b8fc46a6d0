"""Of a new policy 20 cases act first; never a 21st before it clears, and nothing is dropped."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.services.bench import Bench
from tests.integration.store.building import MINUTE, NOW, at_once
from worker.bootstrap import notices_in
from worker.domain.canary import FIRST_CASES
from worker.domain.policy import Configuration
from worker.domain.readings import Answer, AnswerKind
from worker.ports import NewCase
from worker.services.apply_configuration import Candidate, Move, apply_configuration
from worker.services.keep_configuration import keep_first, keep_policies
from worker.services.operate import go, go_past_canaries, stop
from worker.settings.load import configuration_of, read_files
from worker.store.canaries import CanaryWait, read_canaries

PROJECT = Path(__file__).parents[3]
CASES = 30
LATER = "after: 15 days"
FIRST_LETTER = "letter: payment_failed_1"
OFFERING = f"{FIRST_LETTER}, offer: {{ extra_days: 7 days }}"
WEEK = timedelta(days=7)


def candidate(ending: str, first_letter: str = FIRST_LETTER) -> Candidate:
    """Return the shipped configuration with another time of the ending, or first letter."""
    files = dict(read_files(PROJECT / "config"))
    for old in ("after: 14 days", FIRST_LETTER):
        assert old in files["dunning.yaml"]
    changed = files["dunning.yaml"].replace("after: 14 days", ending)
    files["dunning.yaml"] = changed.replace(FIRST_LETTER, first_letter)
    return Candidate(files, configuration_of(files, notices_in(PROJECT / "templates")))


def begin(bench: Bench) -> None:
    """Store version 1, as the first process does."""
    first = candidate("after: 14 days")
    keep_first(first.files, first.configuration, ledger=bench.ledger, now=NOW)
    with bench.ledger.begin() as tx:
        keep_policies(tx, first.configuration, wall_now=NOW)


def apply(
    bench: Bench,
    ending: str,
    *,
    after: int,
    move: tuple[int, ...] = (),
    first_letter: str = FIRST_LETTER,
) -> Configuration:
    """Apply a configuration and move these cases to it."""
    wish = candidate(ending, first_letter)
    becomes = wish.configuration.dunning.policies[0].digest
    moves = [Move(case_id, bench.loaded(case_id).policy_digest, becomes) for case_id in move]
    done = apply_configuration(
        wish,
        after=after,
        moves=moves,
        ledger=bench.ledger,
        clock=bench.clock,
        now=bench.clock.now,
        by="jo",
        reason="we look",
    )
    assert done.left == ()
    return wish.configuration


@pytest.fixture
def moved(bench: Bench) -> tuple[int, ...]:
    """Give 30 cases that are due and were moved to a policy that is new."""
    begin(bench)
    numbers = tuple(bench.case(number) for number in range(1, CASES + 1))
    apply(bench, LATER, after=1, move=numbers)
    bench.stripe.answers = [Answer(AnswerKind.UNKNOWN)] * 9 * CASES
    return numbers


def work(bench: Bench) -> None:
    """Look at all cases and letters that are due, as workers do, until none is."""
    for _ in range(8):
        cases, letters = bench.due()
        if not cases and not letters:
            return
        for case_id in cases:
            bench.look(case_id)
        for letter_id in letters:
            bench.deliver(letter_id)
    raise AssertionError("it goes in circles")


def pass_time(bench: Bench, minutes: float) -> None:
    """Let time pass and work."""
    bench.clock.now += timedelta(minutes=minutes)
    work(bench)


def who_and_why(bench: Bench) -> dict[str, Any]:
    """Return what each act of a person takes, now."""
    now = bench.clock.now
    about = {"ledger": bench.ledger, "clock": bench.clock, "now": now}
    return {**about, "by": "jo", "reason": "we look"}


def charged(bench: Bench) -> list[str]:
    """Return the invoices that were charged, in order; an unknown outcome is asked for again."""
    return list(dict.fromkeys(asked for asked in bench.stripe.asked if asked.startswith("pay ")))


def standing(bench: Bench) -> list[CanaryWait]:
    """Return the canaries that are not cleared."""
    with bench.ledger.connection() as connection:
        return read_canaries(connection, bench.ledger.account_id)


def days_given(bench: Bench) -> int:
    """Return how many cases were given the week that their letter offers."""
    with bench.ledger.connection() as connection:
        found = connection.exec_driver_sql("SELECT shift FROM cases").scalars().all()
    assert set(found) <= {timedelta(), WEEK}
    assert len(bench.facts("offer.given")) == found.count(WEEK)
    return found.count(WEEK)


def shift_of(bench: Bench, case_id: int) -> timedelta:
    return bench.loaded(case_id).shift


def test_twenty_act_and_the_others_ten_minutes_later(bench: Bench, moved: tuple[int, ...]) -> None:
    work(bench)
    assert charged(bench) == [f"pay in_{number}" for number in range(1, FIRST_CASES + 1)]
    (wait,) = standing(bench)
    assert (wait.canary.acted, wait.waiting) == (FIRST_CASES, CASES - FIRST_CASES)
    (line,) = bench.said("canary.waiting")
    assert line["waiting"] >= 1
    assert datetime.fromisoformat(line["clears_at"]) == NOW + 10 * MINUTE
    pass_time(bench, 9)
    assert len(charged(bench)) == FIRST_CASES
    assert bench.letters.sent == [], "those that wait write no letters either"
    pass_time(bench, 1)
    assert len(charged(bench)) == CASES
    assert standing(bench) == []
    assert len(bench.said("canary.waiting")) == len(bench.said("canary.cleared")) == 1
    assert {shift_of(bench, case_id) for case_id in moved} == {timedelta()}


def test_letters_of_cases_opened_later_wait_and_none_is_lost(bench: Bench) -> None:
    begin(bench)
    policy = apply(bench, LATER, after=1, first_letter=OFFERING).dunning.policies[0]
    failed_at = NOW - timedelta(hours=5)  # the first letter is due, and no charge yet
    with bench.ledger.begin() as tx:
        for number in range(1, CASES + 1):
            failed = bench.failed_invoice(number)
            tx.cases.open(NewCase(failed, failed_at, policy.digest, NOW), now=failed_at)
    work(bench)
    assert len(bench.letters.sent) == FIRST_CASES
    assert days_given(bench) == FIRST_CASES, "who waits is given nothing before the letter"
    (wait,) = standing(bench)
    assert wait.waiting == CASES - FIRST_CASES
    pass_time(bench, 9)
    assert len(bench.letters.sent) == FIRST_CASES
    pass_time(bench, 1)
    assert len(set(bench.letters.sent)) == len(bench.letters.sent) == CASES
    assert days_given(bench) == CASES
    assert charged(bench) == []


def test_a_coupon_that_waits_for_the_canary_is_told_as_one(bench: Bench) -> None:
    begin(bench)
    offer = f"{FIRST_LETTER}, offer: {{ coupon: SAVE20 }}"
    policy = apply(bench, LATER, after=1, first_letter=offer).dunning.policies[0]
    failed_at = NOW - timedelta(hours=5)
    with bench.ledger.begin() as tx:
        for number in range(1, FIRST_CASES + 2):
            failed = bench.failed_invoice(number)
            found = tx.cases.open(NewCase(failed, failed_at, policy.digest, NOW), now=failed_at)
            if found is not None and number <= FIRST_CASES:
                tx.canaries.join(found, now=NOW)
    assert found is not None
    bench.looks(found, until="coupon_due")
    with bench.ledger.connection() as connection:
        query = "SELECT reason FROM decisions WHERE case_id = %(id)s ORDER BY id DESC LIMIT 1"
        said = connection.exec_driver_sql(query, {"id": found}).scalar_one()
    assert said.endswith("; the coupon waits.")
    assert bench.letters.sent == []


def test_go_lets_all_act_at_once(bench: Bench, moved: tuple[int, ...]) -> None:
    work(bench)
    assert go(**who_and_why(bench)) is None
    (cleared,) = go_past_canaries(**who_and_why(bench))
    assert cleared.acted == FIRST_CASES
    work(bench)
    assert len(charged(bench)) == CASES
    assert go_past_canaries(**who_and_why(bench)) == []
    (fact,) = bench.facts("charging.resumed")
    assert (fact["cause"], fact["by"], fact["reason"]) == ("canary", "jo", "we look")
    assert shift_of(bench, moved[-1]) == timedelta()


def test_while_charging_is_stopped_it_does_not_clear(bench: Bench, moved: tuple[int, ...]) -> None:
    work(bench)
    bench.clock.now += 5 * MINUTE
    assert stop(**who_and_why(bench))
    pass_time(bench, 60)
    assert len(charged(bench)) == FIRST_CASES
    (wait,) = standing(bench)
    assert wait.keeps_back(now=bench.clock.now, stopped=True)
    assert go(**who_and_why(bench)) == CASES
    assert standing(bench) == []
    pass_time(bench, 60)
    assert set(charged(bench)) == {f"pay in_{number}" for number in range(1, CASES + 1)}


def test_of_eight_workers_none_lets_a_twenty_first_act(
    bench: Bench, moved: tuple[int, ...]
) -> None:
    def look(thread: int) -> None:
        for case_id in moved[thread::8]:
            for _ in range(3):
                bench.look(case_id)

    at_once(8, look)
    assert len(charged(bench)) == FIRST_CASES
    with bench.ledger.connection() as connection:
        acted = connection.exec_driver_sql("SELECT count(*) FROM canary_cases").scalar_one()
    assert acted == FIRST_CASES
    assert len(bench.said("canary.waiting")) == 1


def test_a_policy_that_the_ledger_had_before_has_no_canary(
    bench: Bench, moved: tuple[int, ...]
) -> None:
    work(bench)
    begun = standing(bench)
    apply(bench, LATER, after=2)
    assert standing(bench) == begun
    apply(bench, "after: 14 days", after=3)
    assert standing(bench) == begun, "version 1 had that policy"
    pass_time(bench, 10)
    apply(bench, LATER, after=4)
    assert standing(bench) == []
    assert len(charged(bench)) == len(moved)


def test_fewer_cases_never_wait(bench: Bench) -> None:
    begin(bench)
    numbers = tuple(bench.case(number) for number in range(1, FIRST_CASES + 1))
    apply(bench, LATER, after=1, move=numbers)
    bench.stripe.answers = [Answer(AnswerKind.UNKNOWN)] * CASES
    work(bench)
    assert len(charged(bench)) == FIRST_CASES
    assert bench.said("canary.waiting") == []
    (wait,) = standing(bench)
    assert wait.waiting == 0
