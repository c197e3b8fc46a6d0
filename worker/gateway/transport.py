"""HTTP to Stripe through its SDK: timeouts, version, retries, limiter; plain dicts come back.

Requests go through `StripeClient.raw_request`, which signs, encodes, retries and sorts errors as
the SDK always does but builds no StripeObject: those are no dicts since version 15 and cost twenty
times the parsing (performance.md 6).
"""

from collections.abc import Mapping
from typing import Literal, cast

import requests
import stripe
from stripe import _util

from worker.errors import GatewayUnavailable
from worker.gateway.answers import Reply, object_of
from worker.gateway.limits import HOUSEKEEPING, Endpoint, Limiter
from worker.gateway.raw_fields import NOTHING
from worker.ports import Json

API_VERSION = "2026-10-28.endive"
"""Pinned, so that an upgrade of the SDK cannot change the shapes we read."""
STRIPE_API = "https://api.stripe.com"
CONNECT_TIMEOUT_SECONDS = 5.0
READ_TIMEOUT_SECONDS = 20.0
READ_RETRIES = 2
WRITE_RETRIES = 0
"""A write is repeated by the sweep alone, with the same key and after a read (D3, D6)."""

Params = Mapping[str, object]


class Transport:
    """One account's connection to Stripe; safe to share between threads."""

    def __init__(
        self,
        *,
        api_key: str,
        api_base: str = STRIPE_API,
        limiter: Limiter,
        connect_timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
        read_timeout_seconds: float = READ_TIMEOUT_SECONDS,
    ) -> None:
        """Prepare the client; nothing is sent yet."""
        # Telemetry would write a file under the home directory and describe this host to Stripe.
        stripe.enable_telemetry = False
        # With STRIPE_LOG the SDK prints requests and answers past every handler.
        _util.STRIPE_LOG = None
        stripe.log = None
        http = stripe.RequestsClient(
            # The SDK's annotation knows one number, `requests` also takes (connect, read).
            timeout=cast("float", (connect_timeout_seconds, read_timeout_seconds)),
            verify_ssl_certs=True,
        )
        self._client = stripe.StripeClient(
            api_key,
            stripe_version=API_VERSION,
            base_addresses={"api": api_base.rstrip("/")},
            max_network_retries=WRITE_RETRIES,
            http_client=http,
        )
        self._limiter = limiter

    def take(self, endpoint: Endpoint) -> bool:
        """Wait for a slot; False when none came free in time. Raises: ServiceUnavailable."""
        return self._limiter.take(endpoint, money=endpoint not in HOUSEKEEPING)

    def read(self, endpoint: Endpoint, path: str, params: Params, *, what: str) -> Json:
        """Return the object or list at *path*, asking at most three times.

        *what* ends the sentence "Stripe refused to ...". Raises: GatewayUnavailable,
        GatewayRejected (see `answers.object_of`).
        """
        self._wait(endpoint)
        reply = self._request(endpoint, "get", path, params, retries=READ_RETRIES)
        return object_of(reply, what)

    def write(
        self,
        endpoint: Endpoint,
        method: Literal["post", "delete"],
        path: str,
        params: Params,
        *,
        key: str = "",
        slot_taken: bool = False,
    ) -> Reply:
        """Send once and return what Stripe answered, also when it is an error or nothing.

        *key* is the idempotency key, which DELETE does not have. Raises: GatewayUnavailable: no
        slot of the limiter, so nothing was sent.
        """
        if not slot_taken:
            self._wait(endpoint)
        return self._request(endpoint, method, path, params, key=key, retries=WRITE_RETRIES)

    def _wait(self, endpoint: Endpoint) -> None:
        if not self.take(endpoint):
            raise GatewayUnavailable(
                f"No call to Stripe's {endpoint} came free within 10 s; the next run asks again."
            )

    def _request(
        self,
        endpoint: Endpoint,
        method: str,
        path: str,
        params: Params,
        *,
        key: str = "",
        retries: int,
    ) -> Reply:
        options: dict[str, object] = {"max_network_retries": retries}
        if key:
            options["idempotency_key"] = key
        try:
            response = self._client.raw_request(method, path, **params, **options)
        except stripe.APIConnectionError as failed:
            timed_out = isinstance(failed.__cause__, requests.exceptions.Timeout)
            return Reply(0, NOTHING, failure="timeout" if timed_out else "connection")
        except stripe.StripeError as error:
            reply = _reply(error.http_status or 0, error.json_body, error.headers or {})
        else:
            reply = _reply(response.code, response.data, response.headers)
        # `lock_timeout` is about one object, not about our pace (reliability.md 1.4).
        if reply.status == 429 and reply.code != "lock_timeout":
            whole_account = reply.limited_reason.startswith("global")
            self._limiter.report_limited(endpoint, whole_account=whole_account)
        return reply


def _reply(status: int, body: object, headers: Mapping[str, str]) -> Reply:
    names = {name.lower(): value for name, value in headers.items()}
    return Reply(
        status=status,
        body=body if isinstance(body, Mapping) else NOTHING,
        request_id=names.get("request-id", ""),
        replayed=names.get("idempotent-replayed", "") == "true",
        limited_reason=names.get("stripe-rate-limited-reason", ""),
    )
