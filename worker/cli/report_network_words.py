"""What the network report says beside its figures: limits with sources, definitions, signals."""

from collections.abc import Iterator
from dataclasses import dataclass

from worker.cli.look_network_words import network_words, span_words
from worker.domain.debit_rules import ACH, DEBIT_SCHEMES
from worker.domain.network_tries import MadeBy, NetworkTry
from worker.domain.network_windows import CARD_LIMITS, allowed
from worker.domain.policy import NetworkLimits

SOURCES = {
    "visa_30_days": "Visa Core Rules of 18 April 2026, table 7-2: 20 reattempts",
    "mastercard_24_hours": "Mastercard, excessive attempts: 10 declines of one card",
    "mastercard_30_days": "Mastercard, excessive attempts: 35 declines of one card and amount",
    "other_cards_30_days": "no count is published: the operator's own assumption",
    "ach_180_days": "Nacha: the original and 2 more, after R01 or R09 only",
}
STRIPES_OWN = "what Stripe itself does; the scheme publishes no count"

MADE_BY = {MadeBy.WORKER: "worker", MadeBy.STRIPE: "Stripe", MadeBy.CUSTOMER: "customer"}

OTHER_RULES = (
    (
        "Stop signals",
        "no further try of the card until it changes or a try succeeds",
        (
            "Visa category 1 (04 07 12 15 41 43 46 57 R0 R1 R3), Mastercard advice 03 and 21,"
            " Stripe's advice do_not_try_again and confirm_card_data, declines that Stripe never"
            " retries"
        ),
    ),
    (
        "Mastercard's waits",
        "no try before the wait is over",
        "advice 24 to 30: 1 hour, 24 hours, 2, 4, 6, 8 and 10 days",
    ),
    (
        "Cards issued in India",
        "one unattended try of a debt",
        "docs.stripe.com/india-recurring-payments",
    ),
)
"""(rule, limit, source) of what is no window."""

DEFINITIONS = (
    (
        "Try",
        (
            "One attempt to take money that reached the network or may have, whoever made it: this"
            " worker, Stripe by its own schedule, or the customer on a page. First attempts and"
            " successful ones count as well. What was blocked before it reached a network does"
            " not; it is listed as not counted."
        ),
    ),
    (
        "Card",
        (
            "A card or bank account by its fingerprint, the same in whichever customer's hands;"
            " here its first and last four characters. Without a fingerprint it is the payment"
            " method."
        ),
    ),
    (
        "Window",
        (
            "Rolling and half-open: the tries later than its length ago, up to and with now. For"
            " windows of 30 days of cards only tries of the same amount and currency count."
        ),
    ),
    (
        "Most in a window",
        (
            "The most tries that any window held which ended within the period. Tries before the"
            " period still fill the windows that reach back to them."
        ),
    ),
    (
        "Stop signal obeyed",
        "The worker made no further try of the card until its data changed or a try succeeded.",
    ),
    ("Wait obeyed", "The worker made no try of the card before the wait was over."),
    (
        "Violation",
        (
            "A try of this worker that one of the rules above forbade at its instant. Tries by"
            " others count in every window, but only their makers can stop them."
        ),
    ),
    (
        "Time",
        "The worker's own tries are dated by their sending, all others by Stripe's charge.",
    ),
)


@dataclass(frozen=True, slots=True)
class LimitLine:
    """One limit as it was applied."""

    rule: str
    network: str
    what: str
    limit: int
    highest: int
    """What the operator cannot go above."""
    source: str


def limit_lines(limits: NetworkLimits) -> Iterator[LimitLine]:
    """Yield the windows' limits: what is counted, the number applied, and where it comes from."""
    for limit in CARD_LIMITS:
        what = "one card and amount" if limit.one_amount else "one card"
        network = "other cards" if limit.network == "other" else network_words(limit.network)
        yield LimitLine(
            rule=limit.rule,
            network=network,
            what=f"tries of {what} in {span_words(limit.span)}",
            limit=allowed(limits, limit),
            highest=limit.highest,
            source=SOURCES[limit.rule],
        )
    for scheme in DEBIT_SCHEMES:
        rule = f"{scheme.name}_{scheme.span.days}_days"
        source = SOURCES.get(rule, STRIPES_OWN)
        if scheme is ACH and not limits.ach_retries_authorised:
            source += "; here none, for want of a stated authorisation"
        yield LimitLine(
            rule=rule,
            network=scheme.label,
            what=f"debits of one debt in {span_words(scheme.span)}",
            limit=scheme.limit,
            highest=scheme.limit,
            source=source,
        )


def short_card(card: str) -> str:
    """Return a fingerprint or id by its first and last four characters."""
    return card if len(card) <= 10 else f"{card[:4]}..{card[-4:]}"


def outcome_words(tried: NetworkTry) -> str:
    """Return what became of a try: `paid`, `declined`, `never sent`, `no answer known`."""
    if not tried.failed:
        return "paid"
    if not tried.counted:
        return "never sent"
    return "declined" if tried.charge_id else "no answer known"


def signals_words(tried: NetworkTry) -> str:
    """Return what the issuer and the network said: `insufficient_funds, network 51, advice 27`."""
    if not tried.failed:
        return ""
    signals = tried.signals
    parts = [
        signals.decline_code or signals.code or signals.reason,
        f"network {signals.network_decline_code}" if signals.network_decline_code else "",
        f"advice {signals.network_advice_code}" if signals.network_advice_code else "",
        signals.advice_code,
    ]
    return ", ".join(part for part in parts if part)
