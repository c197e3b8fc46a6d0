"""What members of a year do to their subscriptions, or have done to them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worker.rehearsal.draws import Draws
from worker.rehearsal.sandbox.billing import discounting
from worker.rehearsal.sandbox.errors import invalid
from worker.rehearsal.sandbox.world import Cause, Obj

if TYPE_CHECKING:
    from worker.rehearsal.revenue_year import Year

COUNTRIES = ("DE", "US", "GB", "JP")
PLANS = ("Basic", "Pro", "Team", "Business")
"""From the cheapest on."""


@dataclass(slots=True)
class Member:
    """One customer of a year."""

    name: str
    draws: Draws
    of_taxes: Draws
    currency: str
    customer_id: str = ""
    subscription_id: str = ""
    card_mark: str = ""
    rhythm: tuple[str, int] = ("month", 1)


@dataclass(frozen=True, slots=True)
class MemberAct:
    """One thing that can happen; it is refused where the subscription's state forbids it."""

    name: str
    do: Callable[["Year", Member], None]


def _path(member: Member) -> str:
    return f"/v1/subscriptions/{member.subscription_id}"


def _shown(year: "Year", member: Member, *statuses: str) -> Obj:
    """Return the subscription. Raises: ApiError: its status is none of *statuses*."""
    row = year.world.get("subscription", member.subscription_id)
    if row["status"] not in statuses:
        raise invalid(f"not while {row['status']}")
    return row


def _to_plan(step: int) -> Callable[["Year", Member], None]:
    def run(year: "Year", member: Member) -> None:
        row = _shown(year, member, "active", "past_due", "trialing")
        names = {year.price(member, plan): plan for plan in PLANS}
        item = row["items"]["data"][0]
        place = PLANS.index(names[item["price"]["id"]]) + step
        if not 0 <= place < len(PLANS):
            raise invalid("there is no such plan")
        price = year.price(member, PLANS[place])
        billed = member.draws.one_of(("create_prorations", "always_invoice", "none"))
        items = [{"id": item["id"], "price": price}]
        year.ask(_path(member), items=items, proration_behavior=billed)

    return run


def _other_rhythm(year: "Year", member: Member) -> None:
    """Go from a month to a year, or back, with all items."""
    row = _shown(year, member, "active")
    names = {price: key for key, price in year.prices.items()}
    rhythm = ("year", 1) if member.rhythm == ("month", 1) else ("month", 1)
    items = []
    for item in row["items"]["data"]:
        plan, _, _, currency = names[item["price"]["id"]]
        items.append({"id": item["id"], "price": year.prices[plan, *rhythm, currency]})
    year.ask(_path(member), items=items)
    member.rhythm = rhythm


def _quantity(year: "Year", member: Member) -> None:
    row = _shown(year, member, "active", "past_due")
    licensed = [each for each in row["items"]["data"] if each.get("quantity")]
    item = member.draws.one_of(tuple(licensed))
    wanted = 1 + member.draws.below(6)
    year.ask(_path(member), items=[{"id": item["id"], "quantity": wanted}])


def _add_item(year: "Year", member: Member) -> None:
    row = _shown(year, member, "active")
    price = year.price(
        member, member.draws.one_of(("Support", "Storage", "Seats", "Rooms", "Calls"))
    )
    if any(item["price"]["id"] == price for item in row["items"]["data"]):
        raise invalid("it is there")
    year.ask(_path(member), items=[{"price": price}])


def _drop_item(year: "Year", member: Member) -> None:
    row = _shown(year, member, "active")
    if len(row["items"]["data"]) < 2:
        raise invalid("there is but one")
    item = row["items"]["data"][-1]
    year.ask(_path(member), items=[{"id": item["id"], "deleted": True}])


def _use(year: "Year", member: Member) -> None:
    payload = {"stripe_customer_id": member.customer_id, "value": 1 + member.draws.below(500)}
    year.ask("/v1/billing/meter_events", event_name="calls", payload=payload)


def _coupon(year: "Year", member: Member) -> None:
    row = _shown(year, member, "active")
    less = f"LESS_{member.currency.upper()}"
    coupon = member.draws.one_of(("FOREVER15", "HALF_ONCE", "THREE_MONTHS", less))
    kept = [{"discount": each} for each in row["discounts"]]
    year.ask(_path(member), discounts=[*kept, {"coupon": coupon}])


def _no_coupon(year: "Year", member: Member) -> None:
    row = _shown(year, member, "active")
    if not row["discounts"]:
        raise invalid("there is none")
    year.ask(_path(member), discounts="")


def _customer_coupon(year: "Year", member: Member) -> None:
    """Have staff give the customer a coupon, or take theirs away."""
    owner = year.world.get("customer", member.customer_id)
    if owner["discount"] and member.draws.happens(0.5):
        year.ask(f"/v1/customers/{member.customer_id}/discount", "DELETE")
        return
    less = f"LESS_{member.currency.upper()}"
    coupon = member.draws.one_of(("FOREVER15", "FOREVER15", "HALF_ONCE", "THREE_MONTHS", less))
    discounting.give(year.world, owner, coupon)


def _hold(year: "Year", member: Member) -> None:
    row = _shown(year, member, "active", "past_due")
    if row["pause_collection"]:
        year.ask(_path(member), pause_collection="")
        return
    behavior = member.draws.one_of(("void", "keep_as_draft", "mark_uncollectible"))
    year.ask(_path(member), pause_collection={"behavior": behavior})


def _pause(year: "Year", member: Member) -> None:
    """Pause through the portal, or take a paused subscription up again."""
    row = year.world.get("subscription", member.subscription_id)
    if row["status"] == "paused":
        year.ask(f"{_path(member)}/resume")
        return
    params: dict[str, Any] = {"type": "subscription"}
    with year.world.acting(Cause("customer")):
        year.in_portal(f"{_path(member)}/pause", **params)


def _cancel(year: "Year", member: Member) -> None:
    _shown(year, member, "active", "past_due", "trialing", "unpaid", "paused")
    year.ask(_path(member), "DELETE", cancellation_details={"feedback": "too_expensive"})


def _cancel_at_end(year: "Year", member: Member) -> None:
    row = _shown(year, member, "active", "trialing")
    year.ask(_path(member), cancel_at_period_end=not row["cancel_at_period_end"])


def _come_back(year: "Year", member: Member) -> None:
    _shown(year, member, "canceled")
    year.subscribe(member)


def _card_fails(year: "Year", member: Member) -> None:
    """Let the card decline for a while, or until it is changed."""
    code = member.draws.one_of(("insufficient_funds", "do_not_honor", "expired_card"))
    times = 1 + member.draws.below(5)
    then = member.draws.one_of(("approve", "approve", code))
    year.world.scripts.put(member.card_mark, [code] * times, then)


def _pay(year: "Year", member: Member) -> None:
    """Cure the card and pay what is owed, however late."""
    row = _shown(year, member, "past_due", "unpaid")
    year.world.scripts.put(member.card_mark, [])
    year.ask(f"/v1/invoices/{row['latest_invoice']}/pay")


def _move(year: "Year", member: Member) -> None:
    """Move to another country; the next invoice has its tax."""
    country = member.of_taxes.one_of(COUNTRIES)
    year.ask(f"/v1/customers/{member.customer_id}", address={"country": country})


ACTS: dict[MemberAct, float] = {
    MemberAct("upgrade", _to_plan(1)): 3,
    MemberAct("downgrade", _to_plan(-1)): 2,
    MemberAct("quantity", _quantity): 3,
    MemberAct("other rhythm", _other_rhythm): 0.7,
    MemberAct("add item", _add_item): 1,
    MemberAct("drop item", _drop_item): 1,
    MemberAct("usage", _use): 1,
    MemberAct("coupon", _coupon): 1.5,
    MemberAct("no coupon", _no_coupon): 1,
    MemberAct("customer's coupon", _customer_coupon): 1.5,
    MemberAct("hold", _hold): 1,
    MemberAct("pause", _pause): 1,
    MemberAct("cancel", _cancel): 0.7,
    MemberAct("cancel at end", _cancel_at_end): 0.7,
    MemberAct("come back", _come_back): 2,
    MemberAct("card fails", _card_fails): 2.5,
    MemberAct("pay", _pay): 4,
    MemberAct("move", _move): 0.7,
}
"""What may happen -> how likely, before what is not possible is refused."""
