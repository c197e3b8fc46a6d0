"""Tries after a signal that forbids them, and tries before the time that Mastercard set.

Source: domain.md 1.4 and 2. Written apart from the worker's own table of declines, so that a
mistake there is seen here.
"""

from collections.abc import Callable, Sequence

from worker.rehearsal.checks_tries import Renewals, Tried, changed_since

STRIPE_NEVER = frozenset(
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
"""The nine codes after which Stripe itself executes no further try."""
ADVICE_NEVER = frozenset(("do_not_try_again", "confirm_card_data"))
VISA_NEVER = frozenset(("04", "07", "12", "15", "41", "43", "46", "57", "R0", "R1", "R3"))
"""Category 1; 12 and 15 belong to it until issuers have stopped to send them."""
MASTERCARD_NEVER = frozenset(("03", "21"))
MASTERCARD_WAIT_SECONDS = {
    "24": 3600,
    "25": 86_400,
    "26": 2 * 86_400,
    "27": 4 * 86_400,
    "28": 6 * 86_400,
    "29": 8 * 86_400,
    "30": 10 * 86_400,
}
BRANDS_UNKNOWN = frozenset(("", "unknown"))
"""Whatever a network says counts for these: nobody knows which of them it was."""


def tries_after_stops(tries: Sequence[Tried], renewals: Renewals) -> list[str]:
    """Return a sentence for each try of the worker's on a card that must not be tried again.

    A stop ends when the card is changed or renewed, or when a later try of it went through.
    """
    found = []
    for no, one in enumerate(tries):
        stop = _binding(tries[:no], one, renewals, stops) if one.ours else None
        if stop is not None:
            found.append(
                f"{one.invoice}: {one.method} was tried after a stop signal "
                f"({stop.reason or stop.network_code}) of {stop.invoice}"
            )
    return found


def tries_before_waits(tries: Sequence[Tried], renewals: Renewals) -> list[str]:
    """Return a sentence for each try of the worker's before a wait of Mastercard's had passed."""
    found = []
    for no, one in enumerate(tries):
        if not one.ours:
            continue
        waiting = [
            before for before in tries[:no] if one.at < before.answered_at + wait_seconds(before)
        ]
        if _binding(waiting, one, renewals, wait_seconds) is not None:
            found.append(f"{one.invoice}: {one.method} was tried before Mastercard's wait")
    return found


def stops(one: Tried) -> bool:
    """Whether this answer forbids any further try of the card as it is."""
    if not one.failed:
        return False
    if one.advice in ADVICE_NEVER or one.reason in STRIPE_NEVER:
        return True
    if one.kind != "card":
        return False
    visa = _may_be(one, "visa") and one.network_code in VISA_NEVER
    return visa or (_may_be(one, "mastercard") and one.network_advice in MASTERCARD_NEVER)


def wait_seconds(one: Tried) -> int:
    """Return how long Mastercard asked to wait, 0 where it did not."""
    if not one.failed or one.kind != "card" or not _may_be(one, "mastercard"):
        return 0
    return MASTERCARD_WAIT_SECONDS.get(one.network_advice, 0)


def _may_be(one: Tried, brand: str) -> bool:
    return one.brand == brand or one.brand in BRANDS_UNKNOWN


def _binding(
    earlier: Sequence[Tried], one: Tried, renewals: Renewals, signal: Callable[[Tried], object]
) -> Tried | None:
    """Return an earlier try whose signal still binds *one*, or None."""
    same = [before for before in earlier if before.card == one.card]
    for before in same:
        if not signal(before) or before.answered_at > one.at:
            continue
        if before.reason == "authentication_required" and before.invoice != one.invoice:
            continue  # the bank asked about that one payment, not about the card
        paid_since = any(
            later.status == "succeeded" and before.answered_at <= later.answered_at <= one.at
            for later in same
        )
        if not paid_since and not changed_since(before, one, renewals):
            return before
    return None
