"""What facts tell of our charges: each once, as what it was, and with the money that it moved."""

from dataclasses import replace

import pytest

from tests.integration.services.bench import Bench
from tests.integration.services.test_unknown_outcomes import (
    SAVED_500,
    sent,
    tell,
)
from worker.domain.readings import PaymentReading


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
