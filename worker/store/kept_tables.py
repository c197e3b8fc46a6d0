"""Rows of the views of schema `metrics` as computed last, typed and indexed, so that a month reads
a month's rows. The views stay what is true; `kept_metrics` brings these tables up to date.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, PrimaryKeyConstraint, String, Table

from worker.store.columns import account_column, instant, metadata


def _word(name: str) -> Column[str]:
    return Column(name, String)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger)


def _yes_or_no(name: str) -> Column[bool]:
    return Column(name, Boolean)


kept_movements = Table(
    "kept_movements",
    metadata,
    account_column(),
    _number("seq"),
    _word("type"),
    instant("booked_at"),
    _word("subscription_id"),
    _word("customer_id"),
    _word("currency"),
    _word("kind"),
    _number("sign"),
    _number("delta_minor"),
    _number("live_change"),
    _word("churn_kind"),
    _word("churn_reason"),
    _yes_or_no("during_dunning"),
    _word("return_kind"),
)
Index("ix_kept_movements_customer", kept_movements.c.customer_id)
Index("ix_kept_movements_booked", kept_movements.c.booked_at)

kept_terms = Table(
    "kept_terms",
    metadata,
    account_column(),
    _number("seq"),
    instant("booked_at"),
    _word("subscription_id"),
    _word("customer_id"),
)
"""Of `metrics.subscription_facts`: which fact tells last whom to group where."""
Index("ix_kept_terms_subscription", kept_terms.c.subscription_id)

kept_paid_renewals = Table(
    "kept_paid_renewals",
    metadata,
    account_column(),
    _word("subscription_id"),
    _word("customer_id"),
    _word("invoice_id"),
    _word("currency"),
    _number("amount_minor"),
    instant("paid_at"),
    instant("booked_at"),
    instant("period_start_at"),
    _yes_or_no("on_time"),
)
Index("ix_kept_paid_renewals_subscription", kept_paid_renewals.c.subscription_id)
Index("ix_kept_paid_renewals_booked", kept_paid_renewals.c.booked_at)
Index("ix_kept_paid_renewals_paid", kept_paid_renewals.c.paid_at)

kept_renewals = Table(
    "kept_renewals",
    metadata,
    account_column(),
    _word("subscription_id"),
    _word("currency"),
    instant("due_at"),
    instant("renewed_at"),
    _yes_or_no("on_time"),
    instant("churned_at"),
)
Index("ix_kept_renewals_subscription", kept_renewals.c.subscription_id)
Index("ix_kept_renewals_due", kept_renewals.c.due_at)

kept_case_spans = Table(
    "kept_case_spans",
    metadata,
    account_column(),
    _word("case_name"),
    _word("subscription_id"),
    instant("opened_at"),
    instant("closed_at"),
    _word("outcome"),
    instant("due_at"),
)
Index("ix_kept_case_spans_case", kept_case_spans.c.case_name)

kept_failures = Table(
    "kept_failures",
    metadata,
    account_column(),
    _word("case_name"),
    _word("invoice_id"),
    _word("subscription_id"),
    _word("customer_id"),
    _word("currency"),
    _number("amount_minor"),
    instant("failed_at"),
    _word("billing_reason"),
)
Index("ix_kept_failures_case", kept_failures.c.case_name)
Index("ix_kept_failures_invoice", kept_failures.c.invoice_id)
Index("ix_kept_failures_failed", kept_failures.c.failed_at)

kept_recoveries = Table(
    "kept_recoveries",
    metadata,
    account_column(),
    _word("case_name"),
    _word("subscription_id"),
    _word("currency"),
    instant("failed_at"),
    instant("recovered_at"),
    _number("recovered_minor"),
    instant("undone_at"),
    _word("credited_to"),
    _number("tries"),
    _number("letters"),
)
Index("ix_kept_recoveries_case", kept_recoveries.c.case_name)
Index("ix_kept_recoveries_recovered", kept_recoveries.c.recovered_at)

kept_progress = Table(
    "kept_progress",
    metadata,
    account_column(),
    Column("position", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id"),
)
"""The last place of the chain that these rows cover; no row: nothing is kept yet."""

TABLES = (
    kept_movements,
    kept_terms,
    kept_paid_renewals,
    kept_renewals,
    kept_case_spans,
    kept_failures,
    kept_recoveries,
    kept_progress,
)
