"""Reading a decline: from everything Stripe says about a failure to one verdict.

The order of rules is domain.md 1.4, because the issuer's advice is about this charge and a code
only about a class of charges: code 54 with `confirm_card_data` stops although other expired cards
may be retried. A permission ("try again later", a wait) never lifts another rule's stop.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from worker.domain.decline_networks import (
    DEBIT_METHODS,
    MASTERCARD_INFORMATIVE,
    MASTERCARD_NEVER,
    MASTERCARD_WAITS,
    mastercard_advice,
    network_row,
    network_stop,
    reached_network,
)
from worker.domain.decline_table import CuredBy, DeclineRow, Family, find_row, row_of
from worker.domain.policy import DeclineClass
from worker.domain.readings import DeclineSignals

# Stripe goes on scheduling tries after these but executes none until a new method exists
# (domain.md 0.3 and 1.3).
STRIPE_NEVER_RETRIES = frozenset(
    {
        "incorrect_number",
        "lost_card",
        "pickup_card",
        "stolen_card",
        "revocation_of_authorization",
        "revocation_of_all_authorizations",
        "authentication_required",
        "highest_risk_level",
        "transaction_not_allowed",
    }
)
# Error codes that only say "it failed"; the other fields say why.
WRAPPERS = frozenset(
    {"card_declined", "payment_intent_payment_attempt_failed", "payment_method_provider_decline"}
)
# Reasons of a blocked Charge.outcome that add nothing to "blocked".
PLAIN_BLOCK_REASONS = frozenset({"", "elevated_risk_level"})
# What a stop keeps of the code's own class: these say more than "do not try again".
TELLING_STOPS = frozenset(
    {
        DeclineClass.CARD_DATA,
        DeclineClass.NOT_ALLOWED,
        DeclineClass.FRAUD,
        DeclineClass.CONSENT_WITHDRAWN,
    }
)
UNKNOWN_WAIT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Decline:
    """The verdict on one failed payment."""

    decline_class: DeclineClass
    rule: str
    """The rule that decided: `outcome`, `advice_code`, `network_stop`, `never_retried_by_stripe`,
    `network_wait`, `decline_table`, `unknown_code` or, where nothing was said, `no_reason`."""
    code: str
    """The code the rule decided by; empty where there was none."""
    may_retry: bool
    """Whether the same method may be tried again unattended, `earliest_wait` after the failure."""
    needs_new_method: bool
    earliest_wait: timedelta
    """From the failure to the earliest next try; zero where no try follows."""
    counted_by_network: bool
    network_stopped: bool
    """A network's own stop signal was among the signals, whichever rule decided."""
    masked: bool
    """The customer is told no reason."""
    known: bool
    """False: a code is not in our table. Handled conservatively; log it once."""
    unknown_codes: tuple[str, ...]
    reason: str
    """One sentence for staff, never for the customer."""
    curable_by: CuredBy


@dataclass(frozen=True, slots=True)
class _Evidence:
    """The signals of one failure with the table's rows for each of them."""

    signals: DeclineSignals
    debit: bool
    code_row: DeclineRow | None
    network_row: DeclineRow | None
    advice: str
    """Mastercard's advice code, two digits."""
    advice_row: DeclineRow | None
    stop_row: DeclineRow | None
    unknown: tuple[str, ...]

    @property
    def rows(self) -> tuple[DeclineRow, ...]:
        """Every row the signals point to."""
        outcome = find_row(Family.OUTCOME, self.signals.reason)
        found = (self.code_row, self.network_row, self.advice_row, self.stop_row, outcome)
        return tuple(row for row in found if row is not None)


def classify(signals: DeclineSignals, *, brand: str, payment_method_type: str) -> Decline:
    """Return what the failure is, who can cure it and when a next try is allowed.

    *brand* is the card's (`visa`, `mastercard`, ...), empty where unknown or no card;
    *payment_method_type* is Stripe's (`card`, `us_bank_account`, ...). Never raises: what it does
    not know it treats conservatively and names in `unknown_codes`.
    """
    evidence = _gather(signals, brand=brand, payment_method_type=payment_method_type)
    for rule, decide, opening in _RULES:
        row = decide(evidence)
        if row is not None:
            return _verdict(evidence, rule, row, opening)
    return _verdict(evidence, *_without_rule(evidence))


def _gather(signals: DeclineSignals, *, brand: str, payment_method_type: str) -> _Evidence:
    code_row, code_unknown = _row_of_code(signals, payment_method_type)
    advice = mastercard_advice(signals, brand)
    advice_row = find_row(Family.MASTERCARD_ADVICE, advice)
    unknown = [code_unknown] if code_unknown else []
    if signals.advice_code and find_row(Family.ADVICE, signals.advice_code) is None:
        unknown.append(signals.advice_code)
    if advice and advice_row is None and brand.lower() == "mastercard":
        unknown.append(advice)
    if signals.outcome_type == "blocked" and signals.reason not in PLAIN_BLOCK_REASONS:
        unknown += [] if find_row(Family.OUTCOME, signals.reason) else [signals.reason]
    return _Evidence(
        signals=signals,
        debit=payment_method_type in DEBIT_METHODS,
        code_row=code_row,
        network_row=network_row(signals, brand=brand, payment_method_type=payment_method_type),
        advice=advice,
        advice_row=advice_row,
        stop_row=network_stop(signals, brand=brand, payment_method_type=payment_method_type),
        unknown=tuple(unknown),
    )


def _row_of_code(
    signals: DeclineSignals, payment_method_type: str
) -> tuple[DeclineRow | None, str]:
    """Return the row of Stripe's own code and, where it has none, the code that is unknown."""
    families = (Family.STRIPE_CODE, Family.LOCAL_METHOD, Family.ERROR, Family.OUTCOME)
    if payment_method_type not in {"", "card"}:
        families = (Family.LOCAL_METHOD, Family.STRIPE_CODE, Family.ERROR, Family.OUTCOME)
    unknown = ""
    for code in (signals.decline_code, signals.code):
        if not code or code in WRAPPERS:
            continue
        row = next((found for family in families if (found := find_row(family, code))), None)
        if row is not None:
            return row, unknown
        unknown = unknown or code
    return None, unknown


def _by_outcome(evidence: _Evidence) -> DeclineRow | None:
    """Rule 1: Stripe blocked the payment itself."""
    signals = evidence.signals
    if signals.outcome_type != "blocked":
        return None
    row = find_row(Family.OUTCOME, signals.reason)
    if row is None and evidence.code_row is not None and evidence.code_row.masked:
        row = evidence.code_row
    return row or replace(row_of(Family.OUTCOME, "rule"), code=signals.reason or "blocked")


def _by_advice(evidence: _Evidence) -> DeclineRow | None:
    """Rule 2: the issuer's advice about this very charge."""
    advice = find_row(Family.ADVICE, evidence.signals.advice_code)
    if advice is None:
        return None
    if not advice.may_retry:
        return _stop_with_known_cause(advice, evidence)
    # "Try again later" permits; it does not lift a stop of the network or of Stripe, and where
    # the table agrees the table's row says more. It does outrank a hard code of Stripe's table.
    if _by_network_stop(evidence) or _by_stripe_never(evidence) or _by_network_wait(evidence):
        return None
    row = _by_table(evidence)
    if row is None:
        return advice
    stripes = row.family in {Family.STRIPE_CODE, Family.LOCAL_METHOD, Family.ERROR}
    liftable = row.decline_class in {DeclineClass.CARD_DATA, DeclineClass.NOT_ALLOWED}
    return advice if stripes and liftable else None


def _stop_with_known_cause(advice: DeclineRow, evidence: _Evidence) -> DeclineRow:
    """Return the stop, classed by the code where the code says why and also stops.

    `confirm_card_data` says itself what is wrong; only fraud and withdrawn consent say more.
    """
    telling = TELLING_STOPS
    if advice.decline_class is DeclineClass.CARD_DATA:
        telling = frozenset({DeclineClass.FRAUD, DeclineClass.CONSENT_WITHDRAWN})
    for row in evidence.rows:
        if row.decline_class in telling:
            return replace(advice, decline_class=row.decline_class, cured_by=row.cured_by)
    return advice


def _by_network_stop(evidence: _Evidence) -> DeclineRow | None:
    """Rule 3: a network forbids any further try of this card."""
    return evidence.stop_row


def _by_stripe_never(evidence: _Evidence) -> DeclineRow | None:
    """Rule 4: the nine codes that Stripe itself never retries."""
    row = evidence.code_row
    if row is not None and row.code in STRIPE_NEVER_RETRIES:
        return row
    if evidence.signals.reason in STRIPE_NEVER_RETRIES:
        return find_row(Family.OUTCOME, evidence.signals.reason) or find_row(
            Family.STRIPE_CODE, evidence.signals.reason
        )
    return None


def _by_network_wait(evidence: _Evidence) -> DeclineRow | None:
    """Rule 5: Mastercard's advice 24 to 30 states the earliest next try."""
    if evidence.advice not in MASTERCARD_WAITS or evidence.advice_row is None:
        return None
    row = evidence.code_row
    if row is None or row.decline_class in {DeclineClass.CARD_DATA, DeclineClass.NOT_ALLOWED}:
        return evidence.advice_row
    if not row.may_retry:
        return None
    return replace(evidence.advice_row, decline_class=row.decline_class)


def _by_table(evidence: _Evidence) -> DeclineRow | None:
    """Rule 6: the rows of the codes; a stop beats a wait, a telling code beats an opaque one."""
    advice_row = evidence.advice_row
    if evidence.advice in MASTERCARD_INFORMATIVE | MASTERCARD_NEVER | MASTERCARD_WAITS:
        advice_row = None
    order = (advice_row, evidence.code_row, evidence.network_row)
    if advice_row and evidence.network_row and evidence.network_row.family is Family.MASTERCARD:
        # 79, 82 and 83 replace other codes, so only the advice tells what to do (domain.md 2).
        order = (advice_row, evidence.code_row, None)
    if evidence.debit:
        order = (evidence.network_row, evidence.code_row, None)
    rows = [row for row in order if row is not None]
    if not rows:
        return None
    stop = next((row for row in rows if not row.may_retry), None)
    if stop is not None:
        return stop
    telling = (row for row in rows if row.decline_class is not DeclineClass.UNCLEAR)
    chosen = next(telling, rows[0])
    waits = [chosen.wait]
    waits += [row.wait for row in rows if evidence.debit or row is advice_row]
    return replace(chosen, wait=max(waits))


def _without_rule(evidence: _Evidence) -> tuple[str, DeclineRow, str]:
    """Rule 7: nothing known; few and spaced tries for cards, none for debits."""
    code = evidence.unknown[0] if evidence.unknown else ""
    rule = "unknown_code" if code else "no_reason"
    opening = "Our table does not know this code: " if code else "No reason was given: "
    row = DeclineRow(
        family=Family.STRIPE_CODE,
        code=code,
        decline_class=DeclineClass.UNCLEAR,
        cured_by=CuredBy.TIME,
        wait=UNKNOWN_WAIT,
        needs_new_method=False,
        masked=False,
        advice="few tries, a day apart",
    )
    if evidence.signals.outcome_type == "invalid":
        row = replace(
            row,
            decline_class=DeclineClass.SETUP,
            cured_by=CuredBy.OPERATOR,
            wait=timedelta(0),
            advice="Stripe calls the request invalid; look at the payment in the Dashboard",
        )
    elif evidence.debit:
        row = replace(
            row,
            cured_by=CuredBy.OPERATOR,
            advice="a debit is retried only after a return code that allows it",
        )
    return rule, row, opening


def _verdict(evidence: _Evidence, rule: str, row: DeclineRow, opening: str) -> Decline:
    fraud = row.decline_class is DeclineClass.FRAUD
    wait = row.wait if row.may_retry else timedelta(0)
    code = f" ({row.code})" if row.code else ""
    return Decline(
        decline_class=row.decline_class,
        rule=rule,
        code=row.code,
        may_retry=row.may_retry,
        needs_new_method=row.needs_new_method,
        earliest_wait=wait,
        counted_by_network=reached_network(evidence.signals),
        network_stopped=evidence.stop_row is not None,
        masked=fraud or row.masked or any(other.masked for other in evidence.rows),
        known=not evidence.unknown,
        unknown_codes=evidence.unknown,
        reason=f"{opening}{row.advice}{code}.",
        curable_by=row.cured_by,
    )


_RULES: tuple[tuple[str, Callable[[_Evidence], DeclineRow | None], str], ...] = (
    ("outcome", _by_outcome, "Stripe blocked it: "),
    ("advice_code", _by_advice, "The issuer's advice decides: "),
    ("network_stop", _by_network_stop, "The card network forbids another try: "),
    ("never_retried_by_stripe", _by_stripe_never, "Stripe itself never retries this: "),
    ("network_wait", _by_network_wait, "The card network says when: "),
    ("decline_table", _by_table, ""),
)
