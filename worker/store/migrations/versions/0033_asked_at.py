"""when a request was last sent, and by when it had reached Stripe, both business time."""

import sqlalchemy as sa
from alembic import op

revision = '0033'
down_revision = '0032'
branch_labels = None
depends_on = None

# What was sent again reached Stripe at any of its sendings, up to its answer. For limits it counts
# as it did when nobody asked them about it: moved, it might overfill an hour that was full.
SENT_AGAIN = """
UPDATE attempts SET reached_at = settled_at
 WHERE sends > 1 AND state IN ('declined', 'succeeded')
"""


def upgrade() -> None:
    op.add_column('attempts', sa.Column('asked_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('attempts', sa.Column('reached_at', sa.DateTime(timezone=True), nullable=True))
    op.execute(SENT_AGAIN)
    op.create_index('ix_attempts_asked', 'attempts', ['kind', sa.literal_column('coalesce(asked_at, sent_at)')], unique=False)
