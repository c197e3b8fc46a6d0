"""The caps on charges, amounts, endings and letters, asked for by the services in eight threads."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from tests.integration.store.building import (
    LEASE,
    NOW,
    at_once,
    attempt,
    card,
    customer,
    invoice,
    letter,
    open_case,
)
from worker.clock import SystemClock
from worker.domain.case import AttemptKind, Case, Surroundings
from worker.domain.decisions import Charge, Decision
from worker.domain.policy import AmountLimit, Configuration
from worker.ports import JobLog, Letters, StripeGateway
from worker.services.case_turn import CasePorts, Turn
from worker.services.charge_invoice import start_attempt
from worker.services.permission import may_send
from worker.settings.load import load_configuration
from worker.store.ledger import PostgresLedger

PROJECT = Path(__file__).parents[3]
LIMIT = 15
AMOUNT = 1200
"""What each case owes, in cents."""
NUMBERS = range(1, 49)
CHARGE = Decision(Charge("try 1", "pm_1"), rule="charge_due", reason="try 1 is due.")


class Quiet:
    """A job log that counts warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, event: str, /, **_: object) -> None:
        """Remember an event."""
        self.warnings.append(event)


def configuration(**limits_of_its_own: Any) -> Configuration:
    """Return the shipped configuration with caps of its own."""
    letters = frozenset(path.stem for path in (PROJECT / "templates").glob("*/*.md"))
    shipped = load_configuration(PROJECT / "config", letters)
    limits = replace(shipped.dunning.limits, **limits_of_its_own)
    return replace(shipped, dunning=replace(shipped.dunning, limits=limits))


def ports_of(ledger: PostgresLedger, log: Quiet, rules: Configuration) -> CasePorts:
    """Return what the services work with, on a ledger whose switch is on."""
    with ledger.begin() as tx:
        tx.control.create(charging=True, live=False, go_live_at=NOW, cause="")
        tx.control.set_cursor("events", NOW)  # letters wait while the feed is behind
    return CasePorts(
        ledger=ledger,
        stripe=cast(StripeGateway, None),  # an intent is written before anybody is asked
        letters=cast(Letters, None),
        log=cast(JobLog, log),
        clock=SystemClock(),
        new_token=lambda: "t",
        stopping=lambda: False,
        configuration=rules,
    )


def start_all(
    ledger: PostgresLedger,
    log: Quiet,
    rules: Configuration,
    cards: Callable[[int], str] = "print{}".format,
    kind: AttemptKind = AttemptKind.CHARGE,
) -> int:
    """Open 48 cases, let eight threads charge or end them at once; return how many may start.

    *cards* gives the fingerprint of the card that a case's customer pays with.
    """
    ports = ports_of(ledger, log, rules)
    held = {number: replace(card(number), fingerprint=cards(number)) for number in NUMBERS}
    with ledger.begin() as tx:
        tx.mirror.put_payment_methods([(one, NOW, False) for one in held.values()])
    opened = {number: open_case(ledger, number) for number in NUMBERS}

    def charge(thread: int) -> int:
        started = 0
        for number in NUMBERS[thread::8]:
            wall_now = ports.clock.wall_now()
            with ledger.begin() as tx:
                case = tx.cases.claim(
                    opened[number], now=NOW, wall_now=wall_now, token="t", lease=LEASE
                )
            assert case is not None
            payer = replace(customer(number), default_payment_method=held[number])
            read = replace(invoice(number), customer=payer)
            policy, read_s = rules.dunning.policies[0], ports.clock.monotonic_seconds()
            turn = Turn(ports, case, "t", NOW, policy, read, Surroundings(), read_s)
            intent = replace(attempt(case), kind=kind, payment_method_id=held[number].id)
            started += isinstance(start_attempt(turn, CHARGE, intent, news=()), Case)
        return started

    return sum(at_once(8, charge))


def intents(ledger: PostgresLedger) -> int:
    """Return how many attempts there are."""
    with ledger.connection() as connection:
        found: int = connection.exec_driver_sql("SELECT count(*) FROM attempts").scalar_one()
    return found


def test_eight_threads_never_start_more_charges_than_the_cap(ledger: PostgresLedger) -> None:
    log = Quiet()
    assert start_all(ledger, log, configuration(charges_per_hour=LIMIT), "print{}".format) == LIMIT
    assert log.warnings == ["limit.reached"], "once, not for each that waits"
    assert intents(ledger) == LIMIT


def test_one_card_in_many_hands_never_passes_its_networks_limit(ledger: PostgresLedger) -> None:
    log, rules = Quiet(), configuration(charges_per_hour=500)
    visa_max = rules.dunning.limits.networks.visa_in_30_days
    assert start_all(ledger, log, rules, lambda _: "the same") == visa_max
    assert intents(ledger) == visa_max


def test_eight_threads_never_start_more_than_the_days_amount(ledger: PostgresLedger) -> None:
    log = Quiet()
    amounts = (AmountLimit("eur", per_day_minor=7 * AMOUNT + AMOUNT // 2),)
    assert start_all(ledger, log, configuration(charged_amounts=amounts)) == 7
    assert log.warnings == ["limit.reached"]
    assert intents(ledger) == 7


def test_what_was_declined_leaves_its_amount_to_others(ledger: PostgresLedger) -> None:
    log, amounts = Quiet(), (AmountLimit("eur", per_hour_minor=2 * AMOUNT),)
    rules = configuration(charged_amounts=amounts)
    assert start_all(ledger, log, rules) == 2
    with ledger.connection() as connection:
        connection.exec_driver_sql("UPDATE attempts SET state = 'declined'")
    with ledger.begin() as tx:
        used = tx.attempts.asked_since(["charge"], since=NOW - timedelta(hours=1), currency="eur")
        elsewhere = tx.attempts.asked_since(
            ["charge"], since=NOW - timedelta(hours=1), currency="usd"
        )
    assert (used.count, used.amount_minor) == (2, 0)
    assert (elsewhere.count, elsewhere.oldest_at) == (0, None)


def test_eight_threads_never_start_more_endings_than_the_day_has(ledger: PostgresLedger) -> None:
    log = Quiet()
    rules = configuration(endings_per_day=3)
    assert start_all(ledger, log, rules, kind=AttemptKind.CANCEL) == 3
    assert log.warnings == ["limit.reached"]
    assert intents(ledger) == 3


def test_eight_threads_never_send_more_letters_than_the_cap(ledger: PostgresLedger) -> None:
    log = Quiet()
    ports = ports_of(ledger, log, configuration(letters_per_hour=LIMIT))
    with ledger.begin() as tx:
        queued = [tx.letters.queue(letter(str(number)), now=NOW) for number in NUMBERS]

    def send(thread: int) -> int:
        begun = 0
        for letter_id in queued[thread::8]:
            assert letter_id is not None
            wall_now = ports.clock.wall_now()
            with ledger.begin() as tx:
                task = tx.letters.claim(
                    letter_id, now=NOW, wall_now=wall_now, token="t", lease=LEASE
                )
            assert task is not None
            with ledger.begin() as tx:
                granted = may_send(tx, task, ports, now=NOW).granted
                begun += granted and tx.letters.begin_sending(
                    letter_id, token="t", now=NOW, wall_now=wall_now
                )
        return begun

    assert sum(at_once(8, send)) == LIMIT
    assert log.warnings == ["limit.reached"]
