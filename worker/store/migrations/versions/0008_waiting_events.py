"""waiting events.

What a release before this one stores was applied when it was stored, so nothing of it waits.
"""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('inbox', sa.Column('waiting', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.create_index('ix_inbox_waiting', 'inbox', ['account_id', 'created_at'], unique=False, postgresql_where=sa.text('waiting'))
