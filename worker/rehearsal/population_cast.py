"""The characters: each kind of case occurs at least once, whatever the dice say."""

from worker.rehearsal.population_cast_rules import RULES
from worker.rehearsal.population_character import (
    Character,
    declined,
    on_failure,
    on_letter,
    poor,
    poor_for,
)
from worker.rehearsal.population_habits import Cue, Do, Habit

_POOR = poor(advice_code="try_again_later")
_POOR_A_MONTH = poor_for(25)
_REFUSED = declined("do_not_honor", "05")
_LOST = declined("lost_card", "41", advice_code="do_not_try_again")
_ASKS = {"requires_action": True}

_EVERYDAY = (
    Character(
        "cured-by-time", "short of money, then a retry went through", 2, (poor_for(3.5),)
    ),
    Character(
        "new-card", "replaced a refused card after the first letter", 3, then=_REFUSED,
        habits=(on_letter(Do.NEW_CARD),),
    ),
    Character(
        "expired-replaced", "a card that expired and was replaced", 17, expires=(2026, 10),
        habits=(on_letter(Do.NEW_CARD, 1, 20),),
    ),
    Character(
        "disputes", "held because of a dispute, then released", 3,
        ("approve", poor_for(16.0)),
        interval="week",
        habits=(on_failure(Do.DISPUTE, 30), on_failure(Do.WIN_DISPUTE, 120)),
    ),
    Character("ignores", "answered nothing and was ended", 4, then=_POOR),
    Character(
        "pays-by-hand", "paid by hand on the invoice's page", 5, then=_REFUSED,
        habits=(on_letter(Do.PAY_NEW_CARD, 2, 3),),
    ),
    Character(
        "pays-elsewhere", "paid by bank transfer, entered by the staff", 6, (_POOR_A_MONTH,),
        habits=(on_failure(Do.PAID_ELSEWHERE, 80),), plan="Business",
    ),
    Character(
        "cancels", "cancelled during dunning", 7, then=_REFUSED,
        habits=(on_letter(Do.CANCEL_NOW, 1, 9),),
    ),
    Character(
        "cancels-later", "cancelled to the end of the period during dunning", 8, then=_POOR,
        habits=(on_letter(Do.CANCEL_AT_PERIOD_END, 2, 4),),
    ),
    Character(
        "lost-card", "a lost card, never charged again, then replaced", 5, then=_LOST,
        habits=(on_letter(Do.NEW_CARD, 3, 6),),
    ),
    Character("stolen-card", "a stolen card and no answer", 6,
              then=declined("stolen_card", "43", advice_code="do_not_try_again")),
    Character("expired-ignored", "a card that expired, and no answer", 15, expires=(2026, 10),
              brand="mastercard"),
    Character(
        "card-updated", "a card that the network renewed", 16, expires=(2026, 10),
        brand="mastercard", habits=(on_failure(Do.UPDATE_CARD, 60),),
    ),
    Character(
        "authenticates", "confirmed the payment with the bank", 8, (_ASKS,),
        habits=(on_letter(Do.AUTHENTICATE, 1, 3),), country="FR",
    ),
    Character(
        "walks-away", "gave the confirmation up, and paid with another card in the end", 9,
        then=_ASKS, country="ES",
        habits=(on_failure(Do.ABANDON, 1), on_letter(Do.PAY_NEW_CARD, 2, 4)),
    ),
    Character(
        "debit-fails", "a bank debit that came back and was collected again", 3,
        (declined("insufficient_funds", "AM04", processing_days=4),
         {"processing_days": 5}),
        kind="sepa_debit", country="DE",
    ),
    Character(
        "debit-returned", "a bank debit that was taken back after it had been paid", 2,
        (declined("insufficient_funds", "AM04", processing_days=1), {"processing_days": 3}),
        kind="sepa_debit", country="DE",
        habits=(Habit(Cue.PAID, Do.RETURN_DEBIT, 1, 100),),
    ),
    Character(
        "mastercard-waits", "Mastercard said when to try again", 4,
        (declined("insufficient_funds", "51", network_advice_code="27", until_days=5.0),),
        brand="mastercard",
    ),
    Character(
        "mastercard-stops", "Mastercard said never to try again, so a new card was needed", 10,
        then=declined("do_not_honor", "05", network_advice_code="03"), brand="mastercard",
        habits=(on_letter(Do.NEW_CARD, 1, 6),),
    ),
    Character(
        "technical", "a technical failure, cured within hours", 11,
        (declined("processing_error", "96"), declined("issuer_not_available", "91")),
    ),
    Character(
        "unknown-code", "a decline code nobody knows", 12, (declined("moon_in_retrograde"),)
    ),
    Character(
        "consent-withdrawn", "withdrew the consent to be charged", 7,
        then=declined("revocation_of_authorization", "R1"),
    ),
    Character("voided", "an invoice that the staff voided", 9, (_POOR_A_MONTH,),
              habits=(on_failure(Do.VOID, 50),)),
    Character("written-off", "an invoice that the staff gave up", 10, (_POOR_A_MONTH,),
              habits=(on_failure(Do.UNCOLLECTIBLE, 75),)),
    Character(
        "second-invoice", "a second invoice fell due during dunning", 3, (poor_for(9.2),),
        interval="week", plan="Team",
    ),
    Character(
        "three-at-once", "three subscriptions failed at once", 6, then=_REFUSED,
        habits=(on_letter(Do.NEW_CARD, 1, 4),), subscriptions=3,
    ),
    Character(
        "two-plans", "two subscriptions, one card, cured by time", 12, (poor_for(2.6),),
        subscriptions=2, plan="Basic",
    ),
    Character(
        "two-good", "two subscriptions and never a failure", 13, subscriptions=2, plan="Team"
    ),
    Character(
        "paused", "collection was paused during dunning and resumed", 8, (poor_for(8.0),),
        habits=(on_failure(Do.PAUSE, 40), on_failure(Do.RESUME, 160)),
    ),
    Character("no-email", "has no e-mail address", 5, (poor_for(5.4),), email=False),
    Character("deleted", "was deleted at Stripe during dunning", 11, then=_POOR,
              habits=(on_failure(Do.DELETE, 66),)),
    Character(
        "credited", "half the invoice was credited, the rest paid", 6, (poor_for(6.5),),
        habits=(on_failure(Do.CREDIT_PART, 60),), plan="Team",
    ),
    Character("credited-in-full", "the whole invoice was credited", 7, (_POOR_A_MONTH,),
              habits=(on_failure(Do.CREDIT_ALL, 52),)),
    Character(
        "india", "a card issued in India, tried once only", 9, then=_POOR,
        habits=(on_letter(Do.PAY_NEW_CARD, 2, 7),), country="IN", card_country="IN",
    ),
    Character("trial-fails", "a trial that ended with a failed payment", 14, (poor_for(3.3),),
              trial=True),
    Character("short-trial", "a trial shorter than a week", 5, trial=True),
    Character("yearly", "a yearly renewal with its reminder", 36, interval="year", plan="Team"),
    Character("yearly-fails", "a yearly renewal that failed after its reminder", 31,
              (poor_for(1.2),), interval="year"),
    Character("blocked", "blocked by Stripe's own rules, then paid with another card", 13,
              then={"outcome_type": "blocked", "risk_level": "highest"},
              habits=(on_letter(Do.PAY_NEW_CARD, 2, 5),)),
    Character("set-up-wrong", "a decline only the staff can cure", 12,
              (declined("currency_not_supported", "", until_days=25),)),
)  # fmt: skip
CAST = _EVERYDAY + RULES
"""Everybody with a story, in the order in which they sign up."""
