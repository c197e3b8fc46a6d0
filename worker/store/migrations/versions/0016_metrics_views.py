"""metrics views.

Over append-only rows alone: the facts (`events`). Names of views and columns are a promise; a later
migration may add to them. The comments are what README prints.
"""

import sqlalchemy as sa
from alembic import op

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None

CHAIN = """('subscription.found', 'subscription.started', 'subscription.reactivated',
 'subscription.expanded', 'subscription.contracted', 'subscription.paused',
 'subscription.resumed', 'subscription.churned')"""

MOVEMENTS = f"""
CREATE VIEW metrics.movements AS
WITH told AS (
  SELECT account_id, id, seq, type, subject, time,
         COALESCE((data ->> 'booked_at')::timestamptz, time) AS booked_at,
         COALESCE((data ->> 'sign')::int, 1) AS sign,
         COALESCE(data ->> 'corrects', '') AS corrects,
         data ->> 'customer_id' AS customer_id,
         data ->> 'currency' AS currency,
         (data ->> 'mrr_delta_minor')::bigint AS delta_minor,
         (data ->> 'mrr_minor')::bigint AS mrr_minor,
         CASE WHEN type IN ('subscription.found', 'subscription.started',
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

STANDING = """
CREATE VIEW metrics.subscription_facts AS
SELECT account_id,
       id AS fact_id,
       seq,
       type,
       subject AS subscription_id,
       data ->> 'customer_id' AS customer_id,
       data ->> 'currency' AS currency,
       time AS happened_at,
       COALESCE((data ->> 'booked_at')::timestamptz, time) AS booked_at,
       (data ->> 'mrr_minor')::bigint AS mrr_minor,
       NULLIF(data ->> 'period_end', '')::timestamptz AS period_end_at,
       COALESCE(data ->> 'price_id', '') AS plan,
       COALESCE(data ->> 'product_id', '') AS product,
       COALESCE(data ->> 'country', '') AS country,
       COALESCE(data ->> 'method', '') AS method,
       COALESCE(data -> 'metadata', '{}'::jsonb) AS metadata
  FROM events
 WHERE type LIKE 'subscription.%' AND data ? 'mrr_minor'
   AND COALESCE(data ->> 'sign', '1') <> '-1'
   AND NOT EXISTS (
     SELECT FROM events AS back
      WHERE back.account_id = events.account_id AND back.data ->> 'sign' = '-1'
        AND back.data ->> 'corrects' = events.id)
"""

PAID_RENEWALS = """
CREATE VIEW metrics.paid_renewals AS
SELECT account_id,
       subject AS subscription_id,
       data ->> 'customer_id' AS customer_id,
       data ->> 'invoice_id' AS invoice_id,
       data ->> 'currency' AS currency,
       MAX((data ->> 'amount_minor')::bigint) AS amount_minor,
       MIN(time) AS paid_at,
       MIN(COALESCE((data ->> 'booked_at')::timestamptz, time)) AS booked_at,
       MIN(NULLIF(data ->> 'period_start', '')::timestamptz) AS period_start_at,
       MIN(NULLIF(data ->> 'period_end', '')::timestamptz) AS period_end_at,
       BOOL_AND(data ->> 'on_time' = 'true') AS on_time
  FROM events
 WHERE type = 'subscription.renewed'
 GROUP BY 1, 2, 3, 4, 5
HAVING SUM(COALESCE((data ->> 'sign')::int, 1)) > 0
"""

CASE_SPANS = """
CREATE VIEW metrics.case_spans AS
WITH turns AS (
  SELECT account_id, subject, type, time, seq,
         data ->> 'subscription_id' AS subscription_id,
         data ->> 'customer_id' AS customer_id,
         MIN(NULLIF(data ->> 'due_at', '')::timestamptz)
           OVER (PARTITION BY account_id, subject) AS due_at,
         LEAD(type) OVER later AS next_type,
         LEAD(time) OVER later AS next_at,
         LEAD(data ->> 'outcome') OVER later AS next_outcome
    FROM events
   WHERE type IN ('case.opened', 'case.closed')
  WINDOW later AS (PARTITION BY account_id, subject ORDER BY time, seq)
)
SELECT account_id,
       subject AS case_name,
       subscription_id,
       customer_id,
       time AS opened_at,
       CASE WHEN next_type = 'case.closed' THEN next_at END AS closed_at,
       COALESCE(CASE WHEN next_type = 'case.closed' THEN next_outcome END, '') AS outcome,
       due_at
  FROM turns
 WHERE type = 'case.opened'
"""

FAILURES = """
CREATE VIEW metrics.failures AS
SELECT account_id,
       subject AS case_name,
       data ->> 'invoice_id' AS invoice_id,
       data ->> 'subscription_id' AS subscription_id,
       data ->> 'customer_id' AS customer_id,
       data ->> 'currency' AS currency,
       (data ->> 'amount_minor')::bigint AS amount_minor,
       time AS failed_at,
       COALESCE(NULLIF(data ->> 'billing_reason', ''), 'subscription_cycle') AS billing_reason
  FROM events
 WHERE type = 'case.opened' AND data ? 'amount_minor' AND NOT data ? 'due_at'
"""

RECOVERIES = """
CREATE VIEW metrics.recoveries AS
WITH turns AS (
  SELECT account_id, subject, type, time, seq, data,
         LEAD(type) OVER later AS next_type,
         LEAD(time) OVER later AS next_at,
         MAX(CASE WHEN type = 'payment.recovered' THEN time END)
           OVER (PARTITION BY account_id, subject ORDER BY time, seq
                 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_at
    FROM events
   WHERE type IN ('payment.recovered', 'case.opened')
  WINDOW later AS (PARTITION BY account_id, subject ORDER BY time, seq)
), tries AS (
  SELECT account_id, subject, time, 'try' AS what
    FROM events
   WHERE type = 'payment.retried' AND COALESCE(data ->> 'kind', 'charge') = 'charge'
     AND data ->> 'outcome' IN ('succeeded', 'declined')
  UNION ALL
  SELECT account_id, subject, time, 'letter'
    FROM events
   WHERE type = 'notice.sent' AND data ->> 'case' = subject
), counted AS (
  SELECT turns.account_id, turns.subject, turns.seq,
         COUNT(tries.what) FILTER (WHERE tries.what = 'try') AS tries,
         COUNT(tries.what) FILTER (WHERE tries.what = 'letter') AS letters
    FROM turns
    LEFT JOIN tries
      ON tries.account_id = turns.account_id AND tries.subject = turns.subject
     AND tries.time <= turns.time
     AND (turns.before_at IS NULL OR tries.time > turns.before_at)
   WHERE turns.type = 'payment.recovered'
   GROUP BY 1, 2, 3
)
SELECT turns.account_id,
       turns.subject AS case_name,
       failures.invoice_id,
       failures.subscription_id,
       failures.customer_id,
       failures.currency,
       failures.failed_at,
       failures.amount_minor AS failed_minor,
       turns.time AS recovered_at,
       (turns.data ->> 'amount_minor')::bigint AS recovered_minor,
       CASE WHEN turns.next_type = 'case.opened' THEN turns.next_at END AS undone_at,
       turns.data ->> 'recovered_by' AS recovered_by,
       CASE
         WHEN turns.data ->> 'recovered_by' IN ('backup', 'by_hand', 'out_of_band')
           THEN turns.data ->> 'recovered_by'
         WHEN turns.data ->> 'recovered_by' = 'new_card' AND EXISTS (
           SELECT FROM events AS updates
            WHERE updates.account_id = turns.account_id
              AND updates.type = 'payment_method.updated'
              AND updates.data ->> 'customer_id' = failures.customer_id
              AND updates.time BETWEEN failures.failed_at AND turns.time)
           THEN 'updater'
         WHEN counted.letters > 0 THEN 'after_letter'
         WHEN turns.data ->> 'recovered_by' IN ('retry', 'stripe') THEN 'retry_alone'
         ELSE 'customer'
       END AS credited_to,
       counted.tries,
       counted.letters
  FROM turns
  JOIN counted
    ON counted.account_id = turns.account_id AND counted.subject = turns.subject
   AND counted.seq = turns.seq
  JOIN metrics.failures AS failures
    ON failures.account_id = turns.account_id AND failures.case_name = turns.subject
 WHERE turns.type = 'payment.recovered'
"""

FIRST_ATTEMPTS = """
CREATE VIEW metrics.first_attempts AS
SELECT account_id, invoice_id, subscription_id, customer_id, currency, failed_at AS attempted_at,
       true AS failed
  FROM metrics.failures
 WHERE billing_reason = 'subscription_cycle'
UNION ALL
SELECT paid.account_id, paid.invoice_id, paid.subscription_id, paid.customer_id, paid.currency,
       CASE WHEN paid.on_time THEN paid.paid_at
            ELSE COALESCE(paid.period_start_at, paid.paid_at) END,
       NOT paid.on_time
  FROM metrics.paid_renewals AS paid
  LEFT JOIN metrics.failures AS failures
    ON failures.account_id = paid.account_id AND failures.invoice_id = paid.invoice_id
 WHERE failures.invoice_id IS NULL
"""

RENEWALS = """
CREATE VIEW metrics.renewals AS
WITH terms AS (
  SELECT account_id, subscription_id, customer_id, currency, type, happened_at,
         period_end_at AS due_at
    FROM metrics.subscription_facts
   WHERE period_end_at IS NOT NULL
), changes AS (
  SELECT account_id, subscription_id, happened_at, due_at
    FROM terms
   WHERE type NOT IN ('subscription.renewed', 'subscription.churned')
), due AS (
  SELECT account_id, subscription_id, customer_id, currency, due_at,
         MIN(happened_at) AS since_at
    FROM terms
   WHERE type <> 'subscription.churned' AND NOT EXISTS (
     SELECT FROM changes
      WHERE changes.account_id = terms.account_id
        AND changes.subscription_id = terms.subscription_id
        AND changes.due_at <> terms.due_at
        AND changes.happened_at > terms.happened_at AND changes.happened_at < terms.due_at)
   GROUP BY 1, 2, 3, 4, 5
), ended AS (
  SELECT due.account_id, due.subscription_id, due.currency, due.due_at,
         MIN(gone.happened_at) AS churned_at
    FROM due
    JOIN metrics.subscription_facts AS gone
      ON gone.account_id = due.account_id AND gone.subscription_id = due.subscription_id
     AND gone.type = 'subscription.churned' AND gone.happened_at > due.since_at
   GROUP BY 1, 2, 3, 4
)
SELECT due.account_id,
       due.subscription_id,
       due.customer_id,
       due.currency,
       due.due_at,
       paid.paid_at AS renewed_at,
       COALESCE(paid.on_time, false) AS on_time,
       ended.churned_at
  FROM due
  LEFT JOIN metrics.paid_renewals AS paid
    ON paid.account_id = due.account_id AND paid.subscription_id = due.subscription_id
   AND paid.currency = due.currency AND paid.period_start_at = due.due_at
  LEFT JOIN ended
    ON ended.account_id = due.account_id AND ended.subscription_id = due.subscription_id
   AND ended.currency = due.currency AND ended.due_at = due.due_at
"""

DAILY = """
CREATE VIEW metrics.daily AS
SELECT account_id, (booked_at AT TIME ZONE 'UTC')::date AS on_day, currency,
       'mrr_' || kind AS measure, SUM(sign)::bigint AS count,
       SUM(delta_minor)::bigint AS amount_minor
  FROM metrics.movements
 GROUP BY 1, 2, 3, 4
UNION ALL
SELECT account_id, (booked_at AT TIME ZONE 'UTC')::date, currency, 'renewals_paid', COUNT(*),
       SUM(amount_minor)::bigint
  FROM metrics.paid_renewals
 GROUP BY 1, 2, 3
UNION ALL
SELECT account_id, (failed_at AT TIME ZONE 'UTC')::date, currency, 'failures', COUNT(*),
       SUM(amount_minor)::bigint
  FROM metrics.failures
 GROUP BY 1, 2, 3
UNION ALL
SELECT account_id, (recovered_at AT TIME ZONE 'UTC')::date, currency, 'recoveries', COUNT(*),
       SUM(recovered_minor)::bigint
  FROM metrics.recoveries
 GROUP BY 1, 2, 3
"""

VIEWS = (MOVEMENTS, STANDING, PAID_RENEWALS, CASE_SPANS, FAILURES, RECOVERIES, FIRST_ATTEMPTS,
         RENEWALS, DAILY)

COMMENTS = {
    'movements': (
        'one row per fact that begins, changes or ends recurring revenue', {
            'account_id': 'Stripe account',
            'fact_id': 'id of the fact in `dunning events`',
            'seq': 'order of writing, within equal booked_at',
            'type': 'type of the fact, as seen from the subscription',
            'happened_at': 'when it happened',
            'booked_at': 'when it counts; later than happened_at where it came behind the watermark',
            'subscription_id': 'Stripe subscription',
            'customer_id': 'Stripe customer',
            'currency': 'lower case',
            'kind': 'what it is as seen from the customer, in this currency: `taken_over` (there '
                    'before the ledger), `new`, `reactivation`, `expansion` (also another '
                    'subscription of a customer), `contraction` (also one of several ended), '
                    '`pause`, `resume`, `churn`; what takes a fact back has its kind',
            'sign': '1, or -1 where it takes a fact back; count by its sum',
            'delta_minor': 'change of MRR; the sum over all kinds is the MRR',
            'mrr_minor': 'MRR of the subscription after it',
            'live_change': '1, -1 or 0: subscriptions begun less ended; a paused one goes on',
            'churn_kind': '`voluntary` or `involuntary`; empty unless the subscription ended',
            'churn_reason': 'why it ended; empty unless it did',
            'during_dunning': 'whether it ended while a case of it was open',
            'return_kind': '`recovered_late` or `returned`; empty unless it came back',
        }),
    'subscription_facts': (
        'one row per fact of a subscription that stands, with what to group by', {
            'account_id': 'Stripe account',
            'fact_id': 'id of the fact',
            'seq': 'order of writing',
            'type': 'type of the fact',
            'subscription_id': 'Stripe subscription',
            'customer_id': 'Stripe customer',
            'currency': 'lower case',
            'happened_at': 'when it happened',
            'booked_at': 'when it counts',
            'mrr_minor': 'MRR of the subscription after it',
            'period_end_at': 'end of the term then running; null where the fact does not say',
            'plan': 'price of the first item',
            'product': 'product of the first item',
            'country': "the customer's country as known then",
            'method': 'type of the payment method in use then',
            'metadata': 'the keys that `metrics: metadata` keeps',
        }),
    'paid_renewals': (
        'one row per invoice that was paid for a further term', {
            'account_id': 'Stripe account',
            'subscription_id': 'Stripe subscription',
            'customer_id': 'Stripe customer',
            'invoice_id': 'Stripe invoice',
            'currency': 'lower case',
            'amount_minor': 'what was paid',
            'paid_at': 'when it was paid',
            'booked_at': 'when it counts',
            'period_start_at': 'first instant of the term',
            'period_end_at': 'end of the term: when the next renewal is due',
            'on_time': 'no payment of the invoice had failed before',
        }),
    'renewals': (
        'one row per subscription and day on which a further term was due', {
            'account_id': 'Stripe account',
            'subscription_id': 'Stripe subscription',
            'customer_id': 'Stripe customer',
            'currency': 'lower case',
            'due_at': 'end of the term before; a change of plan that moved it leaves no row',
            'renewed_at': 'when the further term was paid; null where it is not',
            'on_time': 'paid without a failed payment before',
            'churned_at': 'when the subscription ended after that term began; null where it did not',
        }),
    'case_spans': (
        'one row per time that a case was open', {
            'account_id': 'Stripe account',
            'case_name': 'such as `C-1042`',
            'subscription_id': 'Stripe subscription',
            'customer_id': 'Stripe customer',
            'opened_at': 'when it opened, or opened again',
            'closed_at': 'when it closed; null while it is open',
            'outcome': 'how it closed; empty while it is open',
            'due_at': 'due date of an invoice that is paid by hand; null where a payment failed',
        }),
    'failures': (
        'one row per invoice whose first payment failed, since go-live', {
            'account_id': 'Stripe account',
            'case_name': 'such as `C-1042`',
            'invoice_id': 'Stripe invoice',
            'subscription_id': 'Stripe subscription',
            'customer_id': 'Stripe customer',
            'currency': 'lower case',
            'amount_minor': 'what was owed',
            'failed_at': 'when the first payment failed',
            'billing_reason': "why Stripe wrote the invoice, in Stripe's word",
        }),
    'recoveries': (
        'one row per time that a failed invoice was paid after all', {
            'account_id': 'Stripe account',
            'case_name': 'such as `C-1042`',
            'invoice_id': 'Stripe invoice',
            'subscription_id': 'Stripe subscription',
            'customer_id': 'Stripe customer',
            'currency': 'lower case',
            'failed_at': 'when the first payment failed',
            'failed_minor': 'what was owed',
            'recovered_at': 'when it was paid',
            'recovered_minor': 'what came in',
            'undone_at': 'when the payment was returned or charged back; null where it stays',
            'recovered_by': 'whose act brought the money, as the fact says it',
            'credited_to': '`retry_alone`, `after_letter` (any of the customer or of a retry once a '
                           'letter was out), `customer` (without a letter), `updater` (after the '
                           "network renewed a card), `backup`, `by_hand`, `out_of_band`",
            'tries': 'our charges since the failure, or since the recovery before',
            'letters': 'letters sent in that time',
        }),
    'first_attempts': (
        'one row per invoice of a further term that was tried', {
            'account_id': 'Stripe account',
            'invoice_id': 'Stripe invoice',
            'subscription_id': 'Stripe subscription',
            'customer_id': 'Stripe customer',
            'currency': 'lower case',
            'attempted_at': 'when it was first tried, as far as facts tell',
            'failed': 'whether that failed',
        }),
    'daily': (
        'one row per UTC day, currency and measure', {
            'account_id': 'Stripe account',
            'on_day': 'day, UTC, by when it counts',
            'currency': 'lower case',
            'measure': '`mrr_` and a kind of movement, `renewals_paid`, `failures`, `recoveries`',
            'count': 'how many',
            'amount_minor': 'their amount',
        }),
}


def upgrade() -> None:
    op.create_index(
        'ix_events_taken_back', 'events', ['account_id', sa.text("(data ->> 'corrects')")],
        unique=False, postgresql_where=sa.text("(data ->> 'sign') = '-1'"))
    op.execute('CREATE SCHEMA metrics')
    for view in VIEWS:
        op.execute(sa.text(view.replace(':', '\\:')))
    for view, (meaning, columns) in COMMENTS.items():
        op.execute(f"COMMENT ON VIEW metrics.{view} IS '{quoted(meaning)}'")
        for column, said in columns.items():
            op.execute(f"COMMENT ON COLUMN metrics.{view}.{column} IS '{quoted(said)}'")


def quoted(words: str) -> str:
    return words.replace("'", "''")
