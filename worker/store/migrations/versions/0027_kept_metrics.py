"""kept rows of the metrics' views, and what computes them for a few customers, subscriptions, cases.

The functions say what the views say (0024), of those that are asked for.
"""

import sqlalchemy as sa
from alembic import op

revision = '0027'
down_revision = '0026'
branch_labels = None
depends_on = None

CHAIN = """('subscription.found', 'subscription.started', 'subscription.reactivated',
 'subscription.expanded', 'subscription.contracted', 'subscription.paused',
 'subscription.resumed', 'subscription.churned')"""

BY_CUSTOMER = """type IN ('subscription.found', 'subscription.started', 'subscription.reactivated',
 'subscription.expanded', 'subscription.contracted', 'subscription.paused',
 'subscription.resumed', 'subscription.churned', 'case.opened', 'payment_method.updated')"""

MOVEMENTS_OF = f"""
CREATE FUNCTION metrics.movements_of(customers text[])
RETURNS SETOF metrics.movements LANGUAGE sql STABLE AS $$
WITH told AS MATERIALIZED (
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
     AND data ->> 'customer_id' = ANY(customers)
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
$$
"""

RENEWALS_OF = """
CREATE FUNCTION metrics.renewals_of(subscriptions text[])
RETURNS SETOF metrics.renewals LANGUAGE sql STABLE AS $$
WITH told AS MATERIALIZED (
  SELECT account_id, subscription_id, customer_id, currency, happened_at, seq,
         period_end_at AS due_at,
         type = 'subscription.churned' AS ends,
         type NOT IN ('subscription.renewed', 'subscription.churned') AS changes
    FROM metrics.subscription_facts
   WHERE (period_end_at IS NOT NULL OR type = 'subscription.churned')
     AND subscription_id = ANY(subscriptions)
), paid AS MATERIALIZED (
  SELECT account_id, subscription_id, currency, period_start_at, paid_at, on_time
    FROM metrics.paid_renewals
   WHERE subscription_id = ANY(subscriptions)
), terms AS (
  SELECT told.*,
         MIN(CASE WHEN changes THEN happened_at END) OVER later AS changed_at,
         MIN(CASE WHEN ends THEN happened_at END) OVER later AS churned_at
    FROM told
  WINDOW later AS (PARTITION BY account_id, subscription_id ORDER BY happened_at DESC, seq DESC
                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), due AS (
  SELECT account_id, subscription_id, customer_id, currency, due_at, MIN(churned_at) AS churned_at
    FROM terms
   WHERE NOT ends
   GROUP BY 1, 2, 3, 4, 5
  HAVING BOOL_OR(changed_at IS NULL OR changed_at >= due_at)
)
SELECT due.account_id,
       due.subscription_id,
       due.customer_id,
       due.currency,
       due.due_at,
       paid.paid_at AS renewed_at,
       COALESCE(paid.on_time, false) AS on_time,
       due.churned_at
  FROM due
  LEFT JOIN paid
    ON paid.account_id = due.account_id AND paid.subscription_id = due.subscription_id
   AND paid.currency = due.currency AND paid.period_start_at = due.due_at
$$
"""

RECOVERIES_OF = """
CREATE FUNCTION metrics.recoveries_of(cases text[])
RETURNS SETOF metrics.recoveries LANGUAGE sql STABLE AS $$
WITH told AS MATERIALIZED (
  SELECT account_id, subject, type, time, seq,
         CASE type WHEN 'payment.recovered' THEN 1 WHEN 'case.opened' THEN 2 ELSE 0 END AS turn,
         CASE WHEN type = 'payment.retried' AND COALESCE(data ->> 'kind', 'charge') = 'charge'
               AND data ->> 'outcome' IN ('succeeded', 'declined') THEN 1 ELSE 0 END AS tried,
         CASE WHEN type = 'notice.sent' THEN 1 ELSE 0 END AS written,
         CASE WHEN type = 'payment.recovered' THEN (data ->> 'amount_minor')::bigint END
           AS recovered_minor,
         CASE WHEN type = 'payment.recovered' THEN data ->> 'recovered_by' END AS recovered_by
    FROM events
   WHERE subject = ANY(cases)
     AND (type IN ('case.opened', 'payment.recovered', 'payment.retried')
          OR (type = 'notice.sent' AND data ->> 'case' = subject))
), story AS (
  SELECT told.*,
         SUM(tried) OVER so_far AS tries_so_far,
         SUM(written) OVER so_far AS letters_so_far
    FROM told
  WINDOW so_far AS (PARTITION BY account_id, subject ORDER BY time, turn, seq
                    ROWS UNBOUNDED PRECEDING)
), turns AS (
  SELECT story.*,
         LEAD(type) OVER later AS next_type,
         LEAD(time) OVER later AS next_at,
         COALESCE(MAX(CASE WHEN turn = 1 THEN tries_so_far END) OVER earlier, 0) AS tries_before,
         COALESCE(MAX(CASE WHEN turn = 1 THEN letters_so_far END) OVER earlier, 0)
           AS letters_before
    FROM story
   WHERE turn > 0
  WINDOW later AS (PARTITION BY account_id, subject ORDER BY time, turn, seq),
         earlier AS (PARTITION BY account_id, subject ORDER BY time, turn, seq
                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), came AS (
  SELECT turns.account_id, turns.subject, turns.seq, turns.time, turns.next_type, turns.next_at,
         turns.recovered_minor, turns.recovered_by,
         turns.tries_so_far - turns.tries_before AS tries,
         turns.letters_so_far - turns.letters_before AS letters,
         failures.invoice_id, failures.subscription_id, failures.customer_id, failures.currency,
         failures.failed_at, failures.amount_minor AS failed_minor
    FROM turns
    JOIN metrics.failures AS failures
      ON failures.account_id = turns.account_id AND failures.case_name = turns.subject
   WHERE turns.turn = 1 AND failures.case_name = ANY(cases)
), updated AS (
  SELECT DISTINCT came.account_id, came.seq
    FROM came
    JOIN events AS updates
      ON updates.account_id = came.account_id AND updates.type = 'payment_method.updated'
     AND updates.data ->> 'customer_id' = came.customer_id
     AND updates.time BETWEEN came.failed_at AND came.time
   WHERE came.recovered_by = 'new_card'
)
SELECT came.account_id,
       came.subject AS case_name,
       came.invoice_id,
       came.subscription_id,
       came.customer_id,
       came.currency,
       came.failed_at,
       came.failed_minor,
       came.time AS recovered_at,
       came.recovered_minor,
       CASE WHEN came.next_type = 'case.opened' THEN came.next_at END AS undone_at,
       came.recovered_by,
       CASE
         WHEN came.recovered_by IN ('backup', 'by_hand', 'out_of_band') THEN came.recovered_by
         WHEN updated.seq IS NOT NULL THEN 'updater'
         WHEN came.letters > 0 THEN 'after_letter'
         WHEN came.recovered_by IN ('retry', 'stripe') THEN 'retry_alone'
         ELSE 'customer'
       END AS credited_to,
       came.tries::bigint AS tries,
       came.letters::bigint AS letters
  FROM came
  LEFT JOIN updated ON updated.account_id = came.account_id AND updated.seq = came.seq
$$
"""


def _kept_of_revenue() -> None:
    op.create_index(
        'ix_events_customer', 'events', [sa.text("(data ->> 'customer_id')"), 'type'],
        unique=False, postgresql_where=sa.text(BY_CUSTOMER))
    op.create_table('kept_movements',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=True),
    sa.Column('type', sa.String(), nullable=True),
    sa.Column('booked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('subscription_id', sa.String(), nullable=True),
    sa.Column('customer_id', sa.String(), nullable=True),
    sa.Column('currency', sa.String(), nullable=True),
    sa.Column('kind', sa.String(), nullable=True),
    sa.Column('sign', sa.BigInteger(), nullable=True),
    sa.Column('delta_minor', sa.BigInteger(), nullable=True),
    sa.Column('live_change', sa.BigInteger(), nullable=True),
    sa.Column('churn_kind', sa.String(), nullable=True),
    sa.Column('churn_reason', sa.String(), nullable=True),
    sa.Column('during_dunning', sa.Boolean(), nullable=True),
    sa.Column('return_kind', sa.String(), nullable=True)
    )
    op.create_index('ix_kept_movements_booked', 'kept_movements', ['booked_at'], unique=False)
    op.create_index('ix_kept_movements_customer', 'kept_movements', ['customer_id'], unique=False)
    op.create_table('kept_terms',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=True),
    sa.Column('booked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('subscription_id', sa.String(), nullable=True),
    sa.Column('customer_id', sa.String(), nullable=True)
    )
    op.create_index('ix_kept_terms_subscription', 'kept_terms', ['subscription_id'], unique=False)
    op.create_table('kept_paid_renewals',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('subscription_id', sa.String(), nullable=True),
    sa.Column('customer_id', sa.String(), nullable=True),
    sa.Column('invoice_id', sa.String(), nullable=True),
    sa.Column('currency', sa.String(), nullable=True),
    sa.Column('amount_minor', sa.BigInteger(), nullable=True),
    sa.Column('paid_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('booked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('period_start_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('on_time', sa.Boolean(), nullable=True)
    )
    op.create_index('ix_kept_paid_renewals_booked', 'kept_paid_renewals', ['booked_at'], unique=False)
    op.create_index('ix_kept_paid_renewals_paid', 'kept_paid_renewals', ['paid_at'], unique=False)
    op.create_index('ix_kept_paid_renewals_subscription', 'kept_paid_renewals', ['subscription_id'], unique=False)


def _kept_of_renewals_and_cases() -> None:
    op.create_table('kept_renewals',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('subscription_id', sa.String(), nullable=True),
    sa.Column('currency', sa.String(), nullable=True),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('renewed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('on_time', sa.Boolean(), nullable=True),
    sa.Column('churned_at', sa.DateTime(timezone=True), nullable=True)
    )
    op.create_index('ix_kept_renewals_due', 'kept_renewals', ['due_at'], unique=False)
    op.create_index('ix_kept_renewals_subscription', 'kept_renewals', ['subscription_id'], unique=False)
    op.create_table('kept_case_spans',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('case_name', sa.String(), nullable=True),
    sa.Column('subscription_id', sa.String(), nullable=True),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('outcome', sa.String(), nullable=True),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True)
    )
    op.create_index('ix_kept_case_spans_case', 'kept_case_spans', ['case_name'], unique=False)


def _kept_of_failures() -> None:
    op.create_table('kept_failures',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('case_name', sa.String(), nullable=True),
    sa.Column('invoice_id', sa.String(), nullable=True),
    sa.Column('subscription_id', sa.String(), nullable=True),
    sa.Column('customer_id', sa.String(), nullable=True),
    sa.Column('currency', sa.String(), nullable=True),
    sa.Column('amount_minor', sa.BigInteger(), nullable=True),
    sa.Column('failed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('billing_reason', sa.String(), nullable=True)
    )
    op.create_index('ix_kept_failures_case', 'kept_failures', ['case_name'], unique=False)
    op.create_index('ix_kept_failures_failed', 'kept_failures', ['failed_at'], unique=False)
    op.create_index('ix_kept_failures_invoice', 'kept_failures', ['invoice_id'], unique=False)
    op.create_table('kept_recoveries',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('case_name', sa.String(), nullable=True),
    sa.Column('subscription_id', sa.String(), nullable=True),
    sa.Column('currency', sa.String(), nullable=True),
    sa.Column('failed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('recovered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('recovered_minor', sa.BigInteger(), nullable=True),
    sa.Column('undone_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('credited_to', sa.String(), nullable=True),
    sa.Column('tries', sa.BigInteger(), nullable=True),
    sa.Column('letters', sa.BigInteger(), nullable=True)
    )
    op.create_index('ix_kept_recoveries_case', 'kept_recoveries', ['case_name'], unique=False)
    op.create_index('ix_kept_recoveries_recovered', 'kept_recoveries', ['recovered_at'], unique=False)


def upgrade() -> None:
    _kept_of_revenue()
    _kept_of_renewals_and_cases()
    _kept_of_failures()
    op.create_table('kept_progress',
    sa.Column('account_id', sa.String(), nullable=False),
    sa.Column('position', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('account_id', name=op.f('pk_kept_progress'))
    )
    for function in (MOVEMENTS_OF, RENEWALS_OF, RECOVERIES_OF):
        op.execute(sa.text(function.replace(':', '\\:')))
