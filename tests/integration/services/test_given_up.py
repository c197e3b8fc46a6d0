"""Charges that were given up: what Stripe refused at once was not made, of others nobody knows."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.integration.services.bench import Bench
from tests.integration.services.test_sent_again_within_limits import (
    DECLINED,
    HOUR,
    allow,
    caps_are_broken,
    paid,
    tried_at,
    two,
    unanswered,
)
from tests.integration.services.test_unknown_outcomes import POOR, SAVED_500, attempt, show, tell
from tests.integration.store.building import DAY, MINUTE, NOW, card
from worker.domain.case import AttemptState
from worker.domain.network_tries import MadeBy
from worker.domain.policy import Limits
from worker.domain.readings import Answer, AnswerKind, ChargeReading
from worker.store.network import tries_of

__all__ = ["two"]

KEY_REVOKED = Answer(AnswerKind.REFUSED, 401)
KEY_REUSED = Answer(AnswerKind.REFUSED, 400, code="idempotency_error")


def written_off(bench: Bench, case_id: int) -> None:
    """Let a case's invoice be written off before its charge has an answer, and be looked at."""
    invoice_id = bench.loaded(case_id).invoice_id
    over = replace(bench.stripe.invoices[invoice_id], status="uncollectible")
    bench.stripe.invoices[invoice_id] = over
    bench.clock.now += 2 * MINUTE
    assert bench.look(case_id) == "attempt_settled"
    assert attempt(bench, case_id).state is AttemptState.ABANDONED


def asked_within_an_hour(bench: Bench) -> int:
    """Return how many charges the limits count."""
    with bench.ledger.begin() as tx:
        return tx.attempts.asked_since(["charge"], since=bench.clock.now - HOUR).count


def told_of(bench: Bench, charge_id: str, *, days_ago: int = 0, key: str = "") -> None:
    """Let the network ledger know a failed charge of the first customer."""
    at = NOW - days_ago * DAY
    about = (charge_id, "failed", "pi_1", "pm_1", 1200, "eur", at, POOR)
    charge = ChargeReading(*about, brand="visa", fingerprint="print1", customer_id="cus_1")
    made_by = MadeBy.WORKER if key else MadeBy.CUSTOMER
    with bench.ledger.begin() as tx:
        told: dict[str, Any] = {"at": at, "now": at, "made_by": made_by, "key": key}
        tx.mirror.put_charge(charge, customer_id="cus_1", **told)


def test_what_was_given_up_without_an_answer_has_taken_its_place(bench: Bench) -> None:
    """Its event may come tomorrow, and tell that it was declined."""
    allow(bench, Limits(charges_per_day=1))
    written_off(bench, unanswered(bench, 1))
    second = bench.case(2)
    bench.look(second)
    assert paid(bench, 2) == 0
    (line,) = bench.said("limit.reached")
    assert line["limit"] == "1 charges per day"


def test_the_promise_of_limits_counts_what_was_given_up_and_is_told(bench: Bench) -> None:
    """Once, also where two charges bear its key."""
    written_off(bench, unanswered(bench, 1))
    second = bench.case(2)
    bench.stripe.answers = [replace(DECLINED, charge_id="ch_9")]
    bench.looks(second, until="charge_due")
    allow(bench, Limits(charges_per_day=1))
    assert not caps_are_broken(bench), "perhaps it never arrived"
    tell(bench, "ch_3")
    assert caps_are_broken(bench)
    tell(bench, "ch_4")
    allow(bench, Limits(charges_per_day=2))
    assert not caps_are_broken(bench)


def test_a_second_sending_that_is_refused_says_nothing_of_the_first(bench: Bench) -> None:
    """It keeps its place, so that its event breaks no promise."""
    allow(bench, Limits(charges_per_day=1))
    first = bench.case(1)
    bench.stripe.answers = [SAVED_500, KEY_REUSED]
    bench.looks(first, until="charge_due")
    show(bench, "ch_2")
    bench.clock.now += 2 * MINUTE
    bench.look(first)
    assert attempt(bench, first).state is AttemptState.ABANDONED
    second = bench.case(2)
    bench.look(second)
    assert paid(bench, 2) == 0
    tell(bench, "ch_2")
    assert not caps_are_broken(bench)


def test_nor_is_the_next_charge_nearer_than_the_gap(two: Bench) -> None:
    """Neither for the customer's other invoice nor for the same one."""
    bench = two
    bench.stripe.answers = [SAVED_500, KEY_REUSED]
    bench.looks(1001, until="charge_due")
    bench.clock.now += 2 * MINUTE
    bench.look(1001)
    assert tried_at(bench, 2) == NOW + 2 * MINUTE
    for _ in range(4):
        bench.clock.now += HOUR
        bench.feed()
        bench.look(1001)
    assert paid(bench, 1) == 2, "the two sendings of number 1"


def test_what_was_given_up_counts_from_its_sending(two: Bench) -> None:
    """And not from the day on which a person or time gave it up."""
    bench = two
    bench.stripe.answers = [SAVED_500, SAVED_500]
    bench.looks(1001, until="charge_due")
    bench.clock.now += 2 * MINUTE
    bench.look(1001)
    bench.clock.now += DAY
    with bench.ledger.begin() as tx:
        case = tx.cases.load(1001)
        assert case is not None
        tx.attempts.settle(case, 1, AttemptState.ABANDONED, now=bench.clock.now)
    (given_up,) = bench.loaded(1001).attempts
    assert (given_up.settled_at, given_up.reached_at) == (bench.clock.now, None)
    assert (given_up.sends, tried_at(bench, 2)) == (2, NOW + 2 * MINUTE)


def test_what_stripe_refused_at_once_takes_no_place_and_no_gap(two: Bench) -> None:
    """Also where it names no code, as for a key that was revoked."""
    bench = two
    bench.stripe.answers = [KEY_REVOKED]
    bench.looks(1001, until="charge_due")
    (refused,) = bench.loaded(1001).attempts
    assert (refused.state, refused.answer_code) == (AttemptState.ABANDONED, "http_401")
    assert asked_within_an_hour(bench) == 0
    assert tried_at(bench, 2) is None


def test_the_network_ledger_knows_one_request_once(bench: Bench) -> None:
    """Before its event and after."""

    def ours() -> list[str]:
        with bench.ledger.connection() as connection:
            found = tries_of(connection, "acct_1", fingerprints=[], customer_id="cus_1")
        return [each.key for each in found if each.made_by is MadeBy.WORKER]

    case_id = unanswered(bench, 1)
    assert ours() == [""]
    tell(bench, "ch_3")
    key = attempt(bench, case_id).key
    assert ours() == [key], "also before its case is looked at"


def test_the_networks_limit_counts_what_was_given_up_once(two: Bench) -> None:
    """Visa allows 15 tries in 30 days: the thirteen of the customer, this one, and the next."""
    bench = two
    for number in range(13):
        told_of(bench, f"ch_by_hand_{number}", days_ago=25 - number)
    with bench.ledger.begin() as tx:
        tx.mirror.put_payment_methods([(card(1), NOW - 30 * DAY, False)])
    bench.stripe.answers = [SAVED_500]
    bench.looks(1001, until="charge_due")
    written_off(bench, 1001)
    bench.stripe.answers = [replace(DECLINED, charge_id="ch_9")]
    while not paid(bench, 2):
        bench.clock.now += timedelta(hours=3)
        assert bench.clock.now < NOW + 2 * DAY
        bench.feed()
        with bench.ledger.begin() as tx:
            tx.cases.wake(now=bench.clock.now, case_ids=[1002])
        bench.look(1002)
    told_of(bench, "ch_3", key="dun:v1:in_1:1")
    assert "network_limits_kept" not in bench.broken_promises()
