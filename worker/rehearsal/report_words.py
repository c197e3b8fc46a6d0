"""Days, amounts and names as the rehearsal's pages say them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from worker.domain.money import Money
from worker.mail.formatting import money_text

WORLD_ENGLISH = "en_001"
"""English as the world writes it: `US$20.00` cannot be taken for another dollar."""

NOTICES = {
    "payment_failed_1": "Payment failed, first letter",
    "payment_failed_2": "Payment failed, second letter",
    "payment_failed_3": "Payment failed, third letter",
    "payment_failed_final": "Payment failed, final letter",
    "action_required": "Payment to be confirmed",
    "invoice_due_soon": "Invoice due soon",
    "invoice_due_today": "Invoice due today",
    "invoice_overdue_1": "Invoice overdue, first letter",
    "invoice_overdue_2": "Invoice overdue, second letter",
    "invoice_overdue_final": "Invoice overdue, final letter",
    "payment_recovered": "Payment arrived",
    "subscription_ended": "Subscription ended",
    "subscription_paused": "Subscription paused",
    "subscription_downgraded": "Plan changed",
    "card_expiring": "Card expires",
    "renewal_upcoming": "Renewal ahead",
    "trial_ending": "Trial ends",
}
RECOVERED_BY = {
    "retry": "a retry",
    "new_card": "a new card",
    "backup": "another method on file",
    "by_hand": "a try that a person asked for",
    "customer": "the customer",
    "out_of_band": "a payment outside Stripe",
    "stripe": "Stripe's own retry",
}
STATES = {
    "open": "waiting",
    "recovered_late": "recovered late",
    "in_review": "in review",
    "paid_on_time": "paid on time",
    "customer_cancelled": "cancelled by customer",
    "written_off": "written off",
    "closed_by_hand": "closed by a person",
}
CLASSES = {
    "funds": "not enough money; time or another card can cure it",
    "unclear": "the bank gives no clear reason; a few more tries are allowed",
    "technical": "a technical failure; tried again within hours",
    "card_data": "the card's data are no longer valid; only a new card helps",
    "not_allowed": "this card may not pay this; only a new card helps",
    "fraud": "never tried again; only a new card helps",
    "authentication": "the bank wants the customer to confirm",
    "consent_withdrawn": "the customer stopped these payments at the bank",
    "setup": "a setting of ours or of the account; staff must look",
}


@dataclass(frozen=True, slots=True)
class Words:
    """Writes instants in the office's *zone*."""

    zone: ZoneInfo

    def day(self, at: datetime) -> str:
        """Return `Sun 6 Dec`."""
        local = at.astimezone(self.zone)
        return f"{local:%a} {local.day} {local:%b}"

    def date(self, at: datetime) -> str:
        """Return `Sunday, 6 December 2026`."""
        local = at.astimezone(self.zone)
        return f"{local:%A}, {local.day} {local:%B} {local.year}"

    def clock(self, at: datetime) -> str:
        """Return `08:19`."""
        return f"{at.astimezone(self.zone):%H:%M}"

    def moment(self, at: datetime) -> str:
        """Return `Sun 6 Dec 08:19`."""
        return f"{self.day(at)} {self.clock(at)}"


def machine_time(at: datetime) -> str:
    """Return ISO 8601 UTC, as the `datetime` of a `time` element takes it."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def amount_words(money: Money) -> str:
    """Return `€49.00` or `US$20.00`."""
    return money_text(money, WORLD_ENGLISH)


def notice_words(notice: str) -> str:
    """Return what kind of letter *notice* is; for a template of the operator's own, its name."""
    return NOTICES.get(notice) or notice.replace("_", " ").capitalize()


def state_words(state: str, outcome: str) -> str:
    """Return how a case stands: `waiting`, `in review`, `recovered`."""
    word = outcome or state
    return STATES.get(word) or word.replace("_", " ")


def plural(count: int, one: str, many: str = "") -> str:
    """Return `1 case` or `3 cases`."""
    return f"{count} {one if count == 1 else many or one + 's'}"
