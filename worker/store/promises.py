"""What breaks the ledger's promises (ports.PromiseBook); the queries stand in files of their own.

A check looks at the cases that moved since the last one and at all that are not closed; once a day
it looks at everything.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.caps import Cap
from worker.domain.network_tries import NetworkTry
from worker.ports import Span, TriedCards
from worker.store.job_tables import job_runs
from worker.store.network import tries_around
from worker.store.promises_of_cases import CASES, LETTERS
from worker.store.promises_of_charges import CHARGES
from worker.store.promises_of_limits import begun_since, over_cap
from worker.store.reading_network import changes_of

FOUND_AS = "broken"
"""Begins the name under which a breach is kept among the things that are said once."""

_ALL = "WITH touched AS (SELECT id FROM cases WHERE account_id = :account)"
_MOVED = r"""
    WITH touched AS MATERIALIZED (
        SELECT id FROM cases WHERE account_id = :account AND state <> 'closed'
        UNION
        SELECT CAST(substr(subject, 3) AS bigint) FROM events
        WHERE account_id = :account AND time >= :since AND subject ~ '^C-[0-9]+$'
        UNION
        SELECT case_id FROM letters
        WHERE account_id = :account AND begun_at >= :since AND case_id IS NOT NULL
        UNION
        SELECT case_id FROM attempts WHERE account_id = :account AND kind = 'charge'
          AND sent_at >= :since)
"""


class Promises:
    """The promises of one account's ledger, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def broken(self, span: Span) -> dict[str, list[str]]:
        """Return promise -> what breaks it, by number."""
        asked = {"account": self._account, "now": span.now, "wall_now": span.wall_now}
        if span.since is not None:
            asked["since"] = span.since
        touched = _ALL if span.since is None else _MOVED
        found = {}
        for name, query in (CHARGES | CASES).items():
            ids = self._connection.execute(text(f"{touched} {query}"), asked).scalars()
            found[name] = [f"C-{number}" for number in sorted(set(ids))]
        for name, query in LETTERS.items():
            rows = self._connection.execute(text(query), asked)
            found[name] = sorted(f"C-{r.case_id}" if r.case_id else f"letter {r.id}" for r in rows)
        return found

    def over_cap(self, cap: Cap, kinds: Sequence[str], *, since: datetime, zone: str) -> list[str]:
        """Return what went out since an instant although *cap* was used up."""
        return over_cap(self._connection, self._account, cap, kinds, since=since, zone=zone)

    def begun_since(self, at: datetime, *, letters: bool) -> list[str]:
        """Return cases with a request to Stripe begun since *at*; or letters begun since then."""
        return begun_since(self._connection, self._account, at, letters=letters)

    def tried_since(self, at: datetime) -> TriedCards:
        """Return all tries around the cards and customers that we charged since *at*."""
        tries = tries_around(self._connection, self._account, since=at)
        return TriedCards(tries, changes_of(self._connection, self._account) if tries else {})

    def case_of_try(self, tried: NetworkTry) -> str:
        """Return the number of the case whose attempt a try of ours was."""
        query = text("""
            SELECT 'C-' || min(case_id) FROM attempts
            WHERE account_id = :account AND kind = 'charge' AND sent_at = :at
              AND payment_method_id = :method AND charge_id IN ('', :charge)
        """)
        asked = {
            "account": self._account,
            "at": tried.at,
            "method": tried.payment_method_id,
            "charge": tried.charge_id,
        }
        return self._connection.execute(query, asked).scalar_one_or_none() or tried.charge_id

    def first_found(self, name: str, subjects: Sequence[str], *, now: datetime) -> list[datetime]:
        """Return when each breach was first found; those not found before are found at *now*."""
        rows = [
            {"account_id": self._account, "name": f"{FOUND_AS} {name}", "period": each, "at": now}
            for each in subjects
        ]
        if not rows:
            return []
        insert = upsert(job_runs).values(rows)
        again = insert.on_conflict_do_update(
            index_elements=["account_id", "name", "period"], set_={"at": job_runs.c.at}
        )
        return list(self._connection.execute(again.returning(job_runs.c.at)).scalars())
