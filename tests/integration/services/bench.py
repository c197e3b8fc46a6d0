"""Services on real PostgreSQL, with Stripe, the mail server and the clock as small fakes.

Business time is the host's here: no test clock is followed, so nothing stands still for anybody.
"""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from tests.integration.store.building import (
    DAY,
    NOW,
    card,
    customer,
    invoice,
    open_case,
    subscription,
)
from tests.scenarios.world import shipped_configuration
from worker.domain.case import Case
from worker.domain.notices import LetterContent
from worker.domain.readings import (
    Answer,
    AnswerKind,
    ChargeReading,
    CustomerReading,
    DeclineSignals,
    InvoiceReading,
    SubscriptionReading,
)
from worker.errors import GatewayUnavailable
from worker.gateway.invoice_readers import StripeReader
from worker.joblog import build_joblog
from worker.ports import Json, RenderedNotice, SendOutcome, SendResult
from worker.services.advance_case import advance_case
from worker.services.case_turn import CasePorts
from worker.services.check_invariants import check_invariants
from worker.services.deliver_letter import deliver_letter
from worker.services.read_feed import FeedRun, position_of_feed, read_feed
from worker.store.ledger import PostgresLedger

NO_MONEY = DeclineSignals(code="card_declined", decline_code="insufficient_funds")


def nothing() -> None:
    """Do nothing meanwhile."""


@dataclass
class FakeClock:
    """The host's clock, which a test moves."""

    now: datetime = NOW

    def wall_now(self) -> datetime:
        """Return the host's time."""
        return self.now

    def monotonic_seconds(self) -> float:
        """Return seconds that follow the host's time."""
        return self.now.timestamp()


@dataclass
class FakeStripe:
    """Answers with what a test put there."""

    invoices: dict[str, InvoiceReading] = field(default_factory=dict)
    subscriptions: dict[str, SubscriptionReading] = field(default_factory=dict)
    trouble: Exception | None = None
    charge_trouble: Exception | None = None
    """Raised where a charge is read."""
    charge_says: DeclineSignals = NO_MONEY
    """Why a charge that is read has failed."""
    meanwhile: Callable[[], None] = nothing
    """Runs once while an invoice is read."""
    answers: list[Answer] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)
    pages: dict[str, list[Json]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    has_slots: bool = True
    before_charge: Callable[[], None] = nothing
    """Runs once between the decision to charge and its intent."""
    while_paying: Callable[[], None] = nothing
    """Runs once while an invoice is charged."""

    def read_invoice(self, invoice_id: str) -> InvoiceReading:
        """Return the invoice."""
        self.asked.append(f"read {invoice_id}")
        run, self.meanwhile = self.meanwhile, nothing
        run()
        if self.trouble is not None:
            raise self.trouble
        return self.invoices[invoice_id]

    def read_charge(self, charge_id: str) -> ChargeReading:
        """Return a failed charge of `cus_1`."""
        trouble = self.trouble or self.charge_trouble
        if trouble is not None:
            raise trouble
        self.asked.append(f"read {charge_id}")
        made_at = NOW - DAY
        about = (charge_id, "failed", "pi_1", "pm_1", 1200, "eur", made_at, self.charge_says)
        return ChargeReading(*about, brand="visa", fingerprint="print1", customer_id="cus_1")

    def read_subscription(self, subscription_id: str) -> SubscriptionReading:
        """Return the subscription."""
        return self.subscriptions[subscription_id]

    def take_charge_slot(self) -> bool:
        """Return whether there is room."""
        run, self.before_charge = self.before_charge, nothing
        run()
        return self.has_slots

    def pay_invoice(self, invoice_id: str, **_: Any) -> Answer:
        """Return the next answer."""
        self.asked.append(f"pay {invoice_id}")
        run, self.while_paying = self.while_paying, nothing
        run()
        return self.answers.pop(0)

    def cancel_subscription(self, subscription_id: str) -> Answer:
        """Say that it is done."""
        self.asked.append(f"cancel {subscription_id}")
        return Answer(AnswerKind.DONE, 200)

    def event_pages(self, *, from_at: datetime, to_at: datetime) -> Iterator[list[Json]]:
        """Yield the events of that time, newest first."""
        first, last = from_at.timestamp(), to_at.timestamp()
        yield [e for e in reversed(self.events) if first <= float(str(e["created"])) <= last]

    def undelivered_pages(self, *, from_at: datetime, to_at: datetime) -> Iterator[list[Json]]:
        """Yield events that no endpoint took."""
        first, last = from_at.timestamp(), to_at.timestamp()
        found = self.pages.get("undelivered", [])
        yield [e for e in reversed(found) if first <= float(str(e["created"])) <= last]

    def customer_pages(self) -> Iterator[list[Json]]:
        """Yield customers."""
        yield self.pages.get("customers", [])

    def subscription_pages(self) -> Iterator[list[Json]]:
        """Yield subscriptions."""
        yield self.pages.get("subscriptions", [])

    def open_invoice_pages(self) -> Iterator[list[Json]]:
        """Yield open invoices."""
        yield self.pages.get("invoices", [])


@dataclass
class FakeLetters:
    """Writes and sends letters into a list."""

    sent: list[str] = field(default_factory=list)
    meanwhile: Callable[[], None] = nothing
    """Runs once while a letter is written."""

    def zone_of(self, _customer: CustomerReading | None) -> str:
        """Return the office's zone."""
        return "Europe/Berlin"

    def locale_of(self, _customer: CustomerReading) -> str:
        """Return English."""
        return "en"

    def render(self, content: LetterContent) -> RenderedNotice:
        """Return the letter."""
        run, self.meanwhile = self.meanwhile, nothing
        run()
        return RenderedNotice(content.notice, "", content.notice, "digest")

    def send(self, *, message_id: str, **_: Any) -> SendResult:
        """Take the letter."""
        self.sent.append(message_id)
        return SendResult(SendOutcome.SENT, "")


@dataclass
class Bench:
    """One worker's services and everything around them."""

    ledger: PostgresLedger
    clock: FakeClock = field(default_factory=FakeClock)
    stripe: FakeStripe = field(default_factory=FakeStripe)
    letters: FakeLetters = field(default_factory=FakeLetters)
    stream: io.StringIO = field(default_factory=io.StringIO)

    def __post_init__(self) -> None:
        """Begin the ledger: the switch is on and Stripe's events are read up to now."""
        tokens = count(1)
        log = build_joblog(
            self.stream,
            log_format="json",
            level="debug",
            process="worker",
            wall_now=self.clock.wall_now,
            strict=True,
        )
        self.ports = CasePorts(
            ledger=self.ledger,
            stripe=self.stripe,  # type: ignore[arg-type]  # answers only what is asked here
            letters=self.letters,
            log=log,
            clock=self.clock,
            new_token=lambda: f"token {next(tokens)}",
            stopping=lambda: False,
            configuration=shipped_configuration(),
        )
        with self.ledger.begin() as tx:
            tx.control.create(charging=True, live=False, go_live_at=NOW - 30 * DAY, cause="")
            tx.control.set_cursor("events", NOW + 365 * DAY)

    def failed_invoice(self, number: int = 1, **changes: Any) -> InvoiceReading:
        """Let Stripe have an open invoice whose payment failed, with all that a read shows."""
        method = card(number)
        made = replace(
            invoice(number),
            customer=replace(customer(number), default_payment_method=method),
            subscription=subscription(number, status="past_due"),
        )
        made = replace(made, **changes)
        self.stripe.invoices[made.id] = made
        return made

    def case(self, number: int = 1, *, failed_ago: timedelta = timedelta(hours=30)) -> int:
        """Open the case of a failed invoice, due now, and return its number."""
        self.failed_invoice(number)
        return open_case(self.ledger, number, due_at=self.clock.now, failed_at=NOW - failed_ago)

    def look(self, case_id: int) -> str:
        """Look at a case now."""
        return advance_case(case_id, ports=self.ports, now=self.clock.now)

    def looks(self, case_id: int, until: str) -> None:
        """Look at a case again and again until a rule has decided."""
        seen = []
        while until not in seen:
            seen.append(self.look(case_id))
            assert len(seen) < 10, seen

    def deliver(self, letter_id: int) -> str:
        """Deliver a letter now."""
        return deliver_letter(letter_id, ports=self.ports, now=self.clock.now)

    def feed(
        self, *events: Json, test_clock: str = "", since: timedelta = timedelta(minutes=1)
    ) -> FeedRun:
        """Let Stripe tell of these events and read what it tells of the time *since* then."""
        self.stripe.events += events
        with self.ledger.connection() as connection:
            connection.exec_driver_sql("DELETE FROM cursors")
        with self.ledger.begin() as tx:
            tx.control.set_cursor("events", self.clock.now - since)
        return read_feed(
            position_of_feed(self.ledger),
            ledger=self.ledger,
            stripe=self.ports.stripe,
            reader=StripeReader(),
            log=self.ports.log,
            clock=self.clock,
            configuration=self.ports.configuration,
            now=self.clock.now,
            test_clock=test_clock,
        )

    def loaded(self, case_id: int) -> Case:
        """Return a case as it stands."""
        with self.ledger.begin() as tx:
            found = tx.cases.load(case_id)
        assert found is not None
        return found

    def due(self) -> tuple[list[int], list[int]]:
        """Return the cases and letters a scan would ring for now, without dispatching them."""
        now = self.clock.now
        with self.ledger.begin() as tx:
            cases = tx.cases.take_due(now=now, wall_now=now, limit=50, dispatch=timedelta())
            letters = tx.letters.take_due(now=now, wall_now=now, limit=50, dispatch=timedelta())
        return cases, letters

    def facts(self, kind: str) -> list[dict[str, Any]]:
        """Return the facts of one type, oldest first."""
        query = (
            "SELECT data || coalesce((SELECT words FROM fact_words WHERE fact_id = events.id), "
            "'{}') FROM events WHERE type = %(kind)s ORDER BY seq"
        )
        with self.ledger.connection() as connection:
            return list(connection.exec_driver_sql(query, {"kind": kind}).scalars())

    def booked_before(self, at: datetime) -> int:
        """Return the MRR at an instant in minor units, as the facts tell it now."""
        query = """
            SELECT coalesce(sum((data ->> 'mrr_delta_minor')::bigint), 0) FROM events
            WHERE (data ->> 'booked_at')::timestamptz < %(at)s AND data ? 'no'
        """
        with self.ledger.connection() as connection:
            return int(connection.exec_driver_sql(query, {"at": at}).scalar_one())

    def broken_promises(self) -> list[str]:
        """Return the names of the promises that the whole ledger breaks now."""
        checked = check_invariants(
            ledger=self.ledger,
            clock=self.clock,
            log=self.ports.log,
            configuration=self.ports.configuration,
            now=self.clock.now,
            whole=True,
        )
        return [each.promise.name for each in checked.breaches]

    def said(self, event: str) -> list[dict[str, Any]]:
        """Return the log's lines of one event."""
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [line for line in lines if line["event"] == event]


AWAY = GatewayUnavailable("away")
