"""A narrow mirror of invoices: the taxes inside prices that Stripe computed."""

from sqlalchemy import Index, PrimaryKeyConstraint, Table

from worker.store.columns import account_column, id_column, instant, metadata, text_column

tax_shares = Table(
    "tax_shares",
    metadata,
    account_column(),
    id_column("subscription_id"),
    id_column("price_id"),
    instant("at", required=True),
    text_column("percent", "0"),
    text_column("place"),
    instant("changed_from"),
    PrimaryKeyConstraint("account_id", "subscription_id", "price_id", "at"),
)
"""A row without a price: an invoice was looked at and none has shown anything yet.
`place`: where, and with which exemption, the customer was taxed.
`changed_from`: from when on facts do not tell yet what was learnt; null where they do."""
Index("ix_tax_shares_at", tax_shares.c.account_id, tax_shares.c.at)
Index(
    "ix_tax_shares_changed",
    tax_shares.c.account_id,
    postgresql_where=tax_shares.c.changed_from.isnot(None),
)
