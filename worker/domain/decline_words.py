"""What a customer may be told about a decline; the masked ones all read alike.

English; `worker.mail` may translate by code. A masked decline gets the same words as one without a
reason, so that nobody can tell the two apart (domain.md 1.4).
"""

from worker.domain.declines import Decline
from worker.domain.policy import DeclineClass

GENERIC = "the bank declined the payment"

_BY_CODE = {
    "expired_card": "the card has expired",
    "incorrect_number": "the card number is not correct",
    "invalid_number": "the card number is not correct",
    "incorrect_cvc": "the card's security code is not correct",
    "invalid_cvc": "the card's security code is not correct",
    "incorrect_zip": "the postal code does not match the card",
    "incorrect_address": "the billing address does not match the card",
    "invalid_expiry_month": "the card's expiry date is not correct",
    "invalid_expiry_year": "the card's expiry date is not correct",
    "card_velocity_exceeded": "the card's limit has been reached",
    "withdrawal_count_limit_exceeded": "the card's limit has been reached",
    "payment_limit_exceeded": "the payment limit has been reached",
    "currency_not_supported": "the card does not support this currency",
}
_BY_CLASS = {
    DeclineClass.FUNDS: "there was not enough money available",
    DeclineClass.CARD_DATA: "the payment details are no longer valid",
    DeclineClass.NOT_ALLOWED: "this payment method cannot be used for this payment",
    DeclineClass.AUTHENTICATION: "the bank asks you to confirm the payment",
    DeclineClass.CONSENT_WITHDRAWN: "the bank says that these payments were stopped",
    DeclineClass.TECHNICAL: "the bank could not be reached",
}


def reason_for_customer(decline: Decline) -> str:
    """Return a short phrase without full stop that may stand in a letter, after "because"."""
    if decline.masked or not decline.known:
        return GENERIC
    return _BY_CODE.get(decline.code) or _BY_CLASS.get(decline.decline_class, GENERIC)
