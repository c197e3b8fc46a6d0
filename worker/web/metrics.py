"""GET /metrics: the ledger's figures and this process's own, for Prometheus.

Labels come from closed sets: states, kinds, names of jobs, causes. No id and no customer is one.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from worker.domain.case import LetterState
from worker.domain.policy import Mode
from worker.errors import ServiceUnavailable
from worker.office.charging import charging_of
from worker.ports import Clock
from worker.store.reading import snapshot
from worker.store.reading_metrics import Figures, read_figures
from worker.store.reading_status import Signs
from worker.web.open_ledger import OpenLedger

ALIVE_WITHIN = timedelta(minutes=3)
PROCESSES = ("scheduler", "worker", "web")


class LedgerCollector(Collector):
    """Reads the ledger at every scrape; while it is away only `dunning_ledger_up 0` is told."""

    def __init__(self, ledger: OpenLedger, clock: Clock, mode: Callable[[], Mode]) -> None:
        """Read nothing yet; *mode* is asked anew each time, since versions of config/ follow."""
        self._ledger = ledger
        self._clock = clock
        self._mode = mode

    def describe(self) -> list[GaugeMetricFamily]:
        """Name nothing beforehand, so that registering does not read the ledger."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every figure."""
        wall_now = self._clock.wall_now()
        try:
            ledger, _ = self._ledger.get()
            with snapshot(ledger) as connection:
                figures = read_figures(
                    connection, ledger.account_id, alive_since=wall_now - ALIVE_WITHIN
                )
        except ServiceUnavailable:
            figures = None
        yield _one("ledger_up", "Whether the ledger can be read", int(figures is not None))
        if figures is not None:
            yield from _of_cases(figures, now=figures.switch.business_at or wall_now)
            yield from _of_service(figures, self._mode(), wall_now=wall_now)


def metrics_text(registry: CollectorRegistry) -> bytes:
    """Return everything in *registry* in Prometheus' text format."""
    return generate_latest(registry)


def _of_cases(figures: Figures, *, now: datetime) -> Iterator[GaugeMetricFamily]:
    late = max(0.0, (now - figures.due_at).total_seconds()) if figures.due_at else 0.0
    letters = figures.letters.by_state
    yield _by("cases", "Cases by state", ("state",), _keyed(figures.cases))
    yield _by("cases_closed", "Closed cases by outcome", ("outcome",), _keyed(figures.outcomes))
    yield _by("attempts", "Requests that charge or end", ("kind", "state"), figures.attempts)
    yield _by("letters", "Letters by state", ("state",), _keyed(letters))
    yield _one("letters_waiting", "Letters that wait", letters.get(LetterState.QUEUED.value, 0))
    yield _one("oldest_late_seconds", "How late the oldest due case is", late)


def _of_service(figures: Figures, mode: Mode, *, wall_now: datetime) -> Iterator[GaugeMetricFamily]:
    now = figures.switch.business_at or wall_now
    signs = Signs(
        figures.switch,
        tuple(figures.living),
        worker_seen_at=figures.worker_seen_at,
        feed_at=figures.feed_at,
    )
    charging = charging_of(signs, mode, now=now, runs=True)
    yield _one("charging", "Whether charges may start now", int(charging.yes))
    causes = {} if charging.yes else {charging.cause: 1}
    yield _by("charging_stopped", "Why none may start", ("cause",), _keyed(causes))
    if figures.feed_at is not None:
        lag = max(0.0, (now - figures.feed_at).total_seconds())
        yield _one("feed_lag_seconds", "How far the reading of Stripe's events is behind", lag)
    alive = [process.name.partition("-")[0] for process in figures.living]
    processes = {kind: alive.count(kind) for kind in PROCESSES}
    yield _by("processes", "Processes heard of in 3 minutes", ("kind",), _keyed(processes))
    ended = {job.name: job.ended_at for job in figures.jobs if job.ended_at is not None}
    ages = {name: (wall_now - at).total_seconds() for name, at in ended.items()}
    yield _by("job_age_seconds", "Since the job's last run ended", ("job",), _keyed(ages))
    fine = {job.name: int(job.outcome == "ok") for job in figures.jobs if job.ended_at}
    yield _by("job_ok", "Whether the job's last run went well", ("job",), _keyed(fine))
    yield from _of_sinks(figures)
    yield _one("events_waiting", "Events that wait for the feed", figures.events_waiting)
    yield _one("events_parked", "Events that could not be read", figures.events_parked)


def _of_sinks(figures: Figures) -> Iterator[GaugeMetricFamily]:
    """Yield how each sink stands; their names are those of sinks.yaml, at most twenty."""
    waiting = {state.name: count for state, count in figures.sinks}
    positions = {state.name: state.position for state, _ in figures.sinks}
    failures = {state.name: state.failures for state, _ in figures.sinks}
    yield _by("sink_position", "Last place a sink has", ("sink",), _keyed(positions))
    yield _by("sink_waiting", "Facts that wait for a sink", ("sink",), _keyed(waiting))
    yield _by("sink_failures", "Tries in a row that failed", ("sink",), _keyed(failures))


def _keyed(values: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    return {(key,): value for key, value in values.items()}


def _one(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"dunning_{name}", about, value=value)


def _by(
    name: str, about: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"dunning_{name}", about, labels=labels)
    for key in sorted(values):
        family.add_metric(key, values[key])
    return family
