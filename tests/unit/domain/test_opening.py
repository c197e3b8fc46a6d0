"""Which failed invoices become cases."""

from datetime import timedelta

import pytest

from tests.unit.domain.building import T0, invoice
from worker.domain.opening import DUNNED_REASONS, opens_case


@pytest.mark.parametrize("reason", sorted(DUNNED_REASONS))
def test_invoices_of_running_subscriptions_open_a_case(reason: str) -> None:
    assert opens_case(invoice(billing_reason=reason), failed_at=T0, go_live_at=T0)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "draft"},
        {"status": "paid"},
        {"status": "void"},
        {"status": "uncollectible"},
        {"status": "something new"},
        {"attempted": False},
        {"collection_method": "send_invoice"},
        {"amount_remaining_minor": 0},
        {"billing_reason": "subscription_create"},
        {"billing_reason": "manual"},
        {"billing_reason": "quote_accept"},
        {"billing_reason": ""},
    ],
    ids=str,
)
def test_other_invoices_open_none(changes: dict[str, object]) -> None:
    assert not opens_case(invoice(**changes), failed_at=T0, go_live_at=T0 - timedelta(days=1))


def test_the_past_is_never_dunned() -> None:
    assert opens_case(invoice(), failed_at=T0, go_live_at=T0)
    assert not opens_case(invoice(), failed_at=T0 - timedelta(seconds=1), go_live_at=T0)


def test_a_partly_paid_invoice_opens_a_case() -> None:
    assert opens_case(invoice(amount_remaining_minor=1), failed_at=T0, go_live_at=T0)
