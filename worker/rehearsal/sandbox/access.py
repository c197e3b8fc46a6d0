"""API keys, their rights, and the account's rate limit."""

import base64
import binascii
from collections import deque

from .errors import ApiError, rate_limited


class Access:
    """Which keys may do what; every sk_test_ or rk_test_ key may do all unless told otherwise."""

    def __init__(self) -> None:
        """Start with no restrictions."""
        self.rights: dict[str, set[str]] = {}
        self._recent: deque[float] = deque()

    def key_of(self, authorization: str) -> str:
        """Return the key of an Authorization header. Raises: ApiError: 401 without a good one."""
        scheme, _, value = authorization.partition(" ")
        key = value.strip()
        if scheme.lower() == "basic":
            try:
                key = base64.b64decode(key).decode().partition(":")[0]
            except (binascii.Error, UnicodeDecodeError):
                key = ""
        if not key or scheme.lower() not in ("bearer", "basic"):
            raise ApiError(
                401,
                "You did not provide an API key. You need to provide your API key in the "
                "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
                "YOUR_SECRET_KEY').",
            )
        if key.startswith("pk_"):
            raise ApiError(
                401,
                "This API call cannot be made with a publishable API key. Please use a secret API "
                "key. You can find a list of your API keys at "
                "https://dashboard.stripe.com/account/apikeys.",
                code="secret_key_required",
            )
        if not key.startswith(("sk_test_", "rk_test_")):
            shown = f"{key[:8]}{'*' * 8}{key[-4:]}"
            raise ApiError(401, f"Invalid API Key provided: {shown}")
        return key

    def allow(self, key: str, right: str) -> None:
        """Raise a 403 unless *key* has *right* (a resource and `read` or `write`)."""
        granted = self.rights.get(key)
        if granted is None or right in granted:
            return
        resource, _, level = right.rpartition("_")
        if level == "read" and f"{resource}_write" in granted:
            return
        raise ApiError(
            403,
            f"The provided key '{key[:8]}{'*' * 8}{key[-4:]}' does not have the required "
            f"permissions for this endpoint on account 'acct_1Sandbox'. Having the 'rak_{right}' "
            "permission would allow this request to continue.",
            code="more_permissions_required",
        )

    def limit(self, per_second: int, now: float) -> None:
        """Count a request at *now* (seconds); raise a 429 above *per_second*, unless that is 0."""
        if per_second <= 0:
            return
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if len(self._recent) >= per_second:
            raise rate_limited()
        self._recent.append(now)
