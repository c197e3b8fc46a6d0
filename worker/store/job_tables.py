"""Scheduled jobs and who runs them, as rows."""

from sqlalchemy import PrimaryKeyConstraint, Table

from worker.store.columns import account_column, id_column, instant, metadata, text_column

jobs = Table(
    "jobs",
    metadata,
    account_column(),
    id_column("name"),
    instant("next_due_at", required=True),
    instant("last_started_at"),
    instant("last_ended_at"),
    text_column("last_outcome"),
    text_column("running_by"),
    instant("running_until"),
    PrimaryKeyConstraint("account_id", "name"),
)

job_runs = Table(
    "job_runs",
    metadata,
    account_column(),
    id_column("name"),
    id_column("period"),
    instant("at", required=True),
    PrimaryKeyConstraint("account_id", "name", "period"),
)

processes = Table(
    "processes",
    metadata,
    account_column(),
    id_column("name"),
    instant("seen_at", required=True),
    text_column("config_digest"),
    PrimaryKeyConstraint("account_id", "name"),
)
