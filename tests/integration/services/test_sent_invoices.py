"""Invoices paid by hand: in whatever order Stripe tells of them, and many overdue at once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.integration.services.bench import Bench, FakeStripe
from tests.integration.services.raw import API_VERSION, event
from tests.integration.services.raw import invoice as raw_invoice
from tests.integration.store.building import DAY, NOW
from tests.scenarios.sending import SENT, serving
from worker.cli.look_cases import case_json
from worker.domain.case import Case, CaseState, LetterState, Outcome
from worker.domain.policy import Configuration, Ending, EndingAct, Policy
from worker.domain.policy_text import digest_of, to_plain
from worker.domain.readings import Answer, InvoiceReading
from worker.gateway.invoice_readers import StripeReader
from worker.mail.formatting import money_text
from worker.ports import Json, LetterTask
from worker.services.backfill import backfill
from worker.services.letter_content import read_content
from worker.services.operate import adopt
from worker.services.reconcile import reconcile
from worker.store.reading import list_cases
from worker.store.reading_status import count_cases

MANY = 40
CANCELLING = replace(
    SENT, ending=Ending(12 * DAY, EndingAct.CANCEL, final_letter_step="final letter")
)


class Cancelling(FakeStripe):
    """Shows a subscription as canceled once that was asked for."""

    def cancel_subscription(self, subscription_id: str) -> Answer:
        """Cancel it, as every invoice of it then shows."""
        for one in self.invoices.values():
            if one.subscription_id == subscription_id and one.subscription is not None:
                over = replace(one.subscription, status="canceled")
                self.invoices[one.id] = replace(one, subscription=over)
        return super().cancel_subscription(subscription_id)


def serve(bench: Bench, sent: Policy | None = SENT) -> Configuration:
    """Let the bench's worker serve sent invoices by this policy."""
    configuration = serving(sent)
    bench.ports = replace(bench.ports, configuration=configuration)
    with bench.ledger.begin() as tx:
        for policy in configuration.dunning.policies:
            tx.control.put_policy(digest_of(policy), to_plain(policy), wall_now=NOW)
    return configuration


def sent_invoice(bench: Bench, due_at: datetime, number: int = 1, **changes: Any) -> dict[str, Any]:
    """Let Stripe have an open invoice that is sent to be paid by *due_at*; return it raw."""
    reading: dict[str, Any] = {
        "collection_method": "send_invoice",
        "due_at": due_at,
        "attempted": False,
        "hosted_invoice_url": "https://invoice.stripe.com/i/1",
        **changes,
    }
    bench.failed_invoice(number, **reading)
    return raw_invoice(
        number,
        collection_method="send_invoice",
        due_date=int(due_at.timestamp()),
        attempted=False,
    )


def paid(bench: Bench, at: datetime, number: int = 1) -> dict[str, Any]:
    """Let Stripe have the invoice paid at *at*; return it raw."""
    now = bench.stripe.invoices[f"in_{number}"]
    changes: dict[str, Any] = {"status": "paid", "amount_paid_minor": 1200, "paid_at": at}
    bench.stripe.invoices[now.id] = replace(now, amount_remaining_minor=0, **changes)
    assert now.due_at is not None
    return raw_invoice(
        number,
        collection_method="send_invoice",
        due_date=int(now.due_at.timestamp()),
        status="paid",
        amount_paid=1200,
        amount_remaining=0,
    )


def only_case(bench: Bench) -> Case | None:
    """Return the only case there is, or None."""
    with bench.ledger.connection() as connection:
        found = list(list_cases(connection, "acct_1"))
    assert len(found) < 2
    return bench.loaded(found[0].id) if found else None


def work(bench: Bench) -> None:
    """Read Stripe, then do everything that is due now, and what becomes due by it."""
    bench.feed()
    for _ in range(30):
        cases, letters = bench.due()
        if not cases and not letters:
            return
        for case_id in cases:
            bench.look(case_id)
        for letter_id in letters:
            bench.deliver(letter_id)
    raise AssertionError("the work has no end")


def test_final_and_paid_at_once_opens_nothing(bench: Bench) -> None:
    serve(bench)
    raw = sent_invoice(bench, NOW + 14 * DAY)
    over = paid(bench, NOW)
    first, second = event(1, "invoice.finalized", raw), event(2, "invoice.paid", over)
    assert bench.feed(first, second).opened == []
    assert only_case(bench) is None


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order", "final is told last"])
def test_paid_before_anybody_looked_writes_nothing(bench: Bench, order: Sequence[int]) -> None:
    serve(bench)
    told = [("invoice.finalized", sent_invoice(bench, NOW + 14 * DAY))]
    told.append(("invoice.paid", paid(bench, NOW)))
    for number, which in enumerate(order):
        bench.feed(event(number, *told[which]))
    work(bench)
    case = only_case(bench)
    assert case is not None
    assert (case.outcome, case.letters) == (Outcome.PAID_ON_TIME, ())
    assert bench.facts("payment.recovered") == bench.facts("payment.failed") == []
    assert not [asked for asked in bench.stripe.asked if asked.startswith("pay")]


def test_it_is_opened_once_whoever_tells_of_it(bench: Bench) -> None:
    """By its finalisation, its being overdue, the daily comparison and the first reading."""
    configuration = serve(bench)
    raw = sent_invoice(bench, NOW + 3 * DAY)
    bench.stripe.pages = {"invoices": [raw]}
    assert len(bench.feed(event(1, "invoice.finalized", raw)).opened) == 1
    bench.clock.now = NOW + 4 * DAY
    assert bench.feed(event(2, "invoice.overdue", raw, at=bench.clock.now)).opened == []
    assert compared(bench, configuration) == 0
    case = only_case(bench)
    assert case is not None
    assert case.due_at == NOW + 3 * DAY


def compared(bench: Bench, configuration: Configuration) -> int:
    """Compare with Stripe, as every day, and return how many cases that opened."""
    found = reconcile(
        ledger=bench.ledger,
        stripe=bench.ports.stripe,
        reader=StripeReader(),
        log=bench.ports.log,
        clock=bench.clock,
        configuration=configuration,
        api_version=API_VERSION,
        now=bench.clock.now,
    )
    return found.opened


def first_reading(bench: Bench, configuration: Configuration) -> None:
    """Mirror the whole book, as at the first start."""
    backfill(
        ledger=bench.ledger,
        stripe=bench.ports.stripe,
        reader=StripeReader(),
        log=bench.ports.log,
        clock=bench.clock,
        rules=configuration.dunning,
        api_version=API_VERSION,
        now=bench.clock.now,
    )


def test_the_first_start_takes_what_is_not_due_yet_and_nothing_that_was(bench: Bench) -> None:
    """The bench's ledger goes live 30 days before NOW; what was due before that is the past."""
    configuration = serve(bench)
    went_live_at = NOW - 30 * DAY
    early = sent_invoice(bench, went_live_at - timedelta(seconds=1), 1)
    later = sent_invoice(bench, NOW + 9 * DAY, 2)
    bench.stripe.pages = {"invoices": [early, later]}
    first_reading(bench, configuration)
    assert compared(bench, configuration) == 0
    case = only_case(bench)
    assert case is not None
    assert case.invoice_id == "in_2"
    with bench.ledger.connection() as connection:
        counted = count_cases(connection, "acct_1", now=NOW)
        assert (counted.open, counted.not_due, counted.money) == (0, 1, ())
        then = count_cases(connection, "acct_1", now=NOW + 10 * DAY)
        assert (then.open, then.not_due, len(then.money)) == (1, 0, 1)
        [line] = list_cases(connection, "acct_1")
    assert (case_json(line)["failed_at"], line.due_at) == (None, NOW + 9 * DAY)
    with bench.ledger.begin() as tx:
        assert tx.cases.counts(now=NOW)["not_due"] == 1


def test_the_timeline_follows_a_due_date_that_moves_and_repeats_no_letter(bench: Bench) -> None:
    serve(bench)
    bench.feed(event(1, "invoice.finalized", sent_invoice(bench, NOW + 7 * DAY)))
    bench.clock.now = NOW + 7 * DAY
    work(bench)
    sent_so_far = list(bench.letters.sent)
    assert len(sent_so_far) == 1
    sent_invoice(bench, NOW + 21 * DAY)
    for day in range(8, 24):
        bench.clock.now = NOW + day * DAY
        bench.feed(event(100 + day, "invoice.updated", sent_invoice(bench, NOW + 21 * DAY)))
        work(bench)
    case = only_case(bench)
    assert case is not None
    assert (case.state, case.due_at) == (CaseState.OPEN, NOW + 21 * DAY)
    assert bench.letters.sent == sent_so_far
    bench.clock.now = NOW + 24 * DAY
    work(bench)
    assert len(bench.letters.sent) == 2


def test_a_letter_names_what_remains(bench: Bench) -> None:
    serve(bench)
    bench.feed(event(1, "invoice.finalized", sent_invoice(bench, NOW)))
    sent_invoice(bench, NOW, amount_paid_minor=500, amount_remaining_minor=700)
    case = only_case(bench)
    assert case is not None
    letter = letter_of(case, "late", "invoice_overdue_1")
    content = read_content(letter, ports=bench.ports, now=NOW + 3 * DAY)
    assert content.amount is not None
    assert money_text(content.amount, "en") == "€7.00"
    assert (content.method, content.failed_at, content.next_try_at) == (None, None, None)
    shown: InvoiceReading = content.invoices[0]
    assert (shown.amount_paid_minor, shown.due_at) == (500, NOW)


def letter_of(case: Case, step: str, notice: str) -> LetterTask:
    """Return a letter of a case as its sender gets it."""
    return LetterTask(
        id=1,
        notice=notice,
        customer_id=case.customer_id,
        message_id="<1@acme.example>",
        state=LetterState.SENDING,
        tries=0,
        context={},
        send_by=None,
        case_id=case.id,
        step=step,
        subscription_id=case.subscription_id,
        invoice_id=case.invoice_id,
    )


def overdue(bench: Bench) -> None:
    """Let Stripe have many invoices that have been due for 5 to 25 days."""
    raws: list[Json] = [
        sent_invoice(bench, NOW - timedelta(days=5 + number % 21), number)
        for number in range(1, MANY + 1)
    ]
    bench.stripe.pages = {"invoices": raws}


def cancelled_by_day(bench: Bench, days: int) -> list[int]:
    """Let the worker work for so many days; return how many it cancelled on each."""
    counted = []
    for _ in range(days):
        before = len(bench.stripe.asked)
        work(bench)
        counted.append(sum(one.startswith("cancel") for one in bench.stripe.asked[before:]))
        bench.clock.now += DAY
    return counted


def test_many_overdue_invoices_make_no_burst(bench: Bench) -> None:
    """A policy for them comes when 40 are overdue: one letter each, no ending before it, 20 a day.

    `NOW` is a Tuesday at ten in the office.
    """
    bench.stripe = Cancelling()
    bench.ports = replace(bench.ports, stripe=bench.stripe)  # type: ignore[arg-type]
    overdue(bench)
    configuration = serve(bench, None)
    assert compared(bench, configuration) == 0
    configuration = serve(bench, CANCELLING)
    assert compared(bench, configuration) == MANY
    by_day = cancelled_by_day(bench, 6)
    written: dict[str, list[str]] = {}
    for fact in bench.facts("notice.queued"):
        written.setdefault(fact["case"], []).append(fact["step"])
    assert len(written) == MANY
    assert all(len(set(steps)) == len(steps) for steps in written.values())
    assert len(bench.facts("notice.sent")) <= 2 * MANY + sum(by_day)
    assert by_day[:2] == [0, 0]
    assert max(by_day) <= configuration.dunning.limits.endings_per_day
    assert sum(by_day) > 0
    assert not [asked for asked in bench.stripe.asked if asked.startswith("pay")]


def test_what_a_person_adopts_gets_its_last_letter_alone(bench: Bench) -> None:
    configuration = serve(bench, CANCELLING)
    sent_invoice(bench, NOW - 90 * DAY)
    answers = adopt(
        ["in_1"],
        ledger=bench.ledger,
        stripe=bench.ports.stripe,
        clock=bench.clock,
        configuration=configuration,
        now=NOW,
        by="jo",
        reason="they forgot",
    )
    assert answers == [("in_1", "C-1001")]
    work(bench)
    case = only_case(bench)
    assert case is not None
    assert [letter.notice for letter in case.letters] == ["invoice_overdue_final"]
    assert case.state is CaseState.OPEN
    assert not [asked for asked in bench.stripe.asked if asked.startswith("cancel")]
