"""The circuit breaker stops charging with its cause, once, and `go` begins a new count."""

from dataclasses import replace
from datetime import timedelta

from tests.integration.services.bench import Bench
from tests.integration.store.building import attempt, open_case
from worker.domain.case import AttemptState
from worker.domain.policy import BreakerLimits
from worker.domain.readings import Answer, AnswerKind
from worker.services.operate import go
from worker.services.trip_breaker import trip_breaker

MINUTE = timedelta(minutes=1)
LIMITS = BreakerLimits()


def trips(bench: Bench) -> bool:
    """Ask the breaker now."""
    return trip_breaker(
        ledger=bench.ledger,
        clock=bench.clock,
        log=bench.ports.log,
        limits=LIMITS,
        now=bench.clock.now,
    )


def charged(bench: Bench, numbers: range, *, unknown: int = 0, code: str = "") -> None:
    """Let cases have been charged a minute ago, the first *unknown* without an answer."""
    sent_at = bench.clock.now - MINUTE
    for number in numbers:
        open_case(bench.ledger, number)
        with bench.ledger.begin() as tx:
            case_id = tx.cases.take_due(
                now=sent_at + 365 * 24 * 60 * MINUTE,
                wall_now=sent_at,
                limit=50,
                dispatch=timedelta(),
            )[-1]
            found = tx.cases.load(case_id)
            assert found is not None
            made = replace(attempt(found, sent_at=sent_at), key=f"dun:v1:{found.invoice_id}:1")
            assert tx.attempts.start(found, made, asked_at=made.sent_at)
            if number < numbers.start + unknown:
                tx.attempts.unanswered(found, 1, now=sent_at)
            elif code:
                tx.attempts.settle(
                    found,
                    1,
                    AttemptState.DECLINED,
                    now=sent_at,
                    decline_class="unclear",
                    decline_code=code,
                )


def test_unknown_answers_stop_charging_once_and_say_so(bench: Bench) -> None:
    charged(bench, range(1, 21), unknown=2)
    assert trips(bench)
    assert not trips(bench), "it is stopped already"
    (line,) = bench.said("charging.stopped")
    assert (line["cause"], line["seen"], line["of"], line["limit"]) == (
        "unknown_answers",
        2,
        20,
        "5 %",
    )
    assert line["do"]
    (fact,) = bench.facts("charging.stopped")
    assert fact["cause"] == "unknown_answers"
    with bench.ledger.begin() as tx:
        control = tx.control.read()
    assert control is not None
    assert not control.charging


def test_go_does_not_trip_again_on_the_same_charges(bench: Bench) -> None:
    charged(bench, range(1, 21), unknown=20)
    assert trips(bench)
    bench.clock.now += MINUTE
    moved = go(ledger=bench.ledger, clock=bench.clock, now=bench.clock.now, by="jo", reason="up")
    assert moved == 20
    assert not trips(bench)
    bench.clock.now += 2 * MINUTE
    charged(bench, range(21, 41), unknown=20)
    assert trips(bench), "new ones count"


def test_charges_of_long_ago_and_few_charges_trip_nothing(bench: Bench) -> None:
    charged(bench, range(1, 20), unknown=19)
    assert not trips(bench), "19 are no sample"
    charged(bench, range(20, 30), unknown=10)
    bench.clock.now += 10 * MINUTE
    assert not trips(bench), "they are over ten minutes old"
    assert bench.said("charging.stopped") == []


def test_codes_never_seen_stop_charging_where_there_is_history(bench: Bench) -> None:
    charged(bench, range(1, 31), code="do_not_honor")
    query = """INSERT INTO attempts (account_id, case_id, invoice_id, customer_id, no, kind, step,
        key, state, amount_minor, currency, sent_at, first_sent_at, decline_class, decline_code)
        SELECT a.account_id, case_id, invoice_id, customer_id, 1000 + n, kind, step, 'k' || n,
        state, amount_minor, currency, sent_at - n * interval '3 hours', first_sent_at,
        decline_class, %(code)s FROM attempts a, generate_series(1, 250) AS n
        WHERE a.invoice_id = 'in_1'"""
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql(query, {"code": "insufficient_funds"})
    assert trips(bench)
    (line,) = bench.said("charging.stopped")
    assert (line["cause"], line["seen"], line["of"]) == ("new_decline_codes", 30, 30)


def test_only_an_answer_that_never_came_counts_as_unknown(bench: Bench) -> None:
    """A 429 says: not now; a 500 says nothing."""
    marked = {}
    for number, answer in enumerate(
        (
            Answer(AnswerKind.UNKNOWN, 429),
            Answer(AnswerKind.UNKNOWN, 409),
            Answer(AnswerKind.UNKNOWN, 500),
            Answer(AnswerKind.UNKNOWN, 0, "timeout"),
        ),
        start=1,
    ):
        case_id = bench.case(number)
        bench.stripe.answers = [answer]
        bench.looks(case_id, "charge_due")
        with bench.ledger.begin() as tx:
            recent = tx.attempts.charges_since(bench.clock.now - MINUTE)
        marked[number] = (recent.sent, recent.unknown)
    assert marked == {1: (1, 0), 2: (2, 0), 3: (3, 1), 4: (4, 2)}
