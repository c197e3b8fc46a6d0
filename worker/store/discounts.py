"""Mirrors of discounts and coupons (ports.DiscountBook)."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, String, Table, any_, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.readings import CouponReading, DiscountReading
from worker.store.discount_tables import coupons, discounts

_NAMED = """
    SELECT inbox.object_id AS subscription_id, named.id
    FROM inbox, LATERAL (
        SELECT CASE jsonb_typeof(each) WHEN 'string' THEN each #>> '{}' ELSE each ->> 'id' END AS id
        FROM (
            SELECT jsonb_path_query(payload, '$.data.object.discounts[*]') AS each
            UNION ALL
            SELECT jsonb_path_query(payload, '$.data.object.items.data[*].discounts[*]')
        ) AS listed) AS named
    WHERE inbox.account_id = :account AND inbox.folded_at IS NULL AND NOT inbox.waiting
      AND inbox.type LIKE 'customer.subscription.%' AND named.id IS NOT NULL
      AND NOT EXISTS (
        SELECT FROM discounts
        WHERE discounts.account_id = inbox.account_id AND discounts.id = named.id)
"""
_UNKNOWN_ON = text(f"SELECT DISTINCT subscription_id FROM ({_NAMED}) AS found ORDER BY 1")
_UNKNOWN = text(f"SELECT DISTINCT id FROM ({_NAMED}) AS found ORDER BY 1")
_COUPONS = text("""
    SELECT DISTINCT coupon_id FROM discounts
    WHERE account_id = :account AND coupon_id <> '' AND NOT EXISTS (
        SELECT FROM coupons
        WHERE coupons.account_id = discounts.account_id AND coupons.id = discounts.coupon_id)
    ORDER BY 1
""")


class Discounts:
    """The discounts and coupons of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def put_discounts(self, found: Sequence[DiscountReading]) -> None:
        """Keep which coupon each discount gives; one that is known stays known."""
        rows = {each.id: {"coupon_id": each.coupon_id} for each in found if each.id}
        known = {name: row for name, row in rows.items() if row["coupon_id"]}
        self._put(discounts, known, changes=True)
        self._put(discounts, {name: row for name, row in rows.items() if name not in known})

    def put_coupons(self, found: Sequence[CouponReading]) -> None:
        """Keep what coupons take off."""
        rows = {
            each.id: {
                "percent_off": str(each.percent_off),
                "amount_off_minor": each.amount_off_minor,
                "currency": each.currency,
                "lasting": each.lasting,
            }
            for each in found
        }
        self._put(coupons, rows, changes=True)

    def _put(
        self, table: Table, rows: Mapping[str, Mapping[str, Any]], *, changes: bool = False
    ) -> None:
        if not rows:
            return
        values = [{"account_id": self._account, "id": key, **rows[key]} for key in sorted(rows)]
        statement, keys = upsert(table), ["account_id", "id"]
        written = {name: statement.excluded[name] for name in values[0] if name not in keys}
        if changes:
            statement = statement.on_conflict_do_update(index_elements=keys, set_=written)
        else:
            statement = statement.on_conflict_do_nothing(index_elements=keys)
        self._connection.execute(statement, values)

    def coupons_of(self, discount_ids: Iterable[str]) -> dict[str, CouponReading]:
        """Return discount -> its coupon; what is not known is left out."""
        wanted = sorted(set(discount_ids))
        if not wanted:
            return {}
        query = (
            select(discounts.c.id.label("discount_id"), coupons)
            .join(
                coupons,
                (coupons.c.account_id == discounts.c.account_id)
                & (coupons.c.id == discounts.c.coupon_id),
            )
            .where(
                discounts.c.account_id == self._account,
                discounts.c.id == any_(literal(wanted, ARRAY(String))),
            )
        )
        return {
            row["discount_id"]: CouponReading(
                id=row["id"],
                percent_off=Fraction(row["percent_off"]),
                amount_off_minor=row["amount_off_minor"],
                currency=row["currency"],
                lasting=row["lasting"],
            )
            for row in self._connection.execute(query).mappings()
        }

    def unknown_on(self) -> list[str]:
        """Return subscriptions whose unfolded events name discounts that are not known."""
        return self._ids(_UNKNOWN_ON)

    def unknown_in_events(self) -> list[str]:
        """Return discounts that unfolded events name and nothing has told of."""
        return self._ids(_UNKNOWN)

    def coupons_to_read(self) -> list[str]:
        """Return coupons that discounts give and nothing has told of."""
        return self._ids(_COUPONS)

    def _ids(self, query: Any) -> list[str]:
        return list(self._connection.execute(query, {"account": self._account}).scalars())
