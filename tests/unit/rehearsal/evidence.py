"""Made-up logs: what the sandbox and the inbox would have told."""

from typing import Any

from worker.rehearsal.customer_letters import Letter

NOON = 1_793_000_000
DAY = 86_400


def attempt(n: int, **more: Any) -> dict[str, Any]:
    """Return one line of GET /_sandbox/charges: a failed try of the worker's."""
    return {
        "n": n,
        "at": NOON + n,
        "by": "api",
        "request_id": f"req_{n}",
        "idempotency_key": f"dun:v1:in_1:{n}",
        "invoice": "in_1",
        "customer": "cus_1",
        "charge": f"ch_{n}",
        "amount": 2900,
        "currency": "eur",
        "payment_method": "pm_1",
        "status": "failed",
        "settles": False,
        "outcome": {"network_status": "declined_by_network", "reason": "insufficient_funds"},
        **more,
    }


def charge(n: int, *, brand: str = "visa", country: str = "US") -> dict[str, Any]:
    """Return the charge of `attempt(n)`."""
    card = {"brand": brand, "country": country, "fingerprint": "fp_1"}
    return {"id": f"ch_{n}", "payment_method_details": {"type": "card", "card": card}}


def charges(count: int, **card: str) -> dict[str, dict[str, Any]]:
    """Return the charges of `attempt(1)` to `attempt(count)`."""
    return {f"ch_{n}": charge(n, **card) for n in range(1, count + 1)}


def request(n: int, path: str, *, method: str = "POST", **more: Any) -> dict[str, Any]:
    """Return one line of GET /_sandbox/requests."""
    return {
        "n": n,
        "by": "api",
        "method": method,
        "path": path,
        "params": {},
        "idempotency_key": None,
        "request_id": f"req_{n}",
        "status": 200,
        "replayed": False,
        "code": None,
        "charges": [],
        **more,
    }


def letter(number: int, **more: Any) -> Letter:
    """Return a first letter about invoice `in_1`."""
    values: dict[str, Any] = {
        "number": number,
        "recipient": "a@customers.example",
        "message_id": f"<{number}@dunning.invalid>",
        "subject": "We couldn’t take your payment of €29.00",
        "notice": "payment_failed_1",
        "invoices": ("in_1",),
        **more,
    }
    return Letter(**values)
