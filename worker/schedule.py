"""The metronome: an in-memory APScheduler job that sends `tick`, nothing more (D11)."""

import signal
import sys
from collections.abc import Mapping

from apscheduler.schedulers.blocking import BlockingScheduler

from worker.bootstrap import SCHEDULER_NEEDS, App, build_app
from worker.errors import ServiceUnavailable
from worker.joblog import capture_libraries

TICK_SECONDS = 1
BEAT_SECONDS = 20
REDIS_AWAY_MAX = 300
"""Failed ticks in a row after which the process ends, so that its manager restarts it."""


class Metronome:
    """Sends ticks, and remembers for how long none could be sent."""

    def __init__(self, app: App) -> None:
        """Tick through *app*'s doorbell."""
        self._app = app
        self.failed = 0

    def tick(self) -> None:
        """Send one tick; what is due waits in the database while Redis is away."""
        try:
            self._app.doorbell.tick()
            self.failed = 0
        except ServiceUnavailable as away:
            self.failed += 1
            if self.failed == 1:
                self._app.log.warning(
                    "redis.unavailable", error=away, do="look at the Redis server (REDIS_URL)"
                )

    def beat(self) -> None:
        """Record that the scheduler is alive."""
        try:
            self._app.beat()
        except ServiceUnavailable as away:
            self._app.log.warning(
                "database.unavailable", error=away, do="look at PostgreSQL (DATABASE_URL)"
            )


def run(environ: Mapping[str, str]) -> int:
    """Tick until SIGTERM and return the exit code: 0 as asked, 4 where Redis stayed away."""
    app = build_app(environ, process="scheduler", needed=SCHEDULER_NEEDS)
    capture_libraries(app.log)
    scheduler = BlockingScheduler(timezone="UTC")
    metronome = Metronome(app)
    code = 0

    def tick() -> None:
        nonlocal code
        metronome.tick()
        if metronome.failed >= REDIS_AWAY_MAX:
            code = 4
            scheduler.shutdown(wait=False)

    def end(_signal: int, _frame: object) -> None:
        scheduler.shutdown(wait=False)

    options = {"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
    scheduler.add_job(tick, "interval", seconds=TICK_SECONDS, id="tick", **options)
    scheduler.add_job(metronome.beat, "interval", seconds=BEAT_SECONDS, id="beat", **options)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    metronome.beat()
    app.log.info("boot", config=app.configuration.digest, mode=app.configuration.dunning.mode)
    scheduler.start()
    app.log.info("exit")
    sys.stdout.flush()
    return code
