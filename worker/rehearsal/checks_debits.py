"""How often a bank debit that came back may be presented again, by scheme (domain.md 1.3, 2)."""

from collections import defaultdict
from collections.abc import Sequence

from worker.rehearsal.checks_tries import Tried

DAY = 86_400
NOT_DEBITS = frozenset(("card", "link"))
RETRIES_MAX = {
    "us_bank_account": (2, 180 * DAY),
    "sepa_debit": (2, 30 * DAY),
    "bacs_debit": (2, 30 * DAY),
    "au_becs_debit": (2, 30 * DAY),
    "acss_debit": (1, 30 * DAY),
    "nz_bank_account": (1, 30 * DAY),
}
"""Type -> retries in so many seconds; a type that is missing is never tried again unattended."""
ACH_RETRYABLE = frozenset(("R01", "R09"))


def debits_presented_again(
    tries: Sequence[Tried], *, ach_retries_authorised: bool = False
) -> list[str]:
    """Return a sentence for each debit of the worker's that its scheme does not allow."""
    presented: dict[tuple[str, str], list[Tried]] = defaultdict(list)
    found = []
    for one in tries:
        if one.kind in NOT_DEBITS or not one.reached_network:
            continue
        before = presented[one.card, one.invoice]
        if one.ours and before:
            why = _forbidden(before, one, ach_retries_authorised)
            found += [f"{one.invoice}: {one.method} was debited again {why}"] if why else []
        before.append(one)
    return found


def _forbidden(before: Sequence[Tried], one: Tried, ach_retries_authorised: bool) -> str:
    """Return why *one* must not follow *before*, the earlier debits of the same money, or ""."""
    if one.kind not in RETRIES_MAX:
        return f"although nothing allows it for {one.kind}"
    most, window = RETRIES_MAX[one.kind]
    retries = [other for other in before[1:] if one.at - window < other.at]
    if len(retries) + 1 > most:
        return f"more than {most} times in {window // DAY} days"
    if one.kind != "us_bank_account":
        return ""
    if not ach_retries_authorised:
        return "without the customer's authorisation"
    if any(other.failed and other.network_code not in ACH_RETRYABLE for other in before):
        return "after a return that is final"
    if one.at - before[0].at >= window:
        return "more than 180 days after the original"
    return ""
