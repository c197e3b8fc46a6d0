"""Payment methods, cards and bank accounts, and their mandates."""

from hashlib import blake2b
from typing import Any

from worker.rehearsal.sandbox.cards import BY_NUMBER, brand_of, funding_of
from worker.rehearsal.sandbox.world import Obj, World

from . import bank_debit


def fingerprint(number: str) -> str:
    """Return the 16 characters that are the same for the same card or account number."""
    return blake2b(number.encode(), digest_size=8).hexdigest()


def _base(world: World, kind: str, params: dict[str, Any]) -> Obj:
    details = params.get("billing_details") or {}
    return {
        "id": world.new_id("payment_method"),
        "object": "payment_method",
        "allow_redisplay": params.get("allow_redisplay", "unspecified"),
        "billing_details": {
            "address": details.get("address")
            or dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
            "email": details.get("email"),
            "name": details.get("name"),
            "phone": details.get("phone"),
            "tax_id": None,
        },
        "created": world.wall(),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": params.get("metadata", {}),
        "type": kind,
    }


def card_details(number: str, exp_month: int, exp_year: int) -> Obj:
    """Return the `card` part for a full number."""
    brand = brand_of(number)
    known = BY_NUMBER.get(number)
    return {
        "brand": brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": known.country if known else "US",
        "display_brand": brand,
        "exp_month": exp_month,
        "exp_year": exp_year,
        "fingerprint": fingerprint(number),
        "funding": funding_of(number),
        "generated_from": None,
        "last4": number[-4:],
        "networks": {"available": [brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def card(world: World, number: str, params: dict[str, Any]) -> Obj:
    """Return a new card; without an expiry in *params* it lasts until 12 of the year after next."""
    given = params.get("card") or {}
    later = 1970 + world.wall() // 31_556_952 + 2
    row = _base(world, "card", params)
    row["card"] = card_details(number, given.get("exp_month", 12), given.get("exp_year", later))
    return row


def bank_account(world: World, kind: str, params: dict[str, Any]) -> Obj:
    """Return a new bank account of type *kind*, ready for debits."""
    given = params[kind]
    row = _base(world, kind, params)
    mark = fingerprint(bank_debit.account_of(kind, given))
    row[kind] = bank_debit.bank_details(kind, given, mark)
    return row


def mandate(world: World, method: Obj) -> Obj:
    """Return the mandate a bank debit is collected under."""
    kind = method["type"]
    details = bank_debit.mandate_details(world, kind)
    return {
        "id": world.new_id("mandate"),
        "object": "mandate",
        "customer_acceptance": {
            "accepted_at": world.now_of(method),
            "offline": {},
            "type": "offline",
        },
        "livemode": False,
        "multi_use": {},
        "on_behalf_of": None,
        "payment_method": method["id"],
        "payment_method_details": {kind: details, "type": kind},
        "status": "active",
        "type": "multi_use",
    }
