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
from worker.rehearsal.checks_windows import tries_too_often

if TYPE_CHECKING:
    from worker.rehearsal.checks import Evidence

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
        *charged_too_soon(tries, renewals, gap_seconds=evidence.charge_gap_seconds),
    ]


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


def charged_too_soon(
    tries: Sequence[Tried], renewals: Renewals, *, gap_seconds: float = GAP_SECONDS
) -> list[str]:
    """Return a sentence for each second charge of a customer by the worker within *gap_seconds*.

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
            soon = one.at - before.at < gap_seconds
            if soon and not technical and not changed_since(before, one, renewals):
                hours = (one.at - before.at) / 3600
                found.append(
                    f"{one.invoice}: {one.customer} was charged again after {hours:.1f} hours "
                    f"({before.invoice})"
                )
                break
        ours[one.customer].append(one)
    return found
