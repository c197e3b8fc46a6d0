"""How a log line looks: canonical JSON for machines, `key=value` text for a terminal."""

import json
import math
import re
import traceback
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from pathlib import Path

from worker.domain.redaction import redact

Plain = str | int | float | bool | list["Plain"]

TEXT_MAX = 500
"""Characters of one value; a library's message may quote a whole page."""
LEVEL_WORDS = {"debug": "DEBUG", "info": "INFO", "warn": "WARN", "error": "ERROR"}
LEAD = ("ts", "level", "event")
NOT_IN_TEXT = frozenset((*LEAD, "process", "pid"))
_BARE = re.compile(r"[^\s\"'=\\]+")


def plain(value: object) -> Plain:
    """Return *value* as JSON-able parts with every text redacted and cut to its bound.

    Instants become ISO 8601 UTC with seconds, durations whole seconds, exceptions one line.
    """
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float | Decimal):
        return round(float(value), 3) if math.isfinite(value) else str(value)
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value // timedelta(seconds=1)
    if isinstance(value, BaseException):
        return _cut(describe(value))
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [plain(item) for item in items]
    return _cut(str(value))


def instant(value: datetime) -> str:
    """Return an aware instant as `2026-12-08T07:02:00Z`; a naive one is named as such."""
    if value.tzinfo is None:
        return f"{value.isoformat(timespec='seconds')} (no zone)"
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def describe(error: BaseException) -> str:
    """Return `KeyError: 'id' (worker/gateway/pay.py:41)`: kind, first line, innermost place.

    Only the first line, because databases add the row's values on the following ones.
    """
    first_line = next(iter(str(error).splitlines()), "")
    text = f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    if frames:
        ours = [frame for frame in frames if "worker" in Path(frame.filename).parts]
        frame = (ours or frames)[-1]
        parts = Path(frame.filename).parts
        start = len(parts) - 1 - parts[::-1].index("worker") if ours else len(parts) - 1
        text += f" ({'/'.join(parts[start:])}:{frame.lineno})"
    return text


def json_line(fields: Mapping[str, Plain]) -> str:
    """Return one line of JSON, `ts level event` first, without its line end."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def text_line(fields: Mapping[str, object], zone: tzinfo) -> str:
    """Return `02:14:07 ERROR charging.stopped cause=switch do="dunning status"`.

    Args: zone: whose clock the line's time is told in.
    """
    level = str(fields.get("level", ""))
    words = [
        f"{_clock(fields.get('ts'), zone)} {LEVEL_WORDS.get(level, level.upper()):<5}",
        str(fields.get("event", "")),
    ]
    words += [
        f"{key}={_text_value(value)}" for key, value in fields.items() if key not in NOT_IN_TEXT
    ]
    return " ".join(words)


def _clock(ts: object, zone: tzinfo) -> str:
    try:
        return datetime.fromisoformat(str(ts)).astimezone(zone).strftime("%H:%M:%S")
    except ValueError:
        return "??:??:??"


def _text_value(value: object) -> str:
    if isinstance(value, list):
        return ",".join(_text_value(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    # Escaping what is not printable keeps a foreign text from driving the terminal.
    if _BARE.fullmatch(text) and text.isprintable():
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _cut(text: str) -> str:
    text = redact(text)
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"
