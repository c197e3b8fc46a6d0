"""Scheduled jobs: which is due is a row, claimed by UPDATE (ports.JobBook, D11)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.store.job_tables import job_runs, jobs, processes


class Jobs:
    """The job rows of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def ensure(self, name: str, *, first_due_at: datetime) -> None:
        """Create the job's row where it is missing."""
        self._connection.execute(
            upsert(jobs)
            .values(account_id=self._account, name=name, next_due_at=first_due_at)
            .on_conflict_do_nothing()
        )

    def due(self, names: Sequence[str], *, now: datetime) -> list[str]:
        """Return the jobs of *names* that are due by *now*, locked for this transaction."""
        query = (
            select(jobs.c.name)
            .where(
                jobs.c.account_id == self._account,
                jobs.c.name.in_(list(names)),
                jobs.c.next_due_at <= now,
            )
            .order_by(jobs.c.name)
            .with_for_update(skip_locked=True)
        )
        return list(self._connection.execute(query).scalars())

    def started(self, name: str, *, next_due_at: datetime, wall_now: datetime) -> None:
        """Record a start and when the job is due again."""
        self._connection.execute(
            update(jobs)
            .where(jobs.c.account_id == self._account, jobs.c.name == name)
            .values(next_due_at=next_due_at, last_started_at=wall_now)
        )

    def take(self, name: str, *, process: str, wall_now: datetime, until: datetime) -> bool:
        """Begin a run, or return False while another process runs the job."""
        asked = {
            "account": self._account,
            "job": name,
            "process": process,
            "wall_now": wall_now,
            "until": until,
        }
        return self._connection.execute(_TAKE, asked).rowcount == 1

    def keep(self, process: str, *, until: datetime) -> None:
        """Keep what *process* runs, which takes longer than was thought."""
        self._connection.execute(
            update(jobs)
            .where(
                jobs.c.account_id == self._account,
                jobs.c.running_by == process,
                jobs.c.running_until.isnot(None),
            )
            .values(running_until=until)
        )

    def ended(self, name: str, *, outcome: str, wall_now: datetime) -> None:
        """Record how a run ended."""
        self._connection.execute(
            _ENDED,
            {"account": self._account, "job": name, "outcome": outcome, "wall_now": wall_now},
        )

    def take_lost(self, *, started_before: datetime, wall_now: datetime) -> list[str]:
        """Return jobs that were started and neither ended nor run, as started anew.

        Their message was lost with Redis, or their process was killed.
        """
        statement = (
            update(jobs)
            .where(
                jobs.c.account_id == self._account,
                jobs.c.last_started_at < started_before,
                or_(
                    jobs.c.last_ended_at.is_(None),
                    jobs.c.last_ended_at < jobs.c.last_started_at,
                ),
                _free(wall_now),
            )
            .values(last_started_at=wall_now)
            .returning(jobs.c.name)
        )
        return sorted(self._connection.execute(statement).scalars())

    def ring(self, name: str, *, at: datetime) -> None:
        """Make a job due at *at*, if it is not due before that anyway."""
        self._connection.execute(
            update(jobs)
            .where(jobs.c.account_id == self._account, jobs.c.name == name)
            .values(next_due_at=func.least(jobs.c.next_due_at, at))
        )

    def once(self, name: str, period: str, *, now: datetime) -> bool:
        """Return True the first time a (job, period) is asked for, ever."""
        statement = (
            upsert(job_runs)
            .values(account_id=self._account, name=name, period=period, at=now)
            .on_conflict_do_nothing()
            .returning(job_runs.c.name)
        )
        return self._connection.execute(statement).first() is not None

    def last_period(self, name: str) -> str:
        """Return the latest period that was asked for once, or the empty string."""
        query = select(func.max(job_runs.c.period)).where(
            job_runs.c.account_id == self._account, job_runs.c.name == name
        )
        return self._connection.execute(query).scalar_one_or_none() or ""

    def alive(self, *, since: datetime) -> dict[str, str]:
        """Return the processes heard of since *since*, with their configuration's digest."""
        rows = self._connection.execute(
            select(processes.c.name, processes.c.config_digest).where(
                processes.c.account_id == self._account, processes.c.seen_at >= since
            )
        )
        return {row.name: row.config_digest for row in rows}

    def beat(self, process: str, *, wall_now: datetime, config_digest: str) -> None:
        """Record that a process is alive."""
        values = {"seen_at": wall_now, "config_digest": config_digest}
        statement = upsert(processes).values(account_id=self._account, name=process, **values)
        self._connection.execute(
            statement.on_conflict_do_update(index_elements=["account_id", "name"], set_=values)
        )


def _free(wall_now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    return or_(jobs.c.running_until.is_(None), jobs.c.running_until < wall_now)


# Run around every job. A statement that is built once costs half of one built each time.
_ONE = and_(jobs.c.account_id == bindparam("account"), jobs.c.name == bindparam("job"))
_TAKE = (
    update(jobs)
    .where(_ONE, _free(bindparam("wall_now")))
    .values(running_by=bindparam("process"), running_until=bindparam("until"))
)
_ENDED = (
    update(jobs)
    .where(_ONE)
    .values(
        last_ended_at=bindparam("wall_now"),
        last_outcome=bindparam("outcome"),
        running_by="",
        running_until=None,
    )
)
