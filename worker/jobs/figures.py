"""The job that adds the facts up."""

from datetime import datetime

from worker.bootstrap import App
from worker.services.roll_up_days import roll_up_days

NAMED_MAX = 20
"""So many differing figures are named; all are counted."""


def add_up_days(app: App, now: datetime) -> None:
    """Add new facts up and check all of it; a difference is cured, and an error all the same."""
    began = app.clock.monotonic_seconds()
    rolled = roll_up_days(ledger=app.ledger, clock=app.clock)
    took_ms = int((app.clock.monotonic_seconds() - began) * 1000)
    if not rolled.differences and not rolled.rows:
        app.log.info("figures", days=rolled.days, differences=0, ms=took_ms, business_at=now)
        return
    named = [f"{each.on_day} {each.currency} {each.measure}" for each in rolled.differences]
    named += [f"{each.view} {each.name}" for each in rolled.rows]
    app.log.error(
        "figures",
        days=rolled.days,
        differences=len(named),
        reason=", ".join(named[:NAMED_MAX]),
        ms=took_ms,
        business_at=now,
        do="none: what differed was made anew from the facts; report it with the log",
    )
