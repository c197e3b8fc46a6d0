"""when a request was last sent, and by when it had reached Stripe, both business time."""

import sqlalchemy as sa
from alembic import op

revision = '0033'
down_revision = '0032'
branch_labels = None
depends_on = None

# What was sent again reached Stripe at any of its sendings, up to its answer.
SENT_AGAIN = """
UPDATE attempts SET asked_at = sent_at + (last_sent_at - first_sent_at),
       reached_at = CASE WHEN state IN ('declined', 'succeeded') THEN settled_at END
 WHERE sends > 1
"""


def upgrade() -> None:
    op.add_column('attempts', sa.Column('asked_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('attempts', sa.Column('reached_at', sa.DateTime(timezone=True), nullable=True))
    op.execute(SENT_AGAIN)
    op.create_index('ix_attempts_asked', 'attempts', ['kind', sa.literal_column('coalesce(asked_at, sent_at)')], unique=False)
