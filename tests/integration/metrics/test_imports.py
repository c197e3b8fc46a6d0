"""`dunning import`: every row or none, each key once, and the figures that come of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from tests.integration.metrics.telling import NOVEMBER, Telling, at
from worker.cli.data_dir import View
from worker.cli.data_in_file import ImportOrder, take_file
from worker.cli.look_metrics import measure
from worker.cli.metrics_files import metrics_json
from worker.cli.metrics_text import value_words
from worker.domain.imports import KINDS
from worker.domain.metrics_rules import HealthDefinition, MetricsRules
from worker.domain.policy import Limits, Mode, Quiet
from worker.errors import ConfigError, UsageError
from worker.office.ways import UTC, Office
from worker.store.ledger import PostgresLedger
from worker.store.reading import snapshot
from worker.store.reading_facts import read_facts

WHO = ("jo", "monthly")
RULES = MetricsRules(
    health=HealthDefinition("v1", {"usage": 60, "support": 30, "payments": 10}),
    comment_tags={"price": ("expensive", "price"), "support": ("answer",)},
)


class Desk:
    """Writes files, imports them, and asks for the metrics of November; it is 5 December."""

    def __init__(
        self, url: str, ledger: PostgresLedger, folder: Path, capture: pytest.CaptureFixture[str]
    ) -> None:
        """Begin with nothing imported."""
        self.folder, self.url, self.telling = folder, url, Telling(ledger)
        self._capture = capture
        office = Office(UTC, Mode.LIVE, Limits(), Quiet(), digest="", confirmed=(), metrics=RULES)
        self.view = View(ledger, office, at(12, 5), at(12, 5), None, runs=True)

    def weigh_by(self, definition: HealthDefinition) -> None:
        """Change how health is weighed."""
        metrics = replace(RULES, health=definition)
        self.view = replace(self.view, office=replace(self.view.office, metrics=metrics))

    def take(
        self,
        kind: str,
        content: str | bytes,
        *,
        who: tuple[str, str] = WHO,
        correct: bool = False,
    ) -> str:
        """Import a file and return what was said."""
        path = self.folder / f"{kind}.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        take_file(self.view, ImportOrder(kind, path, *who, correct=correct), as_json=False)
        return self._capture.readouterr().out.strip()

    def refused(self, kind: str, content: str | bytes, *, who: tuple[str, str] = WHO) -> list[str]:
        """Return the sentences with which a file is refused; nothing of it is there."""
        before = self.rows()
        with pytest.raises((ConfigError, UsageError)) as refusal:
            self.take(kind, content, who=who)
        assert self.rows() == before
        return str(refusal.value).splitlines()

    def rows(self) -> list[tuple[Any, ...]]:
        """Return all that was ever imported."""
        with psycopg.connect(self.url) as connection:
            found = connection.execute("TABLE imports").fetchall()
            return found + connection.execute("TABLE imported_rows").fetchall()

    def told(self) -> dict[str, Any]:
        """Return the metrics of November as data."""
        self.telling.write()
        return metrics_json(measure(self.view, NOVEMBER, None))

    def metric(self, name: str) -> dict[str, Any]:
        """Return one metric."""
        [found] = [each for each in self.told()["metrics"] if each["name"] == name]
        return dict(found)


@pytest.fixture
def desk(url: str, engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """Give a desk."""
    return Desk(url, PostgresLedger(engine, "acct_test"), tmp_path, capsys)


def answers(survey: str, *scores: int) -> str:
    """Return a file of answers of 10 November."""
    rows = [f"{survey}-{no},{survey},{score},2026-11-10" for no, score in enumerate(scores)]
    return "\n".join(["key,survey,score,answered_at", *rows]) + "\n"


def test_35_of_50_are_satisfied(desk: Desk) -> None:
    said = desk.take("surveys", answers("csat", *([5, 4, 4, 5, 4] * 7), *([3, 1, 2] * 5)))
    assert said == "surveys.csv: 50 rows of surveys: 50 new."
    csat = desk.metric("csat")
    assert (csat["numerator"], csat["denominator"], csat["value"]) == (35, 50, 70)
    [metric] = [
        each
        for each in measure(desk.view, NOVEMBER, None).metrics
        if each.definition.name == "csat"
    ]
    assert value_words(metric) == "70 %"


def test_passives_stay_in_the_denominator_of_nps(desk: Desk) -> None:
    desk.take("surveys", answers("nps", *range(11)))
    nps = desk.metric("nps")
    assert (nps["numerator"], nps["denominator"]) == (2 - 7, 11)
    desk.take("surveys", answers("ces", 1, 7, 4))
    assert desk.metric("ces")["value"] == 4


def test_the_same_file_twice_and_a_longer_one_add_only_what_is_new(desk: Desk) -> None:
    first = answers("nps", 9, 3)
    assert desk.take("surveys", first).endswith("2 new.")
    assert desk.take("surveys", first).endswith("2 known already.")
    assert desk.take("surveys", answers("nps", 9, 3, 10)).endswith("1 new, 2 known already.")
    assert desk.metric("nps")["denominator"] == 3
    with snapshot(desk.view.ledger) as connection:
        facts = [fact.data for fact in read_facts(connection, "acct_test", types=["figures"])]
    facts.sort(key=lambda fact: int(str(fact["import"])))  # at one instant, `import 10` is before 9
    assert [(fact["added"], fact["by"], fact["reason"]) for fact in facts] == [
        (2, "jo", "monthly"),
        (1, "jo", "monthly"),
    ]


def test_another_answer_under_the_same_key_is_refused_unless_it_is_a_correction(
    desk: Desk,
) -> None:
    desk.take("surveys", answers("nps", 9, 3))
    assert desk.refused("surveys", answers("nps", 9, 8)) == [
        (
            "surveys.csv line 3, key: `nps-1` was imported with score `3` before and is `8` now;"
            " write another key, or add --correct to correct it."
        ),
        "Nothing was imported.",
    ]
    assert desk.take("surveys", answers("nps", 9, 8), correct=True) == (
        "surveys.csv: 2 rows of surveys: 0 new, 1 corrected or completed, 1 known already."
    )
    assert desk.metric("nps")["numerator"] == 1
    assert len([row for row in desk.rows() if "nps-1" in row]) == 2  # what was, stays


def test_a_ticket_is_completed_when_it_is_resolved(desk: Desk) -> None:
    heading = "key,opened_at,resolved_at,contacts,customer\n"
    desk.take(
        "tickets",
        heading + "1,2026-11-02T10:00:00Z,2026-11-02T11:00:00Z,1,cus_1\n"
        "2,2026-11-03T10:00:00Z,2026-11-04T12:00:00Z,2,\n3,2026-11-05,,1,\n",
    )
    first = desk.metric("first_contact_resolution")
    assert (first["numerator"], first["denominator"], first["pending"]) == (1, 3, 1)
    assert desk.metric("hours_to_resolution")["value"] == "13.500000"
    said = desk.take("tickets", heading + "3,2026-11-05,2026-11-05T03:00:00Z,1,\n")
    assert said == "tickets.csv: 1 row of tickets: 0 new, 1 corrected or completed."
    first = desk.metric("first_contact_resolution")
    assert (first["numerator"], first["denominator"], first["pending"]) == (2, 3, 0)


def test_costs_per_customer_and_the_warning(desk: Desk) -> None:
    for number in range(2):
        desk.telling.subscription("started", number, at(10, 1), 1000)
    heading = "spent_at;key;what;currency;amount\n"
    desk.take("retention_costs", heading + "2026-11-03;a;gifts;EUR;12.50\n2026-11-04;b;;eur;7.5\n")
    cost = desk.metric("retention_cost_per_customer")
    assert cost["value"] == {"amount_minor": 1000, "currency": "eur"}
    assert cost["warning"] is None  # as much as a customer brings is not more
    desk.take("retention_costs", heading + "2026-11-05;c;;eur;0.01\n")
    cost = desk.metric("retention_cost_per_customer")
    assert cost["warning"] == "more than the MRR per customer of the same time"
    assert cost["terms"] == {"mrr_per_customer_of_the_period": 1000}


def test_a_missing_input_is_not_zero_and_the_definition_is_kept(desk: Desk) -> None:
    heading = "key,customer,measured_at,input,value\n"
    rows = (
        "1,cus_1,2026-11-01,usage,10",  # outlived by the next measuring
        "2,cus_1,2026-11-30,usage,80",
        "3,cus_1,2026-11-30,support,20.5",
        "4,cus_2,2026-11-30,payments,0",
        "5,cus_3,2026-12-01,usage,50",
    )
    desk.take("health", heading + "\n".join(rows) + "\n")
    score = desk.metric("customer_health_score")
    assert score["denominator"] == 2
    assert score["numerator"] == "60.166667"  # (60 x 80 + 30 x 20.5) / 90, and 0 / 10
    desk.weigh_by(HealthDefinition("v1", {"usage": 30, "support": 60, "payments": 10}))
    assert desk.refused("health", heading + "6,cus_9,2026-11-30,usage,1\n") == [
        (
            "dunning.yaml, metrics → health: version v1 is kept with other weights; give the new"
            " weights another version."
        )
    ]
    desk.weigh_by(HealthDefinition("v2", {"usage": 30, "support": 60, "payments": 10}))
    desk.take("health", heading + "6,cus_9,2026-11-30,usage,99\n")
    score = desk.metric("customer_health_score")
    assert (score["numerator"], score["denominator"]) == ("159.166667", 3)  # the others as before


def test_comments_by_tag_detractors_first(desk: Desk) -> None:
    heading = "key,survey,score,answered_at,comment\n"
    rows = (
        '1,nps,9,2026-11-02,"Great, and the price is fair"',
        "2,nps,2,2026-11-03,Too EXPENSIVE for us",
        "3,nps,8,2026-11-04,prices rise",
        "4,csat,1,2026-11-05,No answer for days",
        "5,nps,10,2026-11-06,enterprise-ready",
        "6,nps,0,2026-12-01,price",
    )
    desk.take("surveys", heading + "\n".join(rows) + "\n")
    groups = desk.told()["comments"]
    assert [(group["tag"], group["count"], group["detractors"]) for group in groups] == [
        ("price", 3, 1),
        ("support", 1, 1),
        ("untagged", 1, 0),
    ]
    assert [comment["score"] for comment in groups[0]["shown"]] == [2, 8, 9]


def test_every_bad_row_is_named_at_once_and_none_is_kept(desk: Desk) -> None:
    content = (
        "key,survey,score,answered_at,customer\n"
        "1,nps,11,2026-11-02,cus_1\n"
        "2,nps,9,2026-11-31,cus_1\n"
        "3,nps,9,2026-11-03,cus_1\n"
        ",joy,x,,bob\n"
        "3,nps,9,2026-11-03,cus_1\n"
        "4,nps,9,2026-11-03,cus_1,more\n"
        "5,csat,9,2026-11-03\n"
    )
    assert desk.refused("surveys", content) == [
        "surveys.csv line 2, score: `11` does not fit; write a whole number, 0 to 10.",
        (
            "surveys.csv line 3, answered_at: `2026-11-31` is no time; write 2026-11-02 or"
            " 2026-11-02T14:30:00Z."
        ),
        "surveys.csv line 5, key: is empty; write a number or name that this row has for ever.",
        "surveys.csv line 5, survey: `joy` is no survey; write one of nps, csat, ces.",
        "surveys.csv line 5, score: `x` does not fit; write a whole number, 0 to 10.",
        "surveys.csv line 5, answered_at: is empty; write a day or an instant.",
        "surveys.csv line 5, customer: `bob` is no customer; write Stripe's id, as cus_9Blue.",
        "surveys.csv line 6, key: `3` stands on line 4 already; write each key once.",
        (
            "surveys.csv line 7: has 6 cells, the heading 5; put a cell that holds the separator in"
            " quotes."
        ),
        "surveys.csv line 8, score: `9` does not fit; answers to csat are 1 to 5.",
        "Nothing was imported.",
    ]


def test_a_key_twice_is_told_beside_what_is_bad_in_either_row(desk: Desk) -> None:
    """Whoever mends the row that is told first must not learn of the next one only then."""
    desk.take("surveys", "key,survey,score,answered_at\n5,nps,1,2026-11-02\n")
    content = (
        "key,survey,score,answered_at\n"
        "1,nps,11,2026-11-02\n"
        "1,nps,9,2026-11-02\n"
        "2,nps,9,2026-11-03\n"
        "2,nps,x,2026-11-03\n"
        "5,nps,9,2026-11-02\n"
        "5,nps,1,2026-11-02\n"
        ",nps,9,2026-11-02\n"
        ",nps,9,2026-11-02\n"
    )
    empty = "key: is empty; write a number or name that this row has for ever."
    assert desk.refused("surveys", content) == [
        "surveys.csv line 2, score: `11` does not fit; write a whole number, 0 to 10.",
        "surveys.csv line 3, key: `1` stands on line 2 already; write each key once.",
        "surveys.csv line 5, score: `x` does not fit; write a whole number, 0 to 10.",
        "surveys.csv line 5, key: `2` stands on line 4 already; write each key once.",
        (
            "surveys.csv line 6, key: `5` was imported with score `1` before and is `9` now; write"
            " another key, or add --correct to correct it."
        ),
        "surveys.csv line 7, key: `5` stands on line 6 already; write each key once.",
        f"surveys.csv line 8, {empty}",
        f"surveys.csv line 9, {empty}",
        "Nothing was imported.",
    ]


def test_what_has_not_happened_is_refused_a_day_ahead_is_not(desk: Desk) -> None:
    """It is 5 December; clocks and zones differ by a day at most. Costs may be booked ahead."""
    heading = "key,opened_at,resolved_at,contacts\n"
    to_come = "is to come, today is 2026-12-05; write when it happened."
    assert desk.refused(
        "tickets", heading + "1,2026-12-07,,1\n2,2026-12-01,2027-01-01T10:00:00Z,1\n"
    ) == [
        f"tickets.csv line 2, opened_at: `2026-12-07` {to_come}",
        f"tickets.csv line 3, resolved_at: `2027-01-01T10:00:00Z` {to_come}",
        "Nothing was imported.",
    ]
    assert desk.refused("surveys", "key,survey,score,answered_at\n1,nps,9,2026-12-24\n")[0] == (
        f"surveys.csv line 2, answered_at: `2026-12-24` {to_come}"
    )
    assert desk.take("tickets", heading + "1,2026-12-06,,1\n").endswith("1 new.")
    costs = "key,spent_at,amount,currency\n1,2026-12-31,10,eur\n"
    assert desk.take("retention_costs", costs).endswith("1 new.")


def test_last_cells_may_be_left_out_where_they_may_be_empty(desk: Desk) -> None:
    """Some programs write no separator behind the last cell that is filled."""
    heading = "key,opened_at,contacts,resolved_at,customer\n"
    assert desk.take("tickets", heading + "1,2026-11-02,1\n2,2026-11-03,2,,cus_1\n") == (
        "tickets.csv: 2 rows of tickets: 2 new."
    )


@pytest.mark.parametrize(
    ("kind", "content", "sentence"),
    [
        (
            "tickets",
            b"key,opened_at,resolved_at,contacts\n1,2026-11-02\n",
            (
                "tickets.csv line 2: has 2 cells, the heading 4, so `contacts` is missing; write a"
                " cell for each column."
            ),
        ),
        (
            "surveys",
            b"key,survey,score,answered_at\n1\n",
            (
                "surveys.csv line 2: has 1 cell, the heading 4, so `survey` and `score` and"
                " `answered_at` are missing; write a cell for each column."
            ),
        ),
        (
            "surveys",
            b"key,survey,score,answered_at\n\n",
            (
                "surveys.csv line 2: there is no row; write each of surveys in a line below the"
                " heading."
            ),
        ),
        ("surveys", b"", "surveys.csv is empty; its first line names the columns."),
        ("surveys", b"key,scor\n", "surveys.csv line 1: there is no column `scor`; did you mean"),
        ("surveys", b"key\n", "surveys.csv line 1: column `survey` is missing; the columns are"),
        ("surveys", b"key,key\n", "surveys.csv line 1: column `key` stands twice; leave one out."),
        ("surveys", b"\xff\xfek\0e\0", "surveys.csv is UTF-16; save the file as CSV UTF-8."),
        ("surveys", b"k\xe9y\n", "surveys.csv byte 2 is not UTF-8; save the file as CSV UTF-8."),
        ("loyalty", b"key\n", "`loyalty` cannot be imported; write one of surveys, tickets,"),
        (
            "surveys",
            b'key,survey,score,answered_at,comment\n1,nps,9,2026-11-02,"open\n2,nps,9,2026-11-02\n',
            "surveys.csv line 2: a quote is left open; write a quote within quotes twice",
        ),
        (
            "surveys",
            b"key,survey,score,answered_at\n1,nps,9,2026-11-02\n2,nps,9,\xe4\n",
            "surveys.csv line 3: byte 9 is not UTF-8; save the file as CSV UTF-8.",
        ),
        (
            "surveys",
            b"key,survey,score,answered_at\n" + b"x" * 1_100_000,
            "surveys.csv line 2: has no end; save the file as CSV UTF-8, a row a line.",
        ),
        (
            "retention_costs",
            b"key;spent_at;amount;currency\n1;2026-11-02;12,50;eur\n",
            "retention_costs.csv line 2, amount: `12,50` is no amount; write it with a point",
        ),
        (
            "retention_costs",
            b"key,spent_at,amount,currency\n1,2026-11-02,12.50,jpy\n",
            "retention_costs.csv line 2, amount: `12.50` does not fit; jpy has no decimals.",
        ),
        (
            "tickets",
            b"key,opened_at,resolved_at,contacts\n1,2026-11-02,2026-11-01,1\n",
            "tickets.csv line 2, resolved_at: is before opened_at.",
        ),
        (
            "health",
            b"key,customer,measured_at,input,value\n1,cus_1,2026-11-02,mood,5\n",
            (
                "health.csv line 2, input: `mood` is not weighed by `metrics: health` in"
                " dunning.yaml; write one of usage, support, payments."
            ),
        ),
    ],
)
def test_a_wrong_file_is_told_in_a_sentence(
    desk: Desk, kind: str, content: bytes, sentence: str
) -> None:
    assert desk.refused(kind, content)[0].startswith(sentence)


def test_marks_separators_quotes_and_line_ends_of_other_programs(desk: Desk) -> None:
    content = (
        "\ufeffKey;Survey;Score;Answered_at;Comment\r\n"
        '1;nps;9;2026-11-02;"two\r\nlines; and ""quotes"""\r\n'
        "\r\n"
        "2; NPS ;0;2026-11-02T10:00:00+01:00;\r\n"
        "3;nps;11;2026-11-02;\r\n"
    )
    assert desk.refused("surveys", content)[0].startswith("surveys.csv line 6, score: `11`")
    assert desk.take("surveys", content.replace(";11;", ";10;")).endswith("3 new.")
    [comment] = desk.told()["comments"][0]["shown"]
    assert comment["text"] == 'two\r\nlines; and "quotes"'


def test_nobody_imports_without_who_and_why(desk: Desk) -> None:
    assert "--by" in desk.refused("surveys", answers("nps", 9), who=("", "x"))[0]
    assert "--reason" in desk.refused("surveys", answers("nps", 9), who=("jo", ""))[0]


def test_a_file_of_many_bad_rows_is_told_with_an_end(desk: Desk) -> None:
    rows = "".join(f"{number},nps,99,2026-11-02\n" for number in range(1500))
    told = desk.refused("surveys", "key,survey,score,answered_at\n" + rows)
    assert len(told) == 1002
    assert told[-2] == "surveys.csv: and 500 more like these."


def test_a_file_of_many_batches_is_whole_or_not_there(desk: Desk) -> None:
    rows = [f"{number},nps,9,2026-11-02" for number in range(2500)]
    heading = "key,survey,score,answered_at\n"
    assert len(desk.refused("surveys", heading + "\n".join([*rows, "0,nps,9,2026-11-02"]))) == 2
    assert desk.take("surveys", heading + "\n".join(rows)).endswith("2500 new.")


def test_the_example_of_every_column_can_be_imported(desk: Desk) -> None:
    for kind in KINDS.values():
        names = ",".join(column.name for column in kind.columns)
        example = ",".join(column.example for column in kind.columns)
        assert desk.take(kind.name, f"{names}\n{example}\n").endswith("1 new.")


def test_a_forgotten_customer_is_gone_from_what_others_wrote(desk: Desk) -> None:
    heading = "key,survey,score,answered_at,customer,comment\n"
    words = 'CHLOÉ D\'ARTAGNAN (chloe@blue.example) said ""no"", \\ so do I'
    desk.take("surveys", f'{heading}1,nps,9,2026-11-02,cus_2,"{words}"\n2,nps,9,2026-11-02,,ok\n')
    with desk.view.ledger.begin() as tx:
        changed = tx.forgetting.erase("cus_1", {"Chloé d'Artagnan", "chloe@blue.example"})
    assert changed == {"imported_rows": 2}  # one row, for each of the two that it quotes
    shown = [text["text"] for group in desk.told()["comments"] for text in group["shown"]]
    assert sorted(shown) == ['[forgotten] ([forgotten]) said "no", \\ so do I', "ok"]


def test_the_words_of_a_forgotten_customer_are_gone_and_do_not_come_back(desk: Desk) -> None:
    heading = "key,survey,score,answered_at,customer,comment\n"
    content = heading + "1,nps,2,2026-11-02,cus_1,I am Ann\n2,nps,9,2026-11-02,cus_2,fine\n"
    desk.take("surveys", content)
    with desk.view.ledger.begin() as tx:
        tx.forgetting.forget("cus_1", now=at(12, 5))
        tx.forgetting.erase("cus_1", set())
    assert desk.take("surveys", content).endswith("2 known already.")
    desk.take("surveys", heading + "3,nps,3,2026-11-03,cus_1,Ann again\n")
    shown = [text["text"] for group in desk.told()["comments"] for text in group["shown"]]
    assert shown == ["fine"]
    assert "Ann" not in str(desk.rows())
    assert desk.metric("nps")["denominator"] == 3  # the figures stay
