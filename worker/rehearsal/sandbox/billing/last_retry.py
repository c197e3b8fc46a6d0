"""What the account chose to happen to a subscription after the last retry."""

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.world import Obj, World

from . import endings, schedule, standing


def finish_if_last(world: World, invoice: Obj) -> None:
    """Cancel, pause or mark unpaid, unless a further retry is planned."""
    if world.timers.at("invoice.retry", invoice["id"]) is not None:
        return
    subscription = standing.subscription_of(world, invoice)
    if subscription is None or schedule.is_first_of_incomplete(world, invoice):
        return
    if subscription["status"] not in ("active", "past_due"):
        return
    choice = world.settings.after_last_retry
    if choice == "cancel":
        endings.end(world, subscription, reason="payment_failed")
    elif choice == "unpaid":
        events.update(world, "customer.subscription.updated", subscription, status="unpaid")
        events.update(world, "invoice.updated", invoice, auto_advance=False)
    elif choice == "pause":
        first = invoice["attempt_count"] <= 1
        kind = "first_payment_failure" if first else "final_payment_failure"
        endings.pause(world, subscription, kind)
