"""Start the jobs that are due: a claim is an UPDATE, so two schedulers are harmless (D11)."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from worker.domain.job_times import BUSINESS_JOBS, WALL_JOBS, JobTiming, next_due_at
from worker.domain.policy import Configuration
from worker.ports import Clock, Doorbell, Ledger


def ensure_jobs(*, ledger: Ledger, clock: Clock, now: datetime) -> None:
    """Create the rows of jobs that have none; each is due at once."""
    with ledger.begin() as tx:
        for name in WALL_JOBS:
            tx.jobs.ensure(name, first_due_at=clock.wall_now())
        for name in BUSINESS_JOBS:
            tx.jobs.ensure(name, first_due_at=now)


def start_due_jobs(
    *,
    ledger: Ledger,
    doorbell: Doorbell,
    clock: Clock,
    configuration: Configuration,
    now: datetime,
) -> list[str]:
    """Claim every due job, ring for it and return the names; wall and business jobs alike."""
    wall_now = clock.wall_now()
    started = []
    with ledger.begin() as tx:
        for names, at in ((WALL_JOBS, wall_now), (BUSINESS_JOBS, now)):
            for name in tx.jobs.due(_scheduled(names, configuration.schedule), now=at):
                due_again = next_due_at(
                    configuration.schedule[name],
                    after=at,
                    office_zone=configuration.dunning.office_zone,
                )
                tx.jobs.started(name, next_due_at=due_again, wall_now=wall_now)
                started.append(name)
    for name in started:
        doorbell.run_job(name)
    return started


def _scheduled(names: Sequence[str], schedule: Mapping[str, JobTiming]) -> list[str]:
    return [name for name in names if name in schedule]
