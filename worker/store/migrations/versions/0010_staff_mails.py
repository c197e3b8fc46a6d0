"""staff mails."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('staff_mails',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('reason', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('recipient', sa.String(), nullable=False),
    sa.Column('content', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('message_id', sa.String(), nullable=False),
    sa.Column('queued_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('next_action_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('send_by', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sending_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_staff_mails')),
    sa.UniqueConstraint('message_id', name=op.f('uq_staff_mails_message_id'))
    )
    op.create_index('ix_staff_mails_due', 'staff_mails', ['next_action_at'], unique=False, postgresql_where=sa.text('next_action_at IS NOT NULL'))
    op.create_table('staff_occasions',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('occasion', sa.String(), nullable=False),
    sa.Column('mail_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['mail_id'], ['staff_mails.id'], name=op.f('fk_staff_occasions_mail_id_staff_mails')),
    sa.PrimaryKeyConstraint('account_id', 'occasion', name=op.f('pk_staff_occasions'))
    )
