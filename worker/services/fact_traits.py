"""What facts of a subscription can be grouped by: ids and closed words, nothing personal.

They are as known when the fact is written; a customer who moves changes no fact of before.
"""

from collections.abc import Sequence

from worker.domain.readings import InvoiceReading, SubscriptionReading, default_method
from worker.domain.revenue_chain import Traits
from worker.ports import Tx


def traits_of(tx: Tx, subscription: SubscriptionReading, keys: Sequence[str]) -> Traits:
    """Return what the subscription's facts can be grouped by.

    Args: keys: of metadata that is kept, of the subscription before the customer.
    """
    method_id = subscription.default_payment_method_id
    around = surroundings(tx, subscription.customer_id, method_id, keys)
    own = {key: subscription.metadata[key] for key in keys if key in subscription.metadata}
    return {**own_traits(subscription), **around, "metadata": {**_of_customer(around), **own}}


def _of_customer(around: Traits) -> dict[str, object]:
    kept = around["metadata"]
    return dict(kept) if isinstance(kept, dict) else {}


def own_traits(subscription: SubscriptionReading) -> dict[str, object]:
    """Return what the subscription itself says; `price_id`, `product_id` are the first item's."""
    first = subscription.items[0] if subscription.items else None
    return {
        "customer_id": subscription.customer_id,
        "subscription_id": subscription.id,
        "currency": subscription.currency,
        "interval": first.interval if first is not None else "",
        "price_id": first.price_id if first is not None else "",
        "product_id": first.product_id if first is not None else "",
        "price_ids": [item.price_id for item in subscription.items],
        "product_ids": [item.product_id for item in subscription.items],
        "period_end": (
            subscription.period_end_at.isoformat() if subscription.period_end_at else ""
        ),
    }


def surroundings(tx: Tx, customer_id: str, method_id: str, keys: Sequence[str]) -> Traits:
    """Return what the mirrors know around a subscription: its customer and payment method.

    Args: method_id: the subscription's own method, empty where the customer's default serves.
    """
    customer = tx.mirror.customer(customer_id)
    method = tx.mirror.payment_method(method_id) or default_method(None, customer)
    tags = customer.metadata if customer is not None else {}
    return {
        "country": customer.country if customer is not None else "",
        "method": method.type if method is not None else "",
        "brand": method.brand if method is not None else "",
        "metadata": {key: tags[key] for key in keys if key in tags},
    }


def traits_of_unknown(invoice: InvoiceReading) -> Traits:
    """Return the traits of a subscription that nothing has shown yet but this invoice."""
    return {
        "customer_id": invoice.customer_id,
        "subscription_id": invoice.subscription_id,
        "currency": invoice.currency,
        "interval": "",
        "price_id": "",
        "product_id": "",
        "price_ids": [],
        "product_ids": [],
    }
