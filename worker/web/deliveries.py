"""What is remembered of deliveries: figures for /metrics, and lines that a flood cannot flood."""

import threading
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Histogram

from worker.ports import Clock, JobLog

QUIET_SECONDS = 60.0
"""Of refusals for one reason a line in this time is enough; it says how many there were."""


class Result(StrEnum):
    """How a delivery ended: the label of `dunning_webhooks_total`."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    UNSIGNED = "unsigned"
    FORGED = "forged"
    TOO_OLD = "too_old"
    IN_THE_FUTURE = "in_the_future"
    NOT_JSON = "not_json"
    NO_EVENT = "no_event"
    OTHER_ACCOUNT = "other_account"
    OTHER_MODE = "other_mode"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    UNAVAILABLE = "unavailable"

    @property
    def status(self) -> int:
        """The HTTP status of the answer; only 2xx makes Stripe stop delivering it."""
        return _STATUS.get(self, 400)


_STATUS = {
    Result.STORED: 200,
    Result.DUPLICATE: 200,
    Result.IGNORED: 200,
    Result.OTHER_ACCOUNT: 403,
    Result.OTHER_MODE: 403,
    Result.TOO_LARGE: 413,
    Result.TOO_SLOW: 408,
    Result.UNAVAILABLE: 503,
}

_CURES = {
    Result.UNSIGNED: "nothing, if strangers knock; else look at who forwards the endpoint",
    Result.FORGED: "compare STRIPE_WEBHOOK_SECRET with the endpoint's in Stripe's Dashboard",
    Result.TOO_OLD: "look at this host's clock",
    Result.IN_THE_FUTURE: "look at this host's clock",
    Result.NO_EVENT: "let the endpoint in Stripe's Dashboard send snapshots, not thin events",
    Result.OTHER_ACCOUNT: "let the endpoint in Stripe's Dashboard send this account's events only",
    Result.OTHER_MODE: "give the endpoint of this ledger's mode (live or test) this address",
    Result.UNAVAILABLE: "look at PostgreSQL (DATABASE_URL); Stripe delivers again",
}
_CURE = "none, if it stays alone; else look at the endpoint in Stripe's Dashboard"


class Deliveries:
    """Counts and tells deliveries; used by the thread of the server."""

    def __init__(self, log: JobLog, clock: Clock, registry: CollectorRegistry) -> None:
        """Count in *registry*, tell *log*."""
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._said: dict[Result, float] = {}
        self._unsaid: dict[Result, int] = {}
        self._counts = Counter(
            "dunning_webhooks", "Deliveries by result", ["result"], registry=registry
        )
        for result in Result:
            self._counts.labels(result.value)
        self._seconds = Histogram(
            "dunning_webhook_seconds",
            "From the whole body to the answer",
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0, 10.0),
            registry=registry,
        )

    def note(
        self, result: Result, *, took_seconds: float, event_id: str = "", event_type: str = ""
    ) -> None:
        """Remember one delivery."""
        self._counts.labels(result.value).inc()
        self._seconds.observe(took_seconds)
        if result.status == 200:
            write = self._log.info if result is Result.STORED else self._log.debug
            write(
                "webhook",
                event_id=event_id,
                event_type=event_type,
                outcome=result,
                ms=int(took_seconds * 1000),
            )
        else:
            self._complain(result)

    def _complain(self, result: Result) -> None:
        with self._lock:
            self._unsaid[result] = self._unsaid.get(result, 0) + 1
            now = self._clock.monotonic_seconds()
            if now - self._said.get(result, float("-inf")) < QUIET_SECONDS:
                return
            self._said[result] = now
            count = self._unsaid.pop(result)
        event = "database.unavailable" if result is Result.UNAVAILABLE else "webhook.refused"
        self._log.warning(event, reason=result, count=count, do=_CURES.get(result, _CURE))
