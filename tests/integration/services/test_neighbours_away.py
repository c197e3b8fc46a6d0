"""Stripe does not answer, refuses our key, or has lost what we ask for."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.integration.cli_run.service import wait_until
from tests.integration.services.bench import AWAY, Bench
from tests.integration.store.building import DAY, MINUTE, NOW, letter
from worker.domain.case import LetterState
from worker.domain.readings import Answer, AnswerKind
from worker.errors import GatewayRejected, ServiceUnavailable
from worker.services.away import AWAY_PAUSE
from worker.services.operate import stop

SECOND = timedelta(seconds=1)
FORBIDDEN = GatewayRejected("no right to read invoices", status=403, code="")
GONE = GatewayRejected("No such invoice", status=404, code="resource_missing")


def queued(bench: Bench, case_id: int) -> int:
    """Queue a letter of a case that may go out for five days."""
    new = letter("case:1:first", case_id=case_id, notice="payment_failed_1")
    with bench.ledger.begin() as tx:
        letter_id = tx.letters.queue(replace(new, invoice_id="in_1"), now=NOW)
    assert letter_id is not None
    return letter_id


def test_a_case_is_left_alone_for_a_while_when_stripe_is_away(bench: Bench) -> None:
    case_id = bench.case()
    bench.stripe.trouble = AWAY
    with pytest.raises(ServiceUnavailable):
        bench.look(case_id)
    assert bench.due() == ([], [])
    bench.clock.now += AWAY_PAUSE + SECOND
    assert bench.due() == ([case_id], [])


def test_a_case_is_left_alone_for_a_while_when_the_feed_is_behind(bench: Bench) -> None:
    case_id = bench.case()
    bench.clock.now += 366 * DAY
    assert bench.look(case_id) == "feed_behind"
    assert bench.due() == ([], [])
    bench.clock.now += AWAY_PAUSE + SECOND
    assert bench.due() == ([case_id], [])


def test_a_letter_is_left_alone_for_a_while_when_stripe_is_away(bench: Bench) -> None:
    case_id = bench.case()
    letter_id = queued(bench, case_id)
    bench.stripe.trouble = AWAY
    with pytest.raises(ServiceUnavailable):
        bench.deliver(letter_id)
    assert bench.due() == ([case_id], [])
    bench.clock.now += AWAY_PAUSE + SECOND
    assert bench.due() == ([case_id], [letter_id])
    bench.stripe.trouble = None
    assert bench.deliver(letter_id) == LetterState.SENT
    assert bench.letters.sent == ["<case:1:first@dunning.invalid>"]


def test_a_letter_is_dropped_once_stripe_was_away_for_too_long(bench: Bench) -> None:
    case_id = bench.case()
    letter_id = queued(bench, case_id)
    bench.stripe.trouble = AWAY
    bench.clock.now += 5 * DAY + MINUTE
    with pytest.raises(ServiceUnavailable):
        bench.deliver(letter_id)
    (told,) = bench.facts("notice.suppressed")
    assert told["reason"] == "too late"


def test_a_letter_about_a_gone_invoice_is_needed_no_more(bench: Bench) -> None:
    letter_id = queued(bench, bench.case())
    bench.stripe.trouble = GONE
    assert bench.deliver(letter_id) == LetterState.SUPPRESSED
    (told,) = bench.facts("notice.suppressed")
    assert told["reason"] == "what it is about is gone at Stripe"


def test_a_letter_waits_for_a_lost_right_but_not_for_ever(bench: Bench) -> None:
    letter_id = queued(bench, bench.case())
    bench.stripe.trouble = FORBIDDEN
    assert bench.deliver(letter_id) == "postponed"
    (line,) = bench.said("stripe.rejected")
    assert line["do"] == "dunning doctor"
    bench.clock.now += 5 * DAY
    assert bench.deliver(letter_id) == LetterState.SUPPRESSED
    assert bench.letters.sent == []


def test_a_case_woken_while_its_invoice_is_refused_stays_due(bench: Bench) -> None:
    """It would otherwise sleep for a quarter of an hour over the news that woke it."""
    case_id = bench.case()

    def wake() -> None:
        with bench.ledger.begin() as tx:
            assert tx.cases.wake(now=NOW, case_ids=[case_id]) == 1

    bench.stripe.meanwhile, bench.stripe.trouble = wake, FORBIDDEN
    assert bench.look(case_id) == "stripe_rejected"
    assert bench.due()[0] == [case_id]
    assert bench.look(case_id) == "stripe_rejected"
    assert bench.due()[0] == []
    bench.clock.now += 16 * MINUTE
    assert bench.due()[0] == [case_id]


def test_a_look_that_waits_for_the_switch_sees_it_turned_on(bench: Bench) -> None:
    """Who turns it on wakes every case first: a look that still took it as off would let its case
    sleep for good."""
    case_id = bench.case()
    stop(ledger=bench.ledger, clock=bench.clock, now=NOW, by="jo", reason="a look")
    bench.stripe.answers = [Answer(AnswerKind.UNKNOWN)]
    with ThreadPoolExecutor(1) as pool:
        with bench.ledger.begin() as tx:
            before = tx.control.go(by="jo", now=bench.clock.now)
            assert before is not None
            assert before.stopped_at is not None
            tx.cases.resume_all(now=bench.clock.now, stopped_at=before.stopped_at)
            looked = pool.submit(bench.look, case_id)
            wait_until(lambda: waits_for_a_lock(bench), "a look that waits for its case")
        assert looked.result(timeout=30) != "stopped"
    assert "open_cases_have_a_next_look" not in bench.broken_promises()


def waits_for_a_lock(bench: Bench) -> bool:
    """Return whether somebody in the ledger's database waits for somebody else's lock."""
    query = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'
    """
    with bench.ledger.connection() as connection:
        return bool(connection.exec_driver_sql(query).scalar_one())


def test_a_stop_reaches_a_letter_that_is_being_written(bench: Bench) -> None:
    letter_id = queued(bench, bench.case())

    def stop() -> None:
        with bench.ledger.begin() as tx:
            assert tx.control.stop(cause="switch", detail="", by="jo", now=NOW)

    bench.letters.meanwhile = stop
    assert bench.deliver(letter_id) == "postponed"
    assert bench.letters.sent == []
