"""forgetting."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('fact_words',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('fact_id', sa.String(), nullable=False),
    sa.Column('words', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.PrimaryKeyConstraint('account_id', 'fact_id', name=op.f('pk_fact_words'))
    )
    op.create_table('forgotten_customers',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('customer_id', sa.String(), nullable=False),
    sa.Column('forgotten_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('account_id', 'customer_id', name=op.f('pk_forgotten_customers'))
    )
    op.create_index('ix_inbox_received', 'inbox', ['received_at'])
