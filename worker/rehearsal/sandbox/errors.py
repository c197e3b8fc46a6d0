"""Stripe's error answers as exceptions that carry status, body and whether a key keeps them."""

from typing import Any


class ApiError(Exception):
    """An answer other than 200. `body` is the object under `error`, as Stripe sends it."""

    def __init__(self, status: int, message: str, **fields: Any) -> None:
        """Fields that are None are left out, as Stripe does; `type` defaults to a bad request."""
        super().__init__(message)
        self.status = status
        self.headers: dict[str, str] = {}
        self.body: dict[str, Any] = {"message": message}
        fields.setdefault("type", "invalid_request_error")
        self.body.update({k: v for k, v in fields.items() if v is not None})
        code = self.body.get("code")
        if code:
            self.body["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> ApiError:
    """Return a 400 for a request that breaks a rule."""
    return ApiError(400, message, param=param, code=code)


def missing_param(param: str) -> ApiError:
    """Return a 400 for a required parameter that was not sent."""
    return invalid(f"Missing required param: {param}.", param=param, code="parameter_missing")


def unknown_param(param: str) -> ApiError:
    """Return a 400 for a parameter that the route does not know."""
    return invalid(f"Received unknown parameter: {param}", param=param, code="parameter_unknown")


def no_such(kind: str, object_id: str, *, param: str = "id") -> ApiError:
    """Return Stripe's answer for an unknown id: 404 in the path, 400 as a parameter."""
    names = {
        "test_helpers.test_clock": "test_clock",
        "payment_method": "PaymentMethod",
        "billing_portal.session": "session",
    }
    status = 404 if param == "id" else 400
    return ApiError(
        status,
        f"No such {names.get(kind, kind)}: '{object_id}'",
        param=param,
        code="resource_missing",
    )


def lock_timeout() -> ApiError:
    """Return the 429 Stripe gives while another request holds the same object."""
    return ApiError(
        429,
        "This object cannot be accessed right now because another API request or Stripe process "
        "is currently accessing it. If you see this error intermittently, retry the request.",
        code="lock_timeout",
    )


def rate_limited() -> ApiError:
    """Return the 429 of an account that asks too often."""
    return ApiError(
        429,
        "Request rate limit exceeded. Learn more about rate limits here: "
        "https://stripe.com/docs/rate-limits.",
        code="rate_limit",
    )


def server_error() -> ApiError:
    """Return Stripe's own 500."""
    return ApiError(500, "An unknown error occurred", type="api_error")
