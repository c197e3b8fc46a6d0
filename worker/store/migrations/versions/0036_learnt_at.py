"""since when a charge is known, what came of it, and which attempt of ours it may be."""

import sqlalchemy as sa
from alembic import op

revision = '0036'
down_revision = '0035'
branch_labels = None
depends_on = None


# Of rows that an older release wrote nobody knows: they stay without, and are judged by when the
# charge was made, as before.
def upgrade() -> None:
    op.add_column('network_attempts', sa.Column('learnt_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('network_attempts', sa.Column('said_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('network_attempts', sa.Column('may_be_of', sa.Text(), server_default=sa.text("''"), nullable=False))
