"""What a card or bank account answers: test numbers, scripts and the outcome of one try."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .errors import ApiError, invalid

# Stripe's four codes whose reason a payer must not see (docs.stripe.com/declines/codes).
MASKED = frozenset(("fraudulent", "lost_card", "stolen_card", "merchant_blacklist"))
# Never executed again without a new method (docs.stripe.com/billing/revenue-recovery).
HARD = frozenset(
    (
        "incorrect_number",
        "lost_card",
        "pickup_card",
        "stolen_card",
        "revocation_of_authorization",
        "revocation_of_all_authorizations",
        "authentication_required",
        "highest_risk_level",
        "transaction_not_allowed",
    )
)
# Decline codes that Stripe also gives as the error's `code`; every other one is `card_declined`.
_OWN_CODE = frozenset(
    (
        "authentication_required",
        "expired_card",
        "incorrect_cvc",
        "incorrect_number",
        "incorrect_zip",
        "invalid_cvc",
        "invalid_expiry_month",
        "invalid_expiry_year",
        "invalid_number",
        "processing_error",
    )
)
_MESSAGES = {
    "authentication_required": "Your card was declined. This transaction requires authentication.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "incorrect_number": "Your card number is incorrect.",
    "insufficient_funds": "Your card has insufficient funds.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "card_not_supported": "Your card does not support this type of purchase.",
    "currency_not_supported": "Your card does not support this currency.",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one charge try. An empty `decline_code` and `code` is an approval."""

    code: str = ""
    decline_code: str = ""
    advice_code: str | None = None
    network_decline_code: str | None = None
    network_advice_code: str | None = None
    network_status: str = "declined_by_network"
    outcome_type: str = "issuer_declined"
    risk_level: str = "normal"
    message: str = ""
    requires_action: bool = False
    on_authenticate: "Outcome | None" = None
    processing_days: float | None = None
    until: int | None = None

    @property
    def approved(self) -> bool:
        """Whether the money comes (at once, or after the processing days)."""
        return not self.code

    @property
    def hard(self) -> bool:
        """Whether Stripe executes no further automatic try on this method."""
        return self.decline_code in HARD or self.code in HARD or self.risk_level == "highest"


APPROVE = Outcome()
_FIELDS = frozenset(Outcome.__dataclass_fields__) | {"approve", "reason"}


def declined(decline_code: str, **more: Any) -> Outcome:
    """Return a decline with Stripe's usual code, message and outcome for *decline_code*."""
    code = more.pop("code", "") or (decline_code if decline_code in _OWN_CODE else "card_declined")
    shown = "generic_decline" if decline_code in MASKED else decline_code
    message = more.pop("message", "") or _MESSAGES.get(shown, "Your card was declined.")
    return Outcome(code=code, decline_code=decline_code, message=message, **more)


def parse_outcome(entry: Any) -> Outcome:
    """Return the outcome a script entry describes. Raises: ApiError: unknown or wrong fields."""
    if entry == "approve":
        return APPROVE
    if isinstance(entry, str):
        return declined(entry)
    if not isinstance(entry, dict) or (unknown := set(entry) - _FIELDS):
        named = ", ".join(sorted(unknown)) if isinstance(entry, dict) else repr(entry)
        raise invalid(f"An outcome is 'approve', a decline code or an object; not {named}.")
    more = {k: v for k, v in entry.items() if k not in ("approve", "reason") and v is not None}
    if "on_authenticate" in more:
        more["on_authenticate"] = parse_outcome(more["on_authenticate"])
    decline_code = more.pop("decline_code", "") or entry.get("reason", "")
    if more.get("outcome_type") == "blocked":
        more.setdefault("network_status", "not_sent_to_network")
        decline_code = decline_code or "fraudulent"
    if more.get("requires_action") or not (decline_code or more.get("code")):
        return Outcome(**more)
    return declined(decline_code or ("generic_decline"), **more)


@dataclass(slots=True)
class Script:
    """Outcomes still to come for one card; the last one repeats unless `then` says otherwise."""

    outcomes: list[Outcome]
    then: Outcome | None = None

    def next(self, now: int) -> Outcome:
        """Return the outcome of a try made at *now* and move on."""
        while self.outcomes and self.outcomes[0].until is not None:
            if now < self.outcomes[0].until:
                return self.outcomes[0]
            if len(self.outcomes) == 1:
                return self.then or APPROVE
            self.outcomes.pop(0)
        if len(self.outcomes) > 1 or (self.outcomes and self.then is not None):
            return self.outcomes.pop(0)
        return self.outcomes[0] if self.outcomes else (self.then or APPROVE)


@dataclass(slots=True)
class Scripts:
    """Scripts by payment method id, card number or fingerprint; an id wins over a fingerprint."""

    by_name: dict[str, Script] = field(default_factory=dict)

    def put(self, name: str, entries: list[Any], then: Any = None) -> None:
        """Replace the script of *name*; an empty list takes it away."""
        if not entries:
            self.by_name.pop(name, None)
            return
        last = None if then is None else parse_outcome(then)
        self.by_name[name] = Script([parse_outcome(entry) for entry in entries], last)

    def outcome(self, names: list[str], default: Outcome, now: int) -> Outcome:
        """Return the next outcome of the first script among *names*, else *default*."""
        for name in names:
            if name in self.by_name:
                return self.by_name[name].next(now)
        return default


class TestNumber(NamedTuple):
    """One of Stripe's test numbers: its alias after `pm_card_`, country and behaviour."""

    number: str
    alias: str
    country: str = "US"
    charge: Outcome = APPROVE
    attach: Outcome = APPROVE


def _refused(number: str, alias: str, decline_code: str, **more: Any) -> TestNumber:
    outcome = declined(decline_code, **more)
    return TestNumber(number, alias, "US", outcome, outcome)


_ASK = Outcome(requires_action=True)
_ASK_THEN_POOR = Outcome(requires_action=True, on_authenticate=declined("insufficient_funds"))
_BLOCKED = declined(
    "fraudulent",
    outcome_type="blocked",
    network_status="not_sent_to_network",
    risk_level="highest",
)
# Source: docs.stripe.com/testing
NUMBERS = (
    TestNumber("4242424242424242", "visa"),
    TestNumber("4000056655665556", "visa_debit"),
    TestNumber("5555555555554444", "mastercard"),
    TestNumber("5200828282828210", "mastercard_debit"),
    TestNumber("5105105105105100", "mastercard_prepaid"),
    TestNumber("378282246310005", "amex"),
    TestNumber("6011111111111117", "discover"),
    TestNumber("3056930009020004", "diners"),
    TestNumber("3566002020360505", "jcb"),
    TestNumber("6200000000000005", "unionpay"),
    TestNumber("4000002760000016", "de", "DE"),
    TestNumber("4000002500000003", "fr", "FR"),
    TestNumber("4000008260000000", "gb", "GB"),
    TestNumber("4000003560000008", "in", "IN"),
    TestNumber("4000003920000003", "jp", "JP"),
    _refused("4000000000000002", "chargeDeclined", "generic_decline"),
    _refused("4000000000009995", "chargeDeclinedInsufficientFunds", "insufficient_funds"),
    _refused("4000000000009987", "chargeDeclinedLostCard", "lost_card"),
    _refused("4000000000009979", "chargeDeclinedStolenCard", "stolen_card"),
    _refused("4000000000000069", "chargeDeclinedExpiredCard", "expired_card"),
    _refused("4000000000000127", "chargeDeclinedIncorrectCvc", "incorrect_cvc"),
    _refused("4000000000000119", "chargeDeclinedProcessingError", "processing_error"),
    _refused("4000000000006975", "chargeDeclinedVelocityLimitExceeded", "card_velocity_exceeded"),
    TestNumber("4000000000000341", "chargeCustomerFail", "US", declined("generic_decline")),
    TestNumber("4000002500003155", "authenticationRequiredOnSetup", "FR", APPROVE),
    TestNumber("4000002760003184", "authenticationRequired", "DE", _ASK),
    TestNumber(
        "4000008260003178", "authenticationRequiredChargeDeclinedInsufficientFunds", "GB",
        _ASK_THEN_POOR,
    ),
    TestNumber("4000000000003220", "threeDSecure2Required", "US", _ASK),
    TestNumber("4100000000000019", "radarBlock", "US", _BLOCKED),
)  # fmt: skip
BY_NUMBER = {entry.number: entry for entry in NUMBERS}
BY_ALIAS = {entry.alias: entry for entry in NUMBERS}

_BRANDS = (
    ("34", "amex"),
    ("37", "amex"),
    ("30", "diners"),
    ("36", "diners"),
    ("35", "jcb"),
    ("62", "unionpay"),
    ("6", "discover"),
    ("5", "mastercard"),
    ("2", "mastercard"),
    ("4", "visa"),
)


def brand_of(number: str) -> str:
    """Return Stripe's name of the card network a number belongs to."""
    return next((brand for start, brand in _BRANDS if number.startswith(start)), "unknown")


def funding_of(number: str) -> str:
    """Return credit, debit or prepaid; only Stripe's test numbers are other than credit."""
    alias = BY_NUMBER[number].alias if number in BY_NUMBER else ""
    return next((kind for kind in ("debit", "prepaid") if alias.endswith(kind)), "credit")


def check_number(number: str) -> str:
    """Return the bare digits. Raises: ApiError: 402 incorrect_number, by length or check digit."""
    digits = number.replace(" ", "").replace("-", "")
    if not digits.isdigit() or not 13 <= len(digits) <= 19 or _luhn(digits) != 0:
        raise card_error(declined("incorrect_number"), param="number")
    return digits


def _luhn(digits: str) -> int:
    total = 0
    for place, letter in enumerate(reversed(digits)):
        value = int(letter) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10


def card_error(outcome: Outcome, **fields: Any) -> ApiError:
    """Return the 402 a declined card is answered with; *fields* may add charge and so on."""
    return ApiError(
        402,
        outcome.message,
        type="card_error",
        code=outcome.code,
        decline_code=None if outcome.code == "incorrect_number" else outcome.decline_code,
        advice_code=outcome.advice_code,
        network_decline_code=outcome.network_decline_code,
        network_advice_code=outcome.network_advice_code,
        **fields,
    )
