"""What `mode: watch` would have done (services/watch_act.py), beside the tables of our own acts."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, PrimaryKeyConstraint, Table

from worker.store.columns import account_column, id_column, instant, metadata, text_column

watched_acts = Table(
    "watched_acts",
    metadata,
    account_column(),
    id_column("occasion"),
    Column("case_id", BigInteger, ForeignKey("cases.id")),
    id_column("act"),
    text_column("step"),
    text_column("notice"),
    text_column("subscription_id"),
    instant("at", required=True),
    Column("amount_minor", BigInteger),
    text_column("currency"),
    text_column("reason"),
    text_column("beside"),
    PrimaryKeyConstraint("account_id", "occasion"),
)
Index("ix_watched_acts_case", watched_acts.c.case_id)
