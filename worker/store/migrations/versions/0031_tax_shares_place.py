"""where a customer was taxed when an invoice showed a tax."""

import sqlalchemy as sa
from alembic import op

revision = '0031'
down_revision = '0030'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('tax_shares', sa.Column('place', sa.Text(), server_default=sa.text("''"), nullable=False))
