"""Batches of CloudEvents by HTTP, signed (ports.Sink).

Content mode and media type are CloudEvents' HTTP binding, section 3.3. The signature is Stripe's
scheme: HMAC-SHA256 over `<timestamp>.<body>`.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import requests

from worker.ports import SinkFailed

MEDIA_TYPE = "application/cloudevents-batch+json; charset=utf-8"
SIGNATURE = "Dunning-Signature"
CONNECT_TIMEOUT_SECONDS = 5.0


class HttpSink:
    """Posts to one address; any answer but 2xx is a failure."""

    def __init__(
        self,
        name: str,
        url: str,
        *,
        secret: str,
        timeout: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        """Sign with *secret*; *timeout* is how long the answer may take, *now* the wall clock."""
        self.name = name
        self._url = url
        self._secret = secret.encode()
        self._timeout = (CONNECT_TIMEOUT_SECONDS, timeout.total_seconds())
        self._now = now

    def send(self, events: Sequence[Mapping[str, object]]) -> None:
        """Return once the address has answered 2xx. Raises: SinkFailed."""
        body = json.dumps(list(events), ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "Content-Type": MEDIA_TYPE,
            SIGNATURE: signature(body, self._secret, at=self._now()),
        }
        try:
            # Streamed and closed unread: whatever a server goes on sending, nobody waits for it.
            with requests.post(
                self._url,
                data=body,
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as answer:
                status, retry_after = answer.status_code, answer.headers.get("Retry-After", "")
        except requests.RequestException as error:
            raise SinkFailed(f"no answer ({type(error).__name__})") from error
        if not 200 <= status < 300:
            asked_for = parse_retry_after(retry_after, now=self._now())
            raise SinkFailed(f"answered {status}", retry_after=asked_for)


def signature(body: bytes, secret: bytes, *, at: datetime) -> str:
    """Return `t=<Unix time>,v1=<HMAC-SHA256 of "<t>.<body>" in hex>`."""
    seconds = int(at.timestamp())
    digest = hmac.new(secret, f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


def parse_retry_after(text: str, *, now: datetime) -> timedelta | None:
    """Return what a Retry-After header asks for, seconds or a date; None: it cannot be read."""
    written = text.strip()
    if written.isdecimal() and len(written) < 10:
        return timedelta(seconds=int(written))
    try:
        until = parsedate_to_datetime(written)
    except ValueError:
        return None
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return max(until - now, timedelta())
