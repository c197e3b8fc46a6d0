"""Every request since start: what checks count from, because it is not the worker's own word."""

from typing import Any

_SECRET = ("number", "cvc", "account_number")


class RequestLog:
    """Entries in the order the requests came in."""

    def __init__(self) -> None:
        """Start empty."""
        self.entries: list[dict[str, Any]] = []

    def begin(self, *, by: str, method: str, path: str, at: float) -> dict[str, Any]:
        """Add an entry for a request that came in at *at* (unix seconds, wall) and return it.

        `by` is `api` or `customer`; `status` stays None for a request that got no answer.
        """
        entry: dict[str, Any] = {
            "n": len(self.entries) + 1,
            "at": at,
            "business_at": None,
            "by": by,
            "method": method,
            "path": path,
            "params": {},
            "idempotency_key": None,
            "request_id": None,
            "status": None,
            "replayed": False,
            "fault": None,
            "code": None,
            "charges": [],
            "milliseconds": None,
        }
        self.entries.append(entry)
        return entry


def shown(params: Any) -> Any:
    """Return parameters without card and account numbers."""
    if isinstance(params, dict):
        return {k: "…" if k in _SECRET else shown(v) for k, v in params.items()}
    if isinstance(params, list):
        return [shown(entry) for entry in params]
    return params
