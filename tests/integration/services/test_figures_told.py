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
