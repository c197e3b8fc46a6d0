"""wishes to close a case that had closed before are answered, so that none closes it again."""

from alembic import op

revision = '0034'
down_revision = '0033'
branch_labels = None
depends_on = None

# One that came while its case was being closed stayed unanswered: a case that opens again, as its
# payment was returned, would be closed by it.
ANSWERED = """
UPDATE operator_acts SET answered_at = cases.closed_at, answer = 'not closed: the case closed before'
  FROM cases
 WHERE cases.id = operator_acts.case_id AND cases.state = 'closed'
   AND operator_acts.act = 'close' AND operator_acts.answered_at IS NULL
"""


def upgrade() -> None:
    op.execute(ANSWERED)
