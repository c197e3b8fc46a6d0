"""A charge whose outcome is unknown meets something else: a stop, a mode, a card, its own key."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from tests.integration.services.bench import Bench
from tests.integration.services.test_given_up import told_of
from tests.integration.services.test_sent_again_within_limits import (
    DECLINED,
    HOUR,
    allow,
    tried_at,
    two,
)
from tests.integration.services.test_unknown_outcomes import (
    POOR,
    SAVED_500,
    attempt,
    requests,
    sent,
    show,
)
from tests.integration.store.building import DAY, MINUTE, NOW, card
from worker.domain.case import AttemptState, CaseState
from worker.domain.network_stops import wait_bars
from worker.domain.network_tries import MadeBy
from worker.domain.policy import Limits, Mode, NetworkLimits
from worker.domain.readings import (
    Answer,
    AnswerKind,
    ChargeReading,
    DeclineSignals,
    InvoiceReading,
    PaymentReading,
)
from worker.errors import GatewayRejected

__all__ = ["two"]

LOST = DeclineSignals(code="card_declined", decline_code="lost_card")
NO_RIGHT = Answer(AnswerKind.REFUSED, 403, code="more_permissions_required")
KEY_REUSED = Answer(AnswerKind.REFUSED, 400, code="idempotency_error")
DEBIT = PaymentReading("pi_1", "processing", "ch_2", "pm_1")


def work_in(bench: Bench, mode: Mode) -> None:
    """Let the installation go on in another mode."""
    dunning = replace(bench.ports.configuration.dunning, mode=mode)
    rules = replace(bench.ports.configuration, dunning=dunning)
    bench.ports = replace(bench.ports, configuration=rules)


def at(bench: Bench, when: datetime) -> None:
    """Let time pass, and the feed with it."""
    bench.clock.now = when
    with bench.ledger.begin() as tx:
        tx.control.set_cursor("events", when)


def look_at(bench: Bench, case_id: int, when: datetime) -> str:
    """Look at a case at some time, whatever it waits for."""
    at(bench, when)
    with bench.ledger.begin() as tx:
        tx.cases.wake(now=when, case_ids=[case_id])
    return bench.look(case_id)


def shows(bench: Bench, **changes: Any) -> InvoiceReading:
    """Let Stripe show the invoice otherwise."""
    read = replace(bench.stripe.invoices["in_1"], **changes)
    bench.stripe.invoices["in_1"] = read
    return read


def becomes(bench: Bench, **changes: Any) -> None:
    """Let Stripe show the subscription otherwise."""
    subscription = bench.stripe.invoices["in_1"].subscription
    assert subscription is not None
    shows(bench, subscription=replace(subscription, **changes))


def becomes_unknown(bench: Bench) -> None:
    """Let Stripe show a status of the invoice that nobody knows yet."""
    shows(bench, status="a_new_one")


def test_a_stop_that_outlasts_the_key_forgets_no_case(bench: Bench) -> None:
    """Nothing is asked; the invoice is read each hour, and a day later shows no payment of ours."""
    case_id = sent(bench, SAVED_500)
    with bench.ledger.begin() as tx:
        tx.control.stop(cause="switch", detail="", by="jo", now=bench.clock.now)
    at(bench, NOW + 2 * MINUTE)
    assert bench.look(case_id) == "stopped"
    rules = []
    for hours in range(1, 27):
        at(bench, NOW + hours * HOUR + 3 * MINUTE)
        assert bench.due()[0] == [case_id]
        rules.append(bench.look(case_id))
    assert [rules[hour - 1] for hour in (22, 23, 25, 26)] == [
        *("stopped", "outcome_lost", "review_exit", "stopped")
    ]
    assert requests(bench) == 1
    at(bench, NOW + 28 * HOUR)
    assert "no_sending_outlives_its_key" not in bench.broken_promises()


@pytest.mark.parametrize(
    ("mode", "rule"), [(Mode.LETTERS, "mode_letters"), (Mode.WATCH, "watched")]
)
def test_a_mode_that_charges_nothing_looks_what_became_of_it(
    bench: Bench, mode: Mode, rule: str
) -> None:
    case_id = sent(bench, SAVED_500)
    work_in(bench, mode)
    at(bench, NOW + 3 * HOUR)
    assert bench.look(case_id) == rule
    at(bench, NOW + 4 * HOUR)
    assert bench.due()[0] == [case_id]
    assert requests(bench) == 1
    assert "open_cases_have_a_next_look" not in bench.broken_promises()


def test_reads_that_the_key_may_not_make_break_no_promise(bench: Bench) -> None:
    """The case is looked at every quarter of an hour."""
    case_id = sent(bench, SAVED_500)
    bench.stripe.trouble = GatewayRejected("no right", status=403)
    at(bench, NOW + 27 * HOUR)
    assert bench.look(case_id) == "stripe_rejected"
    assert bench.due()[0] == []
    at(bench, bench.clock.now + 16 * MINUTE)
    assert bench.due()[0] == [case_id]
    assert "no_sending_outlives_its_key" not in bench.broken_promises()


def test_what_was_paid_by_hand_beside_a_debit_breaks_no_promise(bench: Bench) -> None:
    """The case waits for the bank, a day at a time."""
    case_id = sent(bench, Answer(AnswerKind.PROCESSING, 200, charge_id="ch_2"))
    over = shows(bench, status="paid", amount_remaining_minor=0, payment=DEBIT)
    with bench.ledger.begin() as tx:
        tx.mirror.put_invoices([(over, NOW + HOUR)])
    assert look_at(bench, case_id, NOW + HOUR) == "debit_under_way"
    assert look_at(bench, case_id, NOW + 25 * HOUR) == "debit_under_way"
    at(bench, NOW + 26 * HOUR)
    assert "recovered_means_paid" not in bench.broken_promises()


def test_a_renewal_that_was_moved_is_not_charged_by_asking_again(bench: Bench) -> None:
    """Where the sender died, Stripe would see the request only now."""
    case_id = sent(bench, SAVED_500)
    becomes(bench, status="trialing", trial_end_at=NOW + 10 * DAY)
    assert look_at(bench, case_id, NOW + 2 * MINUTE) == "outcome_unknown_at_rest"


def test_nothing_is_asked_again_once_stripe_retries_by_itself(bench: Bench) -> None:
    case_id = sent(bench, SAVED_500)
    shows(bench, next_payment_attempt_at=NOW + DAY)
    assert look_at(bench, case_id, NOW + 2 * MINUTE) == "outcome_unknown_at_rest"


def test_while_the_customer_authenticates_nothing_is_asked_again(bench: Bench) -> None:
    """For an hour; then Stripe tells whose payment it was."""
    case_id = sent(bench, SAVED_500, SAVED_500)
    shows(bench, payment=PaymentReading("pi_1", "requires_action", "", "pm_5"))
    assert look_at(bench, case_id, NOW + 2 * MINUTE) == "outcome_unknown_at_rest"
    assert look_at(bench, case_id, NOW + 2 * HOUR) == "outcome_unknown"


def test_a_card_that_was_stopped_since_is_not_charged_by_asking_again(bench: Bench) -> None:
    """Somebody else's charge of the same card told of it."""
    case_id = sent(bench, SAVED_500)
    made_at = NOW + MINUTE
    about = ("ch_7", "failed", "pi_2", "pm_2", 1200, "eur", made_at, LOST)
    charge = ChargeReading(*about, brand="visa", fingerprint="print1", customer_id="cus_2")
    with bench.ledger.begin() as tx:
        tx.mirror.put_payment_methods([(card(1), NOW - 30 * DAY, False)])
        told: dict[str, Any] = {"at": made_at, "now": made_at, "made_by": MadeBy.STRIPE}
        tx.mirror.put_charge(charge, customer_id="cus_2", **told)
    assert look_at(bench, case_id, NOW + 3 * MINUTE) == "outcome_unknown_at_rest"
    assert requests(bench) == 1


@pytest.mark.parametrize("refused", [NO_RIGHT, KEY_REUSED], ids=["our key", "its key"])
def test_a_refused_second_sending_does_not_undo_the_first(bench: Bench, refused: Answer) -> None:
    """The first one paid the invoice while the second was refused."""
    case_id = sent(bench, SAVED_500, refused)

    def first_goes_through() -> None:
        by_us = PaymentReading("pi_1", "succeeded", "ch_2", "pm_1")
        paid: dict[str, Any] = {
            "status": "paid",
            "amount_remaining_minor": 0,
            "amount_paid_minor": 1200,
        }
        shows(bench, **paid, payment=by_us)

    bench.stripe.while_paying = first_goes_through
    at(bench, NOW + 2 * MINUTE)
    bench.look(case_id)
    look_at(bench, case_id, NOW + 5 * MINUTE)
    bench.looks(case_id, until="paid")
    assert attempt(bench, case_id).state is AttemptState.SUCCEEDED
    (fact,) = bench.facts("payment.recovered")
    assert fact["recovered_by"] == "retry"


def test_nor_is_it_asked_again_without_a_pause_where_the_status_is_unknown(bench: Bench) -> None:
    """Each scan would ask once more, until the key is too old."""
    case_id = sent(bench, SAVED_500, KEY_REUSED)
    bench.stripe.while_paying = lambda: becomes_unknown(bench)
    at(bench, NOW + 2 * MINUTE)
    assert bench.look(case_id) == "outcome_unknown"
    assert attempt(bench, case_id).state is AttemptState.SENDING
    assert bench.due()[0] == []
    at(bench, NOW + 20 * MINUTE)
    assert bench.due()[0] == [case_id]


def test_nor_a_debit_that_it_began(bench: Bench) -> None:
    """Its money comes days later, after a cancel, and is to be refunded."""
    case_id = sent(bench, SAVED_500, KEY_REUSED, KEY_REUSED)
    shows(bench, payment=DEBIT)
    look_at(bench, case_id, NOW + 2 * MINUTE)
    assert attempt(bench, case_id).state is AttemptState.SENDING
    becomes(bench, status="canceled", canceled_at=NOW + HOUR)
    look_at(bench, case_id, NOW + 2 * HOUR)
    by_us = replace(DEBIT, status="succeeded")
    paid: dict[str, Any] = {
        "status": "paid",
        "amount_remaining_minor": 0,
        "amount_paid_minor": 1200,
    }
    shows(bench, **paid, paid_at=NOW + 3 * DAY, payment=by_us)
    rules = [look_at(bench, case_id, NOW + 3 * DAY + hours * HOUR) for hours in (1, 2)]
    assert "paid_after_cancel" in rules


def test_a_key_without_the_right_to_charge_gives_no_case_to_a_person(bench: Bench) -> None:
    """Nothing is wrong with the cases: they go on once the key is put right."""
    case_id = sent(bench, *[NO_RIGHT] * 6)
    for hours in range(1, 6):
        look_at(bench, case_id, NOW + hours * HOUR)
    assert (bench.loaded(case_id).state, requests(bench)) == (CaseState.OPEN, 6)
    bench.stripe.answers = [DECLINED]
    look_at(bench, case_id, NOW + 6 * HOUR)
    assert attempt(bench, case_id).state is AttemptState.DECLINED


def test_what_was_refused_at_once_is_settled_whatever_the_customer_does_meanwhile(
    bench: Bench,
) -> None:
    """A charge that appears on the invoice beside it is somebody else's."""
    case_id = bench.case()
    bench.stripe.answers = [replace(KEY_REUSED, code="parameter_invalid")]
    bench.stripe.while_paying = lambda: show(bench, "ch_by_hand")
    bench.looks(case_id, until="charge_due")
    assert attempt(bench, case_id).state is AttemptState.ABANDONED
    assert len(bench.facts("payment.retried")) == 1


def test_what_was_given_up_counts_from_its_last_sending_for_both_invoices(two: Bench) -> None:
    bench = two
    bench.stripe.answers = [SAVED_500, SAVED_500]
    bench.looks(1001, until="charge_due")
    look_at(bench, 1001, NOW + 22 * HOUR)
    at(bench, NOW + 26 * HOUR)
    with bench.ledger.begin() as tx:
        case = tx.cases.load(1001)
        assert case is not None
        tx.attempts.settle(case, 1, AttemptState.ABANDONED, now=bench.clock.now)
    with bench.ledger.begin() as tx:
        case = tx.cases.load(1001)
        assert case is not None
        read, now = bench.stripe.invoices["in_1"], bench.clock.now
        around = tx.cases.surroundings(case, read, now=now, wall_now=now)
    assert around.last_try_at == tried_at(bench, 2) == NOW + 22 * HOUR


def test_after_25_hours_of_asking_the_next_charge_keeps_the_gap_of_the_last(bench: Bench) -> None:
    """Any of the sendings may have been the one that was carried out."""
    case_id = sent(bench, *[SAVED_500] * 60)
    asked_at = [bench.clock.now]
    while len(bench.loaded(case_id).attempts) == 1:
        at(bench, bench.clock.now + 10 * MINUTE)
        assert bench.clock.now < NOW + 60 * HOUR
        bench.look(case_id)
        asked_at += [bench.clock.now] * (requests(bench) - len(asked_at))
    assert asked_at[-1] - asked_at[-2] >= 20 * HOUR


def test_a_networks_wait_counts_from_the_sending_that_was_declined(bench: Bench) -> None:
    """Also for another customer with the same card: Mastercard's advice 26 asks for two days."""
    mastercard = replace(card(1), brand="mastercard")
    with bench.ledger.begin() as tx:
        tx.mirror.put_payment_methods([(mastercard, NOW - 30 * DAY, False)])
    waits = replace(POOR, network_advice_code="26")
    bench.stripe.answers = [SAVED_500, replace(DECLINED, signals=waits)]
    case_id = bench.case()
    bench.looks(case_id, until="charge_due")
    look_at(bench, case_id, NOW + 20 * HOUR)
    assert attempt(bench, case_id).state is AttemptState.DECLINED
    bench.failed_invoice(2)
    other = bench.case(2)
    with bench.ledger.begin() as tx:
        case = tx.cases.load(other)
        assert case is not None
        read, now = bench.stripe.invoices["in_2"], bench.clock.now
        shared = replace(card(2), brand="mastercard", fingerprint="print1")
        assert read.customer is not None
        read = replace(read, customer=replace(read.customer, default_payment_method=shared))
        around = tx.cases.surroundings(case, read, now=now, wall_now=now)
    (wait,) = wait_bars([each for each in around.tries if each.fingerprint == "print1"])
    assert wait.until == NOW + 20 * HOUR + 2 * DAY


def test_visas_limit_may_be_raised_to_visas_own(bench: Bench) -> None:
    """The watch over it judges by the most that may be configured."""
    allow(bench, Limits(networks=NetworkLimits(visa_in_30_days=20)))
    with bench.ledger.begin() as tx:
        tx.mirror.put_payment_methods([(card(1), NOW - 30 * DAY, False)])
    for number in range(16):
        told_of(bench, f"ch_by_hand_{number}", days_ago=25 - number)
    sent(bench, replace(DECLINED, charge_id="ch_99"))
    assert requests(bench) == 1
    assert "network_limits_kept" not in bench.broken_promises()
