"""What fails on purpose: which requests, how, how often, by seeded draws."""

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from .errors import ApiError, invalid, lock_timeout, rate_limited, server_error

# Faults of the first kind strike before the request is carried out, the others after it.
BEFORE = (
    "rate_limit",
    "lock_timeout",
    "conflict",
    "error_500",
    "html_502",
    "hang",
    "cut",
    "slow",
)
AFTER = ("error_500_after", "hang_after", "cut_after", "slow_after", "html_502_after")


@dataclass(slots=True)
class Rule:
    """One kind of fault; `left` counts down the times it still strikes (None: no end)."""

    kind: str
    method: str = ""
    path: str = ""
    share: float = 1.0
    left: int | None = None
    skip: int = 0
    seed: str = "1"
    seconds: float = 1.0
    should_retry: bool | None = None
    retry_after: int | None = None
    drawn: int = field(default=0)

    def strikes(self, method: str, path: str) -> bool:
        """Whether this request is hit; counts draws, so the answer depends on order alone."""
        if self.left == 0 or (self.method and self.method != method):
            return False
        if self.path and self.path not in path:
            return False
        self.drawn += 1
        if self.drawn <= self.skip:
            return False
        number = int.from_bytes(
            blake2b(f"{self.seed}:{self.kind}:{self.drawn}".encode(), digest_size=4).digest()
        )
        if number / 2**32 >= self.share:
            return False
        if self.left is not None:
            self.left -= 1
        return True


class Faults:
    """The rules in force, in order; the first that strikes is taken."""

    def __init__(self) -> None:
        """Start with nothing broken."""
        self.rules: list[Rule] = []

    def set(self, entries: list[dict[str, Any]]) -> None:
        """Replace all rules. Raises: ApiError: an unknown kind or field."""
        known = set(Rule.__dataclass_fields__) - {"drawn"}
        rules = []
        for entry in entries:
            given = {**entry, "left": entry.get("times", entry.get("left"))}
            given.pop("times", None)
            if (wrong := set(given) - known) or given.get("kind") not in BEFORE + AFTER:
                raise invalid(
                    f"Unknown fault {given.get('kind')!r} {sorted(wrong)}: kinds are "
                    f"{', '.join(BEFORE + AFTER)}; fields are {', '.join(sorted(known))}, times."
                )
            rules.append(Rule(**{k: v for k, v in given.items() if v is not None}))
        self.rules = rules

    def pick(self, method: str, path: str) -> Rule | None:
        """Return the rule that strikes this request, or None."""
        return next((rule for rule in self.rules if rule.strikes(method, path)), None)


def answer_of(rule: Rule) -> ApiError:
    """Return the error answer of a rule that answers with one."""
    if rule.kind == "rate_limit":
        error = rate_limited()
    elif rule.kind == "lock_timeout":
        error = lock_timeout()
    elif rule.kind == "conflict":
        error = ApiError(
            409,
            "There is currently another in-progress request using this Idempotent Key.",
            type="idempotency_error",
            code="idempotency_key_in_use",
        )
    else:
        error = server_error()
    if rule.should_retry is not None:
        error.headers["Stripe-Should-Retry"] = str(rule.should_retry).lower()
    if rule.retry_after is not None:
        error.headers["Retry-After"] = str(rule.retry_after)
    return error
