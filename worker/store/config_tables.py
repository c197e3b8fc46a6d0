"""What the operator decided, as rows: versions of the configuration, policies by digest."""

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, Table
from sqlalchemy.dialects.postgresql import JSONB

from worker.store.columns import account_column, id_column, instant, metadata, text_column

config_versions = Table(
    "config_versions",
    metadata,
    account_column(),
    Column("no", Integer, nullable=False),
    id_column("digest"),
    Column("files", JSONB, nullable=False),
    instant("stored_at", required=True),
    id_column("by"),
    text_column("reason"),
    PrimaryKeyConstraint("account_id", "no"),
)

policies = Table(
    "policies",
    metadata,
    account_column(),
    id_column("digest"),
    Column("text", JSONB, nullable=False),
    instant("stored_at", required=True),
    PrimaryKeyConstraint("account_id", "digest"),
)
