"""Queries of the promises about charges (I1-I5): each returns the cases that break it.

`touched` are the cases to look at. Two clocks: `sent_at` and facts' `time` are business time;
`first_sent_at`, `last_sent_at` and `recorded_at` are the wall clock's, which alone tells what came
a minute after what. What was written again after a restore had its commits in the lost ledger.
"""

CHARGES: dict[str, str] = {
    # A success counts once under its charge. What came back was opened again by a fact of its own,
    # and may be collected a second time.
    "one_success_per_invoice": """
        , wins AS (
            SELECT a.case_id, a.no, a.sent_at, coalesce(a.settled_at, a.sent_at) AS won_at,
                   coalesce(nullif(a.charge_id, ''), a.key) AS charge
            FROM attempts a JOIN touched ON touched.id = a.case_id
            WHERE a.account_id = :account AND a.kind = 'charge' AND (
                a.state = 'succeeded' OR EXISTS (
                    SELECT FROM network_attempts n
                    WHERE n.account_id = a.account_id AND n.charge_id = a.charge_id
                      AND a.charge_id <> '' AND n.status = 'succeeded')))
        SELECT later.case_id FROM wins one
        JOIN wins later ON later.case_id = one.case_id AND later.no > one.no
            AND later.charge <> one.charge
        WHERE NOT EXISTS (
            SELECT FROM events e
            WHERE e.account_id = :account AND e.subject = 'C-' || one.case_id
              AND e.type = 'case.opened' AND e.data ->> 'reason' IS NOT NULL
              AND e.time BETWEEN one.won_at AND later.sent_at)
    """,
    "charges_see_an_open_case": """
        SELECT a.case_id FROM attempts a JOIN touched ON touched.id = a.case_id
        CROSS JOIN LATERAL (
            SELECT e.type, e.recorded_at FROM events e
            WHERE e.account_id = a.account_id AND e.subject = 'C-' || a.case_id
              AND e.type IN ('case.opened', 'case.released', 'case.held', 'case.in_review',
                             'case.closed')
              AND e.recorded_at <= a.first_sent_at
            ORDER BY e.seq DESC LIMIT 1) AS last
        WHERE a.account_id = :account AND a.kind = 'charge'
          AND last.type IN ('case.held', 'case.in_review', 'case.closed')
          AND last.recorded_at < a.first_sent_at - interval '1 minute'
          AND a.answer_code <> 'rebuilt'
    """,
    "nothing_sends_after_an_end": """
        SELECT a.case_id FROM attempts a JOIN touched ON touched.id = a.case_id
        JOIN cases c ON c.id = a.case_id
        WHERE c.account_id = :account AND c.state = 'closed'
          AND a.kind = 'charge' AND a.sent_at > c.closed_at AND a.answer_code <> 'rebuilt'
    """,
    "acts_see_the_switch": """
        SELECT a.case_id FROM attempts a JOIN touched ON touched.id = a.case_id
        CROSS JOIN LATERAL (
            SELECT e.type, e.recorded_at FROM events e
            WHERE e.account_id = a.account_id AND e.subject = 'account'
              AND e.type IN ('charging.stopped', 'charging.resumed')
              AND e.recorded_at <= a.first_sent_at
            ORDER BY e.seq DESC LIMIT 1) AS last
        WHERE a.account_id = :account AND last.type = 'charging.stopped'
          AND last.recorded_at < a.first_sent_at - interval '1 minute'
          AND a.answer_code <> 'rebuilt'
    """,
    "key_names_its_attempt": """
        SELECT a.case_id FROM attempts a JOIN touched ON touched.id = a.case_id
        WHERE a.account_id = :account AND a.key <> 'dun:v1:' || a.invoice_id || ':' || a.no
    """,
    "one_charge_per_step": """
        SELECT a.case_id FROM attempts a JOIN touched ON touched.id = a.case_id
        WHERE a.account_id = :account AND a.kind = 'charge' AND a.state <> 'abandoned'
        GROUP BY a.case_id, a.step HAVING count(*) > 1
    """,
    "same_method_as_written": """
        SELECT a.case_id FROM attempts a JOIN touched ON touched.id = a.case_id
        JOIN network_attempts n ON n.account_id = a.account_id AND n.charge_id = a.charge_id
        WHERE a.account_id = :account AND a.charge_id <> '' AND a.kind = 'charge'
          AND '' NOT IN (a.payment_method_id, n.payment_method_id)
          AND a.payment_method_id <> n.payment_method_id
    """,
    "one_attempt_in_flight": """
        SELECT min(a.case_id) FROM attempts a JOIN touched ON touched.id = a.case_id
        WHERE a.account_id = :account AND a.state IN ('sending', 'processing')
        GROUP BY a.invoice_id HAVING count(*) > 1
    """,
    "numbers_follow_outcomes": """
        SELECT a.case_id FROM attempts a JOIN touched ON touched.id = a.case_id
        JOIN attempts later ON later.account_id = a.account_id
            AND later.invoice_id = a.invoice_id AND later.no > a.no
        WHERE a.account_id = :account AND a.state IN ('sending', 'processing')
    """,
    "no_key_outlives_a_day": """
        SELECT a.case_id FROM attempts a JOIN touched ON touched.id = a.case_id
        WHERE a.account_id = :account AND a.last_sent_at > a.first_sent_at + interval '24 hours'
    """,
    # A case that is due, or in somebody's hands, is about to be looked at: nobody was there before.
    # So is one of a quarter of an hour hence: Stripe refused to have its invoice read.
    "no_sending_outlives_its_key": """
        SELECT a.case_id FROM attempts a JOIN touched ON touched.id = a.case_id
        JOIN cases c ON c.id = a.case_id
        WHERE c.account_id = :account AND a.state = 'sending'
          AND a.first_sent_at < :wall_now - interval '26 hours' AND c.state <> 'in_review'
          AND (c.next_action_at IS NULL OR c.next_action_at > :now + interval '15 minutes')
          AND (c.lease_until IS NULL OR c.lease_until < :wall_now)
    """,
}
"""Promise -> query, read after `touched`."""
