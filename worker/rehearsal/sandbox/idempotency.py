"""Idempotency keys of POST requests, kept 24 hours, with Stripe's rules on what is stored."""

from dataclasses import dataclass

from .errors import ApiError, invalid

KEPT_SECONDS = 24 * 3600


@dataclass(slots=True)
class Stored:
    """The first request of a key; `body` is None while it is still running."""

    fingerprint: str
    request_id: str
    stored_at: int
    status: int = 0
    body: bytes | None = None


class Keys:
    """Requests by key. Time is wall time: test clocks do not age keys."""

    def __init__(self) -> None:
        """Start with no keys."""
        self._stored: dict[str, Stored] = {}

    def begin(self, key: str, fingerprint: str, request_id: str, now: int) -> Stored | None:
        """Return the stored answer to replay, or None after taking the key for this request.

        Raises: ApiError: 400 for other parameters, 409 while the first request is running.
        """
        if len(key) > 255:
            raise invalid("Idempotency keys are at most 255 characters long.")
        known = self._stored.get(key)
        if known is not None and now - known.stored_at >= KEPT_SECONDS:
            known = None
        if known is None:
            self._stored[key] = Stored(fingerprint, request_id, now)
            return None
        if known.fingerprint != fingerprint:
            raise ApiError(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were "
                f"first used with. Try using a key other than '{key}' if you meant to execute a "
                "different request.",
                type="idempotency_error",
            )
        if known.body is None:
            raise ApiError(
                409,
                "There is currently another in-progress request using this Idempotent Key (that "
                "probably means you submitted twice, and the other request is still going "
                f"through): {key}. Please try again later.",
                type="idempotency_error",
                code="idempotency_key_in_use",
            )
        return known

    def finish(self, key: str, status: int, body: bytes) -> None:
        """Store the answer of a request that ran: 2xx, 402 and 5xx stay, the rest frees the key."""
        if status < 400 or status == 402 or status >= 500:
            stored = self._stored[key]
            stored.status, stored.body = status, body
        else:
            del self._stored[key]

    def release(self, key: str) -> None:
        """Free a key whose request never ran."""
        self._stored.pop(key, None)
