"""`expand[]`: references become objects, includable fields appear; anything else is a 400."""

from collections.abc import Callable
from typing import Any

from .errors import invalid
from .lists import whole_list
from .world import Obj, World

Tree = dict[str, Any]


class Ref:
    """A field that holds an id of *kind*, or a list of such ids."""

    def __init__(self, kind: str) -> None:
        """Remember the kind."""
        self.kind = kind


class Inside:
    """A field that holds a whole object, or a list object, of *kind*."""

    def __init__(self, kind: str) -> None:
        """Remember the kind."""
        self.kind = kind


class Extra:
    """A field that is only there when asked for; *build* makes it."""

    def __init__(self, kind: str, build: Callable[[World, Obj], Any]) -> None:
        """Remember kind and maker."""
        self.kind = kind
        self.build = build


def _payments(world: World, invoice: Obj) -> Obj:
    rows = world.where("invoice_payment", "invoice", invoice["id"])
    return whole_list(rows, f"/v1/invoice_payments?invoice={invoice['id']}")


def _secret(world: World, invoice: Obj) -> Obj | None:
    for payment in world.where("invoice_payment", "invoice", invoice["id"]):
        intent = world.get("payment_intent", payment["payment"]["payment_intent"])
        return {"client_secret": intent["client_secret"], "type": "payment_intent"}
    return None


def _subscriptions(world: World, owner: Obj) -> Obj:
    rows = world.where("subscription", "customer", owner["id"])
    live = [
        row for row in reversed(rows) if row["status"] not in ("canceled", "incomplete_expired")
    ]
    return whole_list(live, f"/v1/customers/{owner['id']}/subscriptions")


def _refunds(world: World, charge: Obj) -> Obj:
    rows = world.where("refund", "charge", charge["id"])
    return whole_list(rows, f"/v1/charges/{charge['id']}/refunds")


def _tiers(world: World, price: Obj) -> list[Obj] | None:
    return world.tiers.get(price["id"])


def _nothing(_world: World, owner: Obj) -> Obj:
    return whole_list([], f"/v1/customers/{owner['id']}/sources")


_CUSTOMER, _METHOD = Ref("customer"), Ref("payment_method")
_INTENT, _CHARGE, _INVOICE = Ref("payment_intent"), Ref("charge"), Ref("invoice")
_CLOCK = Ref("test_helpers.test_clock")
FIELDS: dict[str, Tree] = {
    "customer": {
        "invoice_settings": {"default_payment_method": _METHOD},
        "sources": Extra("", _nothing),
        "subscriptions": Extra("subscription", _subscriptions),
        "tax_ids": Extra("", _nothing),
        "default_source": None,
        "discount": Inside("discount"),
        "test_clock": _CLOCK,
    },
    "payment_method": {"customer": _CUSTOMER},
    "product": {"default_price": Ref("price")},
    "price": {"product": Ref("product"), "tiers": Extra("", _tiers)},
    "subscription": {
        "customer": _CUSTOMER,
        "default_payment_method": _METHOD,
        "default_source": None,
        "discounts": Ref("discount"),
        "items": Inside("subscription_item"),
        "latest_invoice": _INVOICE,
        "pending_setup_intent": None,
        "schedule": None,
        "test_clock": _CLOCK,
    },
    "subscription_item": {"discounts": Ref("discount"), "price": Inside("price")},
    "discount": {"customer": _CUSTOMER, "source": {"coupon": Ref("coupon")}},
    "invoice": {
        "confirmation_secret": Extra("", _secret),
        "customer": _CUSTOMER,
        "default_payment_method": _METHOD,
        "default_source": None,
        "lines": Inside("line_item"),
        "parent": {"subscription_details": {"subscription": Ref("subscription")}},
        "payments": Extra("invoice_payment", _payments),
        "test_clock": _CLOCK,
    },
    "line_item": {"pricing": {"price_details": {"price": Ref("price")}}},
    "invoiceitem": {"customer": _CUSTOMER, "invoice": _INVOICE, "test_clock": _CLOCK},
    "invoice_payment": {
        "invoice": _INVOICE,
        "payment": {"charge": None, "payment_intent": _INTENT, "payment_record": None},
    },
    "payment_intent": {
        "customer": _CUSTOMER,
        "last_payment_error": {"payment_method": Inside("payment_method")},
        "latest_charge": _CHARGE,
        "payment_method": _METHOD,
        "review": None,
    },
    "charge": {
        "balance_transaction": None,
        "customer": _CUSTOMER,
        "payment_intent": _INTENT,
        "refunds": Extra("refund", _refunds),
        "review": None,
    },
    "refund": {"charge": _CHARGE, "payment_intent": _INTENT},
    "credit_note": {"customer": _CUSTOMER, "invoice": _INVOICE},
    "dispute": {"charge": _CHARGE, "payment_intent": _INTENT},
    "mandate": {"payment_method": _METHOD},
    "radar.early_fraud_warning": {"charge": _CHARGE, "payment_intent": _INTENT},
    "billing_portal.session": {"configuration": None},
}


def check_paths(paths: list[str], kind: str, *, listing: bool) -> None:
    """Refuse what no answer of *kind* can expand, before anything is carried out.

    Raises: ApiError: a path names nothing that can be expanded, or goes deeper than four.
    """
    for path in paths:
        parts = path.split(".")
        if len(parts) > 4 + parts.count("data") or (listing and parts[0] != "data"):
            raise _refusal(path)
        below = _tree([".".join(parts[1:])] if listing and len(parts) > 1 else [path])
        if not listing or len(parts) > 1:
            _check(FIELDS.get(kind, {}), below, path)


def expanded(world: World, answer: Obj, paths: list[str], kind: str) -> Obj:
    """Return a copy of *answer* with checked *paths* expanded; a list holds objects of *kind*."""
    if not paths:
        return answer
    tree = _tree(paths)
    if answer.get("object") == "list":
        below = tree["data"]
        return {**answer, "data": [_object(world, row, kind, below) for row in answer["data"]]}
    return _object(world, answer, kind, tree)


def _tree(paths: list[str]) -> Tree:
    tree: Tree = {}
    for path in paths:
        node = tree
        for part in path.split("."):
            node = node.setdefault(part, {})
    return tree


def _refusal(path: str) -> Exception:
    return invalid(f"This property cannot be expanded ({path}).", param="expand")


def _check(fields: Tree, tree: Tree, path: str) -> None:
    for name, below in tree.items():
        if name not in fields:
            raise _refusal(path)
        field = fields[name]
        if isinstance(field, dict):
            if not below:
                raise _refusal(path)
            _check(field, below, path)
        elif field is not None and below:
            inner = below
            if set(below) == {"data"} and not isinstance(field, Ref):
                inner = below["data"]
            _check(FIELDS.get(field.kind, {}), inner, path)


def _object(world: World, row: Obj, kind: str, tree: Tree) -> Obj:
    return _fields(world, row, row, FIELDS.get(kind, {}), tree)


def _fields(world: World, owner: Obj, part: Obj, fields: Tree, tree: Tree) -> Obj:
    copy = dict(part)
    for name, below in tree.items():
        field, value = fields[name], part.get(name)
        if isinstance(field, dict):
            if value is not None:
                copy[name] = _fields(world, owner, value, field, below)
        elif isinstance(field, Extra):
            copy[name] = _within(world, field.build(world, owner), field.kind, below)
        elif isinstance(field, Inside):
            copy[name] = _within(world, value, field.kind, below)
        elif isinstance(field, Ref) and isinstance(value, list):
            copy[name] = [_referred(world, each, field.kind, below) for each in value]
        elif isinstance(field, Ref) and isinstance(value, str):
            copy[name] = _referred(world, value, field.kind, below)
    return copy


def _referred(world: World, object_id: str, kind: str, tree: Tree) -> Any:
    table = world.tables[kind]
    row = table.rows.get(object_id) or table.deleted.get(object_id)
    return _object(world, row, kind, tree) if row else object_id


def _within(world: World, value: Any, kind: str, tree: Tree) -> Any:
    if not tree or not isinstance(value, dict):
        return value
    if value.get("object") == "list":
        inner = tree.get("data", {})
        return {**value, "data": [_object(world, row, kind, inner) for row in value["data"]]}
    return _object(world, value, kind, tree)
