"""Whether a webhook was signed by Stripe, with a secret of ours, just now.

The SDK's `WebhookSignature.verify_header` is used: `construct_event` builds StripeObjects at
twenty times the cost, and its tolerance knows old timestamps only (performance.md 6). Only where a
body is no text at all, which the SDK refuses to look at, its signature is reckoned here.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

import stripe

TOLERANCE_SECONDS = 300
"""Stripe's own tolerance for old signatures, here also for such as come from the future."""

UNSIGNED = "unsigned"
FORGED = "forged"
TOO_OLD = "too_old"
IN_THE_FUTURE = "in_the_future"


def signature_problem(
    body: bytes, header: str, secrets: Sequence[str], *, wall_now: datetime
) -> str:
    """Return why a delivery is not to be believed, or the empty string.

    Args: header: `Stripe-Signature`. With several *secrets* a rotation is under way and any one of
    them will do; all are compared in constant time. The time is looked at last, so that only who
    holds a secret learns how our clock stands.
    """
    if not header:
        return UNSIGNED
    # The SDK compares texts in constant time, which Python refuses for anything but ASCII.
    if not header.isascii() or not any(_signed_with(secret, body, header) for secret in secrets):
        return FORGED
    age_seconds = wall_now.timestamp() - _signed_at(header)
    if age_seconds > TOLERANCE_SECONDS:
        return TOO_OLD
    return IN_THE_FUTURE if age_seconds < -TOLERANCE_SECONDS else ""


def _signed_with(secret: str, body: bytes, header: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(body, header, secret)
    except stripe.SignatureVerificationError:
        return False
    except ValueError:  # the body is no UTF-8, which says nothing about who signed it
        return _bytes_signed_with(secret, body, header)
    return True


def _bytes_signed_with(secret: str, body: bytes, header: str) -> bool:
    """Return whether the bytes were signed; the SDK can only sign what decodes as UTF-8."""
    pairs = [part.split("=", 2) for part in header.split(",") if "=" in part]
    times = [pair[1] for pair in pairs if pair[0] == "t"]
    if not times or not times[0].isdecimal():
        return False
    signed = times[0].encode() + b"." + body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(expected, pair[1]) for pair in pairs if pair[0] == "v1")


def _signed_at(header: str) -> int:
    """Return the timestamp under the signature: the first one, as the SDK reads it."""
    found = [part.split("=", 2) for part in header.split(",")]
    return int(next(pair[1] for pair in found if pair[0] == "t"))
