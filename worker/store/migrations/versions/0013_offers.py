"""offers."""

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('offers',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('case_id', sa.BigInteger(), nullable=False),
    sa.Column('step', sa.String(), nullable=False),
    sa.Column('customer_id', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('coupon', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('days', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('given_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['case_id'], ['cases.id'], name=op.f('fk_offers_case_id_cases')),
    sa.PrimaryKeyConstraint('account_id', 'case_id', 'step', name=op.f('pk_offers'))
    )
    op.create_index('ix_offers_customer', 'offers', ['account_id', 'customer_id', 'given_at'], unique=False)
