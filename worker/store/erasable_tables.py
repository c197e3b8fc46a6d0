"""What people typed beside facts, and who was erased: facts themselves are never changed."""

from sqlalchemy import Index, PrimaryKeyConstraint, Table

from worker.store.columns import account_column, id_column, instant, json_column, metadata
from worker.store.tables import inbox

fact_words = Table(
    "fact_words",
    metadata,
    account_column(),
    id_column("fact_id"),
    json_column("words"),
    PrimaryKeyConstraint("account_id", "fact_id"),
)

forgotten_customers = Table(
    "forgotten_customers",
    metadata,
    account_column(),
    id_column("customer_id"),
    instant("forgotten_at", required=True),
    PrimaryKeyConstraint("account_id", "customer_id"),
)

Index("ix_inbox_received", inbox.c.received_at)
"""Raw events are taken out by when they came."""
