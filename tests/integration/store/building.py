"""Values to put into a ledger, and threads that use it at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from worker.domain.case import Attempt, AttemptKind, AttemptState, Case
from worker.domain.identifiers import idempotency_key
from worker.domain.readings import (
    CustomerReading,
    DeclineSignals,
    InvoiceReading,
    PaymentMethodReading,
    PaymentReading,
    PriceReading,
    SubscriptionReading,
)
from worker.ports import NewCase, NewLetter
from worker.store.ledger import PostgresLedger

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
"""Business time of these tests."""
WALL = datetime(2026, 3, 29, 12, 0, 30, 123456, tzinfo=UTC)
"""Wall time, on purpose far from business time: nothing may compare the two."""
LEASE = timedelta(seconds=150)
DISPATCH = timedelta(seconds=30)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

Result = TypeVar("Result")


def invoice(
    number: int = 1,
    *,
    customer_id: str = "",
    subscription_id: str = "",
    status: str = "open",
    amount_minor: int = 1200,
    payment_intent_id: str = "",
) -> InvoiceReading:
    """Return an open invoice with ids of its own."""
    signals = DeclineSignals(code="card_declined", decline_code="insufficient_funds")
    payment = PaymentReading(payment_intent_id, "requires_payment_method", signals=signals)
    return InvoiceReading(
        id=f"in_{number}",
        customer_id=customer_id or f"cus_{number}",
        subscription_id=subscription_id or f"sub_{number}",
        status=status,
        billing_reason="subscription_cycle",
        collection_method="charge_automatically",
        currency="eur",
        amount_due_minor=amount_minor,
        amount_paid_minor=0,
        amount_remaining_minor=amount_minor,
        attempted=True,
        attempt_count=1,
        created_at=NOW - DAY,
        number=f"R-{number:04d}",
        payment=payment if payment_intent_id else None,
    )


def subscription(
    number: int = 1,
    *,
    status: str = "active",
    period_end_at: datetime | None = NOW + 10 * DAY,
    trial_end_at: datetime | None = None,
    method_id: str = "",
    amount_minor: int = 1200,
) -> SubscriptionReading:
    """Return a monthly subscription of customer `cus_<number>`."""
    price = PriceReading(amount_minor, "eur", "month", 1, 1, product_id="prod_1")
    return SubscriptionReading(
        id=f"sub_{number}",
        customer_id=f"cus_{number}",
        status=status,
        created_at=NOW - 90 * DAY,
        currency="eur",
        items=(price,),
        period_end_at=period_end_at,
        trial_end_at=trial_end_at,
        default_payment_method_id=method_id,
    )


def customer(number: int = 1, *, method_id: str = "") -> CustomerReading:
    """Return a customer with an address."""
    return CustomerReading(
        id=f"cus_{number}",
        email=f"anna{number}@blue-studio.example",
        name="Anna Blue",
        locales=("de", "en"),
        country="DE",
        default_payment_method_id=method_id,
        metadata={"time_zone": "Asia/Ho_Chi_Minh"},
    )


def card(number: int = 1, *, exp_year: int = 2026, exp_month: int = 12) -> PaymentMethodReading:
    """Return a card of customer `cus_<number>`."""
    return PaymentMethodReading(
        id=f"pm_{number}",
        type="card",
        brand="visa",
        last4="4242",
        exp_month=exp_month,
        exp_year=exp_year,
        fingerprint=f"print{number}",
        country="DE",
        customer_id=f"cus_{number}",
    )


def open_case(
    ledger: PostgresLedger,
    number: int = 1,
    *,
    due_at: datetime = NOW,
    failed_at: datetime = NOW - DAY,
    customer_id: str = "",
    subscription_id: str = "",
) -> int:
    """Open a case for `in_<number>` and return its number."""
    failed = invoice(number, customer_id=customer_id, subscription_id=subscription_id)
    with ledger.begin() as tx:
        case_id = tx.cases.open(NewCase(failed, failed_at, "digest", due_at), now=failed_at)
    assert case_id is not None
    return case_id


def claim(
    ledger: PostgresLedger,
    case_id: int,
    token: str = "t1",  # noqa: S107 (a lease, not a secret)
    *,
    now: datetime = NOW,
    wall_now: datetime = WALL,
) -> Case | None:
    """Claim a case for the usual time."""
    with ledger.begin() as tx:
        return tx.cases.claim(case_id, now=now, wall_now=wall_now, token=token, lease=LEASE)


def claimed(ledger: PostgresLedger, number: int = 1, *, customer_id: str = "") -> Case:
    """Open a case and claim it under the token `t1`."""
    found = claim(ledger, open_case(ledger, number, customer_id=customer_id))
    assert found is not None
    return found


def loaded(ledger: PostgresLedger, case_id: int) -> Case:
    """Return a case as it stands."""
    with ledger.begin() as tx:
        found = tx.cases.load(case_id)
    assert found is not None
    return found


def due(ledger: PostgresLedger, *, now: datetime = NOW, wall_now: datetime = WALL) -> list[int]:
    """Dispatch and return what is due."""
    with ledger.begin() as tx:
        return tx.cases.take_due(now=now, wall_now=wall_now, limit=500, dispatch=DISPATCH)


def attempt(
    case: Case,
    no: int = 1,
    *,
    kind: AttemptKind = AttemptKind.CHARGE,
    sent_at: datetime = NOW,
) -> Attempt:
    """Return an attempt that is about to be sent."""
    return Attempt(
        no=no,
        kind=kind,
        step=f"try {no}",
        key=idempotency_key(case.invoice_id, no),
        state=AttemptState.SENDING,
        amount_minor=case.amount_minor,
        currency=case.currency,
        payment_method_id="pm_1",
        sent_at=sent_at,
        first_sent_at=WALL,
    )


def letter(
    *occasions: str, case_id: int | None = None, send_at: datetime = NOW, notice: str = "first"
) -> NewLetter:
    """Return a letter whose Message-ID is a function of its first occasion, as the service's."""
    return NewLetter(
        notice=notice,
        customer_id="cus_1",
        occasions=occasions,
        message_id=f"<{occasions[0]}@dunning.invalid>",
        send_at=send_at,
        send_by=send_at + 5 * DAY,
        case_id=case_id,
        step=notice,
        context={"card": "Visa 4242"},
    )


def under_another_message_id(found: NewLetter) -> NewLetter:
    """Return the letter with a Message-ID that nothing else has."""
    return replace(found, message_id=f"<other-{found.message_id[1:]}")


def at_once(count: int, act: Callable[[int], Result]) -> list[Result]:
    """Return what *act* gives to each of *count* threads that run it at the same time."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(act, range(count)))
