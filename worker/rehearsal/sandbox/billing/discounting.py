"""Discounts of a subscription, or else its customer's, and what they take off its invoices."""

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
    made = _redeemed(world, row, coupon_id)
    events.emit(world, "customer.discount.created", made)
    return str(made["id"])


def _redeemed(world: World, owner: Obj, coupon_id: str) -> Obj:
    coupon = world.get("coupon", coupon_id, param="coupon")
    made = world.add(shape.discount(world, owner, coupon))
    if made["end"] is not None:
        world.timers.set(world.clock_of(owner), made["end"], "discount.end", made["id"])
    world.change(coupon, times_redeemed=coupon["times_redeemed"] + 1)
    return made


def give(world: World, customer: Obj, coupon_id: str) -> Obj:
    """Give a customer the discount of a coupon, in the place of one it has, and return it."""
    before = customer["discount"]
    made = _redeemed(world, customer, coupon_id)
    if before is None:
        events.emit(world, "customer.discount.created", made)
    else:
        was = {name: value for name, value in before.items() if made[name] != value}
        events.emit(world, "customer.discount.updated", made, was)
    events.update(world, "customer.updated", customer, discount=made)
    return made


def take(world: World, customer: Obj) -> Obj:
    """Take a customer's discount away and return it. Raises: ApiError: there is none."""
    if customer["discount"] is None:
        raise invalid(f"No active discount for customer: {customer['id']}")
    found = world.get("discount", customer["discount"]["id"])
    events.emit(world, "customer.discount.deleted", found)
    events.update(world, "customer.updated", customer, discount=None)
    return found


def on(world: World, subscription: Obj) -> list[str]:
    """Return the discounts that a subscription is billed with: its own, else its customer's."""
    owner = world.find("customer", subscription["customer"])
    own = list(subscription["discounts"])
    return own or ([owner["discount"]["id"]] if owner and owner["discount"] else [])


def run_out(world: World, discount_id: str) -> None:
    """Take a discount off whom it serves, now that its months are over."""
    found = world.get("discount", discount_id)
    if found["subscription"] is None:
        owner = world.find("customer", found["customer"])
        if owner and owner["discount"] and owner["discount"]["id"] == discount_id:
            take(world, owner)
        return
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
    """Return the discounts that the subscription that *invoice* is about is billed with."""
    details = (invoice["parent"] or {}).get("subscription_details")
    row = world.find("subscription", details["subscription"]) if details else None
    return on(world, row) if row is not None else []


def use_up(world: World, invoice: Obj) -> None:
    """Take off the discounts that last for one invoice, now that it is open."""
    details = (invoice["parent"] or {}).get("subscription_details")
    row = world.find("subscription", details["subscription"]) if details else None
    if row is None:
        return
    used = []
    for discount_id in invoice["discounts"]:
        found = world.get("discount", discount_id)
        once = world.get("coupon", found["source"]["coupon"])["duration"] == "once"
        if once and found["subscription"] is None:
            run_out(world, discount_id)
        elif once and discount_id in row["discounts"]:
            used.append(discount_id)
            events.update(world, "customer.discount.deleted", found, end=world.now_of(row))
    if used:
        left = [each for each in row["discounts"] if each not in used]
        events.update(world, "customer.subscription.updated", row, discounts=left)
