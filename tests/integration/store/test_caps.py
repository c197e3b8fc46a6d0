"""The hourly cap on charges, through the service that asks for it, under eight threads."""

from dataclasses import replace
from pathlib import Path
from typing import cast

from tests.integration.store.building import (
    LEASE,
    NOW,
    at_once,
    attempt,
    invoice,
    open_case,
)
from worker.clock import SystemClock
from worker.domain.case import Surroundings
from worker.domain.decisions import Charge, Decision
from worker.domain.policy import Configuration
from worker.ports import JobLog, Letters, StripeGateway
from worker.services.case_turn import CasePorts, Turn
from worker.services.charge_invoice import start_attempt
from worker.settings.load import load_configuration
from worker.store.ledger import PostgresLedger

PROJECT = Path(__file__).parents[3]
LIMIT = 15
CASES = 48
CHARGE = Decision(Charge("try 1", "pm_1"), rule="charge_due", reason="try 1 is due.")


class Quiet:
    """A job log that counts warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, event: str, /, **_: object) -> None:
        """Remember an event."""
        self.warnings.append(event)


def configuration() -> Configuration:
    """Return the shipped configuration with a low cap."""
    letters = frozenset(path.stem for path in (PROJECT / "templates").glob("*/*.md"))
    shipped = load_configuration(PROJECT / "config", letters)
    limits = replace(shipped.dunning.limits, charges_per_hour=LIMIT)
    return replace(shipped, dunning=replace(shipped.dunning, limits=limits))


def test_eight_threads_never_start_more_charges_than_the_cap(ledger: PostgresLedger) -> None:
    log, rules = Quiet(), configuration()
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
    with ledger.begin() as tx:
        tx.control.create(charging=True, live=False, go_live_at=NOW, cause="")
    numbers = [open_case(ledger, number) for number in range(1, CASES + 1)]

    def charge(thread: int) -> int:
        started = 0
        for case_id in numbers[thread::8]:
            wall_now = ports.clock.wall_now()
            with ledger.begin() as tx:
                case = tx.cases.claim(case_id, now=NOW, wall_now=wall_now, token="t", lease=LEASE)
            assert case is not None
            read = invoice(case_id - numbers[0] + 1)
            turn = Turn(ports, case, "t", NOW, rules.dunning.policies[0], read, Surroundings())
            started += start_attempt(turn, CHARGE, attempt(case), news=()) is not None
        return started

    assert sum(at_once(8, charge)) == LIMIT
    assert log.warnings == ["limit.reached"] * (CASES - LIMIT)
    with ledger.connection() as connection:
        told = connection.exec_driver_sql(
            "SELECT (SELECT count(*) FROM attempts),"
            " count(*) FILTER (WHERE next_action_at > %(now)s AND lease_until IS NULL) FROM cases",
            {"now": NOW},
        ).one()
    assert tuple(told) == (LIMIT, CASES - LIMIT)
