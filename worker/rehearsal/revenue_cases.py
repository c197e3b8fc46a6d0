"""The cases of a year: looked at by the worker's own engine in `mode: watch`, day by day."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import cast

from worker.domain.policy import Configuration, Mode
from worker.domain.readings import ChargeReading, InvoiceReading
from worker.gateway.invoice_readers import read_invoice
from worker.gateway.payment_readers import read_charge
from worker.gateway.stripe_gateway import INVOICE_EXPANDED
from worker.gateway.transport import API_VERSION
from worker.ports import JobLog, Letters, StripeGateway
from worker.rehearsal.sandbox.expand import expanded
from worker.rehearsal.sandbox.world import World
from worker.services.advance_case import advance_case
from worker.services.case_turn import CasePorts
from worker.services.read_feed import CURSOR
from worker.store.ledger import PostgresLedger

BATCH = 500


@dataclass(slots=True)
class DayClock:
    """The host's clock of a worker that lives in the year."""

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def wall_now(self) -> datetime:
        """Return the year's time."""
        return self.now

    def monotonic_seconds(self) -> float:
        """Return seconds that follow the year's time."""
        return self.now.timestamp()


@dataclass(frozen=True, slots=True)
class Reads:
    """What a look asks Stripe for, from the sandbox's own objects."""

    world: World

    def read_invoice(self, invoice_id: str) -> InvoiceReading:
        """Return the invoice as it is now, with all that a look reads beside it."""
        row = self.world.get("invoice", invoice_id)
        return read_invoice(
            expanded(self.world, row, list(INVOICE_EXPANDED), "invoice"), API_VERSION
        )

    def read_charge(self, charge_id: str) -> ChargeReading:
        """Return a charge."""
        return read_charge(self.world.get("charge", charge_id))


@dataclass(slots=True)
class Watcher:
    """Looks at each case that is due; nothing is charged, written or ended."""

    world: World
    ledger: PostgresLedger
    configuration: Configuration
    log: JobLog
    clock: DayClock = field(default_factory=DayClock)
    _ports: CasePorts = field(init=False)

    def __post_init__(self) -> None:
        """Begin to watch; the switch is on where nobody began the ledger before."""
        tokens = count(1)
        watching = replace(self.configuration.dunning, mode=Mode.WATCH)
        self._ports = CasePorts(
            ledger=self.ledger,
            stripe=cast(StripeGateway, Reads(self.world)),
            letters=cast(Letters, None),  # none is written
            log=self.log,
            clock=self.clock,
            new_token=lambda: f"token {next(tokens)}",
            stopping=_never,
            configuration=replace(self.configuration, dunning=watching),
        )
        with self.ledger.begin() as tx:
            if tx.control.read() is None:
                tx.control.create(charging=True, live=False, go_live_at=self.clock.now, cause="")

    def look(self, now: datetime) -> None:
        """Look at all cases that are due at *now*, up to which all events were read."""
        self.clock.now = now
        with self.ledger.begin() as tx:
            tx.control.set_cursor(CURSOR, now)
        while due := self._due():
            for case_id in due:
                advance_case(case_id, ports=self._ports, now=now)

    def _due(self) -> list[int]:
        now = self.clock.now
        with self.ledger.begin() as tx:
            return tx.cases.take_due(now=now, wall_now=now, limit=BATCH, dispatch=timedelta())


def _never() -> bool:
    return False
