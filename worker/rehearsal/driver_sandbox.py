"""A client of the sandbox for whoever plays around the worker: control, pages and plain API."""

import json
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlencode, urlsplit

from worker import clock
from worker.errors import ServiceUnavailable
from worker.rehearsal.in_process import stripe_form

STAFF_KEY = "sk_test_rehearsal_staff"
TIMEOUT_SECONDS = 30.0
IDLE_SECONDS_MAX = 30.0
"""A connection unused for longer is opened anew: the sandbox hangs up after 75 seconds."""
FORM = "application/x-www-form-urlencoded"


class Refused(Exception):
    """The sandbox said no; the text is its own sentence."""


class SandboxClient:
    """One kept-alive connection to the sandbox; used by one thread."""

    def __init__(self, base_url: str) -> None:
        """Talk to the sandbox at *base_url*; it is connected to with the first call."""
        where = urlsplit(base_url)
        self.base_url = base_url
        self._connection = HTTPConnection(
            where.hostname or "127.0.0.1", where.port, timeout=TIMEOUT_SECONDS
        )
        self._used_at = clock.monotonic_seconds()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Return the answer to a GET. Raises: Refused, ServiceUnavailable."""
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path, "", FORM)

    def control(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST JSON to a control route. Raises: Refused, ServiceUnavailable."""
        return self._ask("POST", path, json.dumps(body), "application/json")

    def post(self, path: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """POST a form to the API or to a page. Raises: Refused, ServiceUnavailable."""
        return self._ask("POST", path, stripe_form(params), FORM)

    def delete(self, path: str) -> dict[str, Any]:
        """DELETE an object. Raises: Refused, ServiceUnavailable."""
        return self._ask("DELETE", path, "", FORM)

    def every(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield each object of a list, newest first."""
        after: dict[str, Any] = {}
        while True:
            page = self.get(path, limit=100, **query, **after)
            yield from page["data"]
            if not page["has_more"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}

    def _ask(self, method: str, path: str, body: str, content_type: str) -> dict[str, Any]:
        headers = {
            "Authorization": f"Bearer {STAFF_KEY}",
            "Content-Type": content_type,
            "Accept": "application/json",
        }
        if clock.monotonic_seconds() - self._used_at > IDLE_SECONDS_MAX:
            self._connection.close()  # the next request connects
        try:
            self._connection.request(method, path, body.encode(), headers)
            response = self._connection.getresponse()
            text = response.read()
            self._used_at = clock.monotonic_seconds()
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise ServiceUnavailable(f"The sandbox at {self.base_url} gave no answer.") from error
        answer: dict[str, Any] = json.loads(text)
        if response.status >= 400:
            raise Refused(str(answer.get("error", {}).get("message") or answer))
        return answer
