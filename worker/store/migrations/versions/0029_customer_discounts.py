"""customers' discounts, and what a subscription looked like where its story begins."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0029'
down_revision = '0028'
branch_labels = None
depends_on = None

# Exact where nothing was seen since; elsewhere the story's events say it.
LOOKS = """
    UPDATE revenue_chains SET base_shown = jsonb_build_object(
        'customer_id', known.customer_id, 'status', known.status, 'currency', known.currency,
        'paused', known.collection_paused, 'priced', known.priced,
        'discounts', to_jsonb(known.discount_ids))
    FROM subscriptions AS known
    WHERE known.account_id = revenue_chains.account_id
      AND known.id = revenue_chains.subscription_id
      AND revenue_chains.base_at IS NOT NULL AND known.priced IS NOT NULL
"""


def upgrade() -> None:
    op.create_table('customer_discounts',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('customer_id', sa.String(), nullable=False),
    sa.Column('start_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('end_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('changed_from', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('account_id', 'id', name=op.f('pk_customer_discounts'))
    )
    op.create_index('ix_customer_discounts_customer', 'customer_discounts', ['account_id', 'customer_id'])
    op.add_column('revenue_chains', sa.Column('base_shown', postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.execute(LOOKS)
