"""The inbox: each of Stripe's events once, whatever door it came through (ports.InboxBook)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    String,
    any_,
    delete,
    exists,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.case import AttemptState
from worker.domain.identifiers import KEY_PREFIX
from worker.ports import InboxEvent, Json
from worker.store.forgotten import keepable
from worker.store.inbox_order import Stood, out_of_place
from worker.store.tables import attempts, inbox

_KEEP = (
    upsert(inbox)
    .on_conflict_do_nothing(index_elements=["account_id", "event_id"])
    .returning(inbox.c.seq)
)
_ADD = (
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


class Inbox:
    """The events of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def add(self, raw_events: Sequence[Json], *, wall_now: datetime) -> list[InboxEvent]:
        """Store events, oldest first, and return those to apply, in the same order.

        These are the new ones, those that waited, and those that must follow one of them anew.
        """
        if not raw_events:
            return []
        raw_events = keepable(self._connection, self._account, raw_events)
        # Overlaps list most events again: they are told by id, before any payload is written.
        stood = self._stood([str(raw["id"]) for raw in raw_events])
        wanted = {str(raw["id"]): raw for raw in out_of_place(raw_events, stood)}
        again = wanted.keys() & stood.keys()
        kept = self._take_out({event_id: stood[event_id].seq for event_id in again})
        rows = [
            _row_of(raw, self._account, wall_now) | kept.get(event_id, {})
            for event_id, raw in wanted.items()
            if event_id in kept or event_id not in again  # else another reader was faster
        ]
        if not rows:
            return []
        added = self._connection.execute(_ADD, rows).mappings().all()
        found = [_event_of(row, wanted[row["event_id"]]) for row in added]
        return sorted(found, key=lambda event: event.seq)

    def _stood(self, event_ids: Sequence[str]) -> dict[str, Stood]:
        query = select(inbox.c.event_id, inbox.c.seq, inbox.c.waiting, inbox.c.error).where(
            *self._among(event_ids)
        )
        return {
            row.event_id: Stood(row.seq, row.waiting, row.error != "")
            for row in self._connection.execute(query)
        }

    def _take_out(self, places: Mapping[str, int]) -> dict[str, dict[str, object]]:
        """Remove rows that are stored anew behind others; return what of each is kept.

        Their places are asked for too: another reader who stored them anew has changed these.
        """
        if not places:
            return {}
        mine = (
            select(inbox.c.event_id)
            .where(*self._among(list(places)), inbox.c.seq.in_(list(places.values())))
            .order_by(inbox.c.event_id)
            .with_for_update()
        )
        ids = list(self._connection.execute(mine).scalars())
        gone = (
            delete(inbox)
            .where(*self._among(ids))
            .returning(inbox.c.event_id, inbox.c.received_at, inbox.c.folded_at)
        )
        return {
            row["event_id"]: {"received_at": row["received_at"], "folded_at": row["folded_at"]}
            for row in self._connection.execute(gone).mappings()
        }

    def _among(self, event_ids: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
        wanted = literal(list(event_ids), ARRAY(String))
        return (inbox.c.account_id == self._account, inbox.c.event_id == any_(wanted))

    def keep(self, raw: Json, *, wall_now: datetime) -> bool:
        """Store an event that waits to be applied; False where it is there already."""
        (raw,) = keepable(self._connection, self._account, [raw])
        row = _row_of(raw, self._account, wall_now) | {"waiting": True}
        return self._connection.execute(_KEEP, row).first() is not None

    def waiting(self, *, until: datetime, arrived_by: datetime, limit: int) -> list[Json]:
        """Return events of webhooks that nobody has applied yet, oldest first."""
        rows = self._connection.execute(
            select(inbox.c.payload)
            .where(
                inbox.c.account_id == self._account,
                inbox.c.waiting,
                inbox.c.created_at <= until,
                inbox.c.received_at <= arrived_by,
            )
            .order_by(inbox.c.created_at, inbox.c.seq)
            .limit(limit)
        )
        return list(rows.scalars())

    def of_lost_requests(self) -> dict[str, list[InboxEvent]]:
        """Return keys of ours -> their events, where the ledger has no attempt that is settled."""
        settled = exists().where(
            attempts.c.key == inbox.c.idempotency_key,
            attempts.c.state != AttemptState.SENDING.value,
        )
        query = (
            select(inbox)
            .where(
                inbox.c.account_id == self._account,
                inbox.c.idempotency_key.startswith(KEY_PREFIX, autoescape=True),
                ~settled,
            )
            .order_by(inbox.c.created_at, inbox.c.seq)
        )
        found: dict[str, list[InboxEvent]] = {}
        for row in self._connection.execute(query).mappings():
            found.setdefault(row["idempotency_key"], []).append(_event_of(row, row["payload"]))
        return found

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
                ~inbox.c.waiting,
                inbox.c.created_at <= until,
            )
            .order_by(inbox.c.created_at, inbox.c.seq)
            .limit(limit)
        ).mappings()
        return [_event_of(row, row["payload"]) for row in rows]

    def looks(self, subscription_id: str, *, since: datetime) -> list[InboxEvent]:
        """Return the folded events that show a subscription, from *since* on, in their order."""
        rows = self._connection.execute(
            select(inbox)
            .where(
                inbox.c.account_id == self._account,
                inbox.c.object_id == subscription_id,
                inbox.c.type.startswith("customer.subscription."),
                inbox.c.created_at >= since,
                inbox.c.folded_at.isnot(None),
                inbox.c.error == "",
            )
            .order_by(inbox.c.created_at, inbox.c.seq)
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
        "folded_at": None,
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
