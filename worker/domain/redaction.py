"""Takes out of a text what must never be in a log: keys, card digits, addresses, passwords.

Allow-listed fields are the first fence; this is the second, for words that libraries and
exceptions put into their messages.
"""

import re

_ADDRESS = (
    # Its @ may be escaped, as in a URL's query; without a dot only this machine is a mail domain.
    re.compile(
        r"[^\s@%<>\"'=,;:()\[\]{}/\\*?&]+(?:@|%40)"
        r"(?:[^\s@<>\"'=,;:()\[\]{}/\\?&]+\.\w+|localhost(?!\w)|\[[\da-fA-F.:]+\])"
    ),
    "[address]",
)
# Words that may hold an address with a password; a list of addresses is one word.
_WORD = re.compile(r"[^\s\"'<>]+")
_NEXT_OF_LIST = re.compile(r"(?i)(?=[,;|](?:postgres(?:ql)?(?:\+\w+)?|rediss?|smtps?|https?)://)")
_USER = re.compile(r"://[^\s/:@?#]*:")
_WEB = ("http", "https")
# A web page's port, where an @ comes in the query only.
_PORT = re.compile(r"\d{1,5}(?:/[^\s@?#]*)?[?#]")
_SECRETS = (
    (re.compile(r"(?<=://)[^/\s@]+@"), "***@"),
    # What opens a page for whoever holds its address.
    (
        re.compile(
            r"(?i)([?&](?!idempotency)[\w.-]*"
            r"(?:token|sig|signature|secret|credential|password|passwd|pwd|key|auth)=)"
            r"(?!\*\*\*)[^\s&#\"'<>;]+"
        ),
        r"\1***",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), r"\1 ***"),
    (
        re.compile(
            r"(?i)((?:(?:password|passwd|pwd|passphrase)\s*[=:]"
            r"|(?:secret|api_?key|authorization)\s*="
            r"|(?:password|passwd|pwd|passphrase|secret|api_?key|authorization)['\"]\s*[=:])"
            r"\s*['\"]?)(?!\*\*\*|bearer|basic)(?:(?<=['\"])[^'\"]+|[^\s'\",;&]+)"
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
    # 13 to 19 digits, in groups or not, that do not belong to an id; nor are they days, or an
    # amount in thousands. Spaces may be such as do not break.
    (
        re.compile(
            r"(?<![\w.])(?<!\d-)"
            r"(?!\d{1,3}(?:[ \u00a0\u2009\u202f]\d{3})+(?![ \u00a0\u2009\u202f-]?\d))"
            r"(?:(?!\d{4}-\d\d-\d\d(?!\d))\d[ \u00a0\u2009\u202f-]?){12,18}\d(?!\w)"
        ),
        "[card]",
    ),
    # Joined by dots only in a card's own groups: any others are a fraction, a version or an amount.
    (
        re.compile(
            r"(?<![\w.])\d{4}\.(?:\d{4}\.\d{4}\.\d{1,4}(?:\.\d{1,3})?|\d{6}\.\d{4,5})(?!\w|\.\d)"
        ),
        "[card]",
    ),
)
# A telephone number: it begins with + or 0, or is grouped as one; no date, amount or short number.
_PHONE = re.compile(
    r"(?<![\w.,:+/-])(?!\d{1,2}[./-]\d{1,2}[./-]\d{2,4}(?!\w))"
    r"(?:\+\d|\(?0\d|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\d-]))"
    r"(?:[ ()./-]{0,2}\d){0,14}(?!\w)"
)
_PHONE_DIGITS = range(7, 16)


def _without_url_passwords(found: re.Match[str]) -> str:
    word = found[0]
    if "@" not in word or "://" not in word:
        return word
    return "".join(_without_url_password(each) for each in _NEXT_OF_LIST.split(word))


def _without_url_password(address: str) -> str:
    """Take out a URL's user and password, which may hold @, / and :// themselves.

    In code and not by one pattern, which would look for an @ from each :// of a long word anew.
    """
    end = address.rfind("@")
    for user in _USER.finditer(address, 0, max(end, 0)):
        is_web = address[: user.start()].lower().endswith(_WEB)
        if not (is_web and _PORT.match(address, user.end())):
            return f"{address[: user.start()]}://***@{address[end + 1 :]}"
    return address


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
    # First, before the address rule could take the host for a mail domain.
    text = _WORD.sub(_without_url_passwords, text)
    for pattern, substitute in _SECRETS:
        text = pattern.sub(substitute, text)
    return text
