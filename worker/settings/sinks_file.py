"""The shape of config/sinks.yaml: where facts are copied to. No file, or an empty one: nowhere.

It belongs to the machines and not to the policy: each process reads its own at the start, and
`dunning apply` leaves it alone.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from worker.domain.sinks import TIMEOUT, SinkRules
from worker.settings.environment import is_loopback
from worker.settings.fields import Duration, Form, Line, Section, like
from worker.settings.written_values import parse_line, scalar
from worker.settings.yaml_reader import Location, Problem, YamlText

SECRET = "SINK_SECRET"  # noqa: S105 (a variable's name)
SINKS_MAX = 20
TIMEOUT_MAX = timedelta(seconds=60)
_UNITS = {"KB": 1000, "MB": 1000**2, "GB": 1000**3}
_SIZE = r"[1-9]\d{0,5} +(?:KB|MB|GB)"


def parse_name(text: object) -> str:
    """Return a sink's name, which is a file's name and a label as well."""
    value = scalar(text)
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", value):
        raise ValueError(f"`{value}` is no name of a-z, 0-9 and `_`; write `warehouse`.")
    return value


def parse_size(text: object) -> int:
    """Return `N KB|MB|GB` in bytes."""
    value = scalar(text)
    if not re.fullmatch(_SIZE, value):
        raise ValueError(f"`{value}` is no size; write `100 MB`.")
    number, unit = value.split()
    return int(number) * _UNITS[unit]


def parse_url(text: object) -> str:
    """Return an https address, or a plain one on this machine; never with a password."""
    value = parse_line(text)
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
    except ValueError:
        host, parts = "", urlsplit("")
    plain = parts.scheme == "http" and is_loopback(host)
    if not host or not (parts.scheme == "https" or plain):
        raise ValueError("that is no https address; write `https://crm.acme.example/facts`.")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address must hold no password; requests are signed with `secret`.")
    return value


def parse_secret(text: object) -> str:
    """Return the name of the variable that holds the secret."""
    value = scalar(text)
    if not re.fullmatch(r"SINK_[A-Z0-9_]{1,60}", value):
        raise ValueError(
            "that is no variable's name that begins with SINK_; write `SINK_SECRET`, and put the "
            "secret itself into the environment."
        )
    return value


Name = Annotated[
    str, BeforeValidator(parse_name), Form("a name of a-z, 0-9 and `_`", like("[a-z][a-z0-9_]*"))
]
Size = Annotated[int, BeforeValidator(parse_size), Form("N KB, MB or GB", like(_SIZE))]
Url = Annotated[str, BeforeValidator(parse_url), Form("an https address", like(r"https?://\S+"))]
Variable = Annotated[
    str,
    BeforeValidator(parse_secret),
    Form("a variable's name that begins with SINK_", like("SINK_[A-Z0-9_]+")),
]


class SinkSection(Section):
    """One place where facts are copied to."""

    name: Name = Field(examples=["warehouse"])
    """Its name in files, `dunning sinks`, the log and metrics; its position hangs on it."""
    folder: Line | None = Field(default=None, examples=["/var/lib/dunning/facts"])
    """For files: one CloudEvent a line, a file a UTC day; on a disk that all workers share."""
    rotate_at: Size | None = Field(default=None, examples=["100 MB"])
    """For files: also begin another one of the same day once one is so large."""
    url: Url | None = Field(default=None, examples=["https://crm.acme.example/facts"])
    """For HTTP: takes batches of CloudEvents and answers 2xx."""
    secret: Variable | None = Field(default=None, examples=["SINK_SECRET"])
    """For HTTP, which needs it: the variable with the secret that requests are signed with."""
    timeout: Duration | None = Field(default=None, examples=["10 seconds"])
    """For HTTP: how long an answer may take, at most a minute; left out, 10 seconds."""

    def rules(self) -> SinkRules:
        """Return the value the services use."""
        return SinkRules(
            name=self.name,
            folder=self.folder or "",
            rotate_at_bytes=self.rotate_at or 0,
            url=self.url or "",
            secret_variable=self.secret or "",
            timeout=self.timeout or TIMEOUT,
        )


class SinksFile(Section):
    """All of sinks.yaml."""

    sinks: list[SinkSection] = Field(
        default=[], examples=["[{ name: warehouse, folder: /var/lib/dunning/facts }]"]
    )
    """Where facts are copied to, each from its own position on; at most 20."""


def sinks_problems(text: YamlText, _notices_available: frozenset[str]) -> Iterator[Problem]:
    """Yield what is wrong across the fields of sinks.yaml."""
    found = text.data.get("sinks") if isinstance(text.data, dict) else None
    seen: set[str] = set()
    for index, raw in enumerate(found if isinstance(found, list) else []):
        at: Location = ("sinks", index)
        for field, sentence in _faults(raw, seen) if isinstance(raw, dict) else ():
            yield Problem(text.line_of((*at, field)), (*at, field), sentence)
        if index == SINKS_MAX:
            yield Problem(text.line_of(at), at, f"there are more than {SINKS_MAX}; keep fewer.")


def _faults(raw: dict[str, object], seen: set[str]) -> Iterator[tuple[str, str]]:
    name = str(raw.get("name") or "")
    if name in seen:
        yield "name", f"`{name}` is listed twice; a position hangs on the name, so write another."
    seen.add(name)
    if ("folder" in raw) == ("url" in raw):
        yield "name", "it needs either `folder` or `url`, not both; write one of them."
    if "url" in raw and "secret" not in raw:
        yield "url", f"its requests are not signed; write `secret: {SECRET}` beside it."
    wrong = ("rotate_at",) if "url" in raw else ("secret", "timeout")
    for field in wrong:
        if field in raw and ("url" in raw) != ("folder" in raw):
            other = "files" if field == "rotate_at" else "HTTP"
            yield field, f"that is for {other} alone; take it out."
    if "timeout" in raw and _is_too_long(raw["timeout"]):
        yield "timeout", "nothing may wait so long; write at most `60 seconds`."


def _is_too_long(written: object) -> bool:
    try:
        return SinkSection(name="x", timeout=written).rules().timeout > TIMEOUT_MAX  # type: ignore[arg-type]
    except ValueError:
        return False  # told as a fault of its own
