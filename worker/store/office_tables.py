"""What the office reads, each day's plan and the mails to staff, and what customers got offered."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)
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

staff_mails = Table(
    "staff_mails",
    metadata,
    account_column(),
    Column("id", BigInteger, Identity(always=True)),
    id_column("kind"),
    id_column("state"),
    text_column("reason"),
    id_column("recipient"),
    Column("content", JSONB, nullable=False),
    id_column("message_id"),
    instant("queued_at", required=True),
    instant("next_action_at"),
    instant("send_by", required=True),
    instant("sending_at"),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("message_id"),
)
Index(
    "ix_staff_mails_due",
    staff_mails.c.next_action_at,
    postgresql_where=staff_mails.c.next_action_at.isnot(None),
)

staff_occasions = Table(
    "staff_occasions",
    metadata,
    account_column(),
    id_column("occasion"),
    Column("mail_id", BigInteger, ForeignKey("staff_mails.id"), nullable=False),
    PrimaryKeyConstraint("account_id", "occasion"),
)

offers = Table(
    "offers",
    metadata,
    account_column(),
    Column("case_id", BigInteger, ForeignKey("cases.id"), nullable=False),
    id_column("step"),
    id_column("customer_id"),
    id_column("kind"),
    text_column("coupon"),
    Column("days", Integer, nullable=False, server_default=text("0")),
    instant("given_at", required=True),
    PrimaryKeyConstraint("account_id", "case_id", "step"),
)
Index("ix_offers_customer", offers.c.account_id, offers.c.customer_id, offers.c.given_at)
