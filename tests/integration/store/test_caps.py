"""The hourly cap on charges, through the service that asks for it, under eight threads."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

from tests.integration.store.building import (
    LEASE,
    NOW,
    at_once,
    attempt,
    card,
    customer,
    invoice,
    open_case,
)
from worker.clock import SystemClock
from worker.domain.case import Case, Surroundings
from worker.domain.decisions import Charge, Decision
from worker.domain.policy import Configuration
from worker.ports import JobLog, Letters, StripeGateway
from worker.services.case_turn import CasePorts, Turn
from worker.services.charge_invoice import start_attempt
from worker.settings.load import load_configuration
from worker.store.ledger import PostgresLedger

PROJECT = Path(__file__).parents[3]
LIMIT = 15
NUMBERS = range(1, 49)
CHARGE = Decision(Charge("try 1", "pm_1"), rule="charge_due", reason="try 1 is due.")


class Quiet:
    """A job log that counts warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, event: str, /, **_: object) -> None:
        """Remember an event."""
        self.warnings.append(event)


def configuration(charges_per_hour: int) -> Configuration:
    """Return the shipped configuration with a cap of its own."""
    letters = frozenset(path.stem for path in (PROJECT / "templates").glob("*/*.md"))
    shipped = load_configuration(PROJECT / "config", letters)
    limits = replace(shipped.dunning.limits, charges_per_hour=charges_per_hour)
    return replace(shipped, dunning=replace(shipped.dunning, limits=limits))


def start_all(
    ledger: PostgresLedger, log: Quiet, rules: Configuration, cards: Callable[[int], str]
) -> int:
    """Open 48 cases, let eight threads charge them at once, and return how many may start.

    *cards* gives the fingerprint of the card that a case's customer pays with.
    """
    ports = CasePorts(
        ledger=ledger,
        stripe=cast(StripeGateway, None),  # an intent is written before anybody is asked
        letters=cast(Letters, None),
        log=cast(JobLog, log),
        clock=SystemClock(),
        new_token=lambda: "t",
        stopping=lambda: False,
        configuration=rules,
    )
    held = {number: replace(card(number), fingerprint=cards(number)) for number in NUMBERS}
    with ledger.begin() as tx:
        tx.control.create(charging=True, live=False, go_live_at=NOW, cause="")
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
            turn = Turn(ports, case, "t", NOW, rules.dunning.policies[0], read, Surroundings())
            intent = replace(attempt(case), payment_method_id=held[number].id)
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
    assert start_all(ledger, log, configuration(LIMIT), "print{}".format) == LIMIT
    assert log.warnings == ["limit.reached"] * (len(NUMBERS) - LIMIT)
    assert intents(ledger) == LIMIT


def test_one_card_in_many_hands_never_passes_its_networks_limit(ledger: PostgresLedger) -> None:
    log, rules = Quiet(), configuration(500)
    visa_max = rules.dunning.limits.networks.visa_in_30_days
    assert start_all(ledger, log, rules, lambda _: "the same") == visa_max
    assert intents(ledger) == visa_max
