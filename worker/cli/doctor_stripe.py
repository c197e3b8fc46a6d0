"""Is Stripe reached, what may our key do, and do the clocks agree?

Reads ask for a list of one; writes ask for a change of an object that does not exist: with the
right to do it Stripe answers 404, without it 403. Nothing is changed by either.
"""

import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from statistics import median
from typing import Literal

from worker.cli.doctor_findings import Finding, Verdict, ok
from worker.clock import monotonic_seconds
from worker.errors import GatewayRejected, GatewayUnavailable
from worker.gateway.answers import object_of
from worker.gateway.limits import Endpoint
from worker.gateway.transport import STRIPE_API, Transport
from worker.queue.limiter import OwnPace
from worker.settings.environment import Environment

SKEW_MAX = timedelta(seconds=5)
CALLS_PER_SECOND = 20
"""The doctor's own pace: below Stripe's limit of a test key, which the workers share."""
DATE_TIMEOUT_SECONDS = 10
MISSING = "dunning_doctor"
"""End of the ids that do not exist."""


@dataclass(frozen=True, slots=True)
class Right:
    """A right of a restricted key, as the Dashboard names it, and the request that needs it."""

    name: str
    method: Literal["get", "post", "delete"]
    endpoint: Endpoint
    path: str


RIGHTS = (
    Right("Events: read", "get", Endpoint.EVENTS_LIST, "/v1/events"),
    Right("Customers: read", "get", Endpoint.CUSTOMERS_LIST, "/v1/customers"),
    Right("Subscriptions: read", "get", Endpoint.SUBSCRIPTIONS_LIST, "/v1/subscriptions"),
    Right("Invoices: read", "get", Endpoint.INVOICES_LIST, "/v1/invoices"),
    Right("Charges: read", "get", Endpoint.CHARGES_READ, f"/v1/charges/ch_{MISSING}"),
    Right(
        "PaymentIntents: read",
        "get",
        Endpoint.CHARGES_READ,
        f"/v1/payment_intents/pi_{MISSING}",
    ),
    Right(
        "PaymentMethods: read",
        "get",
        Endpoint.CHARGES_READ,
        f"/v1/payment_methods/pm_{MISSING}",
    ),
    Right("Products: read", "get", Endpoint.CHARGES_READ, f"/v1/products/prod_{MISSING}"),
    Right("Prices: read", "get", Endpoint.PRICES_READ, f"/v1/prices/price_{MISSING}"),
    Right("Coupons: read", "get", Endpoint.COUPONS_READ, f"/v1/coupons/{MISSING}"),
    Right("Invoices: write", "post", Endpoint.INVOICES_PAY, f"/v1/invoices/in_{MISSING}/pay"),
    Right(
        "Subscriptions: write",
        "delete",
        Endpoint.SUBSCRIPTIONS_CANCEL,
        f"/v1/subscriptions/sub_{MISSING}",
    ),
)
"""Everything `worker.gateway` asks for, with what its answers expand; README, "Key", lists it."""


class Unshared:
    """A limiter of this process alone (gateway.limits.Limiter), so that Redis is not needed."""

    def __init__(self) -> None:
        """Start with a free slot."""
        self._pace = OwnPace(CALLS_PER_SECOND)

    def take(self, endpoint: str, *, money: bool) -> bool:  # noqa: ARG002 (one pace for all)
        """Wait for a slot."""
        return self._pace.take(DATE_TIMEOUT_SECONDS)

    def report_limited(self, endpoint: str, *, whole_account: bool) -> None:  # noqa: ARG002
        """Slow down."""
        self._pace.hold(1)


def doctors_transport(environment: Environment) -> Transport:
    """Return the way to Stripe at the doctor's own pace."""
    return Transport(
        api_key=environment.stripe_api_key or "",
        api_base=environment.stripe_api_base or STRIPE_API,
        limiter=Unshared(),
    )


@dataclass
class StripeVisit:
    """One visit to Stripe: what it found, and how long its calls took."""

    environment: Environment
    seconds: list[float] = field(default_factory=list)
    account_id: str = ""

    def findings(self) -> Iterator[Finding]:
        """Yield the key's finding, one for the rights, one for the test clock."""
        if not self.environment.stripe_api_key:
            do = "make a restricted key (rk_…) with the rights in README, 'Key'"
            yield Finding("Stripe key", Verdict.WRONG, "STRIPE_API_KEY is not set", do)
            return
        transport = doctors_transport(self.environment)
        try:
            missing = [right.name for right in RIGHTS if not self._may(transport, right)]
            yield self._key()
            yield self._rights(missing)
            yield from self._account(transport)
            yield from self._test_clock(transport)
        except GatewayUnavailable as away:
            yield Finding("Stripe", Verdict.AWAY, str(away), "look at status.stripe.com")
        except GatewayRejected as refused:
            yield Finding("Stripe key", Verdict.AWAY, str(refused), "correct STRIPE_API_KEY")

    def _may(self, transport: Transport, right: Right) -> bool:
        """Return whether the key has *right*. Raises: GatewayUnavailable, GatewayRejected (401)."""
        began = monotonic_seconds()
        try:
            if right.method == "get":
                params = {} if right.path.endswith(MISSING) else {"limit": 1}
                transport.read(right.endpoint, right.path, params, what=right.name)
            else:
                reply = transport.write(right.endpoint, right.method, right.path, {})
                object_of(reply, right.name)
        except GatewayRejected as refused:
            if refused.status == 401:
                raise
            return refused.status != 403
        finally:
            self.seconds.append(monotonic_seconds() - began)
        return True

    def _key(self) -> Finding:
        if self.environment.stripe_key_is_live:
            kind = "a live key: real money"
        elif self.environment.stripe_is_sandbox:
            kind = "a sandbox on this machine"
        else:
            kind = "a test key"
        return ok("Stripe key", f"accepted, {kind}; a call takes {self.call_milliseconds()} ms")

    def call_milliseconds(self) -> int:
        """Return the median of the calls made, 0 before the first."""
        return round(median(self.seconds) * 1000) if self.seconds else 0

    def _rights(self, missing: list[str]) -> Finding:
        if not missing:
            return ok("Stripe rights", f"all {len(RIGHTS)} that are needed")
        said = f"the key lacks {', '.join(missing)}"
        do = "Dashboard, Developers, API keys, edit the restricted key"
        return Finding("Stripe rights", Verdict.WRONG, said, do)

    def _account(self, transport: Transport) -> Iterator[Finding]:
        try:
            raw = transport.read(Endpoint.ACCOUNT_READ, "/v1/account", {}, what="read the account")
        except GatewayRejected:  # a right that is good to have: without it the account has no name
            return
        self.account_id = str(raw.get("id", ""))
        yield ok("Stripe account", self.account_id)

    def _test_clock(self, transport: Transport) -> Iterator[Finding]:
        clock = self.environment.stripe_test_clock
        if not clock:
            return
        path = f"/v1/test_helpers/test_clocks/{clock}"
        try:
            raw = transport.read(Endpoint.CLOCKS_READ, path, {}, what=f"read {clock}")
        except GatewayRejected as refused:
            yield Finding("Test clock", Verdict.WRONG, str(refused), "correct STRIPE_TEST_CLOCK")
            return
        yield ok("Test clock", f"{clock} is {raw.get('status')}")


def stripe_time(environment: Environment) -> datetime | None:
    """Return Stripe's clock by the Date of an answer, or None where it cannot be had.

    It asks without a key: also the refusal has a date.
    """
    url = (environment.stripe_api_base or STRIPE_API) + "/v1/account"
    request = urllib.request.Request(url, method="GET")  # noqa: S310 (http or https: settings)
    try:
        with urllib.request.urlopen(request, timeout=DATE_TIMEOUT_SECONDS) as answer:  # noqa: S310
            date = answer.headers.get("Date")
    except urllib.error.HTTPError as refused:
        date = refused.headers.get("Date")
        refused.close()
    except OSError:
        return None
    return parsedate_to_datetime(date) if date else None


def skew_finding(name: str, theirs: datetime, asked_at: datetime, answered_at: datetime) -> Finding:
    """Return how far our clock is from *theirs*, read between two instants of ours."""
    skew = max(asked_at - theirs, theirs - answered_at)
    if skew <= SKEW_MAX:
        return ok(name, "agrees with ours")
    said = f"differs from ours by {skew.total_seconds():.0f} s"
    return Finding(name, Verdict.LOOK, said, "let NTP set the clock of this host")
