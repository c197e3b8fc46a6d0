"""Mirrors of Stripe's objects: the newest wins, the final stays, and what scans ask of them."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from tests.integration.store.building import (
    DAY,
    MINUTE,
    NOW,
    at_once,
    card,
    customer,
    invoice,
    subscription,
)
from worker.domain.network_rules import MadeBy
from worker.domain.readings import ChargeReading, DeclineSignals, InvoiceReading
from worker.store.ledger import PostgresLedger


def put(ledger: PostgresLedger, *rows: tuple[InvoiceReading, datetime]) -> None:
    """Mirror invoices in a transaction of their own."""
    with ledger.begin() as tx:
        tx.mirror.put_invoices(rows)


def mirrored(ledger: PostgresLedger, invoice_id: str = "in_1") -> tuple[str, int, bool]:
    """Return (status, amount_remaining_minor, stale) of a mirrored invoice."""
    query = (
        "SELECT status, amount_remaining_minor, stale FROM invoices"
        " WHERE account_id = 'acct_1' AND id = %(id)s"
    )
    with ledger.connection() as connection:
        row = connection.exec_driver_sql(query, {"id": invoice_id}).one()
    return row.status, row.amount_remaining_minor, row.stale


OPEN = invoice(amount_minor=1200)
PARTLY = invoice(amount_minor=700)
PAID = invoice(status="paid", amount_minor=0)
VOID = invoice(status="void", amount_minor=0)


def test_the_newer_state_wins_in_whatever_order_they_come(ledger: PostgresLedger) -> None:
    put(ledger, (OPEN, NOW))
    put(ledger, (PARTLY, NOW + MINUTE))
    put(ledger, (OPEN, NOW))
    assert mirrored(ledger) == ("open", 700, False)


def test_the_newest_of_one_batch_wins(ledger: PostgresLedger) -> None:
    put(ledger, (OPEN, NOW), (PARTLY, NOW + MINUTE), (OPEN, NOW - DAY))
    assert mirrored(ledger) == ("open", 700, False)


@pytest.mark.parametrize("ended", [PAID, VOID])
def test_a_final_state_stays_whatever_comes_later(
    ledger: PostgresLedger, ended: InvoiceReading
) -> None:
    put(ledger, (ended, NOW))
    put(ledger, (OPEN, NOW + DAY))
    assert mirrored(ledger) == (ended.status, 0, False)


def test_a_final_state_wins_also_with_an_older_event(ledger: PostgresLedger) -> None:
    put(ledger, (OPEN, NOW + DAY))
    put(ledger, (PAID, NOW))
    assert mirrored(ledger) == ("paid", 0, False)


def test_a_final_state_wins_within_a_batch(ledger: PostgresLedger) -> None:
    put(ledger, (PAID, NOW), (OPEN, NOW + MINUTE))
    assert mirrored(ledger) == ("paid", 0, False)


def test_an_uncollectible_invoice_can_still_be_paid(ledger: PostgresLedger) -> None:
    put(ledger, (replace(OPEN, status="uncollectible"), NOW))
    put(ledger, (PAID, NOW + MINUTE))
    assert mirrored(ledger) == ("paid", 0, False)


def test_a_tie_that_says_something_else_is_read_again(ledger: PostgresLedger) -> None:
    put(ledger, (OPEN, NOW))
    put(ledger, (PARTLY, NOW))
    assert mirrored(ledger) == ("open", 700, True)
    put(ledger, (PARTLY, NOW))
    with ledger.begin() as tx:
        assert tx.mirror.stale(limit=10) == [("invoice", "in_1")]
        tx.mirror.settled("invoice", "in_1")
        assert tx.mirror.stale(limit=10) == []


def test_a_tie_that_says_the_same_is_certain(ledger: PostgresLedger) -> None:
    put(ledger, (OPEN, NOW))
    put(ledger, (OPEN, NOW))
    assert mirrored(ledger) == ("open", 1200, False)


def test_a_newer_state_makes_a_stale_row_certain(ledger: PostgresLedger) -> None:
    put(ledger, (OPEN, NOW))
    put(ledger, (PARTLY, NOW))
    put(ledger, (OPEN, NOW + MINUTE))
    assert mirrored(ledger) == ("open", 1200, False)


def test_a_subscription_of_two_minds_is_read_again(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        tx.mirror.put_subscriptions([(subscription(status="active"), NOW)])
        tx.mirror.put_subscriptions([(subscription(status="past_due"), NOW)])
        assert tx.mirror.stale(limit=10) == [("subscription", "sub_1")]


def test_two_writers_in_opposite_order_do_not_deadlock(ledger: PostgresLedger) -> None:
    ids = list(range(4))

    def write(thread: int) -> int:
        for turn in range(200):
            order = ids if thread else list(reversed(ids))
            seen_at = NOW + turn * MINUTE
            with ledger.begin() as tx:
                tx.mirror.put_invoices([(invoice(number), seen_at) for number in order])
                tx.mirror.put_payment_methods([(card(number), seen_at, True) for number in order])
        return 200

    assert at_once(2, write) == [200, 200]


def test_what_a_later_event_does_not_say_stays(ledger: PostgresLedger) -> None:
    put(ledger, (OPEN, NOW))
    with ledger.begin() as tx:
        assert not tx.mirror.failed_before("in_1")
        tx.mirror.mark_failed("in_1", at=NOW)
        tx.mirror.mark_failed("in_1", at=NOW + DAY)
        tx.mirror.put_subscriptions([(subscription(), NOW)])
    put(ledger, (PARTLY, NOW + MINUTE))
    with ledger.begin() as tx:
        tx.mirror.put_subscriptions([(subscription(status="past_due"), NOW + MINUTE)])
        assert tx.mirror.failed_before("in_1")


def test_objects_come_back_as_they_were_read(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        tx.mirror.put_payment_methods([(card(), NOW, False)])
        tx.mirror.put_customers([(customer(method_id="pm_1"), NOW)])
        tx.mirror.put_subscriptions([(subscription(method_id="pm_1"), NOW)])
        assert tx.mirror.payment_method("pm_1") == card()
        found = tx.mirror.customer("cus_1")
        assert found == replace(customer(method_id="pm_1"), default_payment_method=card())
        known = tx.mirror.subscription("sub_1")
        assert known is not None
        assert (known.default_payment_method, known.next_amount) == (
            card(),
            subscription().next_amount,
        )
        assert tx.mirror.customer("cus_9") is None
        assert tx.mirror.payment_method("") is None
        assert tx.mirror.subscription("sub_9") is None


def test_a_deletion_blanks_what_it_no_longer_says(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        tx.mirror.put_customers([(customer(), NOW)])
        gone = replace(customer(), email="", name="", deleted=True, metadata={})
        tx.mirror.put_customers([(gone, NOW + MINUTE)])
        assert tx.mirror.customer("cus_1") == gone


def charge(status: str = "failed") -> ChargeReading:
    """Return a declined charge."""
    signals = DeclineSignals(code="card_declined", decline_code="insufficient_funds")
    about = ("ch_1", status, "pi_1", "pm_1", 1200, "eur", NOW, signals)
    return ChargeReading(*about, brand="visa", customer_id="cus_1")


def test_a_charge_is_known_once_and_its_status_may_change(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        assert tx.mirror.charge("ch_1") is None
        told: dict[str, Any] = {"customer_id": "cus_1", "now": NOW, "made_by": MadeBy.STRIPE}
        tx.mirror.put_charge(charge("pending"), **told, at=NOW)
        tx.mirror.put_charge(charge("succeeded"), **told, at=NOW + DAY)
        assert tx.mirror.charge("ch_1") == charge("succeeded")


def test_the_key_that_an_event_named_stays(ledger: PostgresLedger) -> None:
    """The same charge may be read once more, without its request."""
    told: dict[str, Any] = {
        "customer_id": "cus_1",
        "at": NOW,
        "made_by": MadeBy.WORKER,
        "now": NOW,
    }
    with ledger.begin() as tx:
        tx.mirror.put_charge(charge(), **told)
        tx.mirror.put_charge(charge(), key="dun:v1:in_1:1", **told)
        tx.mirror.put_charge(charge(), **told)
    with ledger.connection() as connection:
        keys = connection.exec_driver_sql("SELECT request_key FROM network_attempts").scalars()
        assert keys.all() == ["dun:v1:in_1:1"]


def test_who_made_a_charge_that_was_only_read_is_told_by_its_event(ledger: PostgresLedger) -> None:
    seen: dict[str, Any] = {"customer_id": "cus_1", "at": NOW, "now": NOW}
    with ledger.begin() as tx:
        tx.mirror.put_charge(charge(), **seen, made_by=None)
        tx.mirror.put_charge(charge(), **seen, made_by=MadeBy.STRIPE)
        tx.mirror.put_charge(charge(), **seen, made_by=None)
    with ledger.connection() as connection:
        makers = connection.exec_driver_sql("SELECT made_by FROM network_attempts").scalars()
        assert makers.all() == ["stripe"]


def test_the_first_event_sets_the_instant_of_a_charge_that_was_only_read(
    ledger: PostgresLedger,
) -> None:
    """The look that read it may have begun before the charge was made."""

    def seen(at: datetime, made_by: MadeBy | None) -> datetime:
        with ledger.begin() as tx:
            tx.mirror.put_charge(charge(), customer_id="cus_1", at=at, made_by=made_by, now=at)
            known = tx.mirror.charge("ch_1")
        assert known is not None
        return known.created_at

    assert seen(NOW, None) == NOW
    assert seen(NOW + MINUTE, None) == NOW
    assert seen(NOW + MINUTE, MadeBy.STRIPE) == NOW + MINUTE
    assert seen(NOW + DAY, MadeBy.STRIPE) == NOW + MINUTE


def test_since_when_a_charge_and_its_outcome_are_known_is_kept(ledger: PostgresLedger) -> None:
    """A debit may fail after it went through; what is told once more is no news, nor is what says
    the same in other fields."""

    def known_since(status: str, now: datetime, **said: str) -> tuple[datetime, datetime]:
        told: dict[str, Any] = {"customer_id": "cus_1", "at": NOW, "now": now}
        heard = replace(charge(status), signals=DeclineSignals(**said))
        with ledger.begin() as tx:
            tx.mirror.put_charge(heard, **told, made_by=MadeBy.STRIPE)
        query = "SELECT learnt_at, said_at FROM network_attempts"
        with ledger.connection() as connection:
            learnt_at, said_at = connection.exec_driver_sql(query).one()
        return learnt_at, said_at

    first, later = NOW + MINUTE, NOW + DAY
    assert known_since("succeeded", first) == (first, first)
    assert known_since("succeeded", later) == (first, first)
    assert known_since("failed", later) == (first, later)
    assert known_since("failed", later + DAY) == (first, later)
    why, day3, day4 = {"code": "card_declined"}, later + 2 * DAY, later + 3 * DAY
    assert known_since("failed", day3, network_decline_code="41", **why) == (first, day3)
    assert known_since("failed", day4, **why) == (first, day3)


def test_a_dispute_names_the_customer_of_its_charge(ledger: PostgresLedger) -> None:
    def dispute(charge_id: str, status: str) -> str:
        with ledger.begin() as tx:
            return tx.mirror.put_dispute(
                dispute_id="dp_1", charge_id=charge_id, status=status, seen_at=NOW
            )

    assert dispute("ch_1", "needs_response") == ""
    with ledger.begin() as tx:
        told: dict[str, Any] = {"at": NOW, "now": NOW, "made_by": MadeBy.STRIPE}
        tx.mirror.put_charge(charge(), customer_id="cus_1", **told)
    assert dispute("ch_1", "under_review") == "cus_1"


def test_a_dispute_of_an_older_charge_waits_for_its_customer(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        for number in (1, 2):
            tx.mirror.put_dispute(
                dispute_id=f"dp_{number}",
                charge_id="ch_old",
                status="needs_response",
                seen_at=NOW,
            )
        assert tx.mirror.stale(limit=10) == [("charge", "ch_old")]
        tx.mirror.name_disputes("ch_old", customer_id="cus_1")
        assert tx.mirror.stale(limit=10) == []


def test_renewals_are_live_subscriptions_whose_period_ends_in_time(ledger: PostgresLedger) -> None:
    ending = subscription(1, period_end_at=NOW + 10 * DAY)
    rows = [
        ending,
        subscription(2, period_end_at=NOW),
        subscription(3, period_end_at=NOW + 30 * DAY),
        subscription(4, status="trialing"),
        subscription(5, status="past_due"),
        replace(subscription(6), cancel_at_period_end=True),
        replace(subscription(7), cancel_at=NOW + 20 * DAY),
        replace(subscription(8), collection_paused=True),
        subscription(9, period_end_at=None),
    ]
    with ledger.begin() as tx:
        tx.mirror.put_subscriptions([(row, NOW) for row in rows])
        found = tx.mirror.renewing(from_at=NOW, to_at=NOW + 30 * DAY)
    assert [one.id for one in found] == ["sub_1", "sub_2"]
    assert (found[0].period_end_at, found[0].next_amount) == (
        ending.period_end_at,
        ending.next_amount,
    )


def test_trials_are_told_by_their_end(ledger: PostgresLedger) -> None:
    rows = [
        subscription(1, status="trialing", trial_end_at=NOW + 7 * DAY),
        subscription(2, status="trialing", trial_end_at=NOW + 8 * DAY),
        subscription(3, status="active", trial_end_at=NOW + 7 * DAY),
    ]
    with ledger.begin() as tx:
        tx.mirror.put_subscriptions([(row, NOW) for row in rows])
        found = tx.mirror.trials_ending(from_at=NOW, to_at=NOW + 8 * DAY)
    assert [one.id for one in found] == ["sub_1"]


def test_cards_in_use_are_the_subscriptions_own_or_the_customers(ledger: PostgresLedger) -> None:
    cards = [
        card(1, exp_year=2026, exp_month=12),
        card(2, exp_year=2027, exp_month=1),
        card(3, exp_year=2027, exp_month=2),
        card(4, exp_year=2026, exp_month=11),
        card(5, exp_year=2026, exp_month=12),
        replace(card(6), type="sepa_debit"),
    ]
    with ledger.begin() as tx:
        tx.mirror.put_payment_methods([(one, NOW, False) for one in cards])
        tx.mirror.put_customers([(customer(n, method_id=f"pm_{n}"), NOW) for n in range(1, 7)])
        own = subscription(2, status="past_due", method_id="pm_2")
        others = [subscription(n) for n in (1, 3, 4, 6)]
        ended = subscription(5, status="canceled")
        tx.mirror.put_subscriptions([(one, NOW) for one in (own, ended, *others)])
        found = tx.mirror.cards_in_use(expiring_from=(2026, 12), expiring_to=(2027, 1))
    assert [(method.id, used.id) for method, used in found] == [
        ("pm_1", "sub_1"),
        ("pm_2", "sub_2"),
    ]
