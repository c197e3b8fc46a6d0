"""Cases, invoices and policies for the domain's tests, one line each.

Everything happens to one invoice that failed at `T0`, a Monday at 10:00 in Berlin, and is treated
by the shipped policy unless a test says otherwise.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from worker.domain.case import (
    Attempt,
    AttemptKind,
    AttemptState,
    Case,
    CaseLetter,
    CaseState,
    Failure,
    LetterState,
    StepRecord,
    Surroundings,
)
from worker.domain.decisions import Act, Decision
from worker.domain.engine import decide
from worker.domain.engine_situation import Situation
from worker.domain.identifiers import idempotency_key
from worker.domain.policy import Configuration, DeclineClass, Limits, Policy
from worker.domain.readings import (
    CustomerReading,
    InvoiceReading,
    PaymentMethodReading,
    PaymentReading,
    SubscriptionReading,
)
from worker.settings.load import load_configuration

ROOT = Path(__file__).parents[3]
T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
BERLIN = "Europe/Berlin"
OLD_CARD, NEW_CARD = "pm_old", "pm_new"


def after(**offset: float) -> datetime:
    """Return the instant *offset* after the first failure: `after(days=3)`."""
    return T0 + timedelta(**offset)


@cache
def shipped() -> Configuration:
    """Return the configuration as shipped."""
    letters = frozenset(path.stem for path in (ROOT / "templates" / "en").glob("*.md"))
    return load_configuration(ROOT / "config", letters)


def policy(**changes: Any) -> Policy:
    """Return the shipped policy with *changes*; `ending_…` changes the field of its ending."""
    base = shipped().dunning.policies[0]
    ending = {k.removeprefix("ending_"): changes.pop(k) for k in [*changes] if "ending_" in k}
    return replace(base, ending=replace(base.ending, **ending), **changes)


def failure(
    decline_class: DeclineClass = DeclineClass.FUNDS,
    code: str = "insufficient_funds",
    **changes: Any,
) -> Failure:
    """Return the failure at `T0` on the old card."""
    base = Failure(decline_class, code, "ch_1", T0, OLD_CARD)
    return replace(base, **changes)


def case(**changes: Any) -> Case:
    """Return an open case of 49.00 EUR, owned by the worker, with nothing done yet."""
    base = Case(
        id=1042,
        invoice_id="in_1",
        customer_id="cus_1",
        subscription_id="sub_1",
        amount_minor=4900,
        currency="eur",
        state=CaseState.OPEN,
        policy_digest="",
        failed_at=T0,
        opened_at=T0,
        failure=failure(),
    )
    return replace(base, **changes)


def method(method_id: str = OLD_CARD) -> PaymentMethodReading:
    """Return a card."""
    return PaymentMethodReading(method_id, "card", brand="visa", last4="4242")


def subscription(**changes: Any) -> SubscriptionReading:
    """Return a past-due subscription that is charged to the old card."""
    base = SubscriptionReading(
        id="sub_1",
        customer_id="cus_1",
        status="past_due",
        created_at=T0 - timedelta(days=100),
        currency="eur",
        default_payment_method=method(),
    )
    return replace(base, **changes)


def invoice(**changes: Any) -> InvoiceReading:
    """Return the failed invoice, open; `card` sets the method in use, None for none at all."""
    if "card" in changes:
        card = changes.pop("card")
        held = method(card) if card is not None else None
        changes["subscription"] = subscription(default_payment_method=held)
    base = InvoiceReading(
        id="in_1",
        customer_id="cus_1",
        subscription_id="sub_1",
        status="open",
        billing_reason="subscription_cycle",
        collection_method="charge_automatically",
        currency="eur",
        amount_due_minor=4900,
        amount_paid_minor=0,
        amount_remaining_minor=4900,
        attempted=True,
        attempt_count=1,
        created_at=T0 - timedelta(hours=1),
        payment=payment("requires_payment_method"),
        subscription=subscription(),
        customer=CustomerReading("cus_1", email="ada@example.com"),
    )
    return replace(base, **changes)


def paid_invoice(**changes: Any) -> InvoiceReading:
    """Return the invoice paid in full through its default payment."""
    whole: dict[str, Any] = {"amount_paid_minor": 4900, "amount_remaining_minor": 0}
    return invoice(**{"status": "paid", "payment": payment("succeeded"), **whole, **changes})


def payment(status: str) -> PaymentReading:
    """Return the invoice's default payment in *status*."""
    return PaymentReading("pi_1", status, "ch_1", OLD_CARD)


def around(**changes: Any) -> Surroundings:
    """Return surroundings without anything special: the last try was the first failure."""
    return replace(Surroundings(last_try_at=T0), **changes)


def attempt(
    step: str = "try 1",
    state: AttemptState = AttemptState.DECLINED,
    kind: AttemptKind = AttemptKind.CHARGE,
    **changes: Any,
) -> Attempt:
    """Return attempt number 1, sent a day after the failure."""
    no = changes.get("no", 1)
    base = Attempt(
        no=1,
        kind=kind,
        step=step,
        key=idempotency_key("in_1", no),
        state=state,
        amount_minor=4900,
        currency="eur",
        payment_method_id=OLD_CARD,
        sent_at=after(days=1),
        first_sent_at=after(days=1),
    )
    return replace(base, **changes)


def declined(count: int, decline_class: DeclineClass = DeclineClass.FUNDS) -> tuple[Attempt, ...]:
    """Return *count* declined charges under steps of their own."""
    return tuple(
        attempt(f"earlier {no}", no=no, decline_class=decline_class) for no in range(1, count + 1)
    )


def letter(
    step: str = "first letter", state: LetterState = LetterState.SENT, **changes: Any
) -> CaseLetter:
    """Return a letter of the case; a sent one was accepted 4 hours after the failure."""
    sent_at = after(hours=4) if state is LetterState.SENT else None
    return replace(CaseLetter(1, step, "payment_failed_1", state, sent_at), **changes)


def final_letter(state: LetterState = LetterState.SENT, **changes: Any) -> CaseLetter:
    """Return the final letter; a sent one was accepted 11 days after the failure."""
    sent_at = after(days=11) if state is LetterState.SENT else None
    return replace(letter("final letter", state, sent_at=sent_at), **changes)


def done(*steps: str) -> tuple[StepRecord, ...]:
    """Return records of *steps* that were done."""
    return tuple(StepRecord(step, True, T0) for step in steps)


def done_until(last: str) -> tuple[StepRecord, ...]:
    """Return records of all steps of the shipped policy up to and including *last*."""
    names = [step.name for step in policy().steps]
    return done(*names[: names.index(last) + 1])


ALL_DONE = "last try"


def decision(
    now: datetime,
    the_case: Case | None = None,
    the_invoice: InvoiceReading | None = None,
    the_surroundings: Surroundings | None = None,
    by: Policy | None = None,
) -> Decision:
    """Return what the engine decides; everything left out is the ordinary."""
    return decide(situation(now, the_case, the_invoice, the_surroundings, by))


def situation(
    now: datetime,
    the_case: Case | None = None,
    the_invoice: InvoiceReading | None = None,
    the_surroundings: Surroundings | None = None,
    by: Policy | None = None,
) -> Situation:
    """Return the same as a value, for the engine's parts."""
    return Situation(
        case=the_case if the_case is not None else case(),
        invoice=the_invoice if the_invoice is not None else invoice(),
        around=the_surroundings if the_surroundings is not None else around(),
        policy=by if by is not None else policy(),
        limits=Limits(),
        office_zone=BERLIN,
        now=now,
    )


@dataclass(frozen=True)
class Row:
    """One row of a table: a case at a moment, and what the engine must say about it."""

    name: str
    act: Act
    rule: str
    case: Case = field(default_factory=case)
    invoice: InvoiceReading = field(default_factory=invoice)
    around: Surroundings = field(default_factory=around)
    next_at: datetime | None = None
