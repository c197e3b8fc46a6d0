"""How far the story of each subscription has been told in facts."""

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, Table, text
from sqlalchemy.dialects.postgresql import JSONB

from worker.store.columns import (
    account_column,
    id_column,
    instant,
    json_column,
    metadata,
)
from worker.store.tables import inbox

revenue_chains = Table(
    "revenue_chains",
    metadata,
    account_column(),
    id_column("subscription_id"),
    json_column("told"),
    Column("no", BigInteger, nullable=False),
    instant("looked_at"),
    instant("owing_since"),
    json_column("traits"),
    json_column("base"),
    instant("base_at"),
    Column("base_no", BigInteger, nullable=False),
    Column("base_shown", JSONB),
    PrimaryKeyConstraint("account_id", "subscription_id"),
)
Index(
    "ix_revenue_chains_owing",
    revenue_chains.c.account_id,
    revenue_chains.c.owing_since,
    postgresql_where=text("owing_since IS NOT NULL"),
)
Index("ix_inbox_object", inbox.c.account_id, inbox.c.object_id)
"""A story that is told anew asks for everything that was seen of its subscription."""
