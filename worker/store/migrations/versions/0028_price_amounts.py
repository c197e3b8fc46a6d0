"""amounts of prices that subscriptions do not show."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0028'
down_revision = '0027'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('price_amounts',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('price_id', sa.String(), nullable=False),
    sa.Column('currency', sa.String(), nullable=False),
    sa.Column('graduated', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('tiers', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False),
    sa.PrimaryKeyConstraint('account_id', 'price_id', 'currency', name=op.f('pk_price_amounts'))
    )
