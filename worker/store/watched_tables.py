"""What `mode: watch` would have done (services/watch_act.py), beside the tables of our own acts."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, PrimaryKeyConstraint, Table

from worker.store.columns import account_column, id_column, instant, metadata, text_column

watched_acts = Table(
    "watched_acts",
    metadata,
    account_column(),
    Column("case_id", BigInteger, ForeignKey("cases.id"), nullable=False),
    id_column("step"),
    id_column("act"),
    text_column("notice"),
    instant("at", required=True),
    Column("amount_minor", BigInteger, nullable=False),
    id_column("currency"),
    text_column("reason"),
    PrimaryKeyConstraint("case_id", "step"),
)
Index("ix_watched_acts_at", watched_acts.c.account_id, watched_acts.c.at)
