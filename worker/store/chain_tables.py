"""The chain over the facts, and the facts that wait for their place in it."""

from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, Table, UniqueConstraint

from worker.store.columns import account_column, id_column, instant, metadata

event_chain = Table(
    "event_chain",
    metadata,
    account_column(),
    Column("position", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    id_column("fact_id"),
    id_column("hash"),
    id_column("previous_hash"),
    instant("sealed_at", required=True),
    PrimaryKeyConstraint("account_id", "position"),
    UniqueConstraint("seq"),
)

unsealed_facts = Table(
    "unsealed_facts",
    metadata,
    account_column(),
    Column("seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "seq"),
)
