"""`dunning plan`: text, JSON, CSV and a page that all tell the same."""

import csv
import json
import re
import shutil
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.integration.cli.conftest import ROOT, Command
from tests.integration.cli.seeding import FAILED_AT, NOW, Seeding, berlin, seed_story
from worker.cli.look_plan_until import parse_until
from worker.domain.readings import DeclineSignals
from worker.errors import ConfigError, UsageError

TABLES = Path(__file__).with_name("plan.txt")
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def book(seeding: Seeding) -> tuple[int, int, int]:
    """Give a waiting case, one that waits for a person, and one nobody has looked at yet."""
    first = seed_story(seeding)
    seeding.customer(43, name="<b>North</b>", email="n@north.example", country="DE")
    second = seeding.case(43, amount_minor=120000, currency="jpy")
    seeding.review(second, "outcome unknown")
    seeding.customer(44, name="South", email="s@south.example", country="DE")
    third = seeding.case(44, amount_minor=2000, currency="usd", failed_at=berlin(5, 11, 59))
    return first, second, third


def without_digest(text: str) -> str:
    """Return *text* without the name of the shipped configuration, which changes with it."""
    return re.sub(r"config [0-9a-f]{6}", "config ......", text)


def test_the_plan_as_a_person_reads_it(dunning: Command, book: tuple[int, int, int]) -> None:
    result = dunning.run("plan", "--until", "20 Dec")
    assert result.exit_code == 0
    assert without_digest(result.stdout) == TABLES.read_text()


def test_json_has_rows_days_totals_and_what_waits(
    dunning: Command, book: tuple[int, int, int]
) -> None:
    told = json.loads(dunning.run("plan", "--json").stdout)
    assert (told["made_at"], told["until"]) == ("2026-12-05T11:00:00Z", "2026-12-12T23:00:00Z")
    first, second, third = told["rows"]
    assert first["at"] == "2026-12-06T07:19:00Z"
    assert first["amount"] == {"amount_minor": 4900, "currency": "eur"}
    assert (first["step"], first["sure"], first["if"]) == ("try 3", True, None)
    assert first["because"].endswith("Mastercard advice 27: wait 4 days")
    assert (second["kind"], second["notice"]) == ("letter", "payment_failed_3")
    assert third["if"] == {
        "case": "C-1001",
        "step_fails": "try 3",
        "at": "2026-12-06T07:19:00Z",
        "waits_for": None,
    }
    assert [day["date"] for day in told["days"]] == ["2026-12-06", "2026-12-08", "2026-12-10"]
    assert told["totals"]["sure"] == [{"amount_minor": 4900, "currency": "eur"}]
    assert told["totals"]["possible"] == [], "an invoice's money counts once"
    assert told["days"][2]["possible"] == [{"amount_minor": 4900, "currency": "eur"}]
    assert [each["case"] for each in told["in_review"]] == ["C-1002"]
    assert [each["case"] for each in told["not_looked_at_yet"]] == ["C-1003"]
    assert "Blue Studio" not in json.dumps(told)


def test_csv_has_the_same_rows(dunning: Command, book: tuple[int, int, int]) -> None:
    rows = json.loads(dunning.run("plan", "--json").stdout)["rows"]
    lines = list(csv.DictReader(StringIO(dunning.run("plan", "--csv").stdout)))
    assert [line["at"] for line in lines] == [row["at"] for row in rows]
    assert [line["sure"] for line in lines] == ["yes", "no", "no"]
    assert lines[2]["if_step_fails"] == "try 3"
    assert "Blue Studio" not in str(lines)


def test_the_page_stands_alone(dunning: Command, book: tuple[int, int, int]) -> None:
    page = dunning.run("plan", "--html").stdout
    assert not re.search(r"https?://|@import|url\(|<script", page)
    assert page.count("<h1") == 1
    assert page.count("<table") == page.count("<caption") == 2
    assert "if try 3, Sun 6 Dec 08:19, fails" in page
    assert "Blue Studio" not in page
    assert "<b>North" not in page


def test_one_form_at_a_time(dunning: Command) -> None:
    result = dunning.run("plan", "--json", "--csv")
    assert isinstance(result.exception, UsageError)


def test_another_configuration_serves_cases_as_if_they_opened_now(
    dunning: Command, book: tuple[int, int, int], tmp_path: Path
) -> None:
    other = tmp_path / "config"
    shutil.copytree(ROOT / "config", other)
    told = json.loads(dunning.run("plan", "--until", "20 Dec", "--json").stdout)
    same = json.loads(
        dunning.run("plan", "--until", "20 Dec", "--json", "--with", str(other)).stdout
    )
    assert same["policies_of"] == str(other)
    assert [row["at"] for row in same["rows"]] == [row["at"] for row in told["rows"]]
    text = (other / "dunning.yaml").read_text()
    (other / "dunning.yaml").write_text(text.replace("name: monthly-cards", "name: others"))
    renamed = json.loads(
        dunning.run("plan", "--until", "20 Dec", "--json", "--with", str(other)).stdout
    )
    assert [row["at"] for row in renamed["rows"]] == [row["at"] for row in told["rows"]]
    (other / "dunning.yaml").write_text(
        text.replace(
            "policies:\n",
            "policies:\n"
            "  - name: first\n"
            "    match: { currency: eur }\n"
            "    like: monthly-cards\n"
            "    change: { ending: { after: 16 days } }\n",
        )
    )
    served = json.loads(
        dunning.run("plan", "--until", "20 Dec", "--json", "--with", str(other)).stdout
    )
    ends = [
        next(row["at"] for row in each["rows"] if row["kind"] == "ending")
        for each in (told, served)
    ]
    assert ends[1] > ends[0], "the first policy that matches, whatever the case's own is called"
    assert served["cases_kept"] == []


def test_a_broken_configuration_is_refused(
    dunning: Command, book: tuple[int, int, int], tmp_path: Path
) -> None:
    result = dunning.run("plan", "--with", str(tmp_path / "none"))
    assert isinstance(result.exception, ConfigError)


def test_limits_that_the_plan_would_reach_are_said(
    dunning: Command, seeding: Seeding, tmp_path: Path
) -> None:
    """Two customers fail alike, where one charge an hour and one ending a day are allowed."""
    for number in (50, 51):
        seeding.customer(number, name="N", email="n@example.com", country="DE")
        case_id = seeding.case(number)
        signals = DeclineSignals(code="card_declined", decline_code="insufficient_funds")
        seeding.failure(number, case_id, FAILED_AT, signals)
    other = tmp_path / "config"
    shutil.copytree(ROOT / "config", other)
    path = other / "dunning.yaml"
    text = path.read_text().replace("500 per hour", "1 per hour").replace("20 per day", "1 per day")
    text = text.replace("letters: 2000 per hour", "letters: [1 per hour, 1 per day]")
    text = text.replace(
        "# charged_amount: { eur: 50000 per day", "charged_amount: { eur: 50 per day"
    )
    path.write_text(text)
    result = dunning.run("plan", "--until", "20 Dec", "--with", str(other))
    assert "Limit: 2 charges are planned within the hour from " in result.stdout
    assert "Limit: 2 endings are planned on Wed 16 Dec, and 1 a day are allowed" in result.stdout
    assert "Limit: 2 letters are planned within the hour from " in result.stdout
    assert "Limit: 2 letters are planned on " in result.stdout
    assert "Limit: Charges of €98.00 are planned on " in result.stdout
    assert ", and €50.00 a day are allowed" in result.stdout
    assert "Limit" not in dunning.run("plan", "--until", "20 Dec").stdout


def test_an_empty_book_has_an_empty_plan(dunning: Command, seeding: Seeding) -> None:
    result = dunning.run("plan")
    assert "Nothing is planned until then." in result.stdout
    assert json.loads(dunning.run("plan", "--json").stdout)["rows"] == []


def at(text: str) -> datetime:
    """Return an instant."""
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("given", "until"),
    [
        ("", "2026-12-13T00:00+01:00"),
        ("6 Dec", "2026-12-07T00:00+01:00"),
        ("6 december", "2026-12-07T00:00+01:00"),
        ("4 Dec", "2027-12-05T00:00+01:00"),
        ("5. Dec.", "2026-12-06T00:00+01:00"),
        ("2 jan 2027", "2027-01-03T00:00+01:00"),
        ("2026-12-06", "2026-12-07T00:00+01:00"),
        ("today", "2026-12-06T00:00+01:00"),
        ("Tomorrow", "2026-12-07T00:00+01:00"),
        ("10 days", "2026-12-16T00:00+01:00"),
        ("2 weeks", "2026-12-20T00:00+01:00"),
        ("2026-12-06T08:00", "2026-12-06T08:00+01:00"),
        ("2026-12-06T08:00:00Z", "2026-12-06T09:00+01:00"),
    ],
)
def test_days_and_instants_until_which_a_plan_reaches(given: str, until: str) -> None:
    assert parse_until(given, now=NOW, zone=BERLIN).astimezone(UTC) == at(until)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("soon", "--until soon is no time"),
        ("31 Feb", "is no time"),
        ("6 Foo", "is no time"),
        ("2026-12-04", "is past"),
        ("4 Dec 2026", "is past"),
        ("2030-01-01", "is too far away"),
    ],
)
def test_what_is_no_time_to_come_is_refused(given: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_until(given, now=NOW, zone=BERLIN)
