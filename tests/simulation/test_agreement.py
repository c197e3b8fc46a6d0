"""What Stripe and the ledger say of a payment: the check, fed with tries around a cancel."""

import pytest

from tests.simulation.checks import moved_after_cancel

CANCELLED_AT = 1_796_100_000
INVOICE = {"id": "in_1", "created": CANCELLED_AT - 1}
OURS = {"invoice": "in_1", "by": "api", "status": "succeeded", "at": CANCELLED_AT + 1}


def test_a_charge_of_ours_in_a_later_second_than_the_cancel() -> None:
    assert moved_after_cancel(INVOICE, CANCELLED_AT, [OURS])


@pytest.mark.parametrize(
    "other",
    [
        {"at": CANCELLED_AT},
        {"at": CANCELLED_AT - 1},
        {"by": "customer"},
        {"by": "stripe"},
        {"status": "failed"},
        {"invoice": "in_2"},
    ],
    ids=str,
)
def test_what_pays_otherwise_is_a_recovery(other: dict[str, object]) -> None:
    assert not moved_after_cancel(INVOICE, CANCELLED_AT, [OURS | other])


def test_nobody_cancelled() -> None:
    assert not moved_after_cancel(INVOICE, None, [OURS])


def test_a_cancel_from_before_the_invoice_is_another_matter() -> None:
    assert not moved_after_cancel(INVOICE, CANCELLED_AT - 1, [OURS])
