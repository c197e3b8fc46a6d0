"""event chain."""

import sqlalchemy as sa
from alembic import op

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('event_chain',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('position', sa.BigInteger(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('fact_id', sa.String(), nullable=False),
    sa.Column('hash', sa.String(), nullable=False),
    sa.Column('previous_hash', sa.String(), nullable=False),
    sa.Column('sealed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('account_id', 'position', name=op.f('pk_event_chain')),
    sa.UniqueConstraint('seq', name=op.f('uq_event_chain_seq'))
    )
    op.create_table('unsealed_facts',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('account_id', 'seq', name=op.f('pk_unsealed_facts'))
    )
    # A trigger, because facts commit out of the order of their numbers: a sealer that remembered
    # how far it came would pass over those that commit late. It also serves the older release.
    op.execute("""
        CREATE FUNCTION note_unsealed_facts() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO unsealed_facts (account_id, seq) SELECT account_id, seq FROM written;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER note_unsealed_facts AFTER INSERT ON events
        REFERENCING NEW TABLE AS written
        FOR EACH STATEMENT EXECUTE FUNCTION note_unsealed_facts()
    """)
    op.execute("INSERT INTO unsealed_facts (account_id, seq) SELECT account_id, seq FROM events")
