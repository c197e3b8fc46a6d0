"""a renewal that came to nothing was never tried, and is no first attempt."""

from alembic import op

revision = '0032'
down_revision = '0031'
branch_labels = None
depends_on = None

FIRST_ATTEMPTS = """
CREATE OR REPLACE VIEW metrics.first_attempts AS
SELECT account_id, invoice_id, subscription_id, customer_id, currency, failed_at AS attempted_at,
       true AS failed
  FROM metrics.failures
 WHERE billing_reason = 'subscription_cycle'
UNION ALL
SELECT paid.account_id, paid.invoice_id, paid.subscription_id, paid.customer_id, paid.currency,
       CASE WHEN paid.on_time THEN paid.paid_at
            ELSE COALESCE(paid.period_start_at, paid.paid_at) END,
       NOT paid.on_time
  FROM metrics.paid_renewals AS paid
  LEFT JOIN metrics.failures AS failures
    ON failures.account_id = paid.account_id AND failures.invoice_id = paid.invoice_id
 WHERE failures.invoice_id IS NULL AND paid.amount_minor > 0
"""


def upgrade() -> None:
    op.execute(FIRST_ATTEMPTS)
