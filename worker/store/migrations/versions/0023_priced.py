"""what a subscription costs, in its mirror."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('subscriptions', sa.Column('priced', postgresql.JSONB(), nullable=True))
    op.add_column('subscriptions', sa.Column('discount_ids', postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False))
