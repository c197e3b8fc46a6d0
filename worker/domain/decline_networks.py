"""What the card networks' own codes mean: stop signals, waits, and whether a try counted at all.

A code means something only together with its network: `04` is "pick up card" to Visa and nothing
to American Express. Where the brand is missing or unknown, a stop signal of any network is obeyed.
"""

from worker.domain.decline_table import DeclineRow, Family, find_row
from worker.domain.readings import DeclineSignals

# domain.md 2: no reattempt at all. 12 and 15 are being turned into 05, until then they stop.
VISA_NEVER = frozenset({"04", "07", "12", "15", "41", "43", "46", "57", "R0", "R1", "R3"})
# Each resubmission within 30 days is charged from the first one (domain.md 2).
MASTERCARD_NEVER = frozenset({"03", "21"})
# Sent with code 51: 1 h, 24 h, 2, 4, 6, 8 and 10 days (domain.md 2).
MASTERCARD_WAITS = frozenset({"24", "25", "26", "27", "28", "29", "30"})
# Says something about the card, nothing about this payment.
MASTERCARD_INFORMATIVE = frozenset({"43"})

# Networks of which no category or advice code is published (domain.md 2).
BRANDS_WITHOUT_SIGNALS = frozenset(
    {"amex", "diners", "discover", "eftpos_au", "interac", "jcb", "unionpay"}
)
DEBIT_FAMILIES = {
    "us_bank_account": Family.ACH,
    "sepa_debit": Family.SEPA,
    "bacs_debit": Family.BACS,
}
DEBIT_METHODS = frozenset(
    {*DEBIT_FAMILIES, "acss_debit", "au_becs_debit", "nz_bank_account", "ach_debit"}
)


def normal_code(code: str) -> str:
    """Return a network's code as the table writes it: upper case, two digits at least."""
    return code.strip().upper().zfill(2) if code.strip() else ""


def mastercard_advice(signals: DeclineSignals, brand: str) -> str:
    """Return Mastercard's advice code in two digits, empty where the brand cannot have one."""
    return normal_code(signals.network_advice_code) if _may_be("mastercard", brand) else ""


def network_stop(
    signals: DeclineSignals, *, brand: str, payment_method_type: str = "card"
) -> DeclineRow | None:
    """Return the row of a signal after which this card must not be tried again, or None.

    Mastercard's advice 03 and 21 and Visa's category 1 (domain.md 1.4 rule 3); with an unknown
    brand both are looked for. A bank debit has neither.
    """
    if payment_method_type in DEBIT_METHODS:
        return None
    advice = mastercard_advice(signals, brand)
    if advice in MASTERCARD_NEVER:
        return find_row(Family.MASTERCARD_ADVICE, advice)
    code = normal_code(signals.network_decline_code)
    if _may_be("visa", brand) and code in VISA_NEVER:
        return find_row(Family.VISA, code)
    return None


def network_row(
    signals: DeclineSignals, *, brand: str, payment_method_type: str
) -> DeclineRow | None:
    """Return the row of the network's own decline code, or None where it has none we know."""
    code = normal_code(signals.network_decline_code)
    if not code:
        return None
    debit = DEBIT_FAMILIES.get(payment_method_type)
    if debit is Family.BACS:
        return find_row(debit, f"ARUDD-{code.removeprefix('ARUDD-').lstrip('0') or '0'}")
    if debit is not None:
        return find_row(debit, code)
    if brand.lower() == "visa":
        return find_row(Family.VISA, code)
    if brand.lower() == "mastercard":
        return find_row(Family.MASTERCARD, code)
    return None


def reached_network(signals: DeclineSignals) -> bool:
    """Return whether the try counts against network limits; in doubt it does (domain.md 1.4).

    Blocked and invalid tries that were never sent do not count; one that was approved and then
    reversed does. Answers that are no decline at all (429, 409) were never sent either.
    """
    if signals.network_status:
        return signals.network_status != "not_sent_to_network"
    if signals.reason in {"highest_risk_level", "low_probability_of_authorization"}:
        return False
    return signals.code not in {"lock_timeout", "rate_limit", "idempotency_key_in_use"}


def _may_be(network: str, brand: str) -> bool:
    """Whether a card of *brand* may speak *network*'s codes; an unknown brand may speak any."""
    known = brand.lower()
    return known == network or (
        known not in BRANDS_WITHOUT_SIGNALS and known not in {"visa", "mastercard"}
    )
