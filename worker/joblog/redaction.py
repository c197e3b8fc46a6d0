"""Takes out of a text what must never be in a log: keys, card digits, addresses, passwords.

Allow-listed fields are the first fence; this is the second, for words that libraries and
exceptions put into their messages.
"""

import re

_RULES = (
    # A URL's user and password, before the address rule could take the host for a mail domain.
    (re.compile(r"(?<=://)[^/\s@]+@"), "***@"),
    # Stripe's keys and signing secrets keep their prefix, which says what kind it was.
    (re.compile(r"(?<![A-Za-z0-9])((?:sk|rk|pk)_(?:test_|live_)?|whsec_)\w+"), r"\1***"),
    # The client secret of a PaymentIntent or SetupIntent confirms it.
    (re.compile(r"(?<=_secret_)\w+"), "***"),
    # 13 to 19 digits, in groups or not, that do not belong to an id.
    (re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?!\w)"), "[card]"),
    (re.compile(r"[^\s@<>\"'=,;:()\[\]{}/\\*]+@[^\s@<>\"'=,;:()\[\]{}/\\]+\.\w+"), "[address]"),
)


def redact(text: str) -> str:
    """Return *text* with `***`, `[card]` and `[address]` in place of what is nobody's business."""
    for pattern, substitute in _RULES:
        text = pattern.sub(substitute, text)
    return text
