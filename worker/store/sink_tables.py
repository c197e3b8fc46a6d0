"""How far facts were copied to each sink."""

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, String, Table, text

from worker.store.columns import (
    account_column,
    count_column,
    id_column,
    instant,
    metadata,
    text_column,
)

sinks = Table(
    "sinks",
    metadata,
    account_column(),
    id_column("name"),
    count_column("position"),
    instant("sent_at"),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    text_column("last_error"),
    instant("retry_at"),
    Column("lease_token", String),
    instant("lease_until"),
    PrimaryKeyConstraint("account_id", "name"),
)
