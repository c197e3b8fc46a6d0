"""A host's clock that tests move, and a log that only keeps what was said."""

from datetime import datetime, timedelta
from typing import Any

from worker import clock

BEGIN = clock.wall_now()


class MovedClock:
    """Wall time as the test says; monotonic time is real."""

    def __init__(self) -> None:
        """Begin now."""
        self.ahead = timedelta()

    def wall_now(self) -> datetime:
        """Return the test's time."""
        return BEGIN + self.ahead

    def monotonic_seconds(self) -> float:
        """Return real seconds."""
        return clock.monotonic_seconds()


class KeptLog:
    """A job log as a list of (level, event, fields)."""

    def __init__(self) -> None:
        """Begin empty."""
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def _keep(self, level: str, event: str, fields: dict[str, Any]) -> None:
        self.lines.append((level, event, fields))

    def debug(self, event: str, /, **fields: object) -> None:
        """Keep nothing."""

    def info(self, event: str, /, **fields: object) -> None:
        """Keep a line."""
        self._keep("info", event, fields)

    def warning(self, event: str, /, *, do: str, **fields: object) -> None:
        """Keep a line."""
        self._keep("warn", event, {**fields, "do": do})

    def error(self, event: str, /, *, do: str, **fields: object) -> None:
        """Keep a line."""
        self._keep("error", event, {**fields, "do": do})

    def said(self, event: str) -> list[dict[str, Any]]:
        """Return the fields of each line of one kind."""
        return [fields for _, name, fields in self.lines if name == event]
