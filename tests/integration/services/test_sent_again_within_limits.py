"""When a charge counts: at its last sending for limits, and by its answer for gaps."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.integration.services.bench import Bench
from tests.integration.services.test_sent_invoices import work
from tests.integration.services.test_unknown_outcomes import POOR, SAVED_500, show, tell
from tests.integration.store.building import DAY, MINUTE, NOW, card, open_case
from worker.domain.caps import start_of_next_day
from worker.domain.case import AttemptState
from worker.domain.policy import Limits
from worker.domain.readings import Answer, AnswerKind, DeclineSignals

HOUR = timedelta(hours=1)
EXPIRED = DeclineSignals(code="expired_card", decline_code="expired_card")
DECLINED = Answer(AnswerKind.DECLINED, 402, charge_id="ch_2", signals=POOR)


def allow(bench: Bench, limits: Limits) -> None:
    """Let only so many charges be made."""
    dunning = replace(bench.ports.configuration.dunning, limits=limits)
    rules = replace(bench.ports.configuration, dunning=dunning)
    bench.ports = replace(bench.ports, configuration=rules)


def paid(bench: Bench, number: int) -> int:
    """Return how often Stripe was asked to charge an invoice."""
    return bench.stripe.asked.count(f"pay in_{number}")


def tried_at(bench: Bench, number: int) -> datetime | None:
    """Return when the customer of a case was last charged for another invoice, as a look sees."""
    with bench.ledger.begin() as tx:
        case = tx.cases.of_invoice(f"in_{number}")
        assert case is not None
        read = bench.stripe.invoices[f"in_{number}"]
        now = bench.clock.now
        return tx.cases.surroundings(case, read, now=now, wall_now=now).other_try_at


def next_of(bench: Bench, case_id: int) -> tuple[str, datetime]:
    """Return the next step of a case and when it is due."""
    query = f"SELECT next_step, next_action_at FROM cases WHERE id = {case_id}"
    with bench.ledger.connection() as connection:
        step, due_at = connection.exec_driver_sql(query).one()
    return step, due_at


def caps_are_broken(bench: Bench) -> bool:
    """Return whether the promise about limits is found to be broken."""
    return "caps_hold" in bench.broken_promises()


def test_a_charge_waits_for_room_before_it_is_sent_again(bench: Bench) -> None:
    """Its sender may have died before the request: then Stripe sees it only now.

    The limit was lowered meanwhile: else it has kept its place.
    """
    first, second = bench.case(1), bench.case(2)
    bench.stripe.answers = [SAVED_500, SAVED_500, SAVED_500]
    bench.looks(first, until="charge_due")
    bench.clock.now += HOUR + MINUTE
    bench.looks(second, until="charge_due")
    allow(bench, Limits(charges_per_hour=1))
    began_at = bench.clock.now
    assert (paid(bench, 1), paid(bench, 2)) == (1, 1)

    bench.clock.now += MINUTE
    bench.look(first)
    assert paid(bench, 1) == 1
    (line,) = bench.said("limit.reached")
    assert line["limit"] == "1 charges per hour"
    waits = "SELECT waits_for, next_action_at FROM cases WHERE invoice_id = 'in_1'"
    with bench.ledger.connection() as connection:
        row = connection.exec_driver_sql(waits).one()
    assert row == ("1 charges per hour", began_at + HOUR)
    assert bench.loaded(first).attempts[-1].sends == 1

    bench.clock.now = began_at + HOUR
    assert bench.look(first) == "outcome_unknown"
    assert paid(bench, 1) == 2
    assert not caps_are_broken(bench)
    with bench.ledger.begin() as tx:
        used = tx.attempts.asked_since(["charge"], since=began_at + MINUTE)
    assert (used.count, used.oldest_at) == (1, began_at + HOUR), "it takes the place of this hour"


def test_a_charge_sent_again_within_its_own_hour_takes_no_second_place(bench: Bench) -> None:
    allow(bench, Limits(charges_per_hour=1))
    first = bench.case(1)
    bench.stripe.answers = [SAVED_500, SAVED_500]
    bench.looks(first, until="charge_due")
    bench.clock.now += 2 * MINUTE
    assert bench.look(first) == "outcome_unknown"
    assert paid(bench, 1) == 2
    assert bench.said("limit.reached") == []


def test_the_promise_of_limits_counts_the_last_sending(bench: Bench) -> None:
    first, second = bench.case(1), bench.case(2)
    bench.stripe.answers = [SAVED_500, SAVED_500]
    bench.looks(first, until="charge_due")
    bench.clock.now += HOUR + MINUTE
    bench.looks(second, until="charge_due")
    allow(bench, Limits(charges_per_hour=1))
    assert not caps_are_broken(bench)
    with bench.ledger.begin() as tx:
        one = tx.cases.load(first)
        assert one is not None
        tx.attempts.resend(one, 1, asked_at=bench.clock.now, wall_now=bench.clock.now)
    assert caps_are_broken(bench)


@pytest.fixture
def two(bench: Bench) -> Bench:
    """Give a bench with two cases of one customer, of which the first is due."""
    bench.case(1)
    payer = bench.stripe.invoices["in_1"].customer
    bench.failed_invoice(2, customer=payer)
    open_case(bench.ledger, 2, customer_id="cus_1", due_at=NOW + DAY, failed_at=NOW - 30 * HOUR)
    return bench


def test_the_gap_counts_from_the_answer(two: Bench) -> None:
    """A look may take minutes before its request goes out."""
    bench = two

    def read_slowly() -> None:
        bench.clock.now += 40 * timedelta(seconds=1)

    def pay_slowly() -> None:
        bench.clock.now += 20 * timedelta(seconds=1)

    bench.stripe.meanwhile, bench.stripe.while_paying = read_slowly, pay_slowly
    bench.stripe.answers = [DECLINED]
    bench.looks(1001, until="charge_due")
    (made,) = bench.loaded(1001).attempts
    assert (made.state, made.sent_at) == (AttemptState.DECLINED, NOW)
    assert tried_at(bench, 2) == made.reached_at == NOW + 60 * timedelta(seconds=1)


def test_without_an_answer_the_gap_counts_from_what_stripe_tells(two: Bench) -> None:
    bench = two
    bench.stripe.answers = [SAVED_500]
    bench.looks(1001, until="charge_due")
    assert tried_at(bench, 2) == NOW
    bench.clock.now += MINUTE
    show(bench, "ch_2")
    tell(bench, "ch_2")
    bench.clock.now += 40 * MINUTE
    with bench.ledger.begin() as tx:
        tx.control.set_cursor("events", bench.clock.now)
    assert bench.look(1001) == "attempt_settled"
    assert tried_at(bench, 2) == NOW + MINUTE


def test_who_was_charged_meanwhile_for_another_invoice_is_not_charged_now(two: Bench) -> None:
    """The other charge begins and ends between the decision and the intent."""
    bench = two
    with bench.ledger.begin() as tx:
        tx.cases.wake(now=NOW, case_ids=[1002])

    def other_is_charged() -> None:
        bench.stripe.answers = [DECLINED]
        bench.looks(1002, until="charge_due")

    bench.stripe.before_charge = other_is_charged
    bench.look(1001)
    assert (paid(bench, 1), paid(bench, 2)) == (0, 1)


def test_under_a_test_clock_everything_counts_by_its_time(two: Bench) -> None:
    """It stands still, and the host's clock says nothing about the business."""
    bench = two
    with bench.ledger.begin() as tx:
        tx.control.set_business_time(NOW, wall_now=NOW)

    def pay_slowly() -> None:
        bench.clock.now += MINUTE

    bench.stripe.while_paying = pay_slowly
    bench.stripe.answers = [DECLINED]
    bench.looks(1001, until="charge_due")
    (made,) = bench.loaded(1001).attempts
    assert tried_at(bench, 2) == made.reached_at == NOW


def test_while_it_waits_for_the_days_room_its_invoice_is_read_every_hour(bench: Bench) -> None:
    """Else the key would grow too old unseen."""
    first, second = bench.case(1), bench.case(2)
    bench.stripe.answers = [SAVED_500, SAVED_500]
    bench.looks(first, until="charge_due")
    bench.looks(second, until="charge_due")
    allow(bench, Limits(charges_per_day=1))
    bench.clock.now += 2 * MINUTE
    bench.look(first)
    assert paid(bench, 1) == 1
    waits = "SELECT waits_for, next_action_at FROM cases WHERE invoice_id = 'in_1'"
    with bench.ledger.connection() as connection:
        row = connection.exec_driver_sql(waits).one()
    assert row == ("1 charges per day", bench.clock.now + HOUR)


def test_a_card_changed_while_it_is_charged_is_charged_once_more(bench: Bench) -> None:
    """The change came after the look that chose the card: the charge may have had the old one."""
    case_id = bench.case(1)
    read = bench.stripe.invoices["in_1"]

    def customer_changes_the_card() -> None:
        bench.clock.now += timedelta(seconds=5)
        with bench.ledger.begin() as tx:
            tx.mirror.put_payment_methods([(card(1), bench.clock.now, True)])
        bench.clock.now += timedelta(seconds=15)

    bench.stripe.while_paying = customer_changes_the_card
    bench.stripe.answers = [replace(DECLINED, signals=EXPIRED), SAVED_500]
    bench.looks(case_id, until="charge_due")
    assert bench.stripe.invoices["in_1"] == read
    rules = [bench.look(case_id) for _ in range(3)]
    assert "charge_due" in rules
    assert paid(bench, 1) == 2
    assert bench.loaded(case_id).attempts[-1].step.startswith("new card pm_1 of")


def test_what_the_release_before_has_sent_counts_by_its_look(two: Bench) -> None:
    bench = two
    bench.stripe.answers = [SAVED_500]
    bench.looks(1001, until="charge_due")
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql("UPDATE attempts SET asked_at = NULL")
    assert tried_at(bench, 2) == NOW
    with bench.ledger.begin() as tx:
        used = tx.attempts.asked_since(["charge"], since=NOW - MINUTE)
    assert (used.count, used.oldest_at) == (1, NOW)


def test_an_ending_counts_from_when_stripe_is_asked(bench: Bench) -> None:
    """Its look may begin before midnight, and its request be one of the new day."""
    lost = DeclineSignals(code="card_declined", decline_code="lost_card")
    bench.stripe.answers = [replace(DECLINED, signals=lost)]
    case_id = bench.case(1)
    while next_of(bench, case_id)[0] != "ending":
        bench.clock.now += HOUR
        work(bench)
    _, looked_at = next_of(bench, case_id)
    bench.clock.now = looked_at
    bench.feed()

    def read_slowly() -> None:
        bench.clock.now += timedelta(seconds=50)

    bench.stripe.meanwhile = read_slowly
    bench.look(case_id)
    assert "cancel sub_1" in bench.stripe.asked
    ending = bench.loaded(case_id).attempts[-1]
    assert ending.sent_at == looked_at
    with bench.ledger.begin() as tx:
        used = tx.attempts.asked_since(["cancel"], since=looked_at + timedelta(seconds=40))
    assert (used.count, used.oldest_at) == (1, looked_at + timedelta(seconds=50))


def unanswered(bench: Bench, number: int) -> int:
    """Return a new case whose charge Stripe leaves without an answer."""
    bench.failed_invoice(number)
    case_id = open_case(bench.ledger, number, due_at=bench.clock.now, failed_at=NOW - 30 * HOUR)
    bench.stripe.answers = [SAVED_500]
    bench.looks(case_id, until="charge_due")
    return case_id


def one_waits_behind_midnight(bench: Bench) -> tuple[int, int]:
    """Return a case whose charge had no answer before midnight, and one that waits for its place.

    One charge may be made a day; it is five seconds past midnight.
    """
    allow(bench, Limits(charges_per_day=1))
    midnight = start_of_next_day(NOW, bench.ports.configuration.dunning.office_zone)
    bench.clock.now = midnight - MINUTE
    first = unanswered(bench, 1)
    second = bench.case(2)
    bench.clock.now = midnight + timedelta(seconds=5)
    bench.look(second)
    return first, second


def test_what_may_be_sent_again_keeps_its_place_the_next_day(bench: Bench) -> None:
    """Else all that waited for midnight could take its room until its key is too old."""
    first, _ = one_waits_behind_midnight(bench)
    assert (paid(bench, 2), bench.said("limit.reached")[0]["limit"]) == (0, "1 charges per day")

    bench.clock.now += 2 * MINUTE
    bench.stripe.answers = [DECLINED]
    assert bench.look(first) == "outcome_unknown"
    assert paid(bench, 1) == 2
    assert not caps_are_broken(bench)


def test_what_may_be_sent_again_keeps_no_place_from_its_like(bench: Bench) -> None:
    """A limit that was lowered meanwhile has room for one of them at least."""
    midnight = start_of_next_day(NOW, bench.ports.configuration.dunning.office_zone)
    bench.clock.now = midnight - MINUTE
    first, second = unanswered(bench, 1), unanswered(bench, 2)
    allow(bench, Limits(charges_per_day=1))
    bench.clock.now = midnight + 2 * MINUTE
    bench.stripe.answers = [DECLINED]
    for case_id in (first, second):
        bench.look(case_id)
    assert (paid(bench, 1), paid(bench, 2)) == (2, 1)


def test_a_place_that_is_only_kept_may_become_free_at_any_moment(bench: Bench) -> None:
    """So nobody waits for it until the next midnight."""
    first, second = one_waits_behind_midnight(bench)
    (line,) = bench.said("limit.reached")
    assert datetime.fromisoformat(line["clears_at"]) == bench.clock.now + 5 * MINUTE
    with bench.ledger.begin() as tx:
        case = tx.cases.load(first)
        assert case is not None
        tx.attempts.settle(case, 1, AttemptState.DECLINED, now=bench.clock.now)
    bench.clock.now += 5 * MINUTE
    bench.stripe.answers = [DECLINED]
    bench.looks(second, until="charge_due")
    assert paid(bench, 2) == 1


def test_what_was_last_asked_hours_ago_keeps_no_place(bench: Bench) -> None:
    """It is held, say, or with a person, and not asked again."""
    allow(bench, Limits(charges_per_hour=1))
    unanswered(bench, 1)
    second = bench.case(2)
    bench.clock.now += 2 * HOUR - MINUTE
    bench.look(second)
    assert paid(bench, 2) == 0
    bench.clock.now += MINUTE
    with bench.ledger.begin() as tx:
        tx.cases.wake(now=bench.clock.now, case_ids=[second])
    bench.stripe.answers = [DECLINED]
    bench.looks(second, until="charge_due")
    assert paid(bench, 2) == 1


def test_what_the_release_before_sent_again_counts_for_gaps_from_its_outcome(two: Bench) -> None:
    bench = two
    bench.stripe.answers = [SAVED_500]
    bench.looks(1001, until="charge_due")
    bench.clock.now += 20 * HOUR
    old = "UPDATE attempts SET asked_at = NULL, sends = 2, state = 'declined', settled_at = %(at)s"
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql(old, {"at": bench.clock.now})
    assert tried_at(bench, 2) == bench.clock.now
    with bench.ledger.begin() as tx:
        case = tx.cases.load(1001)
        assert case is not None
        now, read = bench.clock.now, bench.stripe.invoices["in_1"]
        assert tx.cases.surroundings(case, read, now=now, wall_now=now).last_try_at == now
