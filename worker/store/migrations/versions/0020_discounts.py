"""discounts and coupons."""

import sqlalchemy as sa
from alembic import op

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('discounts',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('coupon_id', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.PrimaryKeyConstraint('account_id', 'id', name=op.f('pk_discounts'))
    )
    op.create_table('coupons',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('percent_off', sa.Text(), server_default=sa.text("'0'"), nullable=False),
    sa.Column('amount_off_minor', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('currency', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('lasting', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.PrimaryKeyConstraint('account_id', 'id', name=op.f('pk_coupons'))
    )
