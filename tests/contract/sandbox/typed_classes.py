"""Reads the SDK's typed classes and says where an object does not fit them."""

import ast
import inspect
import textwrap
from functools import cache
from typing import Any

import stripe
from stripe._object_classes import get_object_class

Node = ast.expr


@cache
def _class_of(kind: str) -> ast.ClassDef | None:
    owner = get_object_class("V1", kind)
    if owner is stripe.StripeObject:
        return None
    tree = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
    assert isinstance(tree, ast.ClassDef)
    return tree


def _fields(tree: ast.ClassDef) -> dict[str, Node]:
    found = [
        n for n in tree.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)
    ]
    names = {n.target.id: n.annotation for n in found if isinstance(n.target, ast.Name)}
    return {k: v for k, v in names.items() if not k.startswith("_") and k != "OBJECT_NAME"}


def problems(value: dict[str, Any], path: str = "") -> list[str]:
    """Return one line per place where an API object differs from its typed class."""
    kind = value.get("object", "")
    tree = _class_of(kind)
    if tree is None:
        return [f"{path or kind}: the SDK has no class for {kind!r}"]
    return _object(value, tree, [tree], path or kind)


def _object(
    value: dict[str, Any], tree: ast.ClassDef, scopes: list[ast.ClassDef], path: str
) -> list[str]:
    fields = _fields(tree)
    found = [f"{path}.{name}: not a field of {tree.name}" for name in value if name not in fields]
    for name, annotation in fields.items():
        optional = _subscripted(annotation) == "Optional"
        if name not in value:
            if not optional:
                found.append(f"{path}.{name}: missing")
            continue
        found += _value(value[name], annotation, scopes, f"{path}.{name}")
    return found


def _subscripted(node: Node) -> str:
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        return node.value.id
    return ""


def _value(value: Any, node: Node, scopes: list[ast.ClassDef], path: str) -> list[str]:
    outer = _subscripted(node)
    if outer:
        assert isinstance(node, ast.Subscript)
        return _generic(value, outer, node.slice, scopes, path)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _named(value, node.value, scopes, path)
    if isinstance(node, ast.Name):
        return _named(value, node.id, scopes, path)
    return [f"{path}: unread annotation {ast.unparse(node)}"]


def _generic(
    value: Any, outer: str, inner: Node, scopes: list[ast.ClassDef], path: str
) -> list[str]:
    if outer == "Optional":
        return [] if value is None else _value(value, inner, scopes, path)
    if outer == "Literal":
        allowed = {ast.literal_eval(e) for e in (getattr(inner, "elts", None) or [inner])}
        return [] if value in allowed else [f"{path}: {value!r} is none of {sorted(allowed)}"]
    if outer == "Union":
        # Enums are open (`Literal[...] or str`): the sandbox must stay inside the known words.
        options = getattr(inner, "elts", [])
        literals = [option for option in options if _subscripted(option) == "Literal"]
        tried = [_value(value, o, scopes, path) for o in literals or options]
        return min(tried, key=len)
    if outer == "ExpandableField":
        return [] if isinstance(value, str) else _value(value, inner, scopes, path)
    if outer == "List":
        if not isinstance(value, list):
            return [f"{path}: {value!r} is no list"]
        return [p for n, v in enumerate(value) for p in _value(v, inner, scopes, f"{path}[{n}]")]
    if outer == "ListObject":
        if value.get("object") != "list" or not {"data", "has_more", "url"} <= set(value):
            return [f"{path}: is no list object"]
        return [p for v in value["data"] for p in problems(v, f"{path}.data")]
    return [] if isinstance(value, dict) else [f"{path}: {value!r} is no object"]


_PLAIN: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "float": (float, int),
    "Decimal": (str,),
}


def _named(value: Any, name: str, scopes: list[ast.ClassDef], path: str) -> list[str]:
    if name in _PLAIN:
        wrong_bool = name == "int" and isinstance(value, bool)
        good = isinstance(value, _PLAIN[name]) and not wrong_bool
        return [] if good else [f"{path}: {value!r} is no {name}"]
    if not isinstance(value, dict):
        return [f"{path}: {value!r} is no {name}"]
    for scope in reversed(scopes):
        for inner in scope.body:
            if isinstance(inner, ast.ClassDef) and inner.name == name:
                return _object(value, inner, [*scopes, inner], path)
    if "object" in value:
        return problems(value, path)
    return []
