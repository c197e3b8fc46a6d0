"""Payment methods: cards, US bank accounts and SEPA debits, and their mandates."""

from hashlib import blake2b
from typing import Any

from worker.rehearsal.sandbox.cards import BY_NUMBER, brand_of, funding_of
from worker.rehearsal.sandbox.world import Obj, World


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


def us_bank_account(world: World, params: dict[str, Any]) -> Obj:
    """Return a new US bank account, ready for ACH debits."""
    given = params["us_bank_account"]
    row = _base(world, "us_bank_account", params)
    row["us_bank_account"] = {
        "account_holder_type": given.get("account_holder_type", "individual"),
        "account_type": given.get("account_type", "checking"),
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": fingerprint(given["routing_number"] + given["account_number"]),
        "last4": given["account_number"][-4:],
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": given["routing_number"],
        "status_details": {},
    }
    return row


def sepa_debit(world: World, params: dict[str, Any]) -> Obj:
    """Return a new SEPA debit for an IBAN."""
    iban = params["sepa_debit"]["iban"].replace(" ", "")
    row = _base(world, "sepa_debit", params)
    row["sepa_debit"] = {
        "bank_code": iban[4:9],
        "branch_code": "",
        "country": iban[:2],
        "fingerprint": fingerprint(iban),
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": iban[-4:],
    }
    return row


def mandate(world: World, method: Obj) -> Obj:
    """Return the mandate a bank debit is collected under."""
    kind = method["type"]
    details: Obj = (
        {"reference": world.token("mandate_reference", 16).upper(), "url": "https://example.com"}
        if kind == "sepa_debit"
        else {}
    )
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
