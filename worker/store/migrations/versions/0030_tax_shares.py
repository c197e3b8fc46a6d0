"""taxes that Stripe computes into prices, as invoices show them."""

import sqlalchemy as sa
from alembic import op

revision = '0030'
down_revision = '0029'
branch_labels = None
depends_on = None

# Their mirror does not say yet that Stripe computes their taxes: they are read again.
READ_AGAIN = """
    UPDATE subscriptions SET stale = true
    WHERE EXISTS (
        SELECT FROM inbox
        WHERE inbox.account_id = subscriptions.account_id AND inbox.object_id = subscriptions.id
          AND inbox.type LIKE 'customer.subscription.%'
          AND inbox.payload #>> '{data,object,automatic_tax,enabled}' = 'true')
"""


def upgrade() -> None:
    op.create_table('tax_shares',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('subscription_id', sa.String(), nullable=False),
    sa.Column('price_id', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('percent', sa.Text(), server_default=sa.text("'0'"), nullable=False),
    sa.Column('changed_from', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('account_id', 'subscription_id', 'price_id', 'at', name=op.f('pk_tax_shares'))
    )
    op.create_index('ix_tax_shares_at', 'tax_shares', ['account_id', 'at'])
    op.create_index('ix_tax_shares_changed', 'tax_shares', ['account_id'], postgresql_where=sa.text('changed_from IS NOT NULL'))
    op.execute(READ_AGAIN)
