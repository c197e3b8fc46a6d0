"""Characters around the rules of networks and debit schemes: what stops, waits or is shared."""

from worker.rehearsal.population_character import (
    Character,
    declined,
    on_failure,
    on_letter,
    poor,
    poor_for,
    returned,
)
from worker.rehearsal.population_habits import Cue, Do, Habit

_STOPS = (
    Character(
        "confirm-card-data", "the bank wants the card's data confirmed, though code 54 may cure", 4,
        (declined("expired_card", "54", advice_code="confirm_card_data"),),
        habits=(on_letter(Do.NEW_CARD, 2, 6),),
    ),
    Character(
        "advised-to-stop", "short of money, but the bank says not to try again", 5,
        (poor(advice_code="do_not_try_again"),), habits=(on_letter(Do.NEW_CARD, 2, 3),),
    ),
    Character(
        "visa-category-1", "a soft code of Stripe's with a Visa code that forbids every retry", 6,
        (declined("generic_decline", "46"),), habits=(on_letter(Do.PAY_NEW_CARD, 1, 8),),
    ),
    Character(
        "not-allowed", "a card that must not pay this, then another", 7,
        then=declined("transaction_not_allowed", "57"), habits=(on_letter(Do.NEW_CARD, 1, 7),),
    ),
    Character(
        "never-confirms", "was asked to confirm and never did", 4, then={"requires_action": True},
        country="FR",
    ),
)  # fmt: skip


def _waits(advice: str, days: float, brand: str = "mastercard", day: int = 5) -> Character:
    """Return somebody whose bank says how long to wait, and is right."""
    outcome = poor(network_advice_code=advice, until_days=days)
    return Character(
        f"waits-{advice}", f"Mastercard's advice {advice}: waits {days:g} days", day, (outcome,),
        brand=brand,
    )  # fmt: skip


_WAITS = (
    _waits("24", 1 / 24, day=3),
    _waits("25", 1, day=6),
    _waits("26", 2, day=4),
    _waits("28", 6, day=5),
    _waits("29", 8, day=3),
    _waits("30", 10, day=2),
    Character(
        "waits-past-the-end", "asked on the sixth day to wait ten: longer than dunning lasts", 3,
        (poor(), poor(), poor(), poor()), then=poor(network_advice_code="30"), brand="mastercard",
    ),
    Character(
        "unknown-network", "a card of a network nobody knows", 5, (poor_for(1.5),),
        brand="unknown",
    ),
)  # fmt: skip

_DEBITS = (
    Character(
        "ach-poor", "a US debit came back for want of money, then paid by card", 3,
        (returned("R01"),), kind="us_bank_account", country="US",
        habits=(on_letter(Do.PAY_NEW_CARD, 1, 6),),
    ),
    Character(
        "ach-closed", "a US account that is closed, then a card", 4,
        (returned("R02", "bank_account_closed"),), kind="us_bank_account", country="US",
        habits=(on_letter(Do.NEW_CARD, 1, 9),),
    ),
    Character(
        "debit-fails-thrice", "a SEPA debit that came back three times, and no fourth", 2,
        (returned("AM04", days=1), returned("AM04", days=1), returned("AM04", days=1)),
        kind="sepa_debit", country="DE",
    ),
    Character(
        "bacs-refers", "a Bacs debit referred to the payer, then collected", 4,
        (returned("0"), {"processing_days": 3}), kind="bacs_debit", country="GB",
    ),
    Character(
        "bacs-revoked", "ended the Direct Debit before the renewal, then paid by card", 6,
        kind="bacs_debit", country="GB",
        habits=(Habit(Cue.START, Do.REVOKE_MANDATE, 1, 60), on_letter(Do.NEW_CARD, 1, 5)),
    ),
    Character(
        "becs-refers", "an Australian debit refused with a code of its own", 5,
        (returned("", "refer_to_customer"),), kind="au_becs_debit", country="AU",
        habits=(on_letter(Do.PAY_NEW_CARD, 1, 10),),
    ),
)  # fmt: skip

_METHODS = (
    Character(
        "shares-card", "one of two customers with the same card", 3, (poor_for(4.6),),
        country="DE",
    ),
    Character(
        "shares-card-too", "the other of two customers with the same card", 5,
        card_of="shares-card", country="DE",
    ),
    Character(
        "back-to-first", "changed the card, which failed too, and went back to the first", 4,
        (declined("do_not_honor", "05", until_days=1.5),),
        habits=(
            Habit(Cue.LETTER, Do.NEW_CARD, 1, 5, then=poor()),
            on_failure(Do.FIRST_CARD_AGAIN, 30, nth=2),
        ),
    ),
    Character(
        "wrong-level", "a new card for the customer, while the subscription names the old one", 6,
        (declined("do_not_honor", "05", until_days=25),), on_subscription=True,
        habits=(on_letter(Do.NEW_DEFAULT_CARD, 1, 4),),
    ),
    Character(
        "has-backup", "a lost card, and a second one on file", 7,
        then=declined("lost_card", "41", advice_code="do_not_try_again"),
        backup_brand="mastercard", habits=(on_letter(Do.PAY_NEW_CARD, 2, 5),),
    ),
    Character(
        "renewal-moved", "the staff moved the renewal during dunning", 5, (poor_for(8.5),),
        habits=(on_failure(Do.MOVE_RENEWAL, 30),), country="DE",
    ),
    Character(
        "fraud-warning", "held since the bank warned of fraud on an earlier payment", 2,
        ("approve",), then=declined("do_not_honor", "05"), interval="week",
        habits=(on_failure(Do.FRAUD_WARNING, 10),),
    ),
)  # fmt: skip

RULES = _STOPS + _WAITS + _DEBITS + _METHODS
