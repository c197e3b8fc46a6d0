"""`dunning status`: five lines, of which the first answers "why is it not charging?"."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Command
from tests.integration.cli.seeding import NOW, Seeding, berlin, seed_story
from worker.cli.data_dir import View
from worker.cli.look_status import read_standing, status_json, status_lines
from worker.domain.policy import Configuration, Mode
from worker.office.ways import office_of
from worker.store.ledger import PostgresLedger

STATUS = Path(__file__).with_name("status.txt")
DIGEST = "a41f09c0ffee"


@pytest.fixture
def view(ledger: PostgresLedger, configuration: Configuration) -> View:
    """Give a reading of the ledger at noon, wall and business time alike."""
    return View(ledger, office_of(configuration), NOW, NOW, None, runs=True)


def processes(seeding: Seeding, *names: str) -> None:
    """Let *names* have been heard of, the first 10 s ago, each further one 5 s earlier."""
    with seeding.ledger.begin() as tx:
        for index, name in enumerate(names):
            seen_at = NOW - timedelta(seconds=10 + 5 * index)
            tx.jobs.beat(name, wall_now=seen_at, config_digest=DIGEST)


def first_line(view: View) -> str:
    return status_lines(read_standing(view), view)[0]


def test_everything_well_reads_as_in_the_readme(seeding: Seeding, view: View) -> None:
    seed_story(seeding)
    seeding.customer(43, name="North Foods", email="n@north.example", country="US")
    seeding.case(43, amount_minor=12000, currency="usd", failed_at=NOW)
    third = seeding.case(43, amount_minor=1240000, failed_at=NOW, invoice=44)
    seeding.review(third, "outcome unknown")
    seeding.letter(
        43, third, "first letter", "payment_failed_1", at=NOW, send_at=berlin(7, 8, 0), sent=False
    )
    processes(seeding, "scheduler-a-1", "worker-a-2", "worker-a-3")
    with seeding.ledger.begin() as tx:
        for name in ("due_cases", "read_stripe", "reconcile"):
            tx.jobs.ensure(name, first_due_at=NOW)
        tx.jobs.ended("due_cases", outcome="ok", wall_now=NOW - timedelta(seconds=2))
        tx.jobs.ended("read_stripe", outcome="ok", wall_now=NOW - timedelta(seconds=12))
        tx.jobs.ended("reconcile", outcome="ok", wall_now=berlin(5, 3, 0))
    standing = read_standing(view)
    assert "\n".join(status_lines(standing, view)) + "\n" == STATUS.read_text()
    assert standing.exit_code == 0


def _stopped(seeding: Seeding) -> None:
    with seeding.ledger.begin() as tx:
        tx.control.stop(cause="switch", detail="test the brakes", by="jo", now=berlin(5, 2, 14))


def _foreign_key(seeding: Seeding) -> None:
    with seeding.ledger.begin() as tx:
        tx.control.stop(
            cause="foreign_key", detail="dun:v1:in_9:1", by="worker", now=berlin(5, 2, 14)
        )


def _broken(seeding: Seeding) -> None:
    with seeding.ledger.begin() as tx:
        tx.control.stop(
            cause="invariant", detail="one_letter_per_step", by="worker", now=berlin(5, 2, 14)
        )


def _tripped(seeding: Seeding) -> None:
    said = "7 of 41 answers unknown in 10 min (limit 5 %)"
    with seeding.ledger.begin() as tx:
        tx.control.stop(cause="unknown_answers", detail=said, by="worker", now=berlin(5, 2, 14))


def _behind(seeding: Seeding) -> None:
    with seeding.ledger.connection() as connection:
        query = "UPDATE cursors SET position_at = %(at)s"
        connection.exec_driver_sql(query, {"at": NOW - timedelta(minutes=35)})


def _dead(seeding: Seeding) -> None:
    with seeding.ledger.begin() as tx:
        for name in ("worker-a-2", "worker-a-3"):
            tx.jobs.beat(name, wall_now=NOW - timedelta(minutes=4), config_digest=DIGEST)


@pytest.mark.parametrize(
    ("disturb", "line", "code"),
    [
        (
            _stopped,
            (
                "CHARGING  NO since 02:14: switched off by jo: test the brakes."
                " 1 case waits, none is lost. -> dunning go --by NAME --reason WHY"
            ),
            5,
        ),
        (
            _foreign_key,
            (
                "CHARGING  NO since 02:14: Stripe knows charges of ours that this ledger does not"
                " (dun:v1:in_9:1). 1 case waits, none is lost. -> after a restore: dunning"
                " reconcile --rebuild --by NAME --reason WHY; else stop the second worker; then"
                " dunning go --by NAME --reason WHY"
            ),
            0,
        ),
        (
            _tripped,
            (
                "CHARGING  NO since 02:14: 7 of 41 answers unknown in 10 min (limit 5 %)."
                " 1 case waits, none is lost. -> look at Stripe's status page and at the network"
                " between, then dunning go --by NAME --reason WHY"
            ),
            0,
        ),
        (
            _broken,
            (
                "CHARGING  NO since 02:14: a promise of the ledger is broken (one_letter_per_step)."
                " 1 case waits, none is lost. -> do not go; report it with the log"
            ),
            3,
        ),
        (
            _behind,
            (
                "CHARGING  NO since 11:40: Stripe's events are read with 35 min delay."
                " 1 case waits, none is lost. -> look at Stripe's status page; charges wait until"
                " the events are read"
            ),
            0,
        ),
        (
            _dead,
            (
                "CHARGING  NO since 11:56: no worker was heard of for 3 minutes."
                " 1 case waits, none is lost. -> start one: dunning work"
            ),
            0,
        ),
    ],
)
def test_the_first_line_names_cause_time_and_cure(
    seeding: Seeding, view: View, disturb: Callable[[Seeding], None], line: str, code: int
) -> None:
    seeding.customer(43, name="North Foods", email="n@north.example", country="US")
    seeding.case(43, failed_at=NOW - timedelta(minutes=5))
    processes(seeding, "scheduler-a-1", "worker-a-2", "worker-a-3")
    disturb(seeding)
    assert first_line(view) == line
    assert read_standing(view).exit_code == code


def test_a_mode_that_never_charges_is_a_stop_on_purpose(seeding: Seeding, view: View) -> None:
    watching = replace(view, office=replace(view.office, mode=Mode.WATCH))
    assert first_line(watching).startswith("CHARGING  NO: mode watch plans and logs")
    assert first_line(watching).endswith(
        " -> mode: live in config/dunning.yaml, then dunning apply config --by NAME --reason WHY"
    )
    assert read_standing(watching).exit_code == 5


def test_a_finished_demo_has_nothing_running(seeding: Seeding, view: View) -> None:
    processes(seeding, "scheduler-a-1", "worker-a-2")
    ended = replace(view, runs=False)
    lines = status_lines(read_standing(ended), ended)
    assert lines[0].startswith("CHARGING  NO since Sat 5 Dec 12:00: the demo has ended")
    assert lines[2] == "PROCESSES none running"
    assert read_standing(ended).exit_code == 0


def test_json_has_the_same_as_data(dunning: Command, seeding: Seeding) -> None:
    seed_story(seeding)
    _stopped(seeding)
    result = dunning.run("status", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 5
    assert told["charging"] is False
    assert told["since"] == "2026-12-05T01:14:00Z"
    assert told["open_money"] == [{"amount_minor": 4900, "currency": "eur"}]
    counted = {"open": 1, "held": 0, "in_review": 0, "closed": 0, "late": 0, "not_due": 0}
    assert told["cases"] == counted


def test_what_a_cap_keeps_back_has_a_line_of_its_own(seeding: Seeding, view: View) -> None:
    seed_story(seeding)
    assert not any(line.startswith("LIMITS") for line in status_lines(read_standing(view), view))
    with seeding.ledger.connection() as connection:
        query = "UPDATE cases SET waits_for = '500 charges per hour', next_action_at = %(at)s"
        connection.exec_driver_sql(query, {"at": berlin(5, 14, 20)})
    standing = read_standing(view)
    (line,) = [one for one in status_lines(standing, view) if one.startswith("LIMITS")]
    assert line == (
        "LIMITS    500 charges per hour: 1 case waits until 14:20 -> limits in config/dunning.yaml"
    )
    assert [(each.limit, each.waiting) for each in standing.limits] == [("500 charges per hour", 1)]


def test_a_new_policys_canary_has_a_line_of_its_own(seeding: Seeding, view: View) -> None:
    seed_story(seeding)
    with seeding.ledger.connection() as connection:
        digest = connection.exec_driver_sql(
            "UPDATE cases SET waits_for = 'canary ' || policy_digest RETURNING policy_digest"
        ).scalar_one()
        connection.exec_driver_sql(
            "INSERT INTO canaries SELECT account_id, policy_digest, 'monthly-cards', %(at)s, %(at)s"
            " FROM cases",
            {"at": NOW - timedelta(minutes=4)},
        )
        connection.exec_driver_sql(
            "INSERT INTO canary_cases SELECT account_id, policy_digest, generate_series(1, 20)"
            " FROM cases"
        )
    standing = read_standing(view)
    (line,) = [one for one in status_lines(standing, view) if one.startswith("CANARY")]
    assert line == (
        f"CANARY    monthly-cards ({digest[:6]}): 20 of 20 first cases acted, 1 waits until"
        f" {view.words.near(NOW + timedelta(minutes=6))} -> dunning go --by NAME --reason WHY"
    )
    assert standing.limits == ()
    told = status_json(standing, view)["canaries"]
    assert isinstance(told, list)
    assert [(each["acted"], each["waiting"]) for each in told] == [(20, 1)]
