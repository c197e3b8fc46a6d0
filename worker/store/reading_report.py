"""What the demo's report and the first page of `up` need beside a case's record. Read only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, select

from worker.store.mirror_tables import payment_methods
from worker.store.tables import letters


@dataclass(frozen=True, slots=True)
class LetterRow:
    """One letter of the ledger; `message_id` is the Message-ID that the mail carries."""

    id: int
    case_id: int | None
    customer_id: str
    notice: str
    step: str
    state: str
    reason: str
    message_id: str
    queued_at: datetime
    next_action_at: datetime | None
    sent_at: datetime | None


def read_letters(connection: Connection, account_id: str) -> list[LetterRow]:
    """Return every letter, oldest first, whether it went out or not."""
    query = select(letters).where(letters.c.account_id == account_id).order_by(letters.c.id)
    return [_letter_of(row) for row in connection.execute(query).mappings()]


def _letter_of(row: RowMapping) -> LetterRow:
    return LetterRow(
        id=row["id"],
        case_id=row["case_id"],
        customer_id=row["customer_id"],
        notice=row["notice"],
        step=row["step"],
        state=row["state"],
        reason=row["reason"],
        message_id=row["message_id"],
        queued_at=row["queued_at"],
        next_action_at=row["next_action_at"],
        sent_at=row["sent_at"],
    )


def read_cards(connection: Connection, account_id: str) -> dict[str, str]:
    """Return how people name each payment method: id -> `Visa ..4242`."""
    query = select(payment_methods).where(payment_methods.c.account_id == account_id)
    return {row["id"]: _card_of(row) for row in connection.execute(query).mappings()}


def _card_of(row: RowMapping) -> str:
    kind = row["brand"] or row["type"]
    name = str(kind).replace("_", " ").title()
    return f"{name} ..{row['last4']}" if row["last4"] else name
