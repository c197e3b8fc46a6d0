"""A narrow mirror of prices: the amounts that subscriptions do not show."""

from sqlalchemy import Column, PrimaryKeyConstraint, Table, text
from sqlalchemy.dialects.postgresql import JSONB

from worker.store.columns import account_column, flag, id_column, metadata

price_amounts = Table(
    "price_amounts",
    metadata,
    account_column(),
    id_column("price_id"),
    id_column("currency"),
    flag("graduated"),
    Column("tiers", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    PrimaryKeyConstraint("account_id", "price_id", "currency"),
)
"""`tiers`: list of [up to or null, amount of a unit, flat amount], fractions as text."""
