"""What the office reads: each day's plan as it was kept."""

from sqlalchemy import Column, PrimaryKeyConstraint, Table
from sqlalchemy.dialects.postgresql import JSONB

from worker.store.columns import account_column, id_column, instant, metadata, text_column

kept_plans = Table(
    "kept_plans",
    metadata,
    account_column(),
    id_column("day"),
    instant("made_at", required=True),
    instant("until", required=True),
    text_column("config_digest"),
    Column("acts", JSONB, nullable=False),
    PrimaryKeyConstraint("account_id", "day"),
)
