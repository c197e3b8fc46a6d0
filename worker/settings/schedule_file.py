"""The shape of config/schedule.yaml: when each job runs (architecture.md D11).

Intervals of seconds and minutes run by wall time, hourly and daily jobs by business time; a job
that is left out keeps its default.
"""

from datetime import time, timedelta

from pydantic import Field

from worker.domain.job_times import JobTiming
from worker.settings.fields import DailyAt, Every, Section


class ScheduleFile(Section):
    """All of schedule.yaml."""

    read_stripe: Every = Field(default=timedelta(seconds=10), examples=["every 10 seconds"])
    """Reads Stripe's new events."""
    due_cases: Every = Field(default=timedelta(seconds=2), examples=["every 2 seconds"])
    """Looks for cases that are due and sends each to a worker."""
    deliver_letters: Every = Field(default=timedelta(seconds=5), examples=["every 5 seconds"])
    """Sends the letters that wait, in the customers' sending hours."""
    sweep: Every = Field(default=timedelta(seconds=30), examples=["every 30 seconds"])
    """Takes up what a stopped process left: leases, unknown answers, leftovers."""
    heartbeat: Every = Field(default=timedelta(minutes=1), examples=["every 1 minute"])
    """Writes one line that says the service lives and what waits."""
    renewals_cards_trials: Every = Field(default=timedelta(hours=1), examples=["every 1 hour"])
    """Looks for upcoming renewals, expiring cards and ending trials."""
    invariants: Every = Field(default=timedelta(minutes=15), examples=["every 15 minutes"])
    """Checks the promises of the ledger; a broken one stops charging."""
    staff_mail: Every = Field(default=timedelta(minutes=1), examples=["every 1 minute"])
    """Sends mails to staff (`staff` in notices.yaml), and looks what they must be told at once."""
    seal: Every = Field(default=timedelta(seconds=5), examples=["every 5 seconds"])
    """Gives new facts their places in the chain that `dunning audit verify` walks."""
    sinks: Every = Field(default=timedelta(seconds=10), examples=["every 10 seconds"])
    """Copies new facts to the sinks of sinks.yaml."""
    reconcile: DailyAt = Field(default=time(3), examples=["daily at 03:00"])
    """Compares the ledger with Stripe and lists the last three days of events again."""
    summary: DailyAt = Field(default=time(7), examples=["daily at 07:00"])
    """Writes yesterday's figures to the job log, once for each day."""
    plan: DailyAt = Field(default=time(6), examples=["daily at 06:00"])
    """Keeps the day's plan, which the next day's is compared with; 35 days are kept."""

    audit: DailyAt = Field(default=time(4), examples=["daily at 04:00"])
    """Walks the whole chain over the facts and writes its head to the job log."""

    retention: DailyAt = Field(default=time(2), examples=["daily at 02:00"])
    """Drops raw events of Stripe's after 35 days, and rendered letters (`keep_letters`)."""

    tie_out: DailyAt = Field(default=time(5), examples=["daily at 05:00"])
    """Checks that facts of revenue add up and agree with Stripe's subscriptions and invoices."""

    figures: DailyAt = Field(default=time(5, 30), examples=["daily at 05:30"])
    """Adds the facts up by day for `dunning metrics --daily`, and checks every day against them."""

    def timings(self) -> dict[str, JobTiming]:
        """Return job name -> when it runs, in the file's order."""
        timings: dict[str, JobTiming] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, time):
                timings[name] = JobTiming(daily_at=value)
            else:
                timings[name] = JobTiming(every=value)
        return timings
