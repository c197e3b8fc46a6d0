"""A pause that is asked for: whom Stripe refuses it, and what it does with time already invoiced.

Source: docs.stripe.com/api/subscriptions/pause and its changelog of 2026-09-30 (flexible billing
mode only, no attached schedule, `paused` makes neither invoices nor periods). That a subscription
which has not begun or has ended is refused follows from its states (assumption).
"""

from typing import Any

from worker.rehearsal.sandbox.errors import invalid
from worker.rehearsal.sandbox.world import Obj, World

from . import changing, endings

PAUSABLE = ("active", "past_due", "trialing", "unpaid")


def pause(world: World, row: Obj, params: dict[str, Any]) -> None:
    """Pause *row* now; unused time is credited unless the request says otherwise.

    Raises: ApiError: the subscription is of a kind that cannot be paused.
    """
    if row["billing_mode"]["type"] != "flexible":
        raise invalid(
            "Only subscriptions with `billing_mode[type]=flexible` can be paused; this "
            "subscription uses `classic`."
        )
    if row["schedule"] is not None:
        raise invalid("You cannot pause a subscription that is managed by a schedule.")
    if row["status"] not in PAUSABLE:
        raise invalid(f"A subscription with the status {row['status']} cannot be paused.")
    if params.get("invoicing_behavior", "pending_invoice_item") != "pending_invoice_item":
        raise invalid("The sandbox keeps what a pause credits for the next invoice only.")
    unused = (params.get("bill_for") or {}).get("unused_time_from") or {"type": "now"}
    if unused["type"] == "item_current_period_start":
        raise invalid("The sandbox credits unused time from now, or not at all.")
    if unused["type"] == "now" and row["status"] != "trialing":
        for item in row["items"]["data"]:
            changing.prorate(world, row, item, None)
    endings.pause(world, row, "pause_requested")
