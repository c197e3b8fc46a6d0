"""Bring a case's last failure up to date with what the fresh invoice shows."""

from dataclasses import replace
from datetime import datetime

from worker.domain.case import AttemptKind, Case, Failure, Surroundings
from worker.domain.decline_networks import DEBIT_METHODS
from worker.domain.declines import Decline, classify
from worker.domain.policy import DeclineClass
from worker.domain.readings import ChargeReading, DeclineSignals, InvoiceReading, method_in_use
from worker.ports import JobLog, Ledger, StripeGateway
from worker.services.learn_charges import read_charge


def understand_failure(
    case: Case,
    invoice: InvoiceReading,
    around: Surroundings,
    *,
    ledger: Ledger,
    stripe: StripeGateway,
    log: JobLog,
    now: datetime,
    read_at: datetime,
) -> Case:
    """Return *case* with its last failure and 3-D Secure state as *invoice* shows them.

    The charge's outcome comes from the event list where it is known there, else from one read.
    Args: now: business time of the look. read_at: of the invoice's reading, which is later.
    Raises: GatewayUnavailable: that read got no answer; the next scan asks again.
    """
    payment = invoice.payment
    if case.due_at is not None:  # nothing failed: what the customer tries on the page is their own
        return case
    if payment is not None and payment.status == "requires_action":
        return _authentication(case, invoice, around, now)
    if payment is None or payment.signals is None:
        return case if case.failure is not None else _without_charge(case, invoice)
    known = case.failure
    if known is not None and known.charge_id == payment.latest_charge_id:
        return case
    charge = _charge(payment.latest_charge_id, case, ledger=ledger, stripe=stripe, read_at=read_at)
    method = payment.payment_method
    if charge is not None:
        signals, brand, kind = charge.signals, charge.brand, charge.payment_method_type
    else:
        signals = payment.signals
        brand, kind = (method.brand, method.type) if method is not None else ("", "")
    decline = classify(signals, brand=brand, payment_method_type=kind)
    report_unknown(decline, case, ledger=ledger, log=log, now=now)
    # The case opened at the first failure; of any later one only this is sure: since the last look.
    is_first = known is None and (charge is None or charge.created_at <= case.failed_at)
    seen_at = case.failed_at if is_first else now
    # The charge's own time: another method is a new one if it came since then, and the schemes'
    # windows count from the entry (debit_rules.py). Only waiting begins at a debit's return.
    failed_at = min(charge.created_at if charge is not None else seen_at, now)
    return with_failure(
        case,
        decline,
        signals,
        charge_id=payment.latest_charge_id,
        payment_method_id=payment.payment_method_id,
        failed_at=failed_at,
        waits_from=seen_at if kind in DEBIT_METHODS else failed_at,
        around=around,
    )


def with_failure(
    case: Case,
    decline: Decline,
    signals: DeclineSignals,
    *,
    charge_id: str,
    payment_method_id: str,
    failed_at: datetime,
    waits_from: datetime,
    around: Surroundings,
) -> Case:
    """Return *case* with a new last failure, as the decline table reads it.

    Args: failed_at: when the method was charged; waits_from: when that had failed, as a debit that
    came back for want of funds is not presented again on the day of its return.
    """
    wait = decline.earliest_wait
    return replace(
        case,
        action_required_at=None,
        failure=Failure(
            decline_class=decline.decline_class,
            code=decline.code,
            charge_id=charge_id,
            failed_at=failed_at,
            payment_method_id=payment_method_id,
            method_changed_at=around.method_changes.get(payment_method_id),
            retry_not_before=waits_from + wait if wait else None,
            may_retry=decline.may_retry,
            masked=decline.masked,
            signals=signals,
        ),
    )


def failure_of_answer(
    case: Case,
    signals: DeclineSignals,
    method_id: str,
    charge_id: str,
    around: Surroundings,
    *,
    brand: str,
    method_type: str,
    now: datetime,
    ledger: Ledger,
    log: JobLog,
) -> Case:
    """Return *case* after Stripe declined a charge of ours."""
    decline = classify(signals, brand=brand, payment_method_type=method_type)
    report_unknown(decline, case, ledger=ledger, log=log, now=now)
    return with_failure(
        case,
        decline,
        signals,
        charge_id=charge_id,
        payment_method_id=method_id,
        failed_at=now,
        waits_from=now,
        around=around,
    )


def report_unknown(
    decline: Decline, case: Case, *, ledger: Ledger, log: JobLog, now: datetime
) -> None:
    """Say once, ever, that a code is not in our table; it was treated conservatively."""
    if decline.known:
        return
    with ledger.begin() as tx:
        codes = [
            code for code in decline.unknown_codes if tx.jobs.once("decline.unknown", code, now=now)
        ]
    if not codes:
        return
    log.warning(
        "decline.unknown",
        case=f"C-{case.id}",
        code=",".join(codes),
        do="add the code to worker/domain/decline_codes.csv",
    )


def _charge(
    charge_id: str, case: Case, *, ledger: Ledger, stripe: StripeGateway, read_at: datetime
) -> ChargeReading | None:
    """Return the charge, and let the network ledger know of it before its event does.

    Else another case of the same card would be charged although this one was told to stop. Where a
    charge of the case's own is in flight it may be that one.
    """
    if not charge_id:
        return None
    ours = case.in_flight
    return read_charge(
        charge_id,
        customer_id=case.customer_id,
        ledger=ledger,
        stripe=stripe,
        read_at=read_at,
        in_flight=ours if ours is not None and ours.kind is AttemptKind.CHARGE else None,
    )


def _authentication(
    case: Case, invoice: InvoiceReading, around: Surroundings, now: datetime
) -> Case:
    payment = invoice.payment
    method_id = payment.payment_method_id if payment is not None else ""
    known = case.failure
    if known is not None and known.decline_class is DeclineClass.AUTHENTICATION:
        return replace(case, action_required_at=case.action_required_at or now)
    failure = Failure(
        decline_class=DeclineClass.AUTHENTICATION,
        code="authentication_required",
        charge_id=payment.latest_charge_id if payment is not None else "",
        failed_at=case.failed_at if known is None else now,
        payment_method_id=method_id,
        method_changed_at=around.method_changes.get(method_id),
        may_retry=False,
    )
    return replace(case, failure=failure, action_required_at=case.action_required_at or now)


def _without_charge(case: Case, invoice: InvoiceReading) -> Case:
    """Stripe shows no failed charge: there was no usable method, or it does not say why."""
    method = method_in_use(invoice)
    failure = Failure(
        decline_class=DeclineClass.CARD_DATA if method is None else DeclineClass.UNCLEAR,
        code="no_payment_method" if method is None else "no_reason",
        charge_id="",
        failed_at=case.failed_at,
        payment_method_id=method.id if method is not None else "",
        may_retry=method is not None,
    )
    return replace(case, failure=failure)
