"""The endpoints under /v1, one module per resource."""

from worker.rehearsal.sandbox.routing import Routes

from . import (
    account,
    catalogue,
    clocks,
    coupons,
    credits_and_disputes,
    customers,
    events,
    invoices,
    meters,
    payment_methods,
    payments,
    subscriptions,
)


def all_routes() -> Routes:
    """Return every endpoint the sandbox has."""
    modules = (
        account,
        catalogue,
        clocks,
        coupons,
        credits_and_disputes,
        customers,
        events,
        invoices,
        meters,
        payment_methods,
        payments,
        subscriptions,
    )
    return Routes([route for module in modules for route in module.ROUTES])
