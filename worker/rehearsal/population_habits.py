"""What a customer, the staff or the network will do, and what makes them do it."""

from dataclasses import dataclass
from enum import StrEnum

from worker.rehearsal.population_cards import Method, Scripted


class Cue(StrEnum):
    """What somebody waits for; the habit counts how many of it."""

    START = "start"  # of the rehearsal
    FAILURE = "failure"  # a charge of this customer failed or asks for the customer
    PAID = "paid"  # a charge of this customer succeeded
    LETTER = "letter"  # a letter about an unpaid invoice arrived


class Do(StrEnum):
    """Everything that happens around the worker."""

    NEW_CARD = "new_card"  # saved in the portal
    PAY_NEW_CARD = "pay_new_card"  # on the invoice's page
    PAY_ON_FILE = "pay_on_file"
    FIRST_CARD_AGAIN = "first_card_again"  # saved in the portal, as at the sign-up
    NEW_DEFAULT_CARD = "new_default_card"  # by the staff, on the customer alone
    AUTHENTICATE = "authenticate"
    ABANDON = "abandon"
    CANCEL_NOW = "cancel_now"
    CANCEL_AT_PERIOD_END = "cancel_at_period_end"
    DISPUTE = "dispute"  # the last charge that succeeded
    WIN_DISPUTE = "win_dispute"
    LOSE_DISPUTE = "lose_dispute"
    RETURN_DEBIT = "return_debit"
    UPDATE_CARD = "update_card"  # by the network
    FRAUD_WARNING = "fraud_warning"  # by the issuer, about the last charge that succeeded
    REVOKE_MANDATE = "revoke_mandate"  # by the customer's bank
    PAID_ELSEWHERE = "paid_elsewhere"  # by the staff, from here on
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"
    CREDIT_PART = "credit_part"
    CREDIT_ALL = "credit_all"
    PAUSE = "pause"
    RESUME = "resume"
    MOVE_RENEWAL = "move_renewal"  # by the staff: a trial that ends later
    DELETE = "delete"


USES_A_CARD = frozenset((Do.NEW_CARD, Do.PAY_NEW_CARD, Do.FIRST_CARD_AGAIN, Do.NEW_DEFAULT_CARD))
"""Acts for which a habit names the card."""


@dataclass(frozen=True, slots=True)
class Habit:
    """*do* happens `after_hours` whole hours after the `nth` *cue*, once."""

    cue: Cue
    do: Do
    nth: int = 1
    after_hours: int = 0
    card: Method | None = None
    """The card that is used, for acts of `USES_A_CARD`."""
    then: Scripted = "approve"
    """What a new card answers."""
