"""Taking out what is not kept for ever (ports.RetentionBook)."""

from datetime import datetime

from sqlalchemy import Connection, text

from worker.store.reading_network import UPDATED, UPDATED_BY_NETWORK

_OLD = """
    account_id = :account AND received_at < :wall_before AND created_at < :before
    AND folded_at IS NOT NULL AND NOT waiting
"""
_REPORTED = "type IN (:updated, :updated_by_network)"
"""Events by which the report to the networks proves that a card changed."""
_RETOLD = "type LIKE 'customer.subscription.%'"
"""Events that stay: one that comes late has its subscription's whole story told anew. They name
nobody; what operators keep in metadata goes with `dunning forget`."""

_DELETE = text(f"""
    DELETE FROM inbox WHERE account_id = :account AND event_id IN (
        SELECT event_id FROM inbox WHERE {_OLD} AND NOT {_REPORTED} AND NOT {_RETOLD}
        ORDER BY received_at LIMIT :limit)
""")
_STRIP = text(f"""
    UPDATE inbox SET payload = jsonb_build_object('data', jsonb_build_object(
        'object', '{{}}'::jsonb, 'previous_attributes', CASE
            WHEN payload #> '{{data,previous_attributes}}' ? 'card' THEN '{{"card": {{}}}}'::jsonb
            ELSE '{{}}'::jsonb END))
    WHERE account_id = :account AND event_id IN (
        SELECT event_id FROM inbox WHERE {_OLD} AND {_REPORTED} AND payload ? 'id'
        ORDER BY received_at LIMIT :limit)
""")
_RENDERED = text("""
    UPDATE letters SET rendered = NULL, context = '{}' WHERE id IN (
        SELECT id FROM letters
        WHERE account_id = :account AND rendered IS NOT NULL AND queued_at < :before
        ORDER BY id LIMIT :limit)
""")


class Retention:
    """Old rows of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def drop_events(self, *, wall_before: datetime, before: datetime, limit: int) -> int:
        """Delete raw events that were received and happened before; return how many rows.

        Of events that reports rest on only that much stays. Nothing is dropped that is not applied
        and told in the facts yet.
        """
        asked = {
            "account": self._account,
            "wall_before": wall_before,
            "before": before,
            "limit": limit,
            "updated": UPDATED,
            "updated_by_network": UPDATED_BY_NETWORK,
        }
        deleted = self._connection.execute(_DELETE, asked).rowcount
        return deleted + self._connection.execute(_STRIP, asked).rowcount

    def drop_rendered(self, *, before: datetime, limit: int) -> int:
        """Empty letters that were queued before *before*, business time; return how many."""
        asked = {"account": self._account, "before": before, "limit": limit}
        return self._connection.execute(_RENDERED, asked).rowcount
