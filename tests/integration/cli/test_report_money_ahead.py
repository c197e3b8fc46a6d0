"""The money report's look ahead: what is open, what is asked for when, and the networks' limits."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.conftest import Command
from tests.integration.cli.seeding import Seeding, seed_story

ASKED = ("report", "--from", "2026-12-01", "--to", "2026-12-06")


@pytest.fixture
def story(seeding: Seeding) -> int:
    """Give the number of a case whose next try is planned; the customer is called Blue Studio."""
    return seed_story(seeding)


def tables(dunning: Command) -> dict[tuple[str, str], list[list[Any]]]:
    """Return the rows of each table by topic and currency."""
    told = json.loads(dunning.run(*ASKED, "--json").stdout)
    return {(each["topic"], each["currency"] or ""): each["rows"] for each in told["tables"]}


def test_the_calendar_is_the_plan_and_counts_each_invoice_once(
    dunning: Command, story: int
) -> None:
    found = tables(dunning)
    plan = json.loads(dunning.run("plan", "--until", "30 days", "--json").stdout)
    charges = [act for act in plan["rows"] if act["kind"] == "charge"]
    assert len({act["case"] for act in charges}) == 1 < len(charges), "several tries of one"
    *days, whole = found["calendar", "eur"]
    first = charges[0]
    amount = first["amount"]["amount_minor"]
    assert days[0][:3] == ["2026-12-06", 1, amount if first["sure"] else 0]
    assert whole[0] == "All days"
    assert whole[1] == 1
    assert whole[2] + whole[3] == amount, "the same money is not counted again"
    assert whole[4] == amount * (len(charges) - 1)
    for column in (1, 2, 3, 4, 5):
        assert sum(day[column] for day in days) == whole[column]
    endings = [act for act in plan["rows"] if act["kind"] == "ending"]
    assert whole[5] == len(endings)


def test_every_open_case_stands_in_one_line_and_adds_up_to_status(
    dunning: Command, story: int
) -> None:
    *lines, whole = tables(dunning)["open_cases", "eur"]
    status = json.loads(dunning.run("status", "--json").stdout)
    assert whole[1] == sum(line[1] for line in lines) == status["cases"]["open"]
    assert whole[2] == sum(line[2] for line in lines)
    assert [{"amount_minor": whole[2], "currency": "eur"}] == status["open_money"]


def test_the_networks_limits_are_those_of_the_network_report(dunning: Command, story: int) -> None:
    rows = tables(dunning)["network_limits", ""]
    told = json.loads(dunning.run("report", "network", "--from", "2026-12-01", "--json").stdout)
    windows = [window for line in told["networks"] for window in line["windows"]]
    assert sorted((row[2], row[3]) for row in rows) == sorted(
        (window["highest"], window["limit"]) for window in windows
    )
    assert rows


def test_the_page_names_nobody(dunning: Command, story: int, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert dunning.run(*ASKED, "--out", str(out)).exit_code == 0
    made = out.read_text()
    assert "Cash calendar of open cases" in made
    for never in ("Blue Studio", "ops@blue.example", "blue.example"):
        assert never not in made


def test_where_nothing_was_watched_the_shadow_report_says_so(
    dunning: Command, story: int, tmp_path: Path
) -> None:
    result = dunning.run("report", "shadow")
    assert result.exit_code == 0
    assert "No act was watched in this period: set mode: watch" in result.stdout
    out = tmp_path / "shadow.json"
    assert dunning.run("report", "shadow", "--out", str(out)).exit_code == 0
    assert json.loads(out.read_text())["tables"] == []
