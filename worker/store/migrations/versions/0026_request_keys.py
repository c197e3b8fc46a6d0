"""The idempotency key by which a charge was made, as Stripe's event names it."""

import sqlalchemy as sa
from alembic import op

revision = '0026'
down_revision = '0025'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('network_attempts', sa.Column('request_key', sa.Text(), server_default=sa.text("''"), nullable=False))
