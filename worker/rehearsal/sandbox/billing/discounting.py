"""Discounts of a subscription: the wished list of them, and what they take off its invoices."""

from collections.abc import Sequence
from typing import Any

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.errors import invalid
from worker.rehearsal.sandbox.shapes import discount as shape
from worker.rehearsal.sandbox.world import Obj, World


def wished(world: World, row: Obj, wish: Sequence[dict[str, Any]] | None) -> list[str]:
    """Return the ids of the discounts that *wish* leaves on subscription *row*; it is the whole
    list. Raises: ApiError: a coupon or a discount that does not exist, or one given twice."""
    kept: list[str] = []
    coupons: list[str] = []
    for number, entry in enumerate(wish or []):
        if len(entry) != 1:
            raise invalid("Send one of coupon and discount.", param=f"discounts[{number}]")
        if "discount" in entry:
            found = world.get("discount", entry["discount"], param=f"discounts[{number}][discount]")
            if found["subscription"] != row["id"]:
                raise invalid("The discount is another's.", param=f"discounts[{number}]")
            kept.append(found["id"])
        else:
            coupon = world.get("coupon", entry["coupon"], param=f"discounts[{number}][coupon]")
            coupons.append(coupon["id"])
    present = [world.get("discount", each)["source"]["coupon"] for each in kept]
    named = [*present, *coupons]
    if len(set(named)) != len(named):
        raise invalid("A coupon can be on a subscription only once.", param="discounts")
    return [*kept, *(_made(world, row, each) for each in coupons)]


def _made(world: World, row: Obj, coupon_id: str) -> str:
    coupon = world.get("coupon", coupon_id)
    made = world.add(shape.discount(world, row, coupon))
    if made["end"] is not None:
        world.timers.set(world.clock_of(row), made["end"], "discount.end", made["id"])
    world.change(coupon, times_redeemed=coupon["times_redeemed"] + 1)
    events.emit(world, "customer.discount.created", made)
    return str(made["id"])


def run_out(world: World, discount_id: str) -> None:
    """Take a discount off its subscription, now that its months are over."""
    found = world.get("discount", discount_id)
    row = world.get("subscription", found["subscription"])
    if discount_id in row["discounts"]:
        events.emit(world, "customer.discount.deleted", found)
        left = [each for each in row["discounts"] if each != discount_id]
        events.update(world, "customer.subscription.updated", row, discounts=left)


def taken_off(world: World, discounts: Sequence[str], amount: int, currency: str) -> list[Obj]:
    """Return what each of *discounts* takes off *amount* minor units, one after the other."""
    found, left = [], max(0, amount)
    for discount_id in discounts:
        coupon = world.get("coupon", world.get("discount", discount_id)["source"]["coupon"])
        if coupon["percent_off"] is not None:
            off = round(left * coupon["percent_off"] / 100)
        else:
            off = coupon["amount_off"] if coupon["currency"] == currency else 0
        off = min(off, left)
        left -= off
        found.append({"amount": off, "discount": discount_id})
    return found


def of_invoice(world: World, invoice: Obj) -> list[str]:
    """Return the discounts of the subscription that *invoice* is about."""
    details = (invoice["parent"] or {}).get("subscription_details")
    row = world.find("subscription", details["subscription"]) if details else None
    return list(row["discounts"]) if row is not None else []


def use_up(world: World, invoice: Obj) -> None:
    """Take the discounts that last for one invoice off the subscription, now that it is open."""
    details = (invoice["parent"] or {}).get("subscription_details")
    row = world.find("subscription", details["subscription"]) if details else None
    if row is None:
        return
    used = []
    for discount_id in invoice["discounts"]:
        found = world.get("discount", discount_id)
        once = world.get("coupon", found["source"]["coupon"])["duration"] == "once"
        if once and discount_id in row["discounts"]:
            used.append(discount_id)
            events.update(world, "customer.discount.deleted", found, end=world.now_of(row))
    if used:
        left = [each for each in row["discounts"] if each not in used]
        events.update(world, "customer.subscription.updated", row, discounts=left)
