"""Figures from files: who imported what, and the rows, which are only ever added to."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Integer,
    PrimaryKeyConstraint,
    Table,
)
from sqlalchemy.dialects.postgresql import JSONB

from worker.store.columns import (
    account_column,
    count_column,
    id_column,
    instant,
    json_column,
    metadata,
    text_column,
)

imports = Table(
    "imports",
    metadata,
    account_column(),
    Column("id", BigInteger, Identity(always=True)),
    id_column("kind"),
    text_column("file_name"),
    id_column("by"),
    text_column("reason"),
    instant("at", required=True),
    count_column("added"),
    count_column("corrected"),
    json_column("definition"),
    PrimaryKeyConstraint("id"),
)

imported_rows = Table(
    "imported_rows",
    metadata,
    account_column(),
    id_column("kind"),
    id_column("row_key"),
    Column("revision", Integer, nullable=False),
    Column("import_id", BigInteger, ForeignKey("imports.id"), nullable=False),
    Column("line", BigInteger, nullable=False),
    instant("at", required=True),
    text_column("customer_id"),
    Column("data", JSONB, nullable=False),
    text_column("words"),
    PrimaryKeyConstraint("account_id", "kind", "row_key", "revision"),
)
