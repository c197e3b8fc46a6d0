"""Figures of each day, added up from the facts as they are sealed."""

from sqlalchemy import BigInteger, Column, Date, PrimaryKeyConstraint, Table

from worker.store.columns import account_column, id_column, metadata

metric_days = Table(
    "metric_days",
    metadata,
    account_column(),
    Column("on_day", Date, nullable=False),
    id_column("currency"),
    id_column("measure"),
    Column("count", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "on_day", "currency", "measure"),
)

metric_progress = Table(
    "metric_progress",
    metadata,
    account_column(),
    Column("position", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id"),
)
