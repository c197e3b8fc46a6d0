"""Bank accounts that are debited: their payment methods, what a charge keeps, their mandates.

Source: the typed classes of Stripe's SDK and docs.stripe.com/payments/bank-debits.
"""

from collections.abc import Callable, Mapping
from typing import Any

from worker.rehearsal.sandbox.world import Obj, World

Given = dict[str, Any]

# Type -> parameters that name an account; together they make its fingerprint.
ACCOUNT_FIELDS: Mapping[str, tuple[str, ...]] = {
    "acss_debit": ("transit_number", "institution_number", "account_number"),
    "au_becs_debit": ("bsb_number", "account_number"),
    "bacs_debit": ("sort_code", "account_number"),
    "sepa_debit": ("iban",),
    "us_bank_account": ("routing_number", "account_number"),
}

# Return codes after which Stripe blocks a US account until it is set up anew
# (docs.stripe.com/payments/ach-direct-debit/blocked-bank-accounts).
BLOCKED_AFTER: Mapping[str, str] = {
    "R02": "bank_account_closed",
    "R03": "bank_account_invalid_details",
    "R04": "bank_account_invalid_details",
    "R05": "debit_not_authorized",
    "R07": "debit_not_authorized",
    "R08": "debit_not_authorized",
    "R10": "debit_not_authorized",
    "R11": "debit_not_authorized",
    "R16": "bank_account_frozen",
    "R20": "bank_account_restricted",
    "R29": "debit_not_authorized",
    "R31": "debit_not_authorized",
}


def account_of(kind: str, given: Given) -> str:
    """Return the digits and letters that are one account's name."""
    return "".join(str(given[name]) for name in ACCOUNT_FIELDS[kind]).replace(" ", "")


def bank_details(kind: str, given: Given, fingerprint: str) -> Obj:
    """Return the part of a payment method that is named as its type *kind*."""
    last4 = account_of(kind, given)[-4:]
    return {**_DETAILS[kind](given), "fingerprint": fingerprint, "last4": last4}


def _us_bank_account(given: Given) -> Obj:
    return {
        "account_holder_type": given.get("account_holder_type", "individual"),
        "account_type": given.get("account_type", "checking"),
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": given["routing_number"],
        "status_details": {},
    }


def _sepa_debit(given: Given) -> Obj:
    iban = given["iban"].replace(" ", "")
    return {
        "bank_code": iban[4:9],
        "branch_code": "",
        "country": iban[:2],
        "generated_from": {"charge": None, "setup_attempt": None},
    }


def _acss_debit(given: Given) -> Obj:
    return {
        "bank_name": "STRIPE TEST BANK",
        "institution_number": given["institution_number"],
        "transit_number": given["transit_number"],
    }


_DETAILS: Mapping[str, Callable[[Given], Obj]] = {
    "acss_debit": _acss_debit,
    "au_becs_debit": lambda given: {"bsb_number": given["bsb_number"]},
    "bacs_debit": lambda given: {"sort_code": given["sort_code"]},
    "sepa_debit": _sepa_debit,
    "us_bank_account": _us_bank_account,
}
_NOT_ON_CHARGES = frozenset(
    ("financial_connections_account", "generated_from", "networks", "status_details")
)


def charged_account(details: Obj, mandate_id: str | None) -> Obj:
    """Return what a charge keeps of the account as it was at that time."""
    kept = {name: value for name, value in details.items() if name not in _NOT_ON_CHARGES}
    return {**kept, "expected_debit_date": None, "mandate": mandate_id}


def mandate_details(world: World, kind: str) -> Obj:
    """Return the part of a mandate that is named as the type *kind*."""
    if kind == "acss_debit":
        return {
            "default_for": ["subscription"],
            "interval_description": None,
            "payment_schedule": "sporadic",
            "transaction_type": "personal",
        }
    if kind == "us_bank_account":
        return {}
    page = {"url": "https://example.com"}
    if kind == "au_becs_debit":
        return page
    reference = {**page, "reference": world.token("mandate_reference", 16).upper()}
    if kind == "sepa_debit":
        return reference
    return {
        **reference,
        "display_name": None,
        "network_status": "accepted",
        "revocation_reason": None,
        "service_user_number": None,
    }


def revoked(kind: str, details: Obj) -> Obj:
    """Return a mandate's details after the customer's bank has ended it."""
    if kind != "bacs_debit":
        return details
    return {**details, "network_status": "revoked", "revocation_reason": "debit_not_authorized"}
