"""Narrow mirrors of discounts and coupons: what MRR needs."""

from sqlalchemy import PrimaryKeyConstraint, Table

from worker.store.columns import (
    account_column,
    count_column,
    flag,
    id_column,
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
