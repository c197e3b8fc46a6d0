"""How often a bank debit may be presented again for one debt, scheme by scheme.

A debit scheme that is not in the table is never charged unattended. What the return codes mean,
and which of them end an account for good, is the decline table's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.domain.decline_networks import normal_code
from worker.domain.network_stops import Bar
from worker.domain.network_tries import NetworkTry
from worker.domain.network_windows import THIRTY_DAYS, Window, words
from worker.domain.policy import NetworkLimits

ACH_SPAN = timedelta(days=180)
ACH_RETRYABLE = frozenset({"R01", "R09"})
"""Insufficient and uncollected funds, the only returns that may be presented again [N15]."""


@dataclass(frozen=True, slots=True)
class DebitScheme:
    """One scheme's limit for one debt."""

    name: str
    label: str
    types: frozenset[str]
    """Stripe's payment method types."""
    limit: int
    """The original and its retries together."""
    span: timedelta


ACH = DebitScheme("ach", "ACH", frozenset({"us_bank_account", "ach_debit"}), 3, ACH_SPAN)
DEBIT_SCHEMES = (
    ACH,
    DebitScheme("sepa_debit", "SEPA", frozenset({"sepa_debit"}), 3, THIRTY_DAYS),
    DebitScheme("bacs_debit", "Bacs", frozenset({"bacs_debit"}), 3, THIRTY_DAYS),
    DebitScheme("au_becs_debit", "AU BECS", frozenset({"au_becs_debit"}), 3, THIRTY_DAYS),
    DebitScheme("acss_debit", "ACSS", frozenset({"acss_debit"}), 2, THIRTY_DAYS),
    DebitScheme("nz_bank_account", "NZ BECS", frozenset({"nz_bank_account"}), 2, THIRTY_DAYS),
)
"""ACH: Nacha, original + 2 within 180 days [N15]. The others: what Stripe itself does, 2 or 1
retries over 30 days [S15], second-hand; SEPA's own scheme names no count [N16]. That Stripe's
numbers may be read as limits is an assumption (domain.md 1.3, 2 and 9)."""


def scheme_of(payment_method_type: str) -> DebitScheme | None:
    """Return the scheme of a Stripe payment method type, or None where it is not listed."""
    return next((scheme for scheme in DEBIT_SCHEMES if payment_method_type in scheme.types), None)


def debit_window(scheme: DebitScheme, debt_tries: Sequence[NetworkTry]) -> Window:
    """Return the scheme's window over the counted tries of one debt, in order of time.

    A debt is one debt whichever account of the scheme it is taken from.
    """
    return Window(
        rule=f"{scheme.name}_{scheme.span.days}_days",
        network=scheme.name,
        label=scheme.label,
        span=scheme.span,
        limit=scheme.limit,
        tries=_of_scheme(scheme, debt_tries),
    )


def ach_bars(
    debt_tries: Sequence[NetworkTry],
    account_tries: Sequence[NetworkTry],
    limits: NetworkLimits,
    *,
    now: datetime,
) -> list[Bar]:
    """Return why a returned ACH debit may not be presented again at *now*.

    An account that was not tried for this debt yet gets an original, which needs neither a return
    code nor the operator's authorisation, but counts. The 180 days run from the first original
    and end for good: a later presentation is no longer the same entry.
    """
    made = _of_scheme(ACH, debt_tries)
    if not made:
        return []
    if len(made) >= ACH.limit:
        reason = f"ACH: {len(made)} of {ACH.limit} tries in {words(ACH.span)}"
        return [Bar("ach_180_days", reason, made)]
    if now >= made[0].at + ACH.span:
        return [Bar("ach_180_days", f"ACH: {words(ACH.span)} since the original are over", made)]
    mine = [tried for tried in made if tried in account_tries]
    if not mine:
        return []
    last = mine[-1]
    if not last.failed or normal_code(last.signals.network_decline_code) not in ACH_RETRYABLE:
        return [Bar("ach_return", "ACH: the last return was neither R01 nor R09", (last,))]
    if not limits.ach_retries_authorised:
        reason = "ACH: the operator has not stated an authorisation to retry returned debits"
        return [Bar("ach_authorisation", reason, (last,))]
    return []


def _of_scheme(scheme: DebitScheme, debt_tries: Sequence[NetworkTry]) -> tuple[NetworkTry, ...]:
    return tuple(t for t in debt_tries if t.counted and t.payment_method_type in scheme.types)
