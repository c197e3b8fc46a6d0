"""imported figures, and views over them; who was lost before the ledger is no customer.

Rows are only ever added: a later revision of a key corrects the one before.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None

CHAIN = """('subscription.found', 'subscription.started', 'subscription.reactivated',
 'subscription.expanded', 'subscription.contracted', 'subscription.paused',
 'subscription.resumed', 'subscription.churned')"""

MOVEMENTS = f"""
CREATE OR REPLACE VIEW metrics.movements AS
WITH told AS (
  SELECT account_id, id, seq, type, subject, time,
         COALESCE((data ->> 'booked_at')::timestamptz, time) AS booked_at,
         COALESCE((data ->> 'sign')::int, 1) AS sign,
         COALESCE(data ->> 'corrects', '') AS corrects,
         data ->> 'customer_id' AS customer_id,
         data ->> 'currency' AS currency,
         (data ->> 'mrr_delta_minor')::bigint AS delta_minor,
         (data ->> 'mrr_minor')::bigint AS mrr_minor,
         CASE WHEN type = 'subscription.found' AND data ->> 'state' = 'churned' THEN 0
              WHEN type IN ('subscription.found', 'subscription.started',
                            'subscription.reactivated') THEN 1
              WHEN type = 'subscription.churned' THEN -1
              ELSE 0 END * COALESCE((data ->> 'sign')::int, 1) AS live_change,
         CASE WHEN type IN ('subscription.found', 'subscription.started',
                            'subscription.reactivated')
              THEN COALESCE((data ->> 'sign')::int, 1) ELSE 0 END AS begun,
         CASE WHEN type = 'subscription.churned' THEN data ->> 'kind' END AS churn_kind,
         CASE WHEN type = 'subscription.churned' THEN data ->> 'reason' END AS churn_reason,
         CASE WHEN type = 'subscription.reactivated' THEN data ->> 'kind' END AS return_kind,
         data ->> 'during_dunning' = 'true' AS during_dunning
    FROM events
   WHERE type IN {CHAIN}
), placed AS (
  SELECT told.*,
         SUM(live_change) OVER customers_chain AS live,
         SUM(begun) OVER customers_chain AS beginnings
    FROM told
  WINDOW customers_chain AS (
    PARTITION BY account_id, customer_id, currency ORDER BY booked_at, seq
    ROWS UNBOUNDED PRECEDING)
), named AS (
  SELECT placed.*,
         CASE type
           WHEN 'subscription.found' THEN 'taken_over'
           WHEN 'subscription.paused' THEN 'pause'
           WHEN 'subscription.resumed' THEN 'resume'
           WHEN 'subscription.expanded' THEN 'expansion'
           WHEN 'subscription.contracted' THEN 'contraction'
           WHEN 'subscription.churned' THEN CASE WHEN live > 0 THEN 'contraction' ELSE 'churn' END
           ELSE CASE WHEN live > 1 THEN 'expansion'
                     WHEN type = 'subscription.started' AND beginnings = 1 THEN 'new'
                     ELSE 'reactivation' END
         END AS own_kind
    FROM placed
)
SELECT named.account_id,
       named.id AS fact_id,
       named.seq,
       named.type,
       named.time AS happened_at,
       named.booked_at,
       named.subject AS subscription_id,
       named.customer_id,
       named.currency,
       COALESCE(taken_back.own_kind, named.own_kind) AS kind,
       named.sign,
       named.delta_minor,
       named.mrr_minor,
       named.live_change,
       COALESCE(named.churn_kind, '') AS churn_kind,
       COALESCE(named.churn_reason, '') AS churn_reason,
       COALESCE(named.during_dunning, false) AS during_dunning,
       COALESCE(named.return_kind, '') AS return_kind
  FROM named
  LEFT JOIN named AS taken_back
    ON named.sign < 0 AND taken_back.account_id = named.account_id
   AND taken_back.id = named.corrects
"""


IMPORTED = """
CREATE VIEW metrics.imported AS
SELECT DISTINCT ON (account_id, kind, row_key)
       account_id, kind, row_key, revision, import_id, at, customer_id, data, words
  FROM imported_rows
 ORDER BY account_id, kind, row_key, revision DESC
"""

ANSWERS = """
CREATE VIEW metrics.survey_answers AS
WITH answers AS (
  SELECT account_id, row_key, at, customer_id, words, data ->> 'survey' AS survey,
         (data ->> 'score')::int AS score
    FROM metrics.imported
   WHERE kind = 'surveys'
)
SELECT account_id,
       row_key,
       at AS answered_at,
       survey,
       score,
       CASE WHEN survey = 'nps' THEN CASE WHEN score >= 9 THEN 'promoter'
                                          WHEN score >= 7 THEN 'passive' ELSE 'detractor' END
            WHEN survey = 'csat' THEN CASE WHEN score >= 4 THEN 'promoter'
                                           WHEN score = 3 THEN 'passive' ELSE 'detractor' END
            ELSE CASE WHEN score >= 5 THEN 'promoter'
                      WHEN score = 4 THEN 'passive' ELSE 'detractor' END
       END AS standing,
       customer_id,
       words AS comment
  FROM answers
"""

TICKETS = """
CREATE VIEW metrics.tickets AS
SELECT account_id,
       row_key,
       at AS opened_at,
       (data ->> 'resolved_at')::timestamptz AS resolved_at,
       (data ->> 'contacts')::int AS contacts,
       customer_id
  FROM metrics.imported
 WHERE kind = 'tickets'
"""

COSTS = """
CREATE VIEW metrics.retention_costs AS
SELECT account_id,
       row_key,
       at AS spent_at,
       data ->> 'currency' AS currency,
       (data ->> 'amount_minor')::bigint AS amount_minor,
       COALESCE(data ->> 'what', '') AS what
  FROM metrics.imported
 WHERE kind = 'retention_costs'
"""

HEALTH = """
CREATE VIEW metrics.health_scores AS
WITH inputs AS (
  SELECT DISTINCT ON (rows.account_id, rows.customer_id, rows.at, imports.definition,
                      rows.data ->> 'input')
         rows.account_id, rows.customer_id, rows.at, imports.definition,
         (rows.data ->> 'value')::numeric AS value,
         (imports.definition -> 'weights' ->> (rows.data ->> 'input'))::int AS weight,
         rows.import_id
    FROM metrics.imported AS rows
    JOIN imports ON imports.id = rows.import_id
   WHERE rows.kind = 'health'
   ORDER BY 1, 2, 3, 4, rows.data ->> 'input', rows.import_id DESC, rows.row_key DESC
)
SELECT account_id,
       customer_id,
       at AS measured_at,
       definition ->> 'version' AS version,
       SUM(weight * value) AS weighted,
       SUM(weight)::int AS weight_present,
       COUNT(*)::int AS inputs,
       MAX(import_id) AS import_id
  FROM inputs
 GROUP BY account_id, customer_id, at, definition
"""

VIEWS = (MOVEMENTS, IMPORTED, ANSWERS, TICKETS, COSTS, HEALTH)

COMMENTS = {
    'imported': (
        'one row per imported row, as last corrected', {
            'account_id': 'Stripe account',
            'kind': 'kind of file: `surveys`, `tickets`, `retention_costs`, `health`',
            'row_key': "the operator's key",
            'revision': '1, and one more for each correction',
            'import_id': 'the import that brought it',
            'at': 'when it happened: in this period it counts',
            'customer_id': 'Stripe customer; empty where the file does not say',
            'data': 'the other cells',
            'words': 'a comment as written; the one part that may be personal data',
        }),
    'survey_answers': (
        'one row per answer to a survey', {
            'account_id': 'Stripe account',
            'row_key': "the operator's key",
            'answered_at': 'when it was given',
            'survey': '`nps`, `csat` or `ces`',
            'score': 'nps 0 to 10, csat 1 to 5, ces 1 (hard) to 7 (easy)',
            'standing': '`detractor` (nps 0-6, csat 1-2, ces 1-3), `passive` (nps 7-8, csat 3, '
                        'ces 4) or `promoter`',
            'customer_id': 'Stripe customer; empty where the file does not say',
            'comment': 'the words; empty where there are none',
        }),
    'tickets': (
        'one row per support ticket', {
            'account_id': 'Stripe account',
            'row_key': "the operator's key",
            'opened_at': 'when it was opened',
            'resolved_at': 'when it was resolved; null while it is open',
            'contacts': 'how often the customer was answered',
            'customer_id': 'Stripe customer; empty where the file does not say',
        }),
    'retention_costs': (
        'one row per cost of keeping customers', {
            'account_id': 'Stripe account',
            'row_key': "the operator's key",
            'spent_at': 'when it was spent',
            'currency': 'lower case',
            'amount_minor': 'how much',
            'what': 'what for',
        }),
    'health_scores': (
        'one row per customer, instant of measuring and definition', {
            'account_id': 'Stripe account',
            'customer_id': 'Stripe customer',
            'measured_at': 'when the inputs were measured',
            'version': 'name of the definition that the figures came under',
            'weighted': 'sum of weight x value over the inputs that there are',
            'weight_present': 'sum of their weights; the score is weighted / weight_present',
            'inputs': 'how many inputs there are; one that is missing is not 0',
            'import_id': 'the import that brought the last of them',
        }),
}


def upgrade() -> None:
    empty = sa.text("'{}'::jsonb")
    nothing = sa.text("''")
    op.create_table('imports',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('file_name', sa.Text(), server_default=nothing, nullable=False),
    sa.Column('by', sa.String(), nullable=False),
    sa.Column('reason', sa.Text(), server_default=nothing, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('added', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('corrected', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('definition', postgresql.JSONB(), server_default=empty, nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_imports'))
    )
    op.create_table('imported_rows',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('row_key', sa.String(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('import_id', sa.BigInteger(), nullable=False),
    sa.Column('line', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('customer_id', sa.Text(), server_default=nothing, nullable=False),
    sa.Column('data', postgresql.JSONB(), nullable=False),
    sa.Column('words', sa.Text(), server_default=nothing, nullable=False),
    sa.ForeignKeyConstraint(['import_id'], ['imports.id'], name=op.f('fk_imported_rows_import_id_imports')),
    sa.PrimaryKeyConstraint('account_id', 'kind', 'row_key', 'revision', name=op.f('pk_imported_rows'))
    )
    for view in VIEWS:
        op.execute(sa.text(view.replace(':', '\\:')))
    for view, (meaning, columns) in COMMENTS.items():
        op.execute(f"COMMENT ON VIEW metrics.{view} IS '{quoted(meaning)}'")
        for column, said in columns.items():
            op.execute(f"COMMENT ON COLUMN metrics.{view}.{column} IS '{quoted(said)}'")


def quoted(words: str) -> str:
    return words.replace("'", "''")
