"""The sandbox takes no address and no parameter that Stripe's SDK does not know."""

import ast
import re
from functools import cache
from pathlib import Path

import stripe

from worker.rehearsal.sandbox.routes import all_routes
from worker.rehearsal.sandbox.routing import Route

SDK = Path(stripe.__file__).parent


@cache
def sdk_operations() -> dict[tuple[str, str], tuple[str, str]]:
    """Return (method, path with `*` for ids) to folder and name of the parameters' class."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for path in [*SDK.glob("_*_service.py"), *SDK.glob("*/_*_service.py")]:
        if path.parent.name in ("v2", "params"):
            continue
        folder = "" if path.parent == SDK else path.parent.name
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                text = ast.unparse(node)
                call = re.search(r"_request\('(\w+)', '([^']+)'", text)
                params = re.search(r"params: Optional\['(\w+)'\]", text)
                params = params or re.search(r"params: '(\w+)'", text)
                if call and params:
                    address = re.sub(r"\{\w+\}", "*", call[2])
                    found[(call[1].upper(), address)] = folder, params[1]
    return found


@cache
def sdk_parameters(folder: str, name: str) -> frozenset[str]:
    """Return the parameters of one of the SDK's parameter classes."""
    for path in (SDK / "params" / folder).glob("_*_params.py"):
        text = path.read_text()
        if f"class {name}(" not in text:
            continue
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                fields = [n for n in node.body if isinstance(n, ast.AnnAssign)]
                return frozenset(n.target.id for n in fields if isinstance(n.target, ast.Name))
    raise AssertionError(f"no class {name} in the SDK")


def address(route: Route) -> tuple[str, str]:
    return route.method, re.sub(r"\{\w+\}", "*", route.path)


def test_every_route_is_one_of_stripes() -> None:
    assert len(all_routes().all) > 50
    strange = [r for r in map(address, all_routes().all) if r not in sdk_operations()]
    assert strange == []


def test_every_parameter_is_one_of_stripes() -> None:
    strange = {}
    for route in all_routes().all:
        known = sdk_parameters(*sdk_operations()[address(route)])
        if wrong := set(route.spec) - known:
            strange[address(route)] = sorted(wrong)
    assert strange == {}
