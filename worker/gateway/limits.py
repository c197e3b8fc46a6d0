"""The names of Stripe's endpoints as far as they are used, and the limiter they wait for.

Stripe limits the account as a whole and each endpoint (docs.stripe.com/rate-limits); GET and POST
of the same path are two endpoints. The limiter itself is `worker.queue.limiter`.
"""

from enum import StrEnum
from typing import Protocol


class Endpoint(StrEnum):
    """One rate-limited endpoint; the values are frozen, since all processes share the counts."""

    ACCOUNT_READ = "account.read"
    CHARGES_READ = "charges.read"
    CLOCKS_READ = "test_clocks.read"
    COUPONS_READ = "coupons.read"
    CUSTOMERS_LIST = "customers.list"
    EVENTS_LIST = "events.list"
    INVOICES_LIST = "invoices.list"
    INVOICES_READ = "invoices.read"
    INVOICES_PAY = "invoices.pay"
    INVOICES_MARK_UNCOLLECTIBLE = "invoices.mark_uncollectible"
    INVOICES_VOID = "invoices.void"
    PRICES_READ = "prices.read"
    SUBSCRIPTIONS_LIST = "subscriptions.list"
    SUBSCRIPTIONS_READ = "subscriptions.read"
    SUBSCRIPTIONS_UPDATE = "subscriptions.update"
    SUBSCRIPTIONS_CANCEL = "subscriptions.cancel"
    SUBSCRIPTIONS_PAUSE = "subscriptions.pause"


HOUSEKEEPING = frozenset(
    {
        Endpoint.ACCOUNT_READ,
        Endpoint.CLOCKS_READ,
        Endpoint.CUSTOMERS_LIST,
        Endpoint.EVENTS_LIST,
        Endpoint.INVOICES_LIST,
        Endpoint.SUBSCRIPTIONS_LIST,
    }
)
"""What may wait while there is money to move."""


class Limiter(Protocol):
    """Spaces the calls of all processes; see `worker.queue.limiter`."""

    def take(self, endpoint: str, *, money: bool) -> bool:
        """Wait for the right to one call; False when none comes free within 10 s.

        Raises: ServiceUnavailable: the limiter is away, and so no call may start.
        """

    def report_limited(self, endpoint: str, *, whole_account: bool) -> None:
        """Hear that Stripe answered 429, and hold back the endpoint or the whole account."""
