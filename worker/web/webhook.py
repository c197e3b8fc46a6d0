"""POST /webhooks/stripe: verify the raw body, store the event, answer; decide nothing (D9)."""

import asyncio
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from worker.errors import ServiceUnavailable
from worker.gateway.webhook_signature import signature_problem
from worker.ports import Clock
from worker.services.take_webhook import take_webhook
from worker.web.deliveries import Deliveries, Result
from worker.web.open_ledger import OpenLedger

BODY_BYTES_MAX = 1_048_576
"""Stripe's largest events are a fraction of this: long lists in them are cut to ten entries."""
BODY_SECONDS_MAX = 10.0
STORE_SECONDS_MAX = 10.0
"""A database that hangs is as good as away; Stripe itself waits no longer than about this."""
STORING_AT_ONCE = 8

Answer = tuple[Result, str, str]
"""What came of a delivery, and the event's id and type where it was read."""


class WebhookDoor:
    """Takes deliveries; one for the process."""

    def __init__(
        self,
        *,
        secrets: Sequence[str],
        ledger: OpenLedger,
        clock: Clock,
        deliveries: Deliveries,
        wake: Callable[[], None],
        test_clock: str = "",
    ) -> None:
        """Believe what is signed with one of *secrets*; *wake* is called after a commit."""
        self._secrets = tuple(secrets)
        self._ledger = ledger
        self._clock = clock
        self._deliveries = deliveries
        self._wake = wake
        self._test_clock = test_clock
        self._pool = ThreadPoolExecutor(STORING_AT_ONCE, thread_name_prefix="store")

    async def answer(self, request: Request) -> Response:
        """Return 200 once the event's row is committed, else what keeps Stripe delivering it."""
        body = b""
        try:
            async with asyncio.timeout(BODY_SECONDS_MAX):
                body = await _body_of(request)
        except TimeoutError:
            return self._told((Result.TOO_SLOW, "", ""), took_seconds=BODY_SECONDS_MAX)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        began = self._clock.monotonic_seconds()
        found = await self._take(body, request.headers.get("stripe-signature", ""))
        return self._told(found, took_seconds=self._clock.monotonic_seconds() - began)

    def _told(self, found: Answer, *, took_seconds: float) -> Response:
        result, event_id, event_type = found
        self._deliveries.note(
            result, took_seconds=took_seconds, event_id=event_id, event_type=event_type
        )
        if result is Result.STORED:
            self._wake()
        return PlainTextResponse(f"{result}\n", result.status)

    async def _take(self, body: bytes, header: str) -> Answer:
        if len(body) > BODY_BYTES_MAX:
            return Result.TOO_LARGE, "", ""
        problem = signature_problem(body, header, self._secrets, wall_now=self._clock.wall_now())
        if problem:
            return Result(problem), "", ""
        try:
            event = json.loads(body.decode())  # bytes would also be read as UTF-16
        except (ValueError, RecursionError):
            return Result.NOT_JSON, "", ""
        store = asyncio.get_running_loop().run_in_executor(self._pool, partial(self._store, event))
        try:
            result = await asyncio.wait_for(store, STORE_SECONDS_MAX)
        except (TimeoutError, ServiceUnavailable):
            result = Result.UNAVAILABLE
        if result.status != 200:  # what it says of itself is then not to be relied on
            return result, "", ""
        return result, str(event["id"]), str(event["type"])

    def _store(self, event: object) -> Result:
        ledger, control = self._ledger.get()
        taken = take_webhook(
            event, ledger=ledger, control=control, clock=self._clock, test_clock=self._test_clock
        )
        return Result(taken.value)

    def close(self) -> None:
        """End the threads that store."""
        self._pool.shutdown(wait=False, cancel_futures=True)


async def _body_of(request: Request) -> bytes:
    """Return the raw body, or a little more than its bound where it is longer."""
    parts, length = [], 0
    async for part in request.stream():
        parts.append(part)
        length += len(part)
        if length > BODY_BYTES_MAX:
            break
    return b"".join(parts)
