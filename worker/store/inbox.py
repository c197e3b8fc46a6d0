"""The inbox: each of Stripe's events once, whatever door it came through (ports.InboxBook)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import Connection, RowMapping, String, any_, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.ports import InboxEvent, Json
from worker.store.tables import inbox


class Inbox:
    """The events of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def add(self, raw_events: Sequence[Json], *, wall_now: datetime) -> list[InboxEvent]:
        """Store events, oldest first, and return those that are new, in the same order."""
        if not raw_events:
            return []
        # Overlaps list most events again: they are told by id, before any payload is written.
        known = self._known([str(raw["id"]) for raw in raw_events])
        rows = [
            _row_of(raw, self._account, wall_now) for raw in raw_events if raw["id"] not in known
        ]
        if not rows:
            return []
        statement = (
            upsert(inbox)
            .on_conflict_do_nothing(index_elements=["account_id", "event_id"])
            .returning(
                inbox.c.seq,
                inbox.c.event_id,
                inbox.c.type,
                inbox.c.created_at,
                inbox.c.api_version,
            )
        )
        payloads = {str(raw["id"]): raw for raw in raw_events}
        added = self._connection.execute(statement, rows).mappings().all()
        found = [_event_of(row, payloads[row["event_id"]]) for row in added]
        return sorted(found, key=lambda event: event.seq)

    def _known(self, event_ids: Sequence[str]) -> set[str]:
        query = select(inbox.c.event_id).where(
            inbox.c.account_id == self._account,
            inbox.c.event_id == any_(literal(list(event_ids), ARRAY(String))),
        )
        return set(self._connection.execute(query).scalars())

    def park(self, event_id: str, *, error: str) -> None:
        """Put an event aside that cannot be applied."""
        self._connection.execute(
            update(inbox)
            .where(inbox.c.account_id == self._account, inbox.c.event_id == event_id)
            .values(error=error, folded_at=inbox.c.received_at)
        )

    def parked(self) -> int:
        """Return how many events are parked."""
        return self._connection.execute(
            select(func.count())
            .select_from(inbox)
            .where(inbox.c.account_id == self._account, inbox.c.error != "")
        ).scalar_one()

    def unfolded(self, *, until: datetime, limit: int) -> list[InboxEvent]:
        """Return events not yet folded into facts, in order of (created, arrival)."""
        rows = self._connection.execute(
            select(inbox)
            .where(
                inbox.c.account_id == self._account,
                inbox.c.folded_at.is_(None),
                inbox.c.created_at <= until,
            )
            .order_by(inbox.c.created_at, inbox.c.seq)
            .limit(limit)
        ).mappings()
        return [_event_of(row, row["payload"]) for row in rows]

    def mark_folded(self, event_ids: Sequence[str], *, wall_now: datetime) -> None:
        """Remember that these events are in the facts."""
        self._connection.execute(
            update(inbox)
            .where(inbox.c.account_id == self._account, inbox.c.event_id.in_(list(event_ids)))
            .values(folded_at=wall_now)
        )


def _row_of(raw: Json, account_id: str, wall_now: datetime) -> dict[str, object]:
    request = raw.get("request")
    key = request.get("idempotency_key") if isinstance(request, Mapping) else None
    data = raw.get("data")
    subject = data.get("object") if isinstance(data, Mapping) else None
    return {
        "account_id": account_id,
        "event_id": raw["id"],
        "type": raw["type"],
        "created_at": datetime.fromtimestamp(cast(int, raw["created"]), UTC),
        "api_version": raw.get("api_version") or "",
        "object_id": str(subject.get("id") or "") if isinstance(subject, Mapping) else "",
        "idempotency_key": key or "",
        "payload": raw,
        "received_at": wall_now,
    }


def _event_of(row: RowMapping, payload: Json) -> InboxEvent:
    return InboxEvent(
        seq=row["seq"],
        event_id=row["event_id"],
        type=row["type"],
        created_at=row["created_at"],
        api_version=row["api_version"],
        payload=payload,
    )
