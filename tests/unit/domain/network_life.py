"""Random lives of a few cards: everybody tries, cards change, and the worker asks before it tries.

A life is told by bytes: `_decode` reads every three of them as one happening, so that drawing it is
quick and a life that breaks a rule shrinks to a short one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tests.unit.domain.network_naive import DAY, HOUR, Entry, Means, broken_by, micros
from worker.domain.network_rules import Allowance, MadeBy, NetworkTry, Target
from worker.domain.policy import NetworkLimits
from worker.domain.readings import DeclineSignals, PaymentMethodReading

TICK = timedelta(microseconds=1)
GAPS = (
    timedelta(),
    TICK,
    timedelta(seconds=1),
    timedelta(minutes=40),
    timedelta(hours=8),
    timedelta(hours=24),
    timedelta(days=3),
    timedelta(days=10),
)
Asks = Callable[..., Allowance]
"""`allowance`, or something that breaks it."""


@dataclass(frozen=True)
class Outcome:
    """What a try came to, in Stripe's words and in ours."""

    says: DeclineSignals
    means: Means


def _says(means: Means | None = None, **said: str) -> Outcome:
    return Outcome(DeclineSignals(**said), means or Means())


STOP = Means(stops=True)
SUCCESS = Outcome(DeclineSignals(), Means(succeeded=True))
NO_MONEY = _says(decline_code="insufficient_funds")
CARD_OUTCOMES = (
    SUCCESS,
    NO_MONEY,
    _says(),
    _says(decline_code="processing_error"),
    _says(decline_code="code_of_tomorrow", network_decline_code="??"),
    _says(decline_code="currency_not_supported"),
    _says(STOP, decline_code="lost_card"),
    _says(STOP, decline_code="expired_card"),
    _says(STOP, decline_code="fraudulent"),
    _says(STOP, decline_code="stolen_card", advice_code="try_again_later"),
    _says(STOP, decline_code="insufficient_funds", advice_code="do_not_try_again"),
    _says(STOP, decline_code="expired_card", advice_code="confirm_card_data"),
    _says(
        Means(stops=True, asks_authentication=True),  # a success ends the first, not the second
        decline_code="authentication_required",
        advice_code="do_not_try_again",
    ),
    _says(Means(asks_authentication=True), decline_code="authentication_required"),
    _says(Means(counted=False), outcome_type="invalid", network_status="not_sent_to_network"),
    _says(
        Means(counted=False, stops=True),
        outcome_type="blocked",
        network_status="not_sent_to_network",
        reason="highest_risk_level",
    ),
)
VISA_OUTCOMES = (
    _says(STOP, network_decline_code="R1"),
    _says(STOP, network_decline_code="41", decline_code="insufficient_funds"),
    _says(network_decline_code="51", decline_code="generic_decline"),
)
MASTERCARD_OUTCOMES = (
    _says(STOP, network_advice_code="03", advice_code="try_again_later"),
    _says(STOP, network_advice_code="21", decline_code="insufficient_funds"),
    _says(Means(wait=HOUR), network_advice_code="24", decline_code="insufficient_funds"),
    _says(Means(wait=4 * DAY), network_advice_code="27", decline_code="insufficient_funds"),
    _says(Means(wait=10 * DAY), network_advice_code="30", advice_code="try_again_later"),
    _says(Means(wait=2 * DAY, stops=True), network_advice_code="26", decline_code="stolen_card"),
)
NOT_MEANT = (_says(network_advice_code="27", network_decline_code="04"),)
DEBIT_OUTCOMES = (
    SUCCESS,
    NO_MONEY,
    _says(),  # under way
    _says(outcome_type="authorized", network_status="approved_by_network"),
    _says(STOP, decline_code="code_of_tomorrow"),
    _says(STOP, decline_code="account_closed"),
)
SEPA_OUTCOMES = (_says(network_decline_code="AM04"), _says(STOP, network_decline_code="AC04"))
ACH_OUTCOMES = (
    _says(Means(ach_may_follow=True), network_decline_code="R01"),
    _says(Means(ach_may_follow=True), network_decline_code="R09"),
    _says(STOP, network_decline_code="R08"),
    SUCCESS,
)


@dataclass(frozen=True)
class Method:
    """One payment method and the card or account behind it."""

    reading: PaymentMethodReading
    plastic: str
    outcomes: tuple[Outcome, ...]
    loses_fingerprints: bool = False
    """Records of its tries lack the fingerprint; the method itself has it."""


def _method(
    name: str, plastic: str, kind: str, brand: str, country: str, *groups: tuple[Outcome, ...]
) -> Method:
    reading = PaymentMethodReading(
        id=name, type=kind, brand=brand, fingerprint=f"fp_{plastic}", country=country
    )
    return Method(reading, plastic, tuple(outcome for group in groups for outcome in group))


_BARE = _method("pm_bare", "bare", "card", "visa", "DE", CARD_OUTCOMES, VISA_OUTCOMES)
_ALL = (
    _method("pm_v1", "v", "card", "visa", "DE", CARD_OUTCOMES, VISA_OUTCOMES),
    _method("pm_v2", "v", "card", "visa", "DE", CARD_OUTCOMES, VISA_OUTCOMES),
    _method("pm_m", "m", "card", "mastercard", "FR", CARD_OUTCOMES, MASTERCARD_OUTCOMES),
    _method("pm_m2", "m2", "card", "mastercard", "FR", CARD_OUTCOMES, MASTERCARD_OUTCOMES),
    replace(_BARE, reading=replace(_BARE.reading, fingerprint="")),
    replace(
        _method("pm_half", "half", "card", "mastercard", "US", CARD_OUTCOMES, MASTERCARD_OUTCOMES),
        loses_fingerprints=True,
    ),
    _method("pm_amex", "x", "card", "amex", "US", CARD_OUTCOMES, NOT_MEANT),
    _method("pm_elo", "e", "card", "elo", "BR", CARD_OUTCOMES, VISA_OUTCOMES, MASTERCARD_OUTCOMES),
    _method("pm_link", "l", "link", "", "", CARD_OUTCOMES, VISA_OUTCOMES, MASTERCARD_OUTCOMES),
    _method("pm_in", "in", "card", "visa", "IN", CARD_OUTCOMES, VISA_OUTCOMES),
    _method("pm_in2", "in2", "card", "mastercard", "IN", CARD_OUTCOMES, MASTERCARD_OUTCOMES),
    _method("pm_sepa", "s", "sepa_debit", "", "DE", DEBIT_OUTCOMES, SEPA_OUTCOMES),
    _method("pm_sepa2", "s2", "sepa_debit", "", "FR", DEBIT_OUTCOMES, SEPA_OUTCOMES),
    _method("pm_acss", "a", "acss_debit", "", "CA", DEBIT_OUTCOMES),
    _method("pm_nz", "n", "nz_bank_account", "", "NZ", DEBIT_OUTCOMES),
    _method("pm_ach", "b", "us_bank_account", "", "US", ACH_OUTCOMES),
    _method("pm_ach2", "b2", "us_bank_account", "", "US", ACH_OUTCOMES),
    _method("pm_paypal", "p", "paypal", "", "DE", DEBIT_OUTCOMES),
)
METHODS = {method.reading.id: method for method in _ALL}

WHAT = ("worker",) * 4 + ("stripe", "customer", "clock ahead", "change")
OUTCOMES, USUAL = 256, 176
"""So many outcomes are drawn from, and so many of them are the usual one: windows must fill."""


@dataclass
class Life:
    """What happened, for both ledgers, and what the worker did wrong."""

    limits: NetworkLimits
    clock: datetime
    tries: list[NetworkTry] = field(default_factory=list)
    log: list[Entry] = field(default_factory=list)
    changed: dict[str, list[datetime]] = field(default_factory=dict)
    broken: list[tuple[str, ...]] = field(default_factory=list)
    """What each try of the worker broke, where it broke anything."""
    counted_breaches: list[NetworkTry] = field(default_factory=list)
    """The worker's tries that broke something and reached the network."""
    needlessly_late: list[str] = field(default_factory=list)
    worker_tries: int = 0
    moved: int = 0
    """Tries of the worker that its answer moved later."""

    def breaks(self, entry: Entry) -> set[str]:
        """Return what *entry* would break by the naive reading."""
        changes = {name: [micros(at) for at in found] for name, found in self.changed.items()}
        return broken_by(self.log, entry, changes, self.limits)


@dataclass(frozen=True)
class _Happening:
    what: str
    method: Method
    gap: timedelta
    amount: int
    debt: str
    outcome: Outcome


def live(
    told: bytes,
    wallet: Sequence[str],
    limits: NetworkLimits,
    start: datetime,
    asks: Asks,
    *,
    skew: timedelta,
) -> Life:
    """Return the life of a *wallet* that *told* tells; the worker tries when *asks* lets it.

    Some tries of customers are dated *skew* ahead, as by a clock that differs from ours.
    """
    life = Life(limits, start)
    for place in range(0, len(told), 3):
        number = int.from_bytes(told[place : place + 3], "big")
        happening = _decode(number, [METHODS[name] for name in wallet])
        life.clock = _later(life.clock, happening.gap)
        if happening.what == "change":
            # Never at the instant of an earlier try: nobody could tell later which came first.
            life.clock = _later(life.clock, TICK)
            life.changed.setdefault(happening.method.reading.id, []).append(life.clock)
        elif happening.what == "worker":
            _worker_tries(life, happening, asks)
        else:
            ahead = skew if happening.what == "clock ahead" else timedelta()
            who = MadeBy.STRIPE if happening.what == "stripe" else MadeBy.CUSTOMER
            _record(life, happening, _later(life.clock, ahead), who)
    return life


def _worker_tries(life: Life, happening: _Happening, asks: Asks) -> None:
    reading, clock = happening.method.reading, life.clock
    changed_at = max(life.changed.get(reading.id, []), default=None)
    wish = Target(reading, happening.amount, "eur", happening.debt, changed_at)
    answer = asks(life.tries, wish, life.limits, now=clock)
    skewed = any(entry.at > micros(clock) for entry in life.log)
    if answer.at is None:
        for days in (0, 1, 31, 181, 400):
            if not life.breaks(_entry(happening, _later(clock, timedelta(days=days)))):
                life.needlessly_late.append(answer.rule)
        return
    broken = life.breaks(_entry(happening, answer.at))
    if broken or micros(answer.at) < micros(clock):
        life.broken.append((*sorted(broken), "early" if not broken else ""))
    if micros(answer.at) > micros(clock):
        life.moved += 1
        if not skewed and not life.breaks(_entry(happening, answer.at - TICK)):
            life.needlessly_late.append(answer.rule)
    life.clock = answer.at.astimezone(clock.tzinfo)
    life.worker_tries += 1
    _record(life, happening, life.clock, MadeBy.WORKER)
    if broken and happening.outcome.means.counted:
        life.counted_breaches.append(life.tries[-1])


def _record(life: Life, happening: _Happening, at: datetime, who: MadeBy) -> None:
    method, outcome = happening.method, happening.outcome
    entry = _entry(happening, at)
    life.log.append(entry)
    life.tries.append(
        NetworkTry(
            at=at,
            made_by=who,
            payment_method_id=method.reading.id,
            fingerprint="" if method.loses_fingerprints else method.reading.fingerprint,
            brand=method.reading.brand,
            payment_method_type=method.reading.type,
            country=method.reading.country,
            amount_minor=happening.amount,
            currency="eur",
            debt=happening.debt,
            failed=not outcome.means.succeeded,
            signals=outcome.says,
        )
    )


def _entry(happening: _Happening, at: datetime) -> Entry:
    reading = happening.method.reading
    return Entry(
        at=micros(at),
        plastic=happening.method.plastic,
        method_id=reading.id,
        kind=reading.type,
        brand=reading.brand,
        country=reading.country,
        amount=happening.amount,
        debt=happening.debt,
        means=happening.outcome.means,
    )


def _decode(number: int, wallet: Sequence[Method]) -> _Happening:
    number, what = divmod(number, len(WHAT))
    number, place = divmod(number, 4)
    number, gap = divmod(number, len(GAPS))
    number, amount = divmod(number, 2)
    number, debt = divmod(number, 2)
    method, number = wallet[place % len(wallet)], number % OUTCOMES
    usual = ACH_OUTCOMES[0] if method.reading.type == "us_bank_account" else NO_MONEY
    special = method.outcomes[number % len(method.outcomes)]
    return _Happening(
        what=WHAT[what],
        method=method,
        gap=GAPS[gap],
        amount=(4900, 100)[amount],
        debt=("pi_1", "pi_2")[debt],
        outcome=usual if number < USUAL else special,
    )


def _later(at: datetime, gap: timedelta) -> datetime:
    """Return *at* plus elapsed time, in its own zone; plain addition would move wall clocks."""
    return (at.astimezone(UTC) + gap).astimezone(at.tzinfo)
