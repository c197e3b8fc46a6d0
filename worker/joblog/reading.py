"""Reads a job log back for `dunning log`: the wanted lines as text for a person."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo

from worker.domain.redaction import redact
from worker.joblog.lines import text_line

RANKS = {"debug": 0, "info": 1, "warn": 2, "warning": 2, "error": 3}


def read_log(
    lines: Iterable[str],
    *,
    since: datetime | None = None,
    level: str = "debug",
    zone: tzinfo = UTC,
) -> Iterator[str]:
    """Yield the lines at or after *since* and at least as grave as *level*, as text.

    A day's first line is preceded by its date. What is no JSON (a crash of the interpreter) is
    passed on redacted, if the line before it was wanted. Raises: ValueError: no such level.

    Args: since: aware; None is everything. zone: whose clock the lines are told in.
    """
    if level not in RANKS:
        raise ValueError(f"`{level}` is no level; write one of debug, info, warn, error.")
    day, wanted = "", True
    for line in lines:
        fields = _fields(line)
        if fields is None:
            if wanted and line.strip():
                yield redact(line.rstrip("\n"))
            continue
        at = _instant(fields.get("ts"))
        wanted = RANKS.get(str(fields.get("level")), 3) >= RANKS[level] and (
            since is None or at is None or at >= since
        )
        if not wanted:
            continue
        if at is not None and (today := at.astimezone(zone).strftime("%a %d %b %Y")) != day:
            day = today
            yield f"── {day}"
        yield text_line(fields, zone)


def json_lines(lines: Iterable[str], *, since: datetime | None, level: str) -> Iterator[str]:
    """Yield the wanted JSON lines as they are, for `--json`."""
    rank = RANKS[level]
    for line in lines:
        fields = _fields(line)
        if fields is None or RANKS.get(str(fields.get("level")), 3) < rank:
            continue
        at = _instant(fields.get("ts"))
        if since is None or at is None or at >= since:
            yield line.rstrip("\n")


def _fields(line: str) -> dict[str, object] | None:
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def _instant(ts: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(ts))
    except ValueError:
        return None
    return at if at.tzinfo else None
