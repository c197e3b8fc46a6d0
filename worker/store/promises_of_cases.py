"""Queries of the promises about cases, facts and letters (I7-I10): each returns what breaks it."""

CASES: dict[str, str] = {
    "closed_cases_have_an_outcome": """
        SELECT c.id FROM cases c JOIN touched ON touched.id = c.id
        WHERE c.account_id = :account AND (c.state = 'closed') <> (c.outcome IS NOT NULL)
    """,
    # Facts of the same instant may have come to the same id, so any of the last instant will do.
    "facts_tell_the_state": """
        SELECT c.id FROM cases c JOIN touched ON touched.id = c.id
        WHERE c.account_id = :account AND NOT EXISTS (
            SELECT FROM events e
            CROSS JOIN LATERAL (
                SELECT e2.recorded_at, e2.time FROM events e2
                WHERE e2.account_id = c.account_id AND e2.subject = 'C-' || c.id
                  AND e2.type IN ('case.opened', 'case.released', 'case.held', 'case.in_review',
                                  'case.closed')
                ORDER BY e2.seq DESC LIMIT 1) AS last
            WHERE e.account_id = c.account_id AND e.subject = 'C-' || c.id
              AND e.time = last.time
              AND c.state = CASE e.type
                  WHEN 'case.opened' THEN 'open' WHEN 'case.released' THEN 'open'
                  WHEN 'case.held' THEN 'held' WHEN 'case.in_review' THEN 'in_review'
                  WHEN 'case.closed' THEN 'closed' END
              AND (c.state <> 'closed' OR c.outcome = e.data ->> 'outcome'))
    """,
    "facts_tell_the_attempts": """
        SELECT a.case_id FROM attempts a JOIN touched ON touched.id = a.case_id
        WHERE a.account_id = :account AND a.kind = 'charge' AND a.state <> 'sending'
          AND NOT EXISTS (
            SELECT FROM events e
            WHERE e.account_id = a.account_id AND e.subject = 'C-' || a.case_id
              AND e.type = 'payment.retried'
              AND CAST(e.data ->> 'attempt_no' AS integer) = a.no
              AND (e.data ->> 'outcome' = a.state
                   OR (a.state = 'abandoned' AND e.data ->> 'outcome' = 'refused')))
    """,
    "facts_tell_the_letters": """
        SELECT l.case_id FROM letters l JOIN touched ON touched.id = l.case_id
        WHERE l.account_id = :account AND l.state IN ('sent', 'unknown', 'refused')
          AND NOT EXISTS (
            SELECT FROM events e
            WHERE e.account_id = l.account_id AND e.subject = 'C-' || l.case_id
              AND e.type = CASE l.state WHEN 'sent' THEN 'notice.sent'
                  WHEN 'unknown' THEN 'notice.unknown' ELSE 'notice.failed' END
              AND e.data ->> 'step' = l.step)
    """,
    "one_letter_per_step": """
        SELECT l.case_id FROM letters l JOIN touched ON touched.id = l.case_id
        WHERE l.account_id = :account AND l.state IN ('sent', 'unknown', 'sending')
        GROUP BY l.case_id, l.step HAVING count(*) > 1
    """,
    "no_letter_after_the_end": """
        SELECT c.id FROM letters l JOIN touched ON touched.id = l.case_id
        JOIN cases c ON c.id = l.case_id
        WHERE c.account_id = :account AND c.state = 'closed'
          AND l.state IN ('sent', 'unknown', 'sending') AND l.step NOT LIKE 'closing%'
          AND l.begun_at > c.closed_at + interval '1 minute'
    """,
    "open_cases_have_a_next_look": """
        SELECT c.id FROM cases c
        WHERE c.account_id = :account AND c.state = 'open' AND c.next_action_at IS NULL
          AND EXISTS (SELECT FROM control WHERE account_id = :account AND charging)
    """,
    # The scan rang for it and nobody came, for a quarter of an hour in which scans were made.
    "due_cases_are_looked_at": """
        SELECT c.id FROM cases c
        WHERE c.account_id = :account AND c.next_action_at < :now - interval '15 minutes'
          AND c.dispatched_until < :wall_now - interval '15 minutes'
          AND (c.lease_until IS NULL OR c.lease_until < :wall_now - interval '15 minutes')
          AND EXISTS (
            SELECT FROM jobs j WHERE j.account_id = :account AND j.name = 'due_cases'
              AND j.last_outcome = 'ok' AND j.last_ended_at > :wall_now - interval '1 minute')
    """,
    # A recovered invoice that came back is opened again; one credited in full is called paid as
    # well and closed as voided. After a standstill what Stripe did meanwhile has to be read first.
    "recovered_means_paid": """
        SELECT c.id FROM cases c JOIN touched ON touched.id = c.id
        JOIN invoices i ON i.account_id = c.account_id AND i.id = c.invoice_id
        WHERE c.account_id = :account AND (
            (c.state = 'closed' AND c.outcome IN ('recovered', 'recovered_late', 'paid_on_time')
             AND i.status <> 'paid' AND c.closed_at < :now - interval '1 day'
             AND c.closed_at < (SELECT read.position_at FROM cursors read WHERE
                 read.account_id = :account AND read.name = 'events') - interval '1 day')
            OR (c.state IN ('open', 'held') AND i.status = 'paid'
                AND i.seen_at < :now - interval '1 day' AND c.next_action_at > :now
                AND NOT EXISTS (SELECT FROM attempts a WHERE a.case_id = c.id
                    AND a.state = 'processing')))
    """,
}
"""Promise -> query, read after `touched`."""

LETTERS: dict[str, str] = {
    "letters_have_a_next_look": """
        SELECT l.id, l.case_id FROM letters l
        WHERE l.account_id = :account AND (
            (l.state = 'queued' AND l.next_action_at IS NULL)
            OR (l.state = 'sending' AND l.lease_until IS NULL))
    """,
}
"""Promise -> query that returns letters with their cases, which some have none of."""
