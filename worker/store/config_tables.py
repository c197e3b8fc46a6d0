"""What the operator decided, as rows: versions, policies by digest, and the new ones' canaries."""

from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, Table
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

canaries = Table(
    "canaries",
    metadata,
    account_column(),
    id_column("digest"),
    id_column("policy"),
    instant("begun_at", required=True),
    instant("filled_at"),
    instant("cleared_at"),
    text_column("cleared_by"),
    PrimaryKeyConstraint("account_id", "digest"),
)

canary_cases = Table(
    "canary_cases",
    metadata,
    account_column(),
    id_column("digest"),
    Column("case_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "digest", "case_id"),
)
