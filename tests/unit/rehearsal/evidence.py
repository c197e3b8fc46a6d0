"""Made-up logs: what the sandbox and the inbox would have told."""

from typing import Any

from worker.rehearsal.customer_letters import Letter

NOON = 1_793_000_000
DAY = 86_400


def attempt(n: int, **more: Any) -> dict[str, Any]:
    """Return one line of GET /_sandbox/charges: a failed try of the worker's.

    What is named as a field of the method used (`brand`, `country`, ...) changes that.
    """
    method = {
        "type": "card",
        "fingerprint": "fp_1",
        "brand": "visa",
        "country": "US",
        "exp_month": 12,
        "exp_year": 2034,
    }
    method |= {name: more.pop(name) for name in tuple(more) if name in method}
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
        "method": method,
        "status": "failed",
        "settles": False,
        "outcome": {"network_status": "declined_by_network", "reason": "insufficient_funds"},
        **more,
    }


def debited(n: int, code: str = "R01", **more: Any) -> list[dict[str, Any]]:
    """Return the two lines of a bank debit that came back four days later with *code*."""
    begun = attempt(n, **{"type": "us_bank_account", "brand": None, **more, "status": "pending"})
    outcome = {"reason": "insufficient_funds", "network_decline_code": code}
    end = {"n": n + 1, "at": begun["at"] + 4 * DAY, "status": "failed", "outcome": outcome}
    return [begun, {**begun, **end, "settles": True}]


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
