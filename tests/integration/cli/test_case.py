"""`dunning case`: the story of a case, as text and as data, and the case that an ID names."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Command
from tests.integration.cli.seeding import FAILED_AT, NOW, Seeding, berlin, seed_story
from worker.cli.data_dir import View
from worker.cli.look_cases import choose_case
from worker.cli.look_story import tell
from worker.cli.look_story_text import heading
from worker.domain.case import NOT_CHARGED
from worker.domain.decisions import Decision, Wait
from worker.domain.policy import Configuration
from worker.errors import UsageError
from worker.office.ways import office_of
from worker.store.ledger import PostgresLedger
from worker.store.reading import snapshot
from worker.store.reading_case import read_case

STORY = Path(__file__).with_name("story.txt")
WHY = Path(__file__).with_name("why.txt")


@pytest.fixture
def story(seeding: Seeding) -> int:
    """Give the number of the case with the whole story."""
    return seed_story(seeding)


def test_the_story_reads_as_in_the_readme(dunning: Command, seeding: Seeding, story: int) -> None:
    result = dunning.run("case", f"C-{story}")
    assert result.exit_code == 0
    assert result.stdout.replace(seeding.digest[:6], "a41f09") == STORY.read_text()


def test_json_tells_the_same_in_utc_and_minor_units_and_names_nobody(
    dunning: Command, story: int
) -> None:
    result = dunning.run("case", str(story), "--json")
    told = json.loads(result.stdout)
    assert told["amount"] == {"amount_minor": 4900, "currency": "eur"}
    assert told["next"][0] == {
        "at": "2026-12-06T07:19:00Z",
        "step": "try 3",
        "kind": "charge",
        "because": "moved to the earliest allowed time, Mastercard advice 27: wait 4 days",
    }
    assert told["ends"]["at"] == "2026-12-15T08:00:00Z"
    assert [item["what"] for item in told["timeline"]][:3] == [
        "payment failed",
        "first letter waits",
        "first letter sent",
    ]
    assert "Blue Studio" not in result.stdout
    assert "blue.example" not in result.stdout


def test_why_tells_each_decision_and_what_binds_today(dunning: Command, story: int) -> None:
    result = dunning.run("case", str(story), "--why")
    assert result.exit_code == 0
    assert result.stdout.startswith(dunning.run("case", str(story)).stdout)
    assert result.stdout.partition("(data)\n\n")[2] == WHY.read_text()


def test_json_tells_why_as_well(dunning: Command, story: int) -> None:
    told = json.loads(dunning.run("case", str(story), "--json").stdout)
    decision = next(each for each in told["decisions"] if each["inputs"])
    assert (decision["rule"], decision["next_step"]) == ("not_yet", "try 2")
    assert (decision["allowed_from"], decision["allowed_until"]) == (
        "2026-12-06T07:19:00Z",
        "2026-12-15T07:02:00Z",
    )
    assert decision["inputs"]["mastercard_in_24_hours"] == "1 of 10"
    assert (told["today"]["step"], told["today"]["at"]) == (None, None)
    assert [(each["rule"], each["until"]) for each in told["today"]["binding"]] == [
        ("decline", "2026-12-06T07:19:00Z"),
        ("mastercard_wait", "2026-12-06T07:19:00Z"),
    ]
    assert told["network"]["rule"] == "mastercard_wait"
    assert told["network"]["windows"][1] == {
        "network": "mastercard",
        "hours": 720,
        "tries": 2,
        "highest": 2,
        "limit": 35,
    }


def test_only_a_terminal_sees_the_customers_name(
    ledger: PostgresLedger, configuration: Configuration, story: int
) -> None:
    with snapshot(ledger) as connection:
        record = read_case(connection, ledger.account_id, story, now=NOW, wall_now=NOW)
    told = tell(record, office_of(configuration), NOW)
    assert "  Blue Studio  " in heading(told, named=True)
    assert "  cus_42  " in heading(told, named=False)


@pytest.mark.parametrize(
    "wanted",
    ["C-1001", "c1001", "1001", "in_42", "sub_42", "cus_42", "inv-0042", "OPS@blue.example"],
)
def test_every_kind_of_id_finds_the_case(
    ledger: PostgresLedger, configuration: Configuration, story: int, wanted: str
) -> None:
    view = View(ledger, office_of(configuration), NOW, NOW, None, runs=True)
    assert choose_case(view, wanted, as_json=False) == story


@pytest.mark.parametrize(
    "wanted", ["C-9", "9", "in_9", "nobody@example.com", "INV-9", "C-" + "9" * 40]
)
def test_an_id_that_nobody_has_is_answered_in_one_sentence(
    dunning: Command, story: int, wanted: str
) -> None:
    result = dunning.run("case", wanted)
    assert isinstance(result.exception, UsageError)
    assert str(result.exception).startswith(f"No case is called {wanted}; write a case number")


def test_several_cases_of_one_customer_are_listed(
    dunning: Command, seeding: Seeding, story: int
) -> None:
    later = seeding.case(42, failed_at=FAILED_AT + timedelta(days=1), invoice=43)
    result = dunning.run("case", "ops@blue.example")
    assert result.exit_code == 0
    assert "has 2 cases" in result.stderr
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == [
        f"C-{story}",
        f"C-{later}",
    ]


def test_a_case_before_a_person_says_what_to_do(
    dunning: Command, seeding: Seeding, story: int
) -> None:
    seeding.review(story, "try 1: no answer from Stripe for 23 hours")
    told = dunning.run("case", str(story)).stdout
    assert "in review  €49.00" in told
    assert "Next     waits for you: try 1: no answer from Stripe for 23 hours" in told
    assert "Act:  settle https://dashboard.stripe.com/test/invoices/in_42 at Stripe" in told


def test_an_outage_of_some_hours_is_one_line_of_the_story(
    dunning: Command, seeding: Seeding, story: int
) -> None:
    for hour, failed in ((9, 18), (10, 19), (11, 21)):
        said = f"{failed} of 25 tries with Visa cards issued in DE failed within an hour."
        seeding.decide(story, Decision(Wait(), "outage", said), berlin(5, hour, 0))
    told = dunning.run("case", str(story)).stdout
    assert [line for line in told.splitlines() if " outage " in line] == [
        (
            "            09:00  outage              18 of 25 tries with Visa cards issued in DE"
            " failed within an hour"
        )
    ]
    assert "Next     nothing: 21 of 25 tries with Visa cards issued in DE failed" in told


def test_what_a_person_asked_for_is_told_with_its_answer(
    dunning: Command, seeding: Seeding, story: int
) -> None:
    with seeding.ledger.begin() as tx:
        asked = tx.acts.ask_retry(story, by="jo", reason="please", now=berlin(5, 9, 0))
        assert asked is not None
    waiting = dunning.run("case", str(story)).stdout
    assert "charge asked for    by jo: please; waits for the worker" in waiting
    refused = "jo asked for a charge; it is refused: Mastercard advice 27: wait 4 days."
    with seeding.ledger.begin() as tx:
        tx.acts.answer(asked, answer=refused, now=berlin(5, 9, 1))
    told = dunning.run("case", str(story)).stdout
    assert "09:00  charge asked for    by jo: please\n" in told
    assert "09:01  charge refused      Mastercard advice 27: wait 4 days\n" in told


def test_a_charge_that_the_close_of_its_case_met_is_told_as_refused(
    dunning: Command, seeding: Seeding, story: int
) -> None:
    with seeding.ledger.begin() as tx:
        asked = tx.acts.ask_retry(story, by="jo", reason="please", now=berlin(5, 9, 0))
        assert asked is not None
        over = f"{NOT_CHARGED}the case is closed: recovered"
        tx.acts.answer(asked, answer=over, now=berlin(5, 9, 1))
    told = dunning.run("case", str(story)).stdout
    assert "09:01  charge refused      the case is closed: recovered\n" in told


def test_a_wish_to_close_that_is_not_fulfilled_is_told_with_its_reason(
    dunning: Command, seeding: Seeding, story: int
) -> None:
    with seeding.ledger.begin() as tx:
        tx.acts.ask_close(story, by="jo", reason="gives it up", now=berlin(5, 9, 0))
    refused = "not closed: the payment is to be refunded"
    with seeding.ledger.begin() as tx:
        tx.acts.answer_close(story, answer=refused, now=berlin(5, 9, 1))
    told = dunning.run("case", str(story)).stdout
    assert "09:00  close asked for     by jo: gives it up\n" in told
    assert "09:01  not closed          the payment is to be refunded\n" in told
