"""What customers, issuers and banks do without the API."""

from collections.abc import Callable
from typing import Any

from . import events
from .bank_accounts import returned
from .billing import collecting, debits, discounting, payments, reversals
from .cards import brand_of, check_number, declined, parse_outcome
from .errors import invalid
from .shapes.payment_method import fingerprint
from .world import Cause, Obj, World

_CUSTOMER_ACTS = ("authenticate", "abandon", "dispute")


def default_by(act_name: Any) -> str:
    """Return who usually does *act_name*: the customer or the network."""
    return "customer" if act_name in _CUSTOMER_ACTS else "network"


def act(world: World, body: dict[str, Any], by: str) -> dict[str, Any]:
    """Do `body["act"]` with the rest of *body* and return the object it concerned."""
    given = dict(body)
    name = given.pop("act", None)
    run = _ACTS.get(name) if isinstance(name, str) else None
    if run is None:
        raise invalid(f"Unknown act {name!r}: known are {', '.join(sorted(_ACTS))}.")
    with world.acting(Cause(by)):
        return run(world, given)


def _charge_of(world: World, given: dict[str, Any]) -> Obj:
    """Return the charge that *given* names, or the one that paid the named invoice."""
    if "charge" in given:
        return world.get("charge", given["charge"], param="charge")
    if "invoice" not in given:
        raise invalid("Name a charge or an invoice.")
    for payment in reversed(world.where("invoice_payment", "invoice", given["invoice"])):
        intent = world.get("payment_intent", payment["payment"]["payment_intent"])
        if intent["latest_charge"]:
            return world.get("charge", intent["latest_charge"])
    raise invalid("That invoice has no charge.", param="invoice")


def _dispute(world: World, given: dict[str, Any]) -> Obj:
    return reversals.dispute(world, _charge_of(world, given), given.get("reason", "fraudulent"))


def _close_dispute(world: World, given: dict[str, Any]) -> Obj:
    row = world.get("dispute", given["dispute"], param="dispute")
    reversals.close_dispute(world, row, given.get("status", "lost"))
    return row


def _early_fraud_warning(world: World, given: dict[str, Any]) -> Obj:
    kind = given.get("fraud_type", "made_with_stolen_card")
    return reversals.warn_of_fraud(world, _charge_of(world, given), kind)


def _refund(world: World, given: dict[str, Any]) -> Obj:
    return reversals.refund(world, _charge_of(world, given), given.get("amount"))


def _return_debit(world: World, given: dict[str, Any]) -> Obj:
    """Let a bank take a debit back: while it is processing it fails, after payment it is lost."""
    charge = _charge_of(world, given)
    code = given.get("code", "insufficient_funds")
    intent = world.get("payment_intent", charge["payment_intent"])
    if intent["status"] == "processing":
        world.timers.clear("payment.settle", intent["id"])
        network_code = given.get("network_decline_code", "R01")
        world.settling[intent["id"]] = returned(code, network_code)
        collecting.settle(world, intent["id"])
        return charge
    reversals.dispute(world, charge, code, lost=True)
    return charge


def _auto_update_card(world: World, given: dict[str, Any]) -> Obj:
    """Let the network renew a card in place: new expiry and, with a number, new digits."""
    method = world.get("payment_method", given["payment_method"], param="payment_method")
    card = dict(method["card"])
    card["exp_year"] = given.get("exp_year", card["exp_year"] + 3)
    card["exp_month"] = given.get("exp_month", card["exp_month"])
    if "number" in given:
        number = check_number(given["number"])
        mark = fingerprint(number)
        card.update(last4=number[-4:], brand=brand_of(number), fingerprint=mark)
    if "outcomes" in given:
        world.scripts.put(method["id"], given["outcomes"], given.get("then"))
    for intent_id in [k for k, v in world.blocked.items() if v == method["id"]]:
        del world.blocked[intent_id]
    events.update(world, "payment_method.automatically_updated", method, card=card)
    return method


def _give_coupon(world: World, given: dict[str, Any]) -> Obj:
    """Let staff give a customer a coupon in the Dashboard: today's API cannot."""
    owner = world.get("customer", given["customer"], param="customer")
    return discounting.give(world, owner, given["coupon"])


def _asked(world: World, given: dict[str, Any]) -> tuple[Obj, Obj]:
    """Return the invoice and the PaymentIntent that wait for the customer."""
    invoice = world.get("invoice", given["invoice"], param="invoice")
    found = payments.open_payment(world, invoice)
    if found is None or found[1]["status"] != "requires_action":
        raise invalid("That invoice does not wait for its customer.", param="invoice")
    return invoice, found[1]


def _authenticate(world: World, given: dict[str, Any]) -> Obj:
    """Let the customer confirm; what follows stands in the card's script."""
    invoice, intent = _asked(world, given)
    outcome = world.asked.pop(intent["id"])
    if "outcome" in given:
        outcome = parse_outcome(given["outcome"])
    method = world.get("payment_method", intent["payment_method"])
    world.blocked.pop(intent["id"], None)
    collecting.attempt(world, invoice, method, automatic=False, outcome=outcome)
    return invoice


def _abandon(world: World, given: dict[str, Any]) -> Obj:
    """Let the customer give the confirmation up."""
    invoice, _ = _asked(world, given)
    outcome = declined(
        "",
        code="payment_intent_authentication_failure",
        message="The provided PaymentMethod has failed authentication. You can provide "
        "payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent "
        "again.",
    )
    collecting.give_up_action(world, invoice, outcome)
    return invoice


def _revoke_mandate(world: World, given: dict[str, Any]) -> Obj:
    """Let the customer's bank end the mandate of a bank debit."""
    rows = world.where("mandate", "payment_method", given["payment_method"])
    if not rows:
        raise invalid("That payment method has no mandate.", param="payment_method")
    debits.revoke_mandate(world, rows[-1])
    return rows[-1]


_ACTS: dict[str, Callable[[World, dict[str, Any]], Obj]] = {
    "abandon": _abandon,
    "authenticate": _authenticate,
    "auto_update_card": _auto_update_card,
    "close_dispute": _close_dispute,
    "dispute": _dispute,
    "early_fraud_warning": _early_fraud_warning,
    "give_coupon": _give_coupon,
    "refund": _refund,
    "return_debit": _return_debit,
    "revoke_mandate": _revoke_mandate,
}
