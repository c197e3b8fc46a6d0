"""The metronome: an in-memory APScheduler job that sends `tick`, nothing more (D11)."""

import signal
import sys
from collections.abc import Mapping

from apscheduler.schedulers.background import BackgroundScheduler

from worker.bootstrap import SCHEDULER_NEEDS, App, LedgerEmptyError, build_app
from worker.clock import sleep
from worker.errors import ServiceUnavailable
from worker.joblog import capture_libraries, capture_uncaught

TICK_SECONDS = 1
BEAT_SECONDS = 20
TICKS_WAITING_MAX = 1000
"""With so many messages waiting another tick would only make the queue longer."""
REDIS_AWAY_MAX = 300
"""Failed ticks in a row after which the process ends, so that its manager restarts it."""
LOOK_SECONDS = 0.2


class Metronome:
    """Sends ticks, and remembers for how long none could be sent."""

    def __init__(self, app: App) -> None:
        """Tick through *app*'s doorbell."""
        self._app = app
        self._database_away = False
        self.failed = 0

    def tick(self) -> None:
        """Send one tick; what is due waits in the database while Redis is away."""
        try:
            if self._app.doorbell.waiting() < TICKS_WAITING_MAX:
                self._app.doorbell.tick()
            self.failed = 0
        except ServiceUnavailable as away:
            self.failed += 1
            if self.failed == 1:
                self._app.log.warning(
                    "redis.unavailable", error=away, do="look at the Redis server (REDIS_URL)"
                )

    def beat(self) -> None:
        """Record that the scheduler is alive, as soon as there is a ledger to record it in."""
        try:
            self._app.beat()
            self._database_away = False
        except LedgerEmptyError:
            self._app.log.debug("heartbeat")
        except ServiceUnavailable as away:
            if not self._database_away:
                self._app.log.warning(
                    "database.unavailable", error=away, do="look at PostgreSQL (DATABASE_URL)"
                )
            self._database_away = True


class StopRequest:
    """Set by SIGTERM or SIGINT; a plain flag, since a handler may take no lock."""

    def __init__(self) -> None:
        """Listen from now on."""
        self.made = False
        signal.signal(signal.SIGTERM, self._make)
        signal.signal(signal.SIGINT, self._make)

    def _make(self, _signal: int, _frame: object) -> None:
        self.made = True


def run(environ: Mapping[str, str]) -> int:
    """Tick until SIGTERM and return the exit code: 0 as asked, 4 where Redis stayed away.

    Raises: ConfigError: all that is wrong, at once; ServiceUnavailable: database or Redis is away
    from the start.
    """
    app = build_app(environ, process="scheduler", needed=SCHEDULER_NEEDS)
    try:
        app.doorbell.waiting()
        app.beat()
    except LedgerEmptyError:
        app.log.debug("heartbeat")
    except ServiceUnavailable:
        app.close()
        raise
    capture_libraries(app.log)
    capture_uncaught(app.log)
    stop = StopRequest()
    metronome = Metronome(app)
    scheduler = BackgroundScheduler(timezone="UTC")
    options = {"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
    scheduler.add_job(metronome.tick, "interval", seconds=TICK_SECONDS, id="tick", **options)
    scheduler.add_job(metronome.beat, "interval", seconds=BEAT_SECONDS, id="beat", **options)
    app.say_whether_directory_differs()
    app.log.info("boot", config=app.configuration.digest, mode=app.configuration.dunning.mode)
    scheduler.start()
    while not stop.made and metronome.failed < REDIS_AWAY_MAX:
        sleep(LOOK_SECONDS)
    scheduler.shutdown(wait=stop.made)
    app.log.info("exit")
    sys.stdout.flush()
    return 0 if stop.made else 4
