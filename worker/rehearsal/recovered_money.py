"""What came in of the cases that were paid, by who brought it and currency, from the facts."""

from collections.abc import Sequence
from typing import Any

import psycopg

_RECOVERED = """
SELECT coalesce(cases.recovered_by, 'unknown'), cases.currency, count(*), sum(last.amount_minor)
FROM cases CROSS JOIN LATERAL (
    SELECT (events.data->>'amount_minor')::bigint AS amount_minor FROM events
    WHERE events.account_id = cases.account_id AND events.type = 'payment.recovered'
      AND events.subject = 'C-' || cases.id
    ORDER BY events.time DESC, events.id LIMIT 1) AS last
WHERE cases.state = 'closed' AND cases.outcome IN ('recovered', 'recovered_late')
GROUP BY 1, 2 ORDER BY 1, 2
"""
"""A case is worth what its last `payment.recovered` says: what was owed at first may have been
credited since."""


def recovered_money(connection: psycopg.Connection[Any]) -> Sequence[tuple[str, str, int, int]]:
    """Return (recovered by, currency, cases, minor units) of every recovered case, in order."""
    rows = connection.execute(_RECOVERED).fetchall()
    return [(by, currency, count, int(minor)) for by, currency, count, minor in rows]
