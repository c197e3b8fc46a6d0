"""`dunning metrics`: a table for people, JSON and CSV with the same figures."""

import csv
import json
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.integration.cli.conftest import Command
from tests.integration.metrics.telling import Telling, at
from worker.errors import UsageError
from worker.store.ledger import PostgresLedger


@pytest.fixture
def dunning(url: str, engine: Engine) -> Command:
    """Give the command on a ledger with a month of facts; it is 5 December."""
    ledger = PostgresLedger(engine, "acct_test")
    with ledger.begin() as tx:
        tx.control.create(charging=True, live=False, go_live_at=at(10, 1), cause="")
        tx.control.set_business_time(at(12, 5), wall_now=at(12, 5))
    telling = Telling(ledger)
    for number in range(3):
        telling.subscription("started", number, at(10, 1), 1000 + number, country="DE")
    telling.subscription("started", 9, at(10, 1), 500, currency="jpy", country="JP")
    telling.subscription("found", 4, at(9, 15), 700, currency="jpy", country="JP")
    telling.subscription("churned", 0, at(11, 30, 23), 0, kind="voluntary", reason="x")
    telling.failed(1, at(11, 30))
    telling.write()
    return Command(url)


ASKED = ("metrics", "--from", "2026-11-01", "--to", "2026-12-01")


def test_the_table_says_value_numerator_denominator_source_and_formula(dunning: Command) -> None:
    result = dunning.run(*ASKED)
    assert result.exit_code == 0
    first, *rest = result.stdout.splitlines()
    assert first == "Metrics from 2026-11-01 00:00 to before 2026-12-01 00:00 (UTC)"
    lines = {" ".join(line.split()) for line in rest}
    assert (
        "customer_retention_rate 66.7 % 2 3 small group (< 30) metrics.movements"
        " (customers at the end - new ones) / (customers at the start + taken over)"
    ) in lines
    assert any(line.startswith("arpu €10.02 €20.03 2 small group") for line in lines)
    assert any(line.startswith("recovery_rate_day_7 0 % 0 1 1 pending, small") for line in lines)
    assert any(line.startswith("clv no value €0.00 0 small group") for line in lines)
    assert {"EUR", "JPY"} <= lines


def test_json_and_csv_have_the_same_figures(dunning: Command) -> None:
    told = json.loads(dunning.run(*ASKED, "--json").stdout)
    assert (told["from"], told["to"], told["zone"]) == (
        "2026-11-01T00:00:00Z",
        "2026-12-01T00:00:00Z",
        "UTC",
    )
    assert (told["as_of"], told["by"]) == ("2026-12-05T00:00:00Z", None)
    assert told["is_over"] is True
    rows = list(csv.DictReader(StringIO(dunning.run(*ASKED, "--csv").stdout)))
    assert len(rows) == len(told["metrics"]) > 100
    for row, metric in zip(rows, told["metrics"], strict=True):
        assert (row["metric"], row["currency"]) == (metric["name"], metric["currency"] or "")
        value = metric["value"]
        if isinstance(value, dict):
            value = value["amount_minor"]
        assert row["value"] == ("" if value is None else str(value))
        assert row["numerator"] == str(metric["numerator"])
        assert row["formula"] == metric["formula"]
    [arpu] = [m for m in told["metrics"] if (m["name"], m["currency"]) == ("arpu", "eur")]
    assert arpu["value"] == {"amount_minor": 1002, "currency": "eur"}  # 1001.5: half to even
    assert (arpu["numerator"], arpu["denominator"], arpu["small_group"]) == (2003, 2, True)
    [kept] = [
        m
        for m in told["metrics"]
        if (m["name"], m["currency"]) == ("customer_retention_rate", "eur")
    ]
    assert kept["value"] == "66.666667"


def test_groups_and_the_default_period(dunning: Command) -> None:
    told = json.loads(dunning.run("metrics", "--by", "country", "--json").stdout)
    assert (told["from"], told["to"]) == ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")
    places = {(metric["currency"], metric["group"]) for metric in told["metrics"]}
    assert places == {("eur", "DE"), ("jpy", "JP")}


def test_a_period_that_is_not_over_says_so(dunning: Command) -> None:
    asked = ("metrics", "--from", "2026-12-01", "--to", "2027-01-01")
    assert dunning.run(*asked).stdout.splitlines()[1] == (
        "The period is not over: these are its figures until now."
    )
    assert json.loads(dunning.run(*asked, "--json").stdout)["is_over"] is False


def test_the_period_in_which_the_ledger_began_says_so(dunning: Command) -> None:
    said = "The ledger began in this period: who was there before is taken over"
    first = dunning.run("metrics", "--from", "2026-09-01", "--to", "2026-10-01").stdout
    assert first.splitlines()[1].startswith(said)
    assert said not in dunning.run("metrics", "--from", "2026-10-01", "--to", "2026-11-01").stdout


def test_a_period_to_come_says_so(dunning: Command) -> None:
    told = dunning.run("metrics", "--from", "2027-01-01", "--to", "2027-02-01").stdout
    assert told.splitlines()[1] == "The period has not begun: these are the figures of now."


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--by", "colour"), "--by: `colour` is no way to group; write plan, product, country,"),
        (("--from", "2026-12-01", "--to", "2026-12-01"), "The period is empty: --from must be"),
        (("--from", "soon"), "--from soon is no time;"),
        (("--json", "--csv"), "Write --json or --csv, not both."),
    ],
)
def test_wrong_use_is_one_sentence(
    dunning: Command, options: tuple[str, ...], sentence: str
) -> None:
    error = dunning.run("metrics", *options).exception
    assert isinstance(error, UsageError)
    assert str(error).startswith(sentence)


def test_a_file_is_imported_and_measured_in_groups(dunning: Command, tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    file.write_text(
        "key,survey,score,answered_at,customer\n1,nps,9,2026-11-02,cus_1\n2,nps,3,2026-11-02,\n"
    )
    who = ("--by", "jo", "--reason", "autumn")
    told = json.loads(dunning.run("import", "surveys", str(file), *who, "--json").stdout)
    assert told == {"kind": "surveys", "rows": 2, "added": 2, "corrected": 0, "known": 0}
    result = dunning.run("import", "surveys", str(file), *who)
    assert result.stdout == "answers.csv: 2 rows of surveys: 0 new, 2 known already.\n"
    grouped = json.loads(dunning.run(*ASKED, "--by", "country", "--json").stdout)
    nps = {m["group"]: m["value"] for m in grouped["metrics"] if m["name"] == "nps"}
    assert nps == {"DE": 100, "": -100}
    missing = dunning.run("import", "surveys", str(tmp_path / "none.csv"), *who)
    assert (
        str(missing.exception) == f"{tmp_path}/none.csv cannot be read: No such file or directory."
    )
