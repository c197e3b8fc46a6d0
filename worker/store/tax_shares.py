"""The mirror of taxes that Stripe computes into prices (ports.TaxBook)."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    any_,
    delete,
    func,
    literal,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.tax_shares import ALWAYS, TaxesShown, TaxHistory, TaxShare
from worker.ports.tax_shares import ChangedTax
from worker.store.revenue_tables import revenue_chains
from worker.store.tax_tables import tax_shares

_NOTHING_SHOWN = ""
"""In the place of a price: an invoice was looked at."""
_UNKNOWN = text("""
    SELECT DISTINCT object_id FROM inbox
    WHERE account_id = :account AND folded_at IS NULL AND NOT waiting
      AND type LIKE 'customer.subscription.%'
      AND payload #>> '{data,object,automatic_tax,enabled}' = 'true'
      AND payload #>> '{data,object,status}' IN ('active', 'past_due')
      AND jsonb_path_exists(payload,
        '$.data.object.items.data[*].price ? (!(@.tax_behavior == "exclusive"))')
      AND NOT EXISTS (
        SELECT FROM tax_shares
        WHERE tax_shares.account_id = inbox.account_id
          AND tax_shares.subscription_id = inbox.object_id)
    ORDER BY 1
""")


class TaxShares:
    """What is inside the prices of one account's subscriptions, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def put(self, shown: Sequence[TaxesShown]) -> None:
        """Keep what invoices show, in whatever order it is learnt; also that one shows nothing."""
        names = {each.subscription_id for each in shown}
        among = tax_shares.c.subscription_id == any_(literal(sorted(names), ARRAY(String)))
        known = self._histories(among) if names else {}
        for each in sorted(shown, key=lambda one: (one.subscription_id, one.at)):
            history = known.get(each.subscription_id, TaxHistory())
            history = self._put(each.subscription_id, history, history.shares_of(each))
            if not history.shares and each.subscription_id not in known:
                self._insert(each.subscription_id, TaxShare(_NOTHING_SHOWN, ALWAYS, Fraction()))
            known[each.subscription_id] = history

    def _put(
        self, subscription_id: str, history: TaxHistory, shares: Sequence[TaxShare]
    ) -> TaxHistory:
        """Write what is new, take away what no longer says anything, and return what is known.

        What changed something that facts do not tell yet stays until they do.
        """
        new = [each for each in shares if each not in history.shares]
        after, changed_from = history.with_shares(new), history.turned_by(new)
        for share in new:
            if share in after.shares or changed_from is not None:
                self._insert(subscription_id, share, changed_from=changed_from)
        kept = {(each.price_id, each.at) for each in after.shares}
        for gone in history.shares:
            if (gone.price_id, gone.at) in kept:
                continue
            self._connection.execute(
                delete(tax_shares).where(
                    tax_shares.c.account_id == self._account,
                    tax_shares.c.subscription_id == subscription_id,
                    tax_shares.c.price_id == gone.price_id,
                    tax_shares.c.at == gone.at,
                    tax_shares.c.changed_from.is_(None),
                )
            )
        return after

    def _insert(
        self, subscription_id: str, share: TaxShare, *, changed_from: datetime | None = None
    ) -> None:
        statement = upsert(tax_shares).values(
            account_id=self._account,
            subscription_id=subscription_id,
            price_id=share.price_id,
            at=share.at,
            percent=str(share.percent),
            place=share.place,
            changed_from=changed_from,
        )
        self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["account_id", "subscription_id", "price_id", "at"],
                set_={
                    "percent": statement.excluded.percent,
                    "place": statement.excluded.place,
                    "changed_from": func.least(
                        statement.excluded.changed_from, tax_shares.c.changed_from
                    ),
                },
            )
        )

    def of(self, subscription_id: str) -> TaxHistory:
        """Return all that is known of a subscription's taxes."""
        found = self._histories(tax_shares.c.subscription_id == subscription_id)
        return found.get(subscription_id, TaxHistory())

    def histories(self) -> dict[str, TaxHistory]:
        """Return subscription -> all that is known of its taxes, where anything is."""
        return self._histories(literal(value=True))

    def _histories(self, among: ColumnElement[bool]) -> dict[str, TaxHistory]:
        query = select(tax_shares).where(tax_shares.c.account_id == self._account, among)
        found: defaultdict[str, list[TaxShare]] = defaultdict(list)
        for row in self._connection.execute(query.order_by("subscription_id", "price_id", "at")):
            shares = found[row.subscription_id]
            if row.price_id != _NOTHING_SHOWN:
                shares.append(TaxShare(row.price_id, row.at, Fraction(row.percent), row.place))
        return {name: TaxHistory(tuple(shares)) for name, shares in found.items()}

    def unknown_on(self) -> list[str]:
        """Return subscriptions that unfolded events show to count, with taxes that Stripe may
        compute into their prices, and of which no invoice was seen."""
        return list(self._connection.execute(_UNKNOWN, {"account": self._account}).scalars())

    def changing(self, *, after: datetime, until: datetime) -> list[str]:
        """Return the subscriptions of which an invoice of (after, until] may tell a change, and
        whose story has not been told beyond it."""
        chains = revenue_chains.c
        same = (chains.account_id == tax_shares.c.account_id) & (
            chains.subscription_id == tax_shares.c.subscription_id
        )
        query = (
            select(tax_shares.c.subscription_id)
            .join(revenue_chains, same)
            .where(
                tax_shares.c.account_id == self._account,
                after < tax_shares.c.at,
                tax_shares.c.at <= until,
                chains.looked_at < tax_shares.c.at,
            )
            .distinct()
            .order_by(tax_shares.c.subscription_id)
        )
        return list(self._connection.execute(query).scalars())

    def changed(self) -> list[ChangedTax]:
        """Return what was learnt since facts were last told."""
        query = select(tax_shares.c.subscription_id, tax_shares.c.changed_from).where(
            tax_shares.c.account_id == self._account, tax_shares.c.changed_from.isnot(None)
        )
        return [ChangedTax(*row) for row in self._connection.execute(query.distinct())]

    def told(self, changed: Sequence[ChangedTax]) -> None:
        """Remember that facts tell of these; what was learnt meanwhile stays untold."""
        if changed:
            known = [(each.subscription_id, each.changed_from) for each in changed]
            self._connection.execute(
                update(tax_shares)
                .where(
                    tax_shares.c.account_id == self._account,
                    tuple_(tax_shares.c.subscription_id, tax_shares.c.changed_from).in_(known),
                )
                .values(changed_from=None)
            )
