"""Counts broken rules of the networks from the sandbox's log (domain.md 1.4 and 2).

Nothing of the worker's own is read here, neither its tables nor its rules, so that a wrong rule
there is a violation here.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from worker.rehearsal.checks_debits import debits_presented_again
from worker.rehearsal.checks_stops import tries_after_stops, tries_before_waits
from worker.rehearsal.checks_tries import Renewals, Tried, changed_since, read_tries

if TYPE_CHECKING:
    from worker.rehearsal.checks import Evidence

DAY = 86_400
VISA_MAX_IN_30_DAYS = 15
"""Visa allows 20; the worker keeps a margin for tries it cannot see."""
MASTERCARD_MAX_IN_24_HOURS = 10
MASTERCARD_MAX_IN_30_DAYS = 35
OTHERS_MAX_IN_30_DAYS = 15
"""No count is published for other networks; an unknown one may be any of them."""
INDIA_MAX = 1
GAP_SECONDS = 20 * 3600
TECHNICAL = frozenset(("issuer_not_available", "processing_error", "reenter_transaction"))


def network_rule_violations(evidence: "Evidence") -> list[str]:
    """Return a sentence for each rule that a try of the worker's broke."""
    tries = read_tries(evidence.tries)
    renewals = Renewals(evidence.renewed_cards)
    return [
        *tries_too_often(tries),
        *tries_after_stops(tries, renewals),
        *tries_before_waits(tries, renewals),
        *india_tried_again(tries),
        *debits_presented_again(tries, ach_retries_authorised=evidence.ach_retries_authorised),
        *charged_too_soon(tries, renewals),
    ]


def tries_too_often(tries: Sequence[Tried]) -> list[str]:
    """Return a sentence for each card, and amount where that counts, tried too often.

    Windows are half-open, (at - window, at]; whoever made a try, it counts.
    """
    cards = [one for one in tries if one.kind == "card" and one.reached_network]
    by_card: dict[tuple[str, ...], list[Tried]] = defaultdict(list)
    by_amount: dict[tuple[str, ...], list[Tried]] = defaultdict(list)
    for one in cards:
        by_amount[one.card, str(one.amount), one.currency].append(one)
        if one.brand == "mastercard":
            by_card[(one.card,)].append(one)
    found = []
    for made in by_card.values():
        found += _over(made, DAY, MASTERCARD_MAX_IN_24_HOURS)
    limits = {"visa": VISA_MAX_IN_30_DAYS, "mastercard": MASTERCARD_MAX_IN_30_DAYS}
    for made in by_amount.values():
        found += _over(made, 30 * DAY, limits.get(made[0].brand, OTHERS_MAX_IN_30_DAYS))
    return found


def _over(made: Sequence[Tried], window: int, most: int) -> list[str]:
    """Return a sentence if a try of the worker's was one too many in its window, once a card."""
    for one in made:
        count = sum(1 for other in made if one.at - window < other.at <= one.at)
        if count > most and one.ours:
            name = f"{one.brand or 'unknown'} card {one.card}"
            return [f"{one.invoice}: {name} was tried {count} times in {window // DAY} days"]
    return []


def india_tried_again(tries: Sequence[Tried]) -> list[str]:
    """Return a sentence for each second try of a card issued in India without its holder."""
    made: dict[tuple[str, str], int] = defaultdict(int)
    found = []
    for one in tries:
        if one.country != "IN" or one.by == "customer":
            continue
        made[one.invoice, one.card] += 1
        if made[one.invoice, one.card] > INDIA_MAX and one.ours:
            found.append(f"{one.invoice}: a card issued in India was tried again")
    return found


def charged_too_soon(tries: Sequence[Tried], renewals: Renewals) -> list[str]:
    """Return a sentence for each second charge of a customer by the worker within 20 hours.

    Quick tries of an invoice after a technical failure, and tries of another or a renewed payment
    method, are no such second charge.
    """
    found = []
    ours: dict[str, list[Tried]] = defaultdict(list)
    for one in tries:
        if not one.ours:
            continue
        for before in ours[one.customer]:
            technical = before.invoice == one.invoice and before.reason in TECHNICAL
            soon = one.at - before.at < GAP_SECONDS
            if soon and not technical and not changed_since(before, one, renewals):
                hours = (one.at - before.at) / 3600
                found.append(
                    f"{one.invoice}: {one.customer} was charged again after {hours:.1f} hours "
                    f"({before.invoice})"
                )
                break
        ours[one.customer].append(one)
    return found
