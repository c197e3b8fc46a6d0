"""Columns that every table shares, and the metadata with its naming convention."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, MetaData, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)


def id_column(name: str = "id") -> Column[str]:
    """Return a required name or id."""
    return Column(name, String, nullable=False)


def account_column() -> Column[str]:
    """Return the account that every row belongs to."""
    return Column("account_id", String, nullable=False)


def instant(name: str, *, required: bool = False) -> Column[object]:
    """Return an instant; it comes back aware."""
    return Column(name, DateTime(timezone=True), nullable=not required)


def text_column(name: str, default: str = "") -> Column[str]:
    """Return a text that is empty unless said otherwise, never null."""
    return Column(name, Text, nullable=False, server_default=text(f"'{default}'"))


def count_column(name: str) -> Column[int]:
    """Return a number that begins at 0."""
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


def flag(name: str) -> Column[bool]:
    """Return a flag that begins unset."""
    return Column(name, Boolean, nullable=False, server_default=text("false"))


def json_column(name: str) -> Column[object]:
    """Return a JSON object that begins empty."""
    return Column(name, JSONB, nullable=False, server_default=text("'{}'::jsonb"))


def mirror_stamp() -> tuple[Column[object], Column[bool]]:
    """`seen_at`: `created` of the newest event applied; `stale`: read the object again."""
    return instant("seen_at", required=True), flag("stale")
