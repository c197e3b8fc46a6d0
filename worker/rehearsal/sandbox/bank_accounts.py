"""Bank accounts of Stripe's test mode whose debits come back, and how a returned debit reads."""

from dataclasses import replace

from .cards import Outcome, declined

RETURNED = "payment_intent_payment_attempt_failed"
"""The error's `code` of every returned debit; the charge's `failure_code` says why."""
_MESSAGES = {
    "insufficient_funds": "The customer's account has insufficient funds to cover this payment.",
    "bank_account_closed": "The customer's bank account has been closed.",
    "bank_account_invalid_details": "The customer's bank account could not be located.",
    "debit_not_authorized": "The customer has notified their bank that this payment was "
    "unauthorized.",
}
_ELSE = "The customer's bank returned this payment."


def returned(decline_code: str, network_decline_code: str | None = None) -> Outcome:
    """Return a debit's failure with Stripe's *decline_code* and the scheme's return code.

    Source: docs.stripe.com/declines/network-codes.
    """
    return as_debit(declined(decline_code, network_decline_code=network_decline_code))


def as_debit(outcome: Outcome) -> Outcome:
    """Return *outcome* as a bank debit words it, where it was written for a card."""
    if outcome.approved or outcome.code not in {"card_declined", outcome.decline_code}:
        return outcome
    message = _MESSAGES.get(outcome.decline_code, _ELSE)
    return replace(outcome, code=RETURNED, message=message)


def refused(code: str, message: str) -> Outcome:
    """Return the failure of a debit that Stripe itself did not send to the bank."""
    return Outcome(
        code=code, message=message, network_status="not_sent_to_network", outcome_type="invalid"
    )


BLOCKED = refused(
    "payment_method_bank_account_blocked",
    "This bank account failed to be debited in the past and can no longer be used for payments.",
)
NO_MANDATE = refused(
    "payment_intent_mandate_invalid",
    "The provided mandate is invalid. It may be inactive or unusable for this payment.",
)

_POOR, _CLOSED = "insufficient_funds", "bank_account_closed"
_WRONG, _FORBIDDEN = "bank_account_invalid_details", "debit_not_authorized"
# Routing, transit and institution, BSB or sort code with the account number; or an IBAN. Source:
# the testing sections of docs.stripe.com/payments/{ach-direct-debit,acss-debit,au-becs-debit,
# bacs-debit,sepa-debit}.
TEST_ACCOUNTS: dict[str, Outcome] = {
    "110000000000111111113": returned(_CLOSED, "R02"),
    "110000000000111111116": returned(_WRONG, "R03"),
    "110000000000222222227": returned(_POOR, "R01"),
    "110000000000333333335": returned(_FORBIDDEN, "R10"),
    "11000000000222222227": returned(_POOR),
    "11000000000333333335": returned(_FORBIDDEN),
    "000000111111113": returned("account_closed"),
    "000000111111116": returned("no_account"),
    "000000222222227": returned("refer_to_customer"),
    "10880022222227": returned(_POOR),
    "10880033333335": returned(_FORBIDDEN),
    "AT861904300235473202": returned(_POOR, "AM04"),
    "DE62370400440532013001": returned(_POOR, "AM04"),
}
