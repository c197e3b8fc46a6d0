"""when a request was last sent, and by when it had reached Stripe, both business time."""

import sqlalchemy as sa
from alembic import op

revision = '0033'
down_revision = '0032'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('attempts', sa.Column('asked_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('attempts', sa.Column('reached_at', sa.DateTime(timezone=True), nullable=True))
    # What was sent again may have been executed as late as its answer came.
    op.execute('UPDATE attempts SET asked_at = sent_at, reached_at = CASE WHEN sends > 1 THEN settled_at END')
    op.alter_column('attempts', 'asked_at', nullable=False)
    op.create_index('ix_attempts_asked', 'attempts', ['kind', 'asked_at'])
