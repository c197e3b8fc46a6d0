"""`dunning report network`: tables, JSON, CSV and a page that all tell the same."""

import csv
import json
import re
from io import StringIO
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Command
from tests.integration.cli.seeding import Seeding, berlin, seed_story
from worker.domain.network_rules import MadeBy
from worker.domain.readings import ChargeReading, DeclineSignals
from worker.errors import UsageError

TABLES = Path(__file__).with_name("network.txt")


@pytest.fixture
def story(seeding: Seeding) -> int:
    """Give the number of the case with the whole story: Mastercard asks to wait four days."""
    return seed_story(seeding)


def charge_again(seeding: Seeding, *, network_status: str = "declined_by_network") -> None:
    """Let the worker have charged the story's card two days after Mastercard's advice."""
    signals = DeclineSignals(
        code="card_declined", decline_code="<do_not_honor>", network_status=network_status
    )
    charge = ChargeReading(
        id="ch_42_again",
        status="failed",
        payment_intent_id="pi_42",
        payment_method_id="pm_42",
        amount_minor=4900,
        currency="eur",
        created_at=berlin(4, 9, 0),
        signals=signals,
        brand="mastercard",
        fingerprint="fp_42",
        payment_method_type="card",
    )
    with seeding.ledger.begin() as tx:
        tx.mirror.put_charge(
            charge,
            customer_id="cus_42",
            at=charge.created_at,
            made_by=MadeBy.WORKER,
            now=charge.created_at,
        )


def test_the_tables_of_a_quiet_month(dunning: Command, story: int) -> None:
    result = dunning.run("report", "network", "--from", "2026-12-01")
    assert result.exit_code == 0
    assert result.stdout == TABLES.read_text()


def test_a_broken_rule_is_named_and_is_exit_code_3(
    dunning: Command, seeding: Seeding, story: int
) -> None:
    charge_again(seeding)
    result = dunning.run("report", "network", "--from", "2026-12-01")
    assert result.exit_code == 3
    assert "Fri 4 Dec 09:00  fp_42  Mastercard's wait  Mastercard advice 27: wait 4 days" in (
        result.stdout
    )
    assert "1 rule was broken by this worker in 3 tries of 1 card." in result.stdout


def test_a_try_that_was_never_sent_counts_nowhere(
    dunning: Command, seeding: Seeding, story: int
) -> None:
    charge_again(seeding, network_status="not_sent_to_network")
    result = dunning.run("report", "network", "--from", "2026-12-01", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["tries"], told["violations"]) == (0, 2, [])
    assert told["networks"][0]["not_counted"] == 1
    never = told["rows"][-1]
    assert (never["outcome"], never["counted"], never["windows"]) == ("never sent", False, [])


def test_json_has_limits_definitions_windows_and_rows(dunning: Command, story: int) -> None:
    told = json.loads(dunning.run("report", "network", "--from", "2026-12-01", "--json").stdout)
    assert (told["from"], told["to"]) == ("2026-11-30T23:00:00Z", "2026-12-05T11:00:01Z")
    assert told["limits"][0]["limit"] == 15
    assert told["limits"][0]["highest_allowed"] == 20
    assert told["limits"][0]["source"].startswith("Visa Core Rules")
    assert "Try" in told["definitions"]
    (line,) = told["networks"]
    assert line["made_by"] == {"worker": 1, "stripe": 1, "customer": 0}
    assert (line["waits"], line["waits_obeyed"]) == (1, 1)
    month = line["windows"][1]
    assert (month["rule"], month["highest"], month["limit"]) == ("mastercard_30_days", 2, 35)
    assert [tried["charge_id"] for tried in month["tries"]] == [
        row["charge_id"] for row in told["rows"]
    ]


def test_csv_has_every_row_with_its_windows(dunning: Command, story: int, tmp_path: Path) -> None:
    out = tmp_path / "network.csv"
    result = dunning.run("report", "network", "--from", "2026-12-01", "--out", str(out))
    assert result.stdout == (
        f"No rule was broken by this worker in 2 tries of 1 card. Written to {out}\n"
    )
    first, second = csv.DictReader(StringIO(out.read_text()))
    assert first["at"] == "2026-12-01T07:02:00Z"
    assert (first["made_by"], second["made_by"]) == ("stripe", "worker")
    assert second["signals"] == "insufficient_funds, network 51, advice 27"
    assert second["windows"] == "mastercard_24_hours 1 of 10; mastercard_30_days 2 of 35"


def test_the_page_stands_alone_and_escapes_what_others_wrote(
    dunning: Command, seeding: Seeding, story: int, tmp_path: Path
) -> None:
    charge_again(seeding)
    out = tmp_path / "network.html"
    result = dunning.run("report", "network", "--from", "2026-12-01", "--out", str(out))
    assert result.exit_code == 3
    page = out.read_text()
    assert not re.search(r"https?://|@import|url\(|<script", page)
    assert "&lt;do_not_honor&gt;" in page
    assert "<do_not_honor>" not in page
    assert page.count("<h1") == 1
    assert page.count("<table") == page.count("<caption")
    headings = re.findall(r'<h2 id="([a-z]+)-title"', page)
    assert set(re.findall(r'href="#([a-z]+)"', page)) == set(headings)
    assert '<html lang="en">' in page
    assert "Tue 1 Dec 2026 00:00 to Sat 5 Dec 2026 12:00" in page
    assert "Blue Studio" not in page


@pytest.mark.parametrize(
    ("options", "tries"),
    [
        (("--to", "2026-12-01"), 1),  # the day counts whole
        (("--from", "2026-12-02"), 1),
        (("--from", "2026-12-02", "--to", "2026-12-02"), 1),
        (("--from", "2026-12-01 08:02", "--to", "2026-12-02 08:19"), 1),  # the end does not count
        (("--from", "2026-11-01", "--to", "2026-11-30"), 0),
        ((), 2),
    ],
)
def test_the_period_holds_what_it_names(
    dunning: Command, story: int, options: tuple[str, ...], tries: int
) -> None:
    told = json.loads(dunning.run("report", "network", "--json", *options).stdout)
    assert len(told["rows"]) == tries


def test_an_empty_period_says_so(dunning: Command, story: int) -> None:
    result = dunning.run("report", "network", "--to", "2026-11-30")
    assert (result.exit_code, result.stdout.splitlines()[1]) == (
        0,
        "No try is known in this period.",
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--from", "soon"), "--from soon is no time;"),
        (("--to", "later"), "--to later is no time;"),
        (("--from", "2026-12-03", "--to", "2026-12-01"), "The period is empty:"),
        (("--out", "proof.pdf"), "--out proof.pdf has no ending of a report; write one of .html"),
    ],
)
def test_wrong_use_is_one_sentence(
    dunning: Command, story: int, options: tuple[str, ...], sentence: str
) -> None:
    error = dunning.run("report", "network", *options).exception
    assert isinstance(error, UsageError)
    assert str(error).startswith(sentence)
