"""Every promise of the ledger is broken on purpose, and the check names the case that breaks it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.integration.services.bench import Bench
from tests.integration.store.building import DAY, MINUTE, NOW, letter
from worker.domain.policy import Configuration, Limits, Mode
from worker.domain.promises import PROMISES
from worker.services.check_invariants import Checked, check_invariants
from worker.services.operate import go
from worker.store.ledger import PostgresLedger, connect

HOUR = timedelta(hours=1)

ATTEMPT = """INSERT INTO attempts (account_id, case_id, invoice_id, customer_id, no, kind, step,
    key, state, payment_method_id, amount_minor, currency, sent_at, first_sent_at, last_sent_at,
    settled_at, charge_id)
    SELECT account_id, id, invoice_id, customer_id, {no}, '{kind}', '{step}',
    'dun:v1:' || invoice_id || ':{no}', '{state}', 'pm_1', 1200, 'eur', '{at}', '{at}', '{at}',
    {settled}, '{charge}' FROM cases WHERE id = {case}"""

BREAKS: dict[str, tuple[str, ...]] = {
    "one_success_per_invoice": ("attempt 1 succeeded", "attempt 2 succeeded"),
    "charges_see_an_open_case": ("fact case.in_review -10", "attempt 1 declined"),
    "nothing_sends_after_an_end": (
        "closed an hour ago",
        "attempt 1 declined",
    ),
    "acts_see_the_switch": ("fact charging.stopped -10", "attempt 1 declined"),
    "key_names_its_attempt": ("attempt 1 declined", "UPDATE attempts SET key = 'dun:v1:other:1'"),
    "one_charge_per_step": ("attempt 1 declined", "attempt 2 declined", "same step"),
    "same_method_as_written": ("attempt 1 declined", "charged another card"),
    "one_attempt_in_flight": (
        "DROP INDEX uq_attempts_one_in_flight_per_invoice",
        "DROP INDEX uq_attempts_one_charge_in_flight_per_customer",
        "attempt 1 sending",
        "attempt 2 sending",
    ),
    "numbers_follow_outcomes": ("attempt 1 sending", "attempt 2 declined"),
    "no_key_outlives_a_day": (
        "attempt 1 sending",
        "UPDATE attempts SET first_sent_at = first_sent_at - '25 h'::interval",
    ),
    "no_sending_outlives_its_key": (
        "attempt 1 sending",
        "UPDATE attempts SET first_sent_at = {now} - '27 h'::interval, last_sent_at = NULL",
        "UPDATE cases SET next_action_at = {now} + '1 h'::interval",
    ),
    "network_limits_kept": ("card was stopped", "attempt 1 declined"),
    "closed_cases_have_an_outcome": ("UPDATE cases SET outcome = 'voided'",),
    "facts_tell_the_state": ("UPDATE cases SET state = 'held'",),
    "facts_tell_the_attempts": ("attempt 1 declined", "DELETE FROM events WHERE type LIKE '%ried'"),
    "facts_tell_the_letters": ("letter", "DELETE FROM events WHERE type LIKE 'notice%'"),
    "one_letter_per_step": ("letter", "letter again"),
    "no_letter_after_the_end": (
        "closed an hour ago",
        "letter",
    ),
    "open_cases_have_a_next_look": ("UPDATE cases SET next_action_at = NULL",),
    "letters_have_a_next_look": ("letter", "UPDATE letters SET state = 'queued'"),
    "due_cases_are_looked_at": (
        "UPDATE cases SET next_action_at = {now} - '1 h'::interval",
        "UPDATE cases SET dispatched_until = {now} - '20 min'::interval",
        "INSERT INTO jobs VALUES ('acct_1', 'due_cases', {now}, {now}, {now}, 'ok')",
    ),
    "recovered_means_paid": (
        "UPDATE cases SET state = 'closed', outcome = 'recovered'",
        "UPDATE cases SET closed_at = {now} - '25 h'::interval",
        "Stripe says open",
    ),
    "caps_hold": ("attempt 1 declined", "attempt 2 declined"),
    "mode_is_obeyed": ("attempt 1 declined",),
}
"""Promise -> what was done to the ledger of one open case, which breaks it."""


@pytest.fixture
def scratch(migrated_database_url: str) -> Iterator[Bench]:
    """Give a worker's services on a ledger of its own, whose very indexes may be broken."""
    engine = connect(migrated_database_url)
    yield Bench(PostgresLedger(engine, "acct_1"))
    engine.dispose()


def configuration_for(bench: Bench, promise: str) -> Configuration:
    """Return what the promise is checked by: the shipped one, but for limits and modes."""
    found = bench.ports.configuration
    limits, mode = found.dunning.limits, found.dunning.mode
    if promise == "caps_hold":
        limits = Limits(charges_per_hour=1)
    if promise == "mode_is_obeyed":
        mode = Mode.LETTERS
    return replace(found, dunning=replace(found.dunning, limits=limits, mode=mode))


def check(bench: Bench, promise: str = "", *, whole: bool = False) -> Checked:
    """Check the promises now."""
    return check_invariants(
        ledger=bench.ledger,
        clock=bench.clock,
        log=bench.ports.log,
        configuration=configuration_for(bench, promise),
        now=bench.clock.now,
        whole=whole,
    )


def opened(bench: Bench, number: int = 1) -> int:
    """Open a case with the fact that tells it."""
    case_id = bench.case(number)
    tell(bench, case_id, "case.opened", NOW - DAY, '{"state": "open"}')
    return case_id


def tell(bench: Bench, case_id: int, kind: str, at: object, data: str = "{}") -> None:
    """Write a fact about a case, or about the account."""
    subject = "account" if kind.startswith("charging") else f"C-{case_id}"
    do(
        bench,
        "INSERT INTO events (account_id, id, type, subject, time, recorded_at, data) VALUES"
        f" ('acct_1', gen_random_uuid()::text, '{kind}', '{subject}', '{at}', '{at}', '{data}')",
    )


def do(bench: Bench, statement: str) -> None:
    """Change the ledger behind everybody's back."""
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql(statement.replace("%", "%%"))


def tried(bench: Bench, case_id: int, no: int, state: str, *, step: str = "") -> None:
    """Write an attempt, with the fact of its outcome."""
    at = NOW - 20 * MINUTE + no * MINUTE
    do(
        bench,
        ATTEMPT.format(
            case=case_id,
            no=no,
            kind="charge",
            step=step or f"try {no}",
            state=state,
            at=at,
            settled="NULL" if state == "sending" else f"'{at}'",
            charge="" if state == "sending" else f"ch_{case_id}_{no}",
        ),
    )
    if state != "sending":
        tell(bench, case_id, "payment.retried", at, f'{{"attempt_no": {no}, "outcome": "{state}"}}')


def wrote(bench: Bench, case_id: int, occasion: str) -> None:
    """Write a letter that was sent just now, with its fact."""
    with bench.ledger.begin() as tx:
        letter_id = tx.letters.queue(letter(occasion, case_id=case_id), now=NOW)
    do(
        bench,
        f"UPDATE letters SET state = 'sent', begun_at = '{NOW}', next_action_at = NULL"
        f" WHERE id = {letter_id}",
    )
    tell(bench, case_id, "notice.sent", NOW, '{"step": "first"}')


def break_it(bench: Bench, case_id: int, way: str) -> None:
    """Do one thing of BREAKS to the ledger."""
    words = way.split()
    if words[0] == "attempt":
        tried(bench, case_id, int(words[1]), words[2])
    elif words[0] == "fact":
        tell(bench, case_id, words[1], NOW - 30 * MINUTE)
    elif words[0] == "letter":
        wrote(bench, case_id, way)
    elif way == "closed an hour ago":
        at = NOW - HOUR
        do(bench, f"UPDATE cases SET state = 'closed', outcome = 'voided', closed_at = '{at}'")
    elif way == "same step":
        do(bench, "UPDATE attempts SET step = 'try 1'")
    elif way == "charged another card":
        network_try(bench, f"ch_{case_id}_1", "pm_2", NOW - 19 * MINUTE)
    elif way == "card was stopped":
        signals = '{"network_advice_code": "03"}'
        network_try(bench, "ch_0", "pm_1", NOW - DAY, brand="mastercard", signals=signals)
        network_try(bench, f"ch_{case_id}_1", "pm_1", NOW - 19 * MINUTE, brand="mastercard")
    elif way == "Stripe says open":
        with bench.ledger.begin() as tx:
            tx.mirror.put_invoices([(bench.stripe.invoices["in_1"], NOW - DAY)])
    else:
        do(bench, way.replace("{now}", f"'{NOW}'::timestamptz"))


def network_try(
    bench: Bench, charge: str, method: str, at: object, *, brand: str = "", signals: str = "{}"
) -> None:
    """Let an event have told of a failed charge."""
    do(
        bench,
        "INSERT INTO network_attempts (account_id, charge_id, payment_intent_id, payment_method_id,"
        " customer_id, fingerprint, brand, payment_method_type, amount_minor, currency, at, status,"
        f" signals) VALUES ('acct_1', '{charge}', 'pi_1', '{method}', 'cus_1', 'print1', '{brand}',"
        f" 'card', 1200, 'eur', '{at}', 'failed', '{signals}')",
    )


def closing_fact(bench: Bench, case_id: int) -> None:
    """Tell the end of a case that was closed behind everybody's back, so that only one breaks."""
    found = bench.loaded(case_id)
    if found.closed_at is not None and found.outcome is not None:
        outcome = f'{{"outcome": "{found.outcome.value}"}}'
        tell(bench, case_id, "case.closed", found.closed_at, outcome)


def test_every_promise_is_broken_below() -> None:
    assert list(BREAKS) == [each.name for each in PROMISES]


@pytest.mark.parametrize("promise", BREAKS)
def test_a_broken_promise_is_found_named_and_stops_charging(scratch: Bench, promise: str) -> None:
    bench, case_id = scratch, opened(scratch)
    bench.clock.now = NOW - 2 * HOUR
    assert check(bench, promise).breaches == ()
    bench.clock.now = NOW
    for way in BREAKS[promise]:
        break_it(bench, case_id, way)
    closing_fact(bench, case_id)
    by_the_day = promise == "recovered_means_paid"  # a day passes before it is a breach
    checked = check(bench, promise, whole=by_the_day)
    found = {each.promise.name: each.subjects for each in checked.breaches}
    assert found.get(promise) == (f"C-{case_id}",), found
    lines = {line["invariant"]: line for line in bench.said("invariant.broken")}
    assert lines[promise]["cases"] == [f"C-{case_id}"]
    assert lines[promise]["level"] == "error"
    with bench.ledger.begin() as tx:
        control = tx.control.read()
    assert control is not None
    stops = next(each.stops for each in PROMISES if each.name == promise)
    if stops:
        assert (control.charging, control.stop_cause) == (False, "invariant")
        (fact,) = bench.facts("charging.stopped")[-1:]
        assert promise in fact["reason"] or promise == "acts_see_the_switch"
    else:
        assert control.charging


def test_what_was_paid_before_a_standstill_is_no_breach_until_events_were_read(
    bench: Bench,
) -> None:
    """All processes were away for a day, and this job is the first that runs."""
    case_id = opened(bench)
    for way in BREAKS["recovered_means_paid"]:
        break_it(bench, case_id, way)
    closing_fact(bench, case_id)
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql("DELETE FROM cursors")
    with bench.ledger.begin() as tx:
        tx.control.set_cursor("events", NOW - 24 * HOUR)
    assert check(bench, whole=True).breaches == ()
    with bench.ledger.begin() as tx:
        tx.control.set_cursor("events", NOW)
    (breach,) = check(bench, whole=True).breaches
    assert breach.promise.name == "recovered_means_paid"


def test_a_ledger_that_keeps_its_promises_says_so_in_one_line(bench: Bench) -> None:
    case_id = opened(bench)
    tried(bench, case_id, 1, "declined")
    wrote(bench, case_id, "first")
    assert check(bench).breaches == ()
    (line,) = bench.said("invariants")
    assert line["counts"][0] == "I1:0"
    assert len(line["counts"]) == 11
    assert line["checked"] == len(PROMISES)
    assert line["whole"]
    assert bench.said("invariant.broken") == []


def test_what_stands_still_is_looked_at_once_a_day(bench: Bench) -> None:
    case_id = opened(bench)
    closed_at = NOW - 3 * DAY
    do(bench, f"UPDATE cases SET state = 'closed', outcome = 'voided', closed_at = '{closed_at}'")
    do(bench, f"UPDATE events SET time = '{closed_at}' WHERE subject = 'C-{case_id}'")
    tell(bench, case_id, "case.closed", closed_at, '{"outcome": "voided"}')
    assert check(bench).whole
    do(bench, "UPDATE cases SET outcome = 'recovered'")
    bench.clock.now += 15 * MINUTE
    found = check(bench)
    assert (found.whole, found.breaches) == (False, ()), "nothing of it moved"
    bench.clock.now += DAY
    found = check(bench)
    assert found.whole
    assert [each.promise.name for each in found.breaches] == ["facts_tell_the_state"]


def test_what_a_person_has_answered_stops_nothing_again(bench: Bench) -> None:
    case_id = opened(bench)
    do(bench, "UPDATE cases SET state = 'held'")
    check(bench)
    bench.clock.now += MINUTE
    assert len(check(bench).fresh) == 1, "nobody has answered it"
    go(ledger=bench.ledger, clock=bench.clock, now=bench.clock.now, by="jo", reason="seen")
    bench.clock.now += 15 * MINUTE
    found = check(bench)
    assert (len(found.breaches), found.fresh) == (1, ())
    assert bench.said("invariants")[-1]["known"] == 1
    with bench.ledger.begin() as tx:
        control = tx.control.read()
    assert control is not None
    assert control.charging
    opened(bench, 2)
    do(bench, f"UPDATE cases SET state = 'held' WHERE id > {case_id}")
    assert len(check(bench).fresh) == 1, "another case is news"


def test_a_broken_promise_outranks_the_stop_of_a_person(bench: Bench) -> None:
    opened(bench)
    with bench.ledger.begin() as tx:
        tx.control.stop(cause="switch", detail="lunch", by="jo", now=NOW - HOUR)
    do(bench, "UPDATE cases SET state = 'held'")
    check(bench)
    with bench.ledger.begin() as tx:
        control = tx.control.read()
    assert control is not None
    assert (control.stop_cause, control.stopped_at) == ("invariant", NOW - HOUR)
