"""Every change of a case's or the service's state is told by a fact, at once."""

from dataclasses import replace
from datetime import datetime, timedelta

from tests.integration.services.bench import Bench
from tests.integration.store.building import DAY, NOW, attempt, loaded
from tests.unit.domain.building import invoice
from worker.domain.case import AttemptKind, AttemptState, CaseState, Failure
from worker.domain.policy import DeclineClass
from worker.domain.readings import Answer, AnswerKind, DeclineSignals, PaymentReading
from worker.gateway.invoice_readers import StripeReader
from worker.services.case_facts import failed_fact
from worker.services.read_feed import position_of_feed, read_feed

EMPTY = Answer(
    AnswerKind.DECLINED,
    402,
    "card_declined",
    charge_id="ch_new",
    payment_method_id="pm_1",
    signals=DeclineSignals(code="card_declined", decline_code="insufficient_funds"),
)
NONSENSE = Answer(AnswerKind.REFUSED, 400, "parameter_invalid")
NO_ANSWER = Answer(AnswerKind.UNKNOWN, 0, "timeout")
FAILED = PaymentReading(
    "pi_1", "requires_payment_method", latest_charge_id="ch_1", signals=EMPTY.signals
)


def allow_no_charge(bench: Bench) -> None:
    """Put the ceiling of charges an hour to nothing."""
    shipped = bench.ports.configuration
    limits = replace(shipped.dunning.limits, charges_per_hour=0)
    dunning = replace(shipped.dunning, limits=limits)
    bench.ports = replace(bench.ports, configuration=replace(shipped, dunning=dunning))


def written_to(bench: Bench) -> int:
    """Return a case whose first letter is out and whose first try is due."""
    case_id = bench.case(failed_ago=timedelta(hours=20))
    bench.looks(case_id, until="letter_due")
    bench.clock.now += timedelta(hours=10)
    return case_id


def test_after_a_decline_the_next_try_is_told_at_once(bench: Bench) -> None:
    case_id = written_to(bench)
    bench.stripe.answers = [EMPTY]
    bench.looks(case_id, until="charge_due")
    assert bench.stripe.asked[-1] == "pay in_1"
    plan = bench.facts("payment.retry_scheduled")[-1]
    assert plan["step"] == "try 2"
    bench.clock.now = datetime.fromisoformat(plan["next_action_at"]) - timedelta(seconds=1)
    assert bench.due()[0] == []
    bench.clock.now += timedelta(seconds=1)
    assert bench.due()[0] == [case_id]


def test_no_failure_is_told_before_the_first_one(bench: Bench) -> None:
    """A bank debit fails days after Stripe made its charge: that is when cohorts begin."""
    first = loaded(bench.ledger, bench.case())
    kind = DeclineClass.FUNDS
    debit = Failure(kind, "R01", "py_1", first.failed_at - 3 * DAY, "pm_1")
    later = replace(debit, charge_id="ch_2", failed_at=first.failed_at + DAY)
    told = [failed_fact(first, each, invoice()) for each in (debit, later)]
    assert [fact.time for fact in told] == [first.failed_at, first.failed_at + DAY]


def test_a_failure_is_told_although_a_ceiling_stops_the_charge(bench: Bench) -> None:
    case_id = written_to(bench)
    allow_no_charge(bench)
    told = len(bench.facts("payment.failed"))
    invoice = bench.stripe.invoices["in_1"]
    bench.stripe.invoices["in_1"] = replace(invoice, payment=FAILED)
    bench.look(case_id)
    assert bench.said("limit.reached")
    assert len(bench.facts("payment.failed")) == told + 1
    assert bench.facts("payment.failed")[-1]["charge_id"] == "ch_1"


def test_a_charge_that_stripe_refuses_too_often_is_told_to_a_person(bench: Bench) -> None:
    case_id = bench.case()
    bench.stripe.answers = [NONSENSE] * 3
    for _ in range(3):
        bench.looks(case_id, until="charge_due")
        bench.clock.now += timedelta(hours=2)
    assert bench.loaded(case_id).state is CaseState.IN_REVIEW
    (told,) = bench.facts("case.in_review")
    assert told["reason"] == "Stripe refused the charge: parameter_invalid"


def test_refused_coupons_are_no_refused_charges(bench: Bench) -> None:
    case_id = bench.case()
    for no in (1, 2):
        with bench.ledger.begin() as tx:
            case = tx.cases.load(case_id)
            assert case is not None
            coupon = attempt(case, no, kind=AttemptKind.COUPON)
            given = replace(coupon, step="first letter: coupon")
            assert tx.attempts.start(case, given, asked_at=given.sent_at)
            tx.attempts.settle(case, no, AttemptState.ABANDONED, now=NOW, answer_code="missing")
    bench.stripe.answers = [NONSENSE]
    bench.looks(case_id, until="charge_due")
    assert bench.stripe.asked[-2:] == ["pay in_1", "read in_1"]
    assert bench.loaded(case_id).state is CaseState.OPEN


def test_a_case_that_leaves_its_review_is_told(bench: Bench) -> None:
    case_id = bench.case()
    bench.stripe.answers = [NO_ANSWER]
    bench.looks(case_id, until="charge_due")
    bench.clock.now += timedelta(hours=23, minutes=30)
    bench.looks(case_id, until="outcome_lost")
    assert len(bench.facts("case.in_review")) == 1
    bench.clock.now += timedelta(hours=2)
    bench.looks(case_id, until="review_exit")
    assert bench.loaded(case_id).state is CaseState.OPEN
    (told,) = bench.facts("case.released")
    assert "after 25 hours" in told["reason"]


def test_a_replayed_first_send_is_told_as_a_stop(bench: Bench) -> None:
    case_id = bench.case()
    bench.stripe.answers = [replace(EMPTY, replayed=True)]
    bench.looks(case_id, until="charge_due")
    (told,) = bench.facts("charging.stopped")
    assert (told["cause"], told["by"]) == ("foreign_key", "worker")


def test_a_foreign_key_in_the_feed_is_told_as_a_stop(bench: Bench) -> None:
    at = NOW + 365 * DAY + timedelta(minutes=5)
    bench.stripe.events = [
        {
            "id": "evt_1",
            "type": "invoice.updated",
            "created": int(at.timestamp()),
            "api_version": "",
            "request": {"id": "req_1", "idempotency_key": "dun:v1:in_9:1"},
            "data": {"object": {"id": "in_9", "created": int(NOW.timestamp()), "status": "open"}},
        }
    ]
    read_feed(
        position_of_feed(bench.ledger),
        ledger=bench.ledger,
        stripe=bench.ports.stripe,
        reader=StripeReader(),
        log=bench.ports.log,
        clock=bench.clock,
        configuration=bench.ports.configuration,
        now=at + timedelta(minutes=1),
    )
    (told,) = bench.facts("charging.stopped")
    assert (told["cause"], told["reason"]) == ("foreign_key", "dun:v1:in_9:1")
    assert len(bench.said("foreign.key")) == 1
