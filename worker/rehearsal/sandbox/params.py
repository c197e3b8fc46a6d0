"""Form decoding and strict parameter checks, with Stripe's error codes."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from .errors import invalid, missing_param, unknown_param

Check = Callable[[Any, str], Any]
Spec = dict[str, Check]


def decode(text: str) -> dict[str, Any]:
    """Return nested dicts from a query or form body; `a[b][]` and `a[b][0]` both make lists."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        head, _, rest = name.partition("[")
        path = [head, *(part.rstrip("]") for part in rest.split("["))] if rest else [head]
        node = tree
        for part in path[:-1]:
            key = str(len(node)) if part == "" else part
            child = node.setdefault(key, {})
            if not isinstance(child, dict):
                raise invalid(f"Invalid {head}", param=head)
            node = child
        last = path[-1]
        node[str(len(node)) if last == "" else last] = value
    return tree


def check(values: dict[str, Any], spec: Spec, trail: str = "") -> dict[str, Any]:
    """Return *values* coerced by *spec*. Raises: ApiError: unknown, malformed or empty ones."""
    result: dict[str, Any] = {}
    for name, value in values.items():
        path = f"{trail}[{name}]" if trail else name
        if name not in spec:
            raise unknown_param(path)
        result[name] = spec[name](value, path)
    return result


def need(values: dict[str, Any], *names: str) -> None:
    """Raise Stripe's answer for the first of *names* that was not sent."""
    for name in names:
        if name not in values:
            raise missing_param(name)


def text(value: Any, path: str) -> str:
    """Take a string that is not empty."""
    if not isinstance(value, str):
        raise invalid(f"Invalid string: {value}", param=path, code="parameter_invalid_string")
    if not value:
        raise invalid(
            f"You passed an empty string for '{path}'. We assume empty values are an attempt to "
            f"unset a parameter; however '{path}' cannot be unset.",
            param=path,
            code="parameter_invalid_empty",
        )
    return value


def any_text(value: Any, path: str) -> str | None:
    """Take a string; the empty one unsets and becomes None."""
    return text(value, path) if value != "" else None


def whole(value: Any, path: str) -> int:
    """Take an integer."""
    try:
        return int(value)
    except (TypeError, ValueError):
        raise invalid(
            f"Invalid integer: {value}", param=path, code="parameter_invalid_integer"
        ) from None


def decimal_text(value: Any, path: str) -> str:
    """Take a decimal number and keep it as text."""
    try:
        float(text(value, path))
    except ValueError:
        raise invalid(f"Invalid decimal: {value}", param=path) from None
    return str(value)


def flag(value: Any, path: str) -> bool:
    """Take `true` or `false`."""
    if str(value).lower() not in ("true", "false"):
        raise invalid(f"Invalid boolean: {value}", param=path, code="parameter_invalid_boolean")
    return str(value).lower() == "true"


def one_of(*allowed: str) -> Check:
    """Make a check for one of a closed list of words."""

    def run(value: Any, path: str) -> str:
        if value not in allowed:
            raise invalid(f"Invalid {path}: must be one of {', '.join(allowed)}", param=path)
        return str(value)

    return run


def instant_or(*words: str) -> Check:
    """Make a check for a unix time or one of *words*; an empty string unsets."""

    def run(value: Any, path: str) -> int | str | None:
        if value == "":
            return None
        return str(value) if value in words else whole(value, path)

    return run


def nested(spec: Spec) -> Check:
    """Make a check for an object with its own fields; an empty string unsets it."""

    def run(value: Any, path: str) -> dict[str, Any] | None:
        if value == "":
            return None
        if not isinstance(value, dict):
            raise invalid("Invalid object", param=path)
        return check(value, spec, path)

    return run


def many(item: Check, *, most: int | None = None) -> Check:
    """Make a check for a list; an empty string is an empty list."""

    def run(value: Any, path: str) -> list[Any]:
        if value == "":
            return []
        if not isinstance(value, dict) or not all(key.isdigit() for key in value):
            raise invalid("Invalid array", param=path)
        if most is not None and len(value) > most:
            raise invalid(
                f"Array must contain at most {most} elements.", param=path, code="parameter_invalid"
            )
        ordered = sorted(value.items(), key=lambda pair: int(pair[0]))
        return [item(entry, f"{path}[{key}]") for key, entry in ordered]

    return run


def metadata(value: Any, path: str) -> dict[str, str]:
    """Take up to 50 keys of at most 40 characters; empty values unset their key."""
    if value == "":
        return {}
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise invalid("Invalid metadata", param=path)
    if len(value) > 50 or any(len(k) > 40 or len(v) > 500 for k, v in value.items()):
        raise invalid("Metadata has at most 50 keys of 40 and values of 500 characters", param=path)
    return dict(value)


def merged_metadata(before: dict[str, str], change: dict[str, str]) -> dict[str, str]:
    """Return metadata after an update: sent keys are set, empty ones taken away."""
    return {k: v for k, v in {**before, **change}.items() if v != ""}


def span(value: Any, path: str) -> tuple[int | None, int | None]:
    """Take a time filter, a number or gt/gte/lt/lte; returns both ends included."""
    if not isinstance(value, dict):
        exact = whole(value, path)
        return exact, exact
    ends = check(value, dict.fromkeys(("gt", "gte", "lt", "lte"), whole), path)
    low = max((ends.get("gte"), ends["gt"] + 1 if "gt" in ends else None), key=lambda v: v or -1)
    highs = [
        v for v in (ends.get("lte"), ends["lt"] - 1 if "lt" in ends else None) if v is not None
    ]
    return low, min(highs) if highs else None


def page_limit(value: Any, path: str) -> int:
    """Take a list's limit, 1 to 100."""
    number = whole(value, path)
    if number < 1:
        raise invalid("This value must be greater than or equal to 1.", param=path)
    if number > 100:
        raise invalid("Invalid integer: must be less than or equal to 100.", param=path)
    return number


EXPAND: Spec = {"expand": many(text)}
LISTING: Spec = {"limit": page_limit, "starting_after": text, "ending_before": text, **EXPAND}
ADDRESS = nested(
    dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), any_text)
)
