"""Narrow mirrors of discounts and coupons, and of whose they are: what MRR needs."""

from sqlalchemy import Index, PrimaryKeyConstraint, Table

from worker.store.columns import (
    account_column,
    count_column,
    flag,
    id_column,
    instant,
    metadata,
    text_column,
)

discounts = Table(
    "discounts",
    metadata,
    account_column(),
    id_column(),
    text_column("coupon_id"),
    PrimaryKeyConstraint("account_id", "id"),
)
coupons = Table(
    "coupons",
    metadata,
    account_column(),
    id_column(),
    text_column("percent_off", "0"),
    count_column("amount_off_minor"),
    text_column("currency"),
    flag("lasting"),
    PrimaryKeyConstraint("account_id", "id"),
)
customer_discounts = Table(
    "customer_discounts",
    metadata,
    account_column(),
    id_column(),
    id_column("customer_id"),
    instant("start_at", required=True),
    instant("end_at"),
    instant("closed_at"),
    instant("changed_from"),
    PrimaryKeyConstraint("account_id", "id"),
)
"""`changed_from`: from when on facts do not tell yet what was learnt; null where they do."""
Index(
    "ix_customer_discounts_customer",
    customer_discounts.c.account_id,
    customer_discounts.c.customer_id,
)
