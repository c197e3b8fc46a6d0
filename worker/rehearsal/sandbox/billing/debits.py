"""What Stripe itself does about a bank account: refuse it without a mandate, block it."""

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.bank_accounts import BLOCKED, NO_MANDATE
from worker.rehearsal.sandbox.cards import Outcome
from worker.rehearsal.sandbox.shapes.bank_debit import BLOCKED_AFTER, revoked
from worker.rehearsal.sandbox.world import Obj, World


def refusal(world: World, method: Obj) -> Outcome | None:
    """Return why Stripe sends no debit of this account to its bank, or None where it does."""
    if (method[method["type"]].get("status_details") or {}).get("blocked"):
        return BLOCKED
    mandates = world.where("mandate", "payment_method", method["id"])
    if mandates and mandates[-1]["status"] == "inactive":
        return NO_MANDATE
    return None


def block_after_return(world: World, method: Obj, outcome: Outcome) -> None:
    """Block a US account whose debit came back with one of Nacha's final codes."""
    code = outcome.network_decline_code or ""
    if method["type"] != "us_bank_account" or code not in BLOCKED_AFTER:
        return
    blocked = {"network_code": code, "reason": BLOCKED_AFTER[code]}
    details = {**method["us_bank_account"], "status_details": {"blocked": blocked}}
    world.change(method, us_bank_account=details)


def revoke_mandate(world: World, mandate: Obj) -> None:
    """Let the customer's bank end the mandate of a debit."""
    details = mandate["payment_method_details"]
    kind = details["type"]
    ended = {**details, kind: revoked(kind, details[kind])}
    events.update(
        world, "mandate.updated", mandate, payment_method_details=ended, status="inactive"
    )
