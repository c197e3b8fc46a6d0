"""Queries of the promises about limits (I6, I14): what went out although a limit was reached."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from worker.domain.caps import Cap, Counted, Window

_WINDOW = {
    # A window of 60 minutes is open at its beginning, as the caps count it.
    Window.HOUR: "ORDER BY at RANGE BETWEEN interval '00:59:59.999999' PRECEDING AND CURRENT ROW",
    Window.DAY: "PARTITION BY CAST(at AT TIME ZONE :zone AS date) ORDER BY at "
    "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
}
# By its last sending: one whose sender died may have reached Stripe only then.
_ASKED = """
    account_id = :account AND kind = ANY(:kinds) AND (:currency = '' OR currency = :currency)
    AND coalesce(asked_at, sent_at) > :from_at
"""
# Of the charges that were given up, those that an event names as carried out.
_ATTEMPTS = f"""
    SELECT 'C-' || case_id AS subject, coalesce(asked_at, sent_at) AS at,
           CASE WHEN state = 'declined' THEN 0 ELSE amount_minor END AS amount
    FROM attempts WHERE {_ASKED} AND state <> 'abandoned'
    UNION ALL
    SELECT 'C-' || case_id, coalesce(asked_at, sent_at), 0
    FROM attempts AS a
    WHERE {_ASKED} AND kind = 'charge' AND state = 'abandoned'
      AND (answer_code = '' OR sends > 1) AND EXISTS (
        SELECT FROM network_attempts AS n WHERE n.account_id = a.account_id
        AND n.customer_id = a.customer_id AND n.request_key = a.key)
"""
_LETTERS = """
    SELECT coalesce('C-' || case_id, 'letter ' || id) AS subject, begun_at AS at, 0 AS amount
    FROM letters
    WHERE account_id = :account AND state NOT IN ('queued', 'suppressed') AND begun_at > :from_at
"""


def over_cap(
    connection: Connection,
    account_id: str,
    cap: Cap,
    kinds: Sequence[str],
    *,
    since: datetime,
    zone: str,
) -> list[str]:
    """Return what went out since an instant although *cap* was used up, oldest first."""
    rows = _LETTERS if cap.counts is Counted.LETTERS else _ATTEMPTS
    used = "sum(amount)" if cap.counts is Counted.AMOUNT else "count(*)"
    query = f"""
        SELECT subject, max(at) AS at FROM (
            SELECT subject, at, {used} OVER ({_WINDOW[cap.window]}) AS used FROM ({rows}) AS sent
        ) AS running WHERE used > :most AND at > :since GROUP BY subject ORDER BY at, subject
    """
    asked = {
        "account": account_id,
        "kinds": list(kinds),
        "currency": cap.currency,
        "from_at": cap.since(since, zone),
        "since": since,
        "most": cap.most,
        "zone": zone,
    }
    return [row.subject for row in connection.execute(text(query), asked)]


def begun_since(
    connection: Connection, account_id: str, at: datetime, *, letters: bool
) -> list[str]:
    """Return cases with a request to Stripe begun since *at*; or letters begun since then."""
    rows = (
        _LETTERS
        if letters
        else """
        SELECT 'C-' || case_id AS subject, sent_at AS at FROM attempts
        WHERE account_id = :account AND coalesce(asked_at, sent_at) > :from_at
        """
    )
    query = f"SELECT DISTINCT subject FROM ({rows}) AS begun ORDER BY subject"
    asked = {"account": account_id, "from_at": at}
    return list(connection.execute(text(query), asked).scalars())
