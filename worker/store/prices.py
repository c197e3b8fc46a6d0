"""The mirror of prices whose amounts subscriptions do not show (ports.PriceBook)."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from sqlalchemy import Connection, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.readings import SubscriptionReading
from worker.domain.tiers import PriceAmount, PriceWanted, Tier, prices_wanted
from worker.store.price_tables import price_amounts

_OF_EVENTS = text("""
    SELECT DISTINCT price ->> 'id' AS price_id, currency,
           price ->> 'billing_scheme' IS NOT DISTINCT FROM 'tiered' AS tiered,
           price ->> 'currency' = currency AS own_currency
    FROM (
        SELECT payload #>> '{data,object,currency}' AS currency,
               jsonb_path_query(payload, '$.data.object.items.data[*].price') AS price
        FROM inbox
        WHERE account_id = :account AND folded_at IS NULL AND NOT waiting
          AND type LIKE 'customer.subscription.%') AS listed
    WHERE price ->> 'id' <> '' AND currency <> ''
      AND price #>> '{recurring,usage_type}' IS DISTINCT FROM 'metered'
      AND (price ->> 'billing_scheme' = 'tiered' OR price ->> 'currency' <> currency)
    ORDER BY 1, 2
""")


class Prices:
    """The amounts of one account's prices, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def put(self, found: Sequence[PriceAmount]) -> None:
        """Keep amounts; what is known stays."""
        rows = [
            {
                "account_id": self._account,
                "price_id": each.price_id,
                "currency": each.currency,
                "graduated": each.graduated,
                "tiers": [[one.up_to, str(one.unit), str(one.flat)] for one in each.tiers],
            }
            for each in found
        ]
        if rows:
            self._connection.execute(upsert(price_amounts).on_conflict_do_nothing(), rows)

    def amounts_of(self, subscription: SubscriptionReading) -> dict[str, PriceAmount]:
        """Return price -> its amount in the subscription's currency, as far as it is needed."""
        wanted = prices_wanted(subscription)
        return {each.price_id: each for each in self._known(wanted)} if wanted else {}

    def unknown(self, wanted: Iterable[PriceWanted]) -> list[PriceWanted]:
        """Return those that have not been read, each once."""
        asked = {(each.price_id, each.currency): each for each in wanted}
        if not asked:
            return []
        known = {(each.price_id, each.currency) for each in self._known(asked.values())}
        return [each for key, each in asked.items() if key not in known]

    def wanted_by_events(self) -> list[PriceWanted]:
        """Return what unfolded events need; some of it may be known."""
        rows = self._connection.execute(_OF_EVENTS, {"account": self._account})
        return [PriceWanted(*row) for row in rows]

    def _known(self, wanted: Iterable[PriceWanted]) -> list[PriceAmount]:
        kept = price_amounts.c
        keys = [(each.price_id, each.currency) for each in wanted]
        query = select(price_amounts).where(
            kept.account_id == self._account, tuple_(kept.price_id, kept.currency).in_(keys)
        )
        return [
            PriceAmount(
                row["price_id"],
                row["currency"],
                tuple(
                    Tier(up_to, Fraction(unit), Fraction(flat))
                    for up_to, unit, flat in row["tiers"]
                ),
                row["graduated"],
            )
            for row in self._connection.execute(query).mappings()
        ]
