"""Takes out of a text what must never be in a log: keys, card digits, addresses, passwords.

Allow-listed fields are the first fence; this is the second, for words that libraries and
exceptions put into their messages.
"""

import re

_ADDRESS = (
    re.compile(r"[^\s@<>\"'=,;:()\[\]{}/\\*]+@[^\s@<>\"'=,;:()\[\]{}/\\]+\.\w+"),
    "[address]",
)
_SECRETS = (
    # A URL's user and password, before the address rule could take the host for a mail domain.
    (re.compile(r"(?<=://)[^/\s@]+@"), "***@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), r"\1 ***"),
    (
        re.compile(
            r"(?i)((?:password|passwd|secret|api_?key|authorization)"
            r"(?:\s*=|['\"]\s*[=:])\s*['\"]?)(?!\*\*\*|bearer|basic)[^\s'\",;&]+"
        ),
        r"\1***",
    ),
    # Stripe's keys and signing secrets keep their prefix, which says what kind it was.
    (re.compile(r"(?<![A-Za-z0-9])((?:sk|rk|pk)_(?:test_|live_)?|whsec_)\w+"), r"\1***"),
    # The client secret of a PaymentIntent or SetupIntent confirms it.
    (re.compile(r"(?<=_secret_)\w+"), "***"),
    # An account's IBAN, in groups or not.
    (
        re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?(?!\w)"),
        "[account]",
    ),
    # 13 to 19 digits, in groups or not, that do not belong to an id.
    (re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?!\w)"), "[card]"),
)
# A telephone number: it begins with + or 0, or is grouped as one; no date, amount or short number.
_PHONE = re.compile(
    r"(?<![\w.,:+/-])(?!\d{1,2}[./-]\d{1,2}[./-]\d{2,4}(?!\w))"
    r"(?:\+\d|\(?0\d|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\d-]))"
    r"(?:[ ()./-]{0,2}\d){0,14}(?!\w)"
)
_PHONE_DIGITS = range(7, 16)


def without_contacts(text: str) -> str:
    """Return what somebody wrote without secrets, addresses and telephone numbers."""
    return _PHONE.sub(_phone_words, redact(text))


def _phone_words(found: re.Match[str]) -> str:
    digits = sum(character.isdigit() for character in found[0])
    return "[phone]" if digits in _PHONE_DIGITS else found[0]


def redact(text: str) -> str:
    """Return *text* with `***`, `[card]` and `[address]` in place of what is nobody's business."""
    pattern, substitute = _ADDRESS
    return pattern.sub(substitute, without_secrets(text))


def without_secrets(text: str) -> str:
    """Return *text* without keys, passwords and card digits; addresses stay, for a terminal."""
    for pattern, substitute in _SECRETS:
        text = pattern.sub(substitute, text)
    return text
