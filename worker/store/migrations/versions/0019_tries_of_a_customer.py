"""Indexes by which the tries of a customer are found."""

from alembic import op

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        'ix_attempts_customer', 'attempts', ['customer_id', 'sent_at'], unique=False
    )
    op.create_index(
        'ix_attempts_payment_method', 'attempts', ['payment_method_id'], unique=False
    )
    op.create_index(
        'ix_payment_methods_fingerprint', 'payment_methods', ['fingerprint'], unique=False
    )
