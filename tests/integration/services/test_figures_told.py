"""What facts tell of our charges: each once, as what it was, and with the money that it moved."""

from dataclasses import replace

import pytest

from tests.integration.services.bench import Bench
from tests.integration.services.test_unknown_outcomes import (
    SAVED_500,
    sent,
    show,
    tell,
)
from tests.integration.store.building import DAY, MINUTE, NOW
from worker.domain.readings import Answer, AnswerKind, PaymentReading
from worker.services.ask_close import ask_close
from worker.store.reading_day import read_day


def wake(bench: Bench, case_id: int) -> None:
    """Let somebody have learnt something about the case."""
    with bench.ledger.begin() as tx:
        tx.cases.wake(now=bench.clock.now, case_ids=[case_id])


def paid_meanwhile(bench: Bench, *, amount_due_minor: int = 1200) -> None:
    """Let Stripe show the invoice as paid by our charge, for what it had due by then."""
    bench.stripe.invoices["in_1"] = replace(
        bench.stripe.invoices["in_1"],
        status="paid",
        amount_due_minor=amount_due_minor,
        amount_paid_minor=amount_due_minor,
        amount_remaining_minor=0,
        payment=PaymentReading("pi_1", "succeeded", "ch_2", "pm_1"),
    )


@pytest.mark.parametrize("outcome", ["succeeded", "declined"])
def test_what_was_read_of_a_charge_is_told_with_its_amount(bench: Bench, outcome: str) -> None:
    """The paid invoice owes nothing any more: that is not what the charge was about."""
    case_id = sent(bench, SAVED_500)
    paid_meanwhile(bench)
    if outcome == "declined":
        tell(bench, "ch_9")
    wake(bench, case_id)
    bench.looks(case_id, until="attempt_settled")
    (told,) = bench.facts("payment.retried")
    assert (told["outcome"], told["amount_minor"], told["currency"]) == (outcome, 1200, "eur")


def credited(bench: Bench, *, paid_before_minor: int = 0) -> None:
    """Let a credit note leave 700 to pay."""
    bench.stripe.invoices["in_1"] = replace(
        bench.stripe.invoices["in_1"],
        amount_due_minor=700 + paid_before_minor,
        amount_paid_minor=paid_before_minor,
        amount_remaining_minor=700,
    )


def recovered_minor(bench: Bench) -> int:
    """Return what the case is told to have brought."""
    (fact,) = bench.facts("payment.recovered")
    return int(fact["amount_minor"])


@pytest.mark.parametrize("paid_before_minor", [0, 500])
def test_what_was_credited_before_the_second_sending_is_not_told_as_recovered(
    bench: Bench, paid_before_minor: int
) -> None:
    """Nor what the customer had paid of it before: Stripe's answer tells of this payment alone."""
    case_id = sent(bench, SAVED_500, Answer(AnswerKind.DONE, 200, amount_paid_minor=700))
    credited(bench, paid_before_minor=paid_before_minor)
    bench.clock.now += 2 * MINUTE
    assert bench.look(case_id) == "outcome_unknown"
    (told,) = bench.facts("payment.retried")
    assert (told["amount_minor"], recovered_minor(bench)) == (700, 700)


def test_what_is_credited_while_a_charge_is_sent_is_not_told_as_recovered(bench: Bench) -> None:
    """The invoice that was read before it had still all of it due."""
    sent(bench, Answer(AnswerKind.DONE, 200, amount_paid_minor=700))
    assert recovered_minor(bench) == 700


def test_what_was_credited_is_not_told_as_recovered_though_no_answer_tells(bench: Bench) -> None:
    case_id = sent(bench, SAVED_500)
    paid_meanwhile(bench, amount_due_minor=700)
    wake(bench, case_id)
    bench.looks(case_id, until="paid")
    assert recovered_minor(bench) == 700


def tries_in_the_mail(bench: Bench) -> int:
    """Return how many tries the morning's mail counts."""
    with bench.ledger.connection() as connection:
        return read_day(connection, "acct_1", from_at=NOW - DAY, to_at=NOW + DAY).retries


def test_a_bank_debit_is_one_try_in_the_mail(bench: Bench) -> None:
    """Two facts tell of it: that it is under way, and what became of it."""
    case_id = sent(bench, Answer(AnswerKind.PROCESSING, 200))
    assert tries_in_the_mail(bench) == 0
    show(bench, "ch_2")
    wake(bench, case_id)
    bench.looks(case_id, until="attempt_settled")
    told = [each["outcome"] for each in bench.facts("payment.retried")]
    assert (told, tries_in_the_mail(bench)) == (["processing", "declined"], 1)


def test_a_refused_request_is_no_try_in_the_mail(bench: Bench) -> None:
    sent(bench, Answer(AnswerKind.REFUSED, 400, code="resource_missing"))
    assert [each["outcome"] for each in bench.facts("payment.retried")] == ["refused"]
    assert tries_in_the_mail(bench) == 0


def failed(bench: Bench) -> list[str]:
    """Return the charges that were told as failed, and as no try of ours."""
    return [str(each["charge_id"]) for each in bench.facts("payment.failed")]


def shown_as_made_now(bench: Bench, charge_id: str) -> None:
    """Let the invoice show a failed charge of this minute, before any event tells of it."""
    show(bench, charge_id)
    read = bench.stripe.read_charge
    bench.stripe.read_charge = lambda charge_id: replace(  # type: ignore[method-assign]
        read(charge_id), created_at=bench.clock.now
    )


def test_a_decline_of_ours_that_no_event_has_told_of_is_told_once(bench: Bench) -> None:
    """It is not asked for again, so the invoice settles it; `payment.failed` is for others'."""
    case_id = sent(bench, SAVED_500)
    ask_close(case_id, ledger=bench.ledger, now=NOW, by="jo", reason="ours")
    shown_as_made_now(bench, "ch_2")
    assert bench.look(case_id) == "attempt_settled"
    (told,) = bench.facts("payment.retried")
    assert told["outcome"] == "declined"
    assert "ch_2" not in failed(bench)


def test_a_decline_of_ours_that_a_stop_met_is_told_once(bench: Bench) -> None:
    """Nothing is asked for meanwhile; the event comes after the look that has seen it."""
    case_id = sent(bench, SAVED_500)
    shown_as_made_now(bench, "ch_2")
    with bench.ledger.begin() as tx:
        tx.control.stop(cause="switch", detail="", by="jo", now=bench.clock.now)
    wake(bench, case_id)
    assert bench.look(case_id) == "stopped"
    tell(bench, "ch_2")
    assert bench.look(case_id) == "attempt_settled"
    assert "ch_2" not in failed(bench)


def test_a_decline_of_the_customers_beside_a_try_without_an_answer_is_told(bench: Bench) -> None:
    """Also where the look that meets it does nothing but ask for ours again."""
    case_id = sent(bench, SAVED_500, SAVED_500)
    show(bench, "ch_3")
    tell(bench, "ch_3", key=None)
    bench.clock.now += 2 * MINUTE
    wake(bench, case_id)
    assert bench.look(case_id) == "outcome_unknown"
    assert "ch_3" in failed(bench)


def test_a_decline_of_the_customers_is_told_where_an_event_settles_ours(bench: Bench) -> None:
    case_id = sent(bench, SAVED_500)
    tell(bench, "ch_2")
    shown_as_made_now(bench, "ch_3")
    assert bench.look(case_id) == "attempt_settled"
    assert "ch_3" in failed(bench)
    assert "ch_2" not in failed(bench)
