"""Compare with Stripe daily: lost events, missing cases, cases that no longer agree."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.domain.opening import opens_case
from worker.domain.policy import Configuration
from worker.domain.readings import InvoiceReading
from worker.ports import Clock, JobLog, Ledger, ObjectReader, StripeGateway, Tx
from worker.services.apply_events import open_case
from worker.services.missed_deliveries import take_undelivered
from worker.services.read_feed import position_of_feed, read_feed

RELIST = timedelta(days=3)
"""How far back the event list is read again; Stripe retries deliveries that long (domain 1.5)."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one comparison found."""

    late_events: int
    """Events since go-live that were not in the inbox yet; those from before it are none of ours,
    and the list shows them all the same."""
    opened: int
    compared: int
    doubted: int
    """Ended cases whose invoice the mirror shows otherwise; the sweep reads it again."""


def reconcile(
    *,
    ledger: Ledger,
    stripe: StripeGateway,
    reader: ObjectReader,
    log: JobLog,
    clock: Clock,
    configuration: Configuration,
    api_version: str,
    now: datetime,
    test_clock: str = "",
    relist: timedelta = RELIST,
) -> Reconciled:
    """Re-list three days of events, open cases that were missed, make every case due.

    That is every case that is not closed, or was not for long: each reads its invoice again and
    settles any difference itself. Args: relist: how far back the event list is read again.
    """
    run = read_feed(
        position_of_feed(ledger),
        ledger=ledger,
        stripe=stripe,
        reader=reader,
        log=log,
        clock=clock,
        configuration=configuration,
        now=now,
        test_clock=test_clock,
        from_at=now - relist,
    )
    missed = take_undelivered(
        ledger=ledger,
        stripe=stripe,
        reader=reader,
        log=log,
        clock=clock,
        configuration=configuration,
        now=now,
        test_clock=test_clock,
    )
    opened = _open_missed(
        ledger=ledger,
        stripe=stripe,
        reader=reader,
        clock=clock,
        configuration=configuration,
        api_version=api_version,
        now=now,
    )
    with ledger.begin() as tx:
        doubted = tx.mirror.doubt_ended()
        compared = tx.cases.wake_for_comparison(now=now)
    opened += len(run.opened) + len(missed.opened)
    return Reconciled(run.since_go_live + missed.since_go_live, opened, compared, doubted)


def _open_missed(
    *,
    ledger: Ledger,
    stripe: StripeGateway,
    reader: ObjectReader,
    clock: Clock,
    configuration: Configuration,
    api_version: str,
    now: datetime,
) -> int:
    opened = 0
    for page in stripe.open_invoice_pages():
        found = [reader.invoice(raw, api_version) for raw in page]
        with ledger.begin() as tx:
            control = tx.control.read()
            if control is None:
                return opened
            missed = [one for one in found if _is_missed(tx, one, control.go_live_at, now)]
        for invoice in sorted(missed, key=lambda one: one.id):
            if not invoice.is_sent and _is_under_way(stripe, invoice.id):
                continue
            with ledger.begin() as tx:
                name = open_case(
                    tx,
                    invoice,
                    failed_at=now,
                    rules=configuration.dunning,
                    go_live_at=control.go_live_at,
                    now=now,
                    wall_now=clock.wall_now(),
                )
            opened += bool(name)
    return opened


def _is_missed(tx: Tx, invoice: InvoiceReading, go_live_at: datetime, now: datetime) -> bool:
    """Return whether an invoice looks failed although no event ever said so, or is a sent one.

    A sent invoice that has its case opens no second one.
    """
    if invoice.is_sent:
        return opens_case(invoice, failed_at=now, go_live_at=go_live_at)
    if invoice.created_at < go_live_at or tx.mirror.failed_before(invoice.id):
        return False
    return opens_case(invoice, failed_at=now, go_live_at=go_live_at)


def _is_under_way(stripe: StripeGateway, invoice_id: str) -> bool:
    """Return whether the payment has not failed but goes on: a bank debit takes days.

    The list does not show the payment, so the few invoices that look missed are read one by one.
    """
    return stripe.read_invoice(invoice_id).payment_under_way
