"""Makes the sinks of sinks.yaml."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from worker.domain.sinks import SinkRules
from worker.errors import ConfigError
from worker.ports import Sink
from worker.sinks.files import FileSink
from worker.sinks.http import HttpSink


def build_sinks(
    rules: Iterable[SinkRules], secrets: Mapping[str, str], *, now: Callable[[], datetime]
) -> tuple[Sink, ...]:
    """Return the sinks; nothing is opened yet.

    Args: secrets: variables that begin with SINK_; now: the wall clock.
    Raises: ConfigError: a secret's variable is not set (operator).
    """
    wanted = list(rules)
    missing = sorted({each.secret_variable for each in wanted if each.url} - secrets.keys())
    if missing:
        raise ConfigError(
            *(f"{name} is not set; sinks.yaml signs requests with it." for name in missing)
        )
    return tuple(_build(each, secrets, now) for each in wanted)


def _build(rules: SinkRules, secrets: Mapping[str, str], now: Callable[[], datetime]) -> Sink:
    if not rules.url:
        folder = Path(rules.folder)
        return FileSink(rules.name, folder, rotate_at_bytes=rules.rotate_at_bytes, now=now)
    secret = secrets[rules.secret_variable]
    return HttpSink(rules.name, rules.url, secret=secret, timeout=rules.timeout, now=now)
