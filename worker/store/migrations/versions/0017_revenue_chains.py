"""chains of subscription facts; a subscription's events are found by its id."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    empty = sa.text("'{}'::jsonb")
    op.create_table('revenue_chains',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('subscription_id', sa.String(), nullable=False),
    sa.Column('told', postgresql.JSONB(), server_default=empty, nullable=False),
    sa.Column('no', sa.BigInteger(), nullable=False),
    sa.Column('looked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('owing_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('traits', postgresql.JSONB(), server_default=empty, nullable=False),
    sa.Column('base', postgresql.JSONB(), server_default=empty, nullable=False),
    sa.Column('base_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('base_no', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('account_id', 'subscription_id', name=op.f('pk_revenue_chains'))
    )
    op.create_index('ix_revenue_chains_owing', 'revenue_chains', ['account_id', 'owing_since'], unique=False, postgresql_where=sa.text('owing_since IS NOT NULL'))
    op.create_index('ix_inbox_object', 'inbox', ['account_id', 'object_id'], unique=False)
