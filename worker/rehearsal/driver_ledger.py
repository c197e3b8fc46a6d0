"""What the driver sees of the ledger: is anything due, is anybody at work, what comes next."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

import psycopg

from worker.domain.job_times import BUSINESS_JOBS

_STATE = """
SELECT (SELECT business_at FROM control),
       (SELECT position_at FROM cursors WHERE name = 'events'),
       (SELECT count(*) FROM cases WHERE next_action_at <= %(now)s),
       (SELECT count(*) FROM letters WHERE next_action_at <= %(now)s),
       (SELECT count(*) FROM cases WHERE lease_until > clock_timestamp()),
       (SELECT count(*) FROM letters WHERE state = 'sending'),
       (SELECT count(*) FROM jobs WHERE next_due_at <= %(now)s AND name = ANY(%(business)s)),
       (SELECT coalesce(array_agg(name ORDER BY name), '{}') FROM jobs
        WHERE name = ANY(%(business)s)
          AND last_started_at > coalesce(last_ended_at, '-infinity')),
       (SELECT last_outcome = 'failed' FROM jobs WHERE name = 'read_stripe'),
       (SELECT min(next_action_at) FROM cases),
       (SELECT min(next_action_at) FROM letters)
"""


@dataclass(frozen=True, slots=True)
class LedgerState:
    """One look at the ledger; instants are business time."""

    business_at: datetime | None
    read_at: datetime | None
    cases_due: int
    letters_due: int
    leases: int
    sending: int
    jobs_due: int
    unfinished: list[str]
    """Jobs that were started and have not ended: they run, or their message was lost."""
    read_failed: bool | None
    """Whether the last run of the feed came to no end."""
    next_case_at: datetime | None
    next_letter_at: datetime | None

    @property
    def anything_due(self) -> bool:
        """Whether a job, a case or a letter is due."""
        return bool(self.jobs_due or self.cases_due or self.letters_due)

    @property
    def quiet(self) -> bool:
        """Whether nothing is due and nobody is at work."""
        return not (self.anything_due or self.unfinished or self.leases or self.sending)

    def told(self) -> str:
        """Return what is left to do, in words."""
        return (
            f"{self.cases_due} cases, {self.letters_due} letters and {self.jobs_due} jobs due, "
            f"{self.leases} leases, {self.sending} letters being sent, "
            f"{', '.join(self.unfinished) or 'no job'} unfinished"
        )

    @property
    def next_at(self) -> datetime | None:
        """The earliest instant at which a case or a letter is due.

        Hourly and daily jobs make no stop of their own: they run at the first one after they are
        due, which is the same day.
        """
        coming = (self.next_case_at, self.next_letter_at)
        return min((at for at in coming if at is not None), default=None)


class LedgerView:
    """A connection that only reads; used by one thread."""

    def __init__(self, database_url: str) -> None:
        """Connect to *database_url* (`postgresql://`)."""
        self._connection = psycopg.connect(database_url, autocommit=True)

    def look(self, now: datetime) -> LedgerState:
        """Return the state as of *now* (business time)."""
        row = self._connection.execute(
            _STATE, {"now": now, "business": list(BUSINESS_JOBS)}
        ).fetchone()
        if row is None:
            raise AssertionError("a query of one row gave none")
        return LedgerState(*row)

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self.close()
