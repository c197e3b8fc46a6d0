"""Whether all that is due was done and nobody is at work, read from the rows alone."""

from dataclasses import dataclass
from datetime import datetime

import psycopg

from worker.domain.job_times import BUSINESS_JOBS

_STATE = """
SELECT (SELECT business_at FROM control),
       (SELECT position_at FROM cursors WHERE name = 'events'),
       (SELECT count(*) FROM cases WHERE next_action_at <= %(now)s),
       (SELECT count(*) FROM letters WHERE next_action_at <= %(now)s),
       (SELECT count(*) FROM cases WHERE lease_until > %(wall)s),
       (SELECT count(*) FROM letters WHERE state = 'sending' OR lease_until > %(wall)s),
       (SELECT count(*) FROM jobs WHERE name = ANY(%(business)s)
        AND (next_due_at <= %(now)s OR last_started_at > coalesce(last_ended_at, '-infinity'))),
       (SELECT count(*) FROM inbox WHERE waiting),
       (SELECT min(next_action_at) FROM cases),
       (SELECT min(next_action_at) FROM letters)
"""


@dataclass(frozen=True)
class State:
    """One look at the ledger."""

    business_at: datetime | None
    read_at: datetime | None
    cases_due: int
    letters_due: int
    cases_leased: int
    letters_leased: int
    jobs: int
    waiting: int
    next_case_at: datetime | None
    next_letter_at: datetime | None

    def at_rest(self, now: datetime) -> bool:
        """Return whether everything due at *now* (business time) is done, and nobody at work."""
        return (
            self.business_at == now
            and self.read_at is not None
            and not (self.cases_due or self.letters_due or self.jobs or self.waiting)
            and not self.at_work
        )

    @property
    def at_work(self) -> int:
        """How many cases and letters are in somebody's hands."""
        return self.cases_leased + self.letters_leased

    @property
    def next_at(self) -> datetime | None:
        """When the next case or letter is due."""
        coming = (self.next_case_at, self.next_letter_at)
        return min((at for at in coming if at is not None), default=None)


class View:
    """Looks at a database that may be away; used by one thread."""

    def __init__(self, database_url: str) -> None:
        """Look at *database_url*; connected to when first asked."""
        self._url = database_url
        self._connection: psycopg.Connection | None = None

    def look(self, now: datetime, wall_now: datetime) -> State | None:
        """Return the state as of *now*, None while the database is away."""
        asked = {"now": now, "wall": wall_now, "business": list(BUSINESS_JOBS)}
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._url, autocommit=True)
            row = self._connection.execute(_STATE, asked).fetchone()
        except psycopg.Error:
            self.close()
            return None
        return State(*row) if row is not None else None

    def close(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
