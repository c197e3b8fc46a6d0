"""The mirror of customers' discounts (ports.CustomerDiscountBook)."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    String,
    any_,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.customer_discount import CustomerDiscount, Timeline
from worker.ports.customer_discounts import ChangedDiscount
from worker.store.discount_tables import customer_discounts as table

_NEW = upsert(table)
_END = func.coalesce(_NEW.excluded.end_at, table.c.end_at)
_CLOSED = func.least(table.c.closed_at, _NEW.excluded.closed_at)  # a null is left out of account
_OVER = func.least(table.c.end_at, table.c.closed_at, _NEW.excluded.end_at, _NEW.excluded.closed_at)
_PUT = _NEW.on_conflict_do_update(
    index_elements=["account_id", "id"],
    set_={
        "end_at": _END,
        "closed_at": _CLOSED,
        "changed_from": func.least(table.c.changed_from, _OVER),
    },
    where=or_(_END.is_distinct_from(table.c.end_at), _CLOSED.is_distinct_from(table.c.closed_at)),
)


class CustomerDiscounts:
    """The customers' discounts of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def put(self, found: Sequence[CustomerDiscount]) -> None:
        """Keep discounts, in whatever order they are learnt."""
        rows = [
            {
                "account_id": self._account,
                "id": each.id,
                "customer_id": each.customer_id,
                "start_at": each.start_at,
                "end_at": each.end_at,
                "closed_at": each.closed_at,
                "changed_from": each.start_at,
            }
            for each in sorted(found, key=lambda one: one.id)
        ]
        if rows:
            self._connection.execute(_PUT, rows)

    def close(self, customer_ids: Collection[str], *, at: datetime) -> None:
        """Keep that these customers have no discount at *at* that began before."""
        if not customer_ids:
            return
        still = func.coalesce(func.least(table.c.end_at, table.c.closed_at) > at, True)
        self._connection.execute(
            update(table)
            .where(
                table.c.account_id == self._account,
                table.c.customer_id == any_(literal(sorted(customer_ids), ARRAY(String))),
                table.c.start_at < at,
                still,
            )
            .values(closed_at=at, changed_from=func.least(table.c.changed_from, at))
        )

    def of(self, customer_id: str) -> Timeline:
        """Return all discounts that a customer ever had."""
        return Timeline(tuple(self._found(table.c.customer_id == customer_id)))

    def begun_by(self, at: datetime) -> dict[str, Timeline]:
        """Return who has a discount that began by *at* -> all such discounts, over or not."""
        found: defaultdict[str, list[CustomerDiscount]] = defaultdict(list)
        for each in self._found(table.c.start_at <= at):
            found[each.customer_id].append(each)
        return {customer_id: Timeline(tuple(listed)) for customer_id, listed in found.items()}

    def _found(self, among: ColumnElement[bool]) -> list[CustomerDiscount]:
        query = select(table).where(table.c.account_id == self._account, among)
        return [_discount_of(row) for row in self._connection.execute(query).mappings()]

    def changing(self, *, after: datetime, until: datetime) -> list[str]:
        """Return the customers one of whose discounts begins or ends in (after, until]."""
        instants = (table.c.start_at, table.c.end_at, table.c.closed_at)
        within = or_(*((after < each) & (each <= until) for each in instants))
        query = select(table.c.customer_id).where(table.c.account_id == self._account, within)
        return list(self._connection.execute(query.distinct().order_by("customer_id")).scalars())

    def changed(self) -> list[ChangedDiscount]:
        """Return what was learnt since facts were last told."""
        query = select(table.c.id, table.c.customer_id, table.c.changed_from).where(
            table.c.account_id == self._account, table.c.changed_from.isnot(None)
        )
        return [ChangedDiscount(*row) for row in self._connection.execute(query)]

    def told(self, changed: Sequence[ChangedDiscount]) -> None:
        """Remember that facts tell of these; what was learnt meanwhile stays untold."""
        if changed:
            known = [(each.id, each.changed_from) for each in changed]
            self._connection.execute(
                update(table)
                .where(
                    table.c.account_id == self._account,
                    tuple_(table.c.id, table.c.changed_from).in_(known),
                )
                .values(changed_from=None)
            )


def _discount_of(row: RowMapping) -> CustomerDiscount:
    return CustomerDiscount(
        id=row["id"],
        customer_id=row["customer_id"],
        start_at=row["start_at"],
        end_at=row["end_at"],
        closed_at=row["closed_at"],
    )
