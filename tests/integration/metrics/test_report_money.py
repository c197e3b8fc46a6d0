"""`dunning report`: the page, its JSON and its CSV tell what `dunning metrics` tells."""

import csv
import json
import re
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.conftest import Command
from tests.integration.metrics.telling import Telling, at
from worker.domain.money import Money
from worker.errors import UsageError
from worker.office.words import money_words
from worker.store.ledger import PostgresLedger, connect

NASTY = "<script>alert(1)</script>"
ASKED = ("--from", "2026-11-01", "--to", "2026-12-01")


@pytest.fixture
def ledger(migrated_database_url: str) -> Iterator[PostgresLedger]:
    """Give a ledger that a worker has begun; it is 5 December."""
    engine = connect(f"postgresql+psycopg://{migrated_database_url.split('://', 1)[1]}")
    made = PostgresLedger(engine, "acct_test")
    with made.begin() as tx:
        tx.control.create(charging=True, live=False, go_live_at=at(10, 1), cause="")
        tx.control.set_business_time(at(12, 5), wall_now=at(12, 5))
    yield made
    engine.dispose()


@pytest.fixture
def dunning(ledger: PostgresLedger, migrated_database_url: str) -> Command:
    """Give the command on the ledger."""
    return Command(migrated_database_url)


SURVEYS = f"""key,survey,score,answered_at,comment
1,nps,2,2026-11-03,"Too expensive, write to jo@acme.example or +49 170 1234567"
2,nps,9,2026-11-04,worth its price
3,csat,1,2026-11-05,{NASTY}
4,ces,7,2026-11-06,"=HYPERLINK(""http://evil.example"")"
5,nps,8,2026-11-07,
6,nps,3,2026-10-07,dear
"""
TICKETS = """key,opened_at,resolved_at,contacts
1,2026-11-02T08:00:00Z,2026-11-02T10:00:00Z,1
2,2026-11-03T08:00:00Z,2026-11-04T08:00:00Z,3
3,2026-11-04,,1
4,2026-10-03T08:00:00Z,2026-10-03T09:00:00Z,1
"""
COSTS = """key,spent_at,amount,currency
1,2026-11-30,560.00,eur
2,2026-10-30,1.00,eur
"""


def bring_in(dunning: Command, folder: Path) -> None:
    """Import what surveys and support say, and what keeping customers costs."""
    for kind, content in (("surveys", SURVEYS), ("tickets", TICKETS), ("retention_costs", COSTS)):
        path = folder / f"{kind}.csv"
        path.write_text(content)
        result = dunning.run("import", kind, str(path), "--by", "jo", "--reason", "autumn")
        assert result.exit_code == 0, result.exception


def seed(ledger: PostgresLedger) -> None:
    """Tell October and November: euros with everything, yen with little."""
    telling = Telling(ledger)
    for number in range(8):
        telling.subscription("started", number, at(10, 1), 1000 + number)
    telling.subscription("started", 20, at(11, 2), 4000)
    telling.subscription("expanded", 1, at(11, 3), 1500)
    telling.subscription("contracted", 2, at(11, 4), 500)
    telling.subscription("churned", 3, at(11, 20), 0, kind="involuntary", reason="unpaid")
    telling.subscription("churned", 4, at(11, 21), 0, kind="voluntary", reason=NASTY)
    telling.subscription("started", 30, at(10, 1), 500, currency="jpy")
    for number in (5, 6, 7):
        telling.renewed(number, at(10, 8), days=30)
        telling.renewed(number, at(11, 7), days=30, on_time=number != 7)
    october = telling.failed(1, at(10, 12), amount_minor=700)
    telling.recovered(october, at(10, 15), amount_minor=700)
    paid = telling.failed(1, at(11, 3), amount_minor=1500)
    open_one = telling.failed(2, at(11, 28), amount_minor=900)
    ended = telling.failed(3, at(11, 6), amount_minor=1003)
    for case, code in ((paid, NASTY), (open_one, "insufficient_funds"), (ended, NASTY)):
        telling.of_case("payment.failed", case, at(11, 6), decline_class="funds", decline_code=code)
    telling.of_case("notice.sent", paid, at(11, 4), notice="payment_failed_1")
    telling.of_case("notice.sent", paid, at(11, 7), notice=NASTY)
    telling.of_case("notice.sent", ended, at(11, 8), notice="payment_failed_1")
    telling.recovered(paid, at(11, 9), amount_minor=1500)
    telling.of_case("notice.sent", paid, at(11, 10), notice="payment_recovered")
    telling.of_case("case.closed", ended, at(11, 20), outcome="ended")
    telling.write()


def sheets(dunning: Command, folder: Path, *asked: str) -> dict[str, list[dict[str, str]]]:
    """Return every CSV of the report by its topic."""
    result = dunning.run("report", *asked, "--csv", str(folder))
    assert result.exit_code == 0, result.exception
    return {
        path.stem: list(csv.DictReader(StringIO(path.read_text()))) for path in folder.iterdir()
    }


def page(dunning: Command, folder: Path, *asked: str) -> str:
    """Return the page."""
    out = folder / "report.html"
    result = dunning.run("report", *asked, "--out", str(out))
    assert result.exit_code == 0, result.exception
    return out.read_text()


def figures(dunning: Command, *asked: str) -> dict[tuple[str, str], Any]:
    """Return the figures of `dunning metrics` by name and currency."""
    told = json.loads(dunning.run("metrics", *asked, "--json").stdout)
    return {(each["name"], each["currency"] or ""): each for each in told["metrics"]}


def test_every_figure_of_the_metrics_stands_in_page_json_and_csv(
    dunning: Command, ledger: PostgresLedger, tmp_path: Path
) -> None:
    seed(ledger)
    bring_in(dunning, tmp_path)
    metrics = figures(dunning, *ASKED)
    shown = re.findall(
        r'<data value="(\S+) ([^"]*)"[^>]*>([^<]*)</data>', page(dunning, tmp_path, *ASKED)
    )
    assert {(name, currency) for name, currency, _ in shown} == set(metrics)
    before = figures(dunning, "--from", "2026-10-01", "--to", "2026-11-01")
    for name, currency, words in shown:
        allowed = {in_words(found[name, currency]) for found in (metrics, before)}
        assert unescape(words) in allowed, name
    told = json.loads(dunning.run("report", *ASKED, "--json").stdout)
    assert told["period"]["metrics"] == list(metrics.values())
    assert told["before"]["metrics"] == list(before.values())
    rows = sheets(dunning, tmp_path / "csv", *ASKED)["figures"]
    assert len(rows) == len(metrics)
    for row in rows:
        value = metrics[row["metric"], row["currency"]]["value"]
        assert row["value"] == plain(value)
        assert row["before"] == plain(before[row["metric"], row["currency"]]["value"])


def in_words(metric: dict[str, Any]) -> str:
    """Return a figure as people read it, from its JSON alone."""
    value, unit = metric["value"], metric["unit"]
    if value is None:
        return "no value"
    if unit == "money":
        return money_words(Money(value["amount_minor"], value["currency"]))
    if isinstance(value, int):
        text = f"{value:,}"
    else:
        text = f"{float(value):.2f}" if abs(float(value)) < 10 else f"{float(value):.1f}"
        text = text.rstrip("0").rstrip(".")
    return text + {"percent": " %", "days": " days", "hours": " h"}.get(unit, "")


def plain(value: object) -> str:
    """Return a value of the JSON as the CSV writes it."""
    if isinstance(value, dict):
        value = value["amount_minor"]
    return "" if value is None else str(value)


def total(rows: list[dict[str, str]], column: str, currency: str = "eur") -> int:
    """Return the sum of a column of one currency."""
    return sum(int(row[column]) for row in rows if row["currency"] == currency)


def test_the_tables_add_up_to_the_figures(
    dunning: Command, ledger: PostgresLedger, tmp_path: Path
) -> None:
    seed(ledger)
    metrics = figures(dunning, *ASKED)
    told = sheets(dunning, tmp_path / "csv", *ASKED)

    def value(name: str) -> int:
        found = metrics[name, "eur"]["value"]
        return int(found["amount_minor"] if isinstance(found, dict) else found)

    assert total(told["recovered_by"], "amount_minor") == value("recovered_amount") == 1500
    assert total(told["failure_reasons"], "invoices") == value("failures") == 3
    assert total(told["failure_reasons"], "amount_minor") == value("failed_amount") == 3403
    assert total(told["churn_reasons"], "mrr_minor") == -value("mrr_churn") == 2007
    stages = {row["stage"]: row for row in told["funnel"] if row["currency"] == "eur"}
    assert {name: int(row["invoices"]) for name, row in stages.items()} == {
        "failed": 3,
        "written to or charged again": 2,
        "paid, and still paid now": 1,
        "not paid: ended by the policy": 1,
        "not paid: still in dunning": 1,
    }
    cohorts = [row for row in told["cohorts"] if row["currency"] == "eur"]
    whole = [row for row in cohorts if row["failed"].startswith("1 Nov 2026")]
    weeks = [row for row in cohorts if row not in whole]
    for row in whole:
        rate = metrics[f"recovery_rate_day_{row['day']}", "eur"]
        assert (row["paid"], row["invoices"]) == (str(rate["numerator"]), str(rate["denominator"]))
        assert (row["paid_rate"], row["pending"]) == (rate["value"], str(rate["pending"]))
        same_day = [each for each in weeks if each["day"] == row["day"]]
        for column in ("paid", "invoices", "pending", "amount_minor", "paid_minor"):
            assert sum(int(each[column]) for each in same_day) == int(row[column])
    renewals = [row for row in told["renewals"] if row["currency"] == "eur"]
    assert sum(int(row["renewals"]) for row in renewals[:-1]) == int(renewals[-1]["renewals"])
    assert int(renewals[-1]["renewals"]) == metrics["renewal_rate", "eur"]["denominator"]
    mrr = {row["name"]: row for row in told["mrr"] if row["currency"] == "eur"}
    moved = list(mrr)[1 : list(mrr).index("MRR at the end")]
    start, end = int(mrr["MRR at the start"]["value"]), int(mrr["MRR at the end"]["value"])
    assert start + sum(int(mrr[name]["value"]) for name in moved) == end
    letters = {row["letter"]: row for row in told["letters"]}
    first = letters["payment failed 1"]
    assert (first["sent"], first["asked"], first["paid_next"]) == ("2", "2", "0")
    assert letters[NASTY.replace("_", " ")]["paid_next"] == "1"
    closing = letters["payment recovered"]
    assert (closing["sent"], closing["asked"], closing["share"]) == ("1", "0", "")


def test_nothing_is_fetched_run_or_believed(
    dunning: Command, ledger: PostgresLedger, tmp_path: Path
) -> None:
    seed(ledger)
    made = page(dunning, tmp_path, *ASKED)
    assert set(re.findall(r"https?://[^\"'\s<]+", made)) == {"http://www.w3.org/2000/svg"}
    for never in ("<script", "<link", "<img", "<iframe", "@import", "alert(1)</script>"):
        assert never not in made
    assert set(re.findall(r'(?:src|href)="([^"]{1,5})', made)) <= {"data:", *hashes(made)}
    assert "default-src 'none'" in made
    ids = re.findall(r'\sid="([^"]+)"', made)
    assert [name for name, count in Counter(ids).items() if count > 1] == []
    links = re.findall(r'href="#([^"]+)"', made) + re.findall(r"url\(#([^)]+)\)", made)
    assert set(links) <= set(ids)
    assert {
        name for row in re.findall(r'aria-labelledby="([^"]+)"', made) for name in row.split()
    } <= set(ids)


def hashes(made: str) -> set[str]:
    """Return the beginnings of the links within the page."""
    return {link[:5] for link in re.findall(r'href="(#[^"]+)"', made)}


def test_every_chart_has_title_description_and_a_table_beside_it(
    dunning: Command, ledger: PostgresLedger, tmp_path: Path
) -> None:
    seed(ledger)
    made = page(dunning, tmp_path, *ASKED)
    charts = re.findall(r'<section class="card" id="part-.*?</section>', made, re.DOTALL)
    drawn = [each for each in charts if "<svg xmlns" in each]
    assert len(drawn) >= 10
    for each in drawn:
        assert re.search(r"<figcaption><h4 id=[^>]+>[^<]+</h4><p class=\"soft\">[^<]+</p>", each)
        assert len(re.findall(r"<desc id=[^>]+>[^<]+</desc>", each)) == each.count("<svg xmlns")
        assert re.search(r"<details><summary>[^<]+</summary>.*<table", each, re.DOTALL)


def test_a_ledger_without_facts_reads_well(dunning: Command, tmp_path: Path) -> None:
    made = page(dunning, tmp_path)
    assert "No fact is known in this period or before, and no case is open." in made
    assert "None" not in re.sub(r"<style>.*?</style>", "", made, flags=re.DOTALL)
    assert "No fact is known" in dunning.run("report").stdout
    told = sheets(dunning, tmp_path / "csv")
    assert told["overview"] == told["letters"] == []


def test_one_day_and_nothing_to_divide_by(
    dunning: Command, ledger: PostgresLedger, tmp_path: Path
) -> None:
    seed(ledger)
    asked = ("--from", "2026-11-25", "--to", "2026-11-26")
    made = page(dunning, tmp_path, *asked)
    assert "25 Nov 2026 (UTC), beside 24 Nov 2026 (UTC)" in made
    told = sheets(dunning, tmp_path / "csv", *asked)
    [rate] = [
        row
        for row in told["figures"]
        if (row["metric"], row["currency"]) == ("recovery_rate_day_30", "eur")
    ]
    assert (rate["value"], rate["change"]) == ("", "")
    assert not re.search(r"recovery_rate_day_30 eur\">0", made)


def test_what_cannot_be_written_is_said(dunning: Command, tmp_path: Path) -> None:
    result = dunning.run("report", "--out", str(tmp_path / "report.pdf"))
    assert isinstance(result.exception, UsageError)
    assert "write .html or .json" in str(result.exception)
    missing = dunning.run("report", "--out", str(tmp_path / "nowhere" / "report.html"))
    assert isinstance(missing.exception, UsageError)
    assert "cannot be written: No such file or directory." in str(missing.exception)
    network = dunning.run("report", "network", "--csv", str(tmp_path / "csv"))
    assert isinstance(network.exception, UsageError)
    assert list(tmp_path.iterdir()) == []


def test_a_currency_that_is_new_has_no_change(
    dunning: Command, ledger: PostgresLedger, tmp_path: Path
) -> None:
    telling = Telling(ledger)
    telling.subscription("started", 1, at(11, 2), 4000, currency="kwd")
    telling.write()
    told = sheets(dunning, tmp_path / "csv", *ASKED)
    [end] = [row for row in told["mrr"] if row["name"] == "MRR at the end"]
    assert (end["value"], end["before"], end["change"]) == ("4000", "", "")
    assert "KWD4.000" in page(dunning, tmp_path, *ASKED)


def test_the_longest_period_is_told_by_months(
    dunning: Command, ledger: PostgresLedger, tmp_path: Path
) -> None:
    seed(ledger)
    told = sheets(dunning, tmp_path / "csv", "--from", "2026-10-10", "--to", "2026-12-20")
    cohorts = list(dict.fromkeys(row["failed"] for row in told["cohorts"]))
    assert cohorts == ["10–31 Oct", "1–30 Nov", "1–19 Dec", "10 Oct 2026 to 19 Dec 2026 (UTC)"]


def test_what_customers_say_stands_in_the_report_as_in_the_metrics(
    dunning: Command, ledger: PostgresLedger, tmp_path: Path
) -> None:
    seed(ledger)
    bring_in(dunning, tmp_path)
    metrics = json.loads(dunning.run("metrics", *ASKED, "--json").stdout)
    of = {each["name"]: each for each in metrics["metrics"] if not each["currency"]}
    told = sheets(dunning, tmp_path / "csv", *ASKED)
    voices = {row["name"]: row for row in told["voices"]}
    nps = voices["Would recommend us (NPS)"]
    assert (nps["value"], nps["numerator"], nps["denominator"]) == ("0", "0", "3")
    assert (nps["before"], nps["change"]) == ("-100", "100")
    assert nps["remarks"] == "small group (< 30)"
    contact = voices["Tickets resolved with one answer"]
    assert contact["value"] == of["first_contact_resolution"]["value"] == "33.333333"
    assert contact["remarks"].startswith("1 pending")
    assert [row["tag"] for row in told["comment_tags"]] == ["untagged"]
    [group] = metrics["comments"]
    assert [row["comment"] for row in told["comments"]] == [
        f"'{text}" if text.startswith("=") else text
        for text in (shown["text"] for shown in group["shown"])
    ]
    standings = [row["standing"] for row in told["comments"]]
    assert standings == ["detractor", "detractor", "promoter", "promoter"]


def test_comments_name_no_way_to_reach_anybody_and_are_never_run(
    dunning: Command, ledger: PostgresLedger, tmp_path: Path
) -> None:
    seed(ledger)
    bring_in(dunning, tmp_path)
    made = page(dunning, tmp_path, *ASKED)
    forms = (
        made,
        (tmp_path / "report.html").read_text(),
        dunning.run("report", *ASKED, "--json").stdout,
        dunning.run("metrics", *ASKED, "--json").stdout,
        dunning.run("metrics", *ASKED).stdout,
        "".join(str(sheet) for sheet in sheets(dunning, tmp_path / "csv", *ASKED).values()),
    )
    for form in forms:
        assert "jo@acme.example" not in form
        assert "1234567" not in form
    assert "Too expensive, write to [address] or [phone]" in unescape(made)
    assert "<script" not in made
    assert "&lt;script&gt;alert(1)" in made
    embedded = re.findall(r'href="data:text/csv;base64,([^"]+)"', made)
    texts = [b64decode(each).decode() for each in embedded]
    assert texts
    for text in texts:
        for row in csv.reader(StringIO(text)):
            assert not [cell for cell in row if cell.startswith("=")]


def test_keeping_customers_that_costs_more_than_they_bring_is_said(
    dunning: Command, ledger: PostgresLedger, tmp_path: Path
) -> None:
    seed(ledger)
    bring_in(dunning, tmp_path)
    warning = "Keeping a customer costs more than the MRR per customer of the same time."
    assert page(dunning, tmp_path, *ASKED).count(f'<p class="warning">{warning}</p>') == 1
    assert f"EUR: {warning}" in dunning.run("report", *ASKED).stdout
    october = ("--from", "2026-10-01", "--to", "2026-11-01")
    assert warning not in page(dunning, tmp_path, *october)
    rows = {row["name"]: row for row in sheets(dunning, tmp_path / "csv", *ASKED)["costs"]}
    cost = rows["… for each customer at the start"]
    assert (cost["value"], cost["numerator"], cost["denominator"]) == ("7000", "€560.00", "8")
    assert int(rows["What one brought in that time (MRR)"]["value"]) < 7000


def test_long_tables_are_cut_on_the_page_and_whole_in_the_csv(
    dunning: Command, ledger: PostgresLedger, tmp_path: Path
) -> None:
    seed(ledger)
    said = "word " * 200
    rows = [f"{no},nps,{no % 7},2026-11-10,{said}{no}" for no in range(300)]
    (tmp_path / "surveys.csv").write_text(
        "\n".join(["key,survey,score,answered_at,comment", *rows]) + "\n"
    )
    asked = ("--by", "jo", "--reason", "autumn")
    assert dunning.run("import", "surveys", str(tmp_path / "surveys.csv"), *asked).exit_code == 0
    made = page(dunning, tmp_path, *ASKED)
    assert "20 of 300 rows are shown; all of them: the CSV files." in made
    assert 'comments.csv <span class="soft">(long: with --csv only)' in made
    assert len(made) < 1_000_000
    told = sheets(dunning, tmp_path / "csv", *ASKED)["comments"]
    assert len(told) == 300
    assert {len(row["comment"].split()) for row in told} == {201}
