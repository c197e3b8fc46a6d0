"""Promises of the ledger as queries: each counts the rows that break it (reliability.md 5)."""

from datetime import datetime

from sqlalchemy import Connection, text

PROMISES: dict[str, str] = {
    "one_success_per_invoice": """
        SELECT count(*) FROM (
            SELECT invoice_id FROM attempts
            WHERE account_id = :account AND kind = 'charge' AND state = 'succeeded'
            GROUP BY invoice_id HAVING count(*) > 1) AS doubled
    """,
    "one_attempt_in_flight": """
        SELECT count(*) FROM (
            SELECT invoice_id FROM attempts
            WHERE account_id = :account AND state IN ('sending', 'processing')
            GROUP BY invoice_id HAVING count(*) > 1) AS doubled
    """,
    "key_names_its_attempt": """
        SELECT count(*) FROM attempts
        WHERE account_id = :account AND key <> 'dun:v1:' || invoice_id || ':' || no
    """,
    "one_letter_per_step": """
        SELECT count(*) FROM (
            SELECT case_id, step FROM letters
            WHERE account_id = :account AND case_id IS NOT NULL
              AND state IN ('sent', 'unknown', 'sending')
            GROUP BY case_id, step HAVING count(*) > 1) AS doubled
    """,
    "open_cases_have_a_next_look": """
        SELECT count(*) FROM cases
        WHERE account_id = :account AND state = 'open' AND next_action_at IS NULL
          AND EXISTS (SELECT FROM control WHERE account_id = :account AND charging)
    """,
    "nothing_sends_after_an_end": """
        SELECT count(*) FROM attempts JOIN cases ON cases.id = attempts.case_id
        WHERE cases.account_id = :account AND cases.state = 'closed'
          AND attempts.kind = 'charge' AND attempts.sent_at > cases.closed_at
    """,
    "closed_cases_have_an_outcome": """
        SELECT count(*) FROM cases
        WHERE account_id = :account AND (state = 'closed') <> (outcome IS NOT NULL)
    """,
    "no_sending_outlives_its_key": """
        SELECT count(*) FROM attempts JOIN cases ON cases.id = attempts.case_id
        WHERE cases.account_id = :account AND attempts.state = 'sending'
          AND attempts.first_sent_at < :wall_now - interval '26 hours'
          AND cases.state <> 'in_review'
    """,
}
"""Name -> query that gives how often the promise is broken; the names stand in the log."""


def broken(connection: Connection, account_id: str, *, wall_now: datetime) -> dict[str, int]:
    """Return how often each promise is broken; 0 everywhere is the only good answer."""
    values = {"account": account_id, "wall_now": wall_now}
    return {
        name: connection.execute(text(query), values).scalar_one()
        for name, query in PROMISES.items()
    }
