"""Opening a case, once per invoice, from the first of its failures."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, case, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.case import CaseState
from worker.ports import NewCase
from worker.store.tables import attempts, cases, letters, steps


def open_row(connection: Connection, account_id: str, new: NewCase, *, now: datetime) -> int | None:
    """Open a case, or return None where the invoice already has one.

    Webhooks may tell of a later failure first. Then the case is dated by the earlier one, while
    nothing was done in it yet; afterwards its timeline stays as it was acted upon.
    """
    invoice = new.invoice
    same = (cases.c.account_id == account_id, cases.c.invoice_id == invoice.id)
    # Asked first: a refused insert would burn a case number.
    if connection.execute(select(cases.c.id).where(*same)).first() is not None:
        if new.due_at is not None:
            return None  # a due date that moves is followed by the next read of the invoice
        earlier = (*same, cases.c.failed_at > new.failed_at, *_UNTOUCHED)
        connection.execute(
            update(cases)
            .where(*earlier)
            .values(
                failed_at=new.failed_at,
                amount_minor=invoice.amount_remaining_minor,
                wake_seq=cases.c.wake_seq + 1,
                next_action_at=case(
                    (_IS_OPEN, func.least(cases.c.next_action_at, new.next_action_at)),
                    else_=cases.c.next_action_at,
                ),
            )
        )
        return None
    statement = (
        upsert(cases)
        .values(
            account_id=account_id,
            invoice_id=invoice.id,
            customer_id=invoice.customer_id,
            subscription_id=invoice.subscription_id,
            invoice_number=invoice.number,
            state=CaseState.OPEN.value,
            policy_digest=new.policy_digest,
            failed_at=new.failed_at,
            due_at=new.due_at,
            opened_at=now,
            amount_minor=invoice.amount_remaining_minor,
            currency=invoice.currency,
            next_action_at=new.next_action_at,
        )
        .on_conflict_do_nothing(index_elements=["account_id", "invoice_id"])
        .returning(cases.c.id)
    )
    return connection.execute(statement).scalar_one_or_none()


def _nothing_in(table: Table) -> ColumnElement[bool]:
    return ~exists().where(table.c.case_id == cases.c.id)


_IS_OPEN = cases.c.state == CaseState.OPEN.value
_UNTOUCHED = (
    cases.c.shift == timedelta(),
    *(_nothing_in(table) for table in (attempts, steps, letters)),
)
