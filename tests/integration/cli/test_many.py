"""`--filter`: many cases are shown first, done with `--yes`, gone on with, never done twice."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from sqlalchemy import func, select

from tests.integration.cli.conftest import Command
from tests.integration.cli.seeding import NOW, Seeding, seed_story
from tests.integration.cli.test_hold import acts, loaded, refused
from worker.cli.act_many import Many, many
from worker.cli.act_many_kinds import ExtendMany
from worker.cli.data_dir import View
from worker.domain.case import Question
from worker.domain.decisions import Decision, Wait
from worker.domain.engine_person import RULE
from worker.domain.policy import Configuration
from worker.errors import ServiceUnavailable
from worker.office.ways import office_of
from worker.ports import Tx
from worker.services.bulk_run import ManyWish, RunResult, run_many
from worker.store.ledger import PostgresLedger
from worker.store.tables import cases, operator_acts

WHO = ("--by", "jo", "--reason", "bank holiday")
IN_EUROS = ("--filter", "state=open currency=eur amount>=50")


@pytest.fixture
def five(seeding: Seeding) -> list[int]:
    """Give five cases: 40, 50 and 60 euros in Germany, 70 euros and 80 dollars in Austria."""
    owed = (
        (1, 4000, "eur"),
        (2, 5000, "eur"),
        (3, 6000, "eur"),
        (4, 7000, "eur"),
        (5, 8000, "usd"),
    )
    for number, _, _ in owed:
        country = "DE" if number < 4 else "AT"
        seeding.customer(number, name=f"Nr {number}", email=f"{number}@a.example", country=country)
    return [seeding.case(number, amount_minor=minor, currency=c) for number, minor, c in owed]


def shifts(ledger: PostgresLedger) -> list[int]:
    """Return by how many days each case was moved, in order of the cases."""
    query = select(cases.c.shift).order_by(cases.c.id)
    with ledger.connection() as connection:
        return [shift.days for shift in connection.execute(query).scalars()]


def names(ids: list[int]) -> list[str]:
    """Return the names of cases."""
    return [f"C-{number}" for number in ids]


def test_without_yes_it_only_shows(
    dunning: Command, ledger: PostgresLedger, five: list[int]
) -> None:
    result = dunning.run("hold", "--filter", "amount>=50 currency=eur", *WHO)
    assert result.exit_code == 2, "a preview that needs a yes"
    lines = result.stdout.splitlines()
    assert lines[0] == "hold: 3 cases €180.00"
    assert [line.split()[0] for line in lines[2:5]] == names(five[1:4])
    assert lines[-1] == "Nothing was done. The same command with --yes does it."
    assert acts(ledger) == []


def test_with_yes_each_case_is_done_once_and_the_next_time_refused(
    dunning: Command, ledger: PostgresLedger, five: list[int]
) -> None:
    wish = ("hold", "--filter", "country=DE", "--kind", "legal", "--yes", *WHO)
    result = dunning.run(*wish)
    assert result.stdout.splitlines()[-1] == "Done: 3 cases held."
    told = [row for row in acts(ledger) if not row[1].startswith("many:")]
    assert told == [(number, "hold", "jo", "bank holiday") for number in five[:3]]
    assert [len(loaded(ledger, number)[1]) for number in five] == [1, 1, 1, 0, 0]
    again = dunning.run(*wish).stdout.splitlines()
    assert again == [
        "hold: 0 cases",
        f"Refused, 3 cases: is held already (legal) ({', '.join(names(five[:3]))})",
        "Nothing is left to do.",
    ]
    released = dunning.run(
        "release", "--filter", "metadata.a!=b", "--yes", *WHO
    ).stdout.splitlines()
    assert f"Refused, 2 cases: is not held by a person ({', '.join(names(five[3:]))})" in released
    assert released[-1] == "Done: 3 cases released."
    assert not any(h.in_force(NOW) for number in five for h in loaded(ledger, number)[1])


def test_more_cases_than_the_limit_are_refused(
    dunning: Command, ledger: PostgresLedger, five: list[int]
) -> None:
    words = ("extend", "--days", "2", "--filter", "state=open", "--yes", *WHO)
    assert refused(dunning, *words, "--limit", "4") == (
        "Refused: 5 cases fit the filter, more than --limit 4. Nothing was done; say more in the"
        " filter, or write --limit 5."
    )
    assert shifts(ledger) == [0] * 5
    assert dunning.run(*words, "--limit", "5").exit_code == 0
    assert shifts(ledger) == [2] * 5


@dataclass
class BreakingLedger(PostgresLedger):
    """A ledger that goes away, or a person who presses Ctrl-C, at one of its transactions."""

    whole: PostgresLedger
    at: int
    error: BaseException
    begun: int = field(default=0)

    def __post_init__(self) -> None:
        """Be the same ledger."""
        super().__init__(self.whole.engine, self.whole.account_id)

    @contextmanager
    def begin(self) -> Iterator[Tx]:  # type: ignore[override]
        """Start a transaction, or break off."""
        self.begun += 1
        if self.begun == self.at:
            raise self.error
        with super().begin() as tx:
            yield tx


@pytest.mark.parametrize(
    "error", [ServiceUnavailable("The database is away."), KeyboardInterrupt()]
)
def test_an_interrupted_run_is_gone_on_with_and_nobody_gets_it_twice(
    dunning: Command,
    ledger: PostgresLedger,
    configuration: Configuration,
    five: list[int],
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
) -> None:
    terms = "state=open currency=eur amount>=50"
    breaking = BreakingLedger(ledger, at=5, error=error)  # preview, begin, two cases; then
    view = View(breaking, office_of(configuration), NOW, NOW, None, runs=True)
    asked = Many(terms, "jo", "bank holiday", yes=True)
    with pytest.raises(type(error)) as broken:
        many(view, ExtendMany(view, 3, asked), asked)
    said = f"{broken.value}{capsys.readouterr().err}"
    assert "the same command goes on" in said
    assert isinstance(error, KeyboardInterrupt) or "2 of 3 are done" in said
    assert shifts(ledger) == [0, 3, 3, 0, 0]

    words = ("extend", "--days", "3", "--filter", terms, *WHO)
    preview = dunning.run(*words).stdout.splitlines()
    assert preview[0] == "Goes on with what began Sat 5 Dec 12:00: 2 of 3 are done."
    assert preview[1] == "extend: 1 case €70.00"
    done = dunning.run(*words, "--yes").stdout.splitlines()
    assert done[-1] == "Done: 3 cases given 3 more days."
    assert shifts(ledger) == [0, 3, 3, 3, 0]
    with ledger.connection() as connection:
        query = select(operator_acts.c.answer).where(operator_acts.c.case_id.is_(None))
        assert list(connection.execute(query).scalars()) == ["3 done, 0 refused"]

    dunning.run(*words, "--yes")  # the run is over: the same words begin another
    assert shifts(ledger) == [0, 6, 6, 6, 0]


def test_charges_are_asked_for_where_the_rules_allow_and_no_request_is_made(
    dunning: Command, seeding: Seeding, ledger: PostgresLedger, five: list[int]
) -> None:
    story = seed_story(seeding)
    result = dunning.run("retry", "--filter", "currency=eur", "--yes", *WHO)
    assert result.exit_code == 0, result.exception
    lines = result.stdout.splitlines()
    assert (
        "Refused, 1 case: Mastercard advice 27: wait 4 days; the earliest allowed time is"
        f" Sun 6 Dec 08:19 (C-{story})" in lines
    )
    assert "Later steps stay where they are: dunning extend moves them." in lines
    wishes = [row[0] for row in acts(ledger) if row[1] == "retry"]
    assert wishes == five[:4]
    assert lines[-1] == "Done: 4 cases to be charged."


def test_two_who_give_the_same_command_at_once_do_it_once(
    ledger: PostgresLedger, configuration: Configuration, five: list[int]
) -> None:
    view = View(ledger, office_of(configuration), NOW, NOW, None, runs=True)
    asked = Many("state=open", "jo", "bank holiday", yes=True)
    act = ExtendMany(view, 3, asked)
    wish = ManyWish(act.name, (asked.terms, *act.words), asked.by, asked.reason)

    def run(_: int) -> RunResult:
        return run_many(wish, five, act.act, ledger=ledger, now=NOW)

    with ThreadPoolExecutor(2) as both:
        results = list(both.map(run, range(2)))
    assert {number for each in results for number in (*each.done, *each.before)} == set(five)
    runs = len([row for row in acts(ledger) if row[1] == "many:extend"])
    assert shifts(ledger) == [3 * runs] * 5  # a second run only where the first was over before


def test_what_waits_for_a_person_is_approved_and_nothing_else(
    dunning: Command, seeding: Seeding, ledger: PostgresLedger, five: list[int]
) -> None:
    question = Question("try 1", 5000, "eur", 1)
    asks = Decision(Wait(), RULE, "Waits for you.", inputs=question.as_inputs())
    seeding.decide(five[1], asks, NOW)
    wish = ("approve", "--filter", "currency=eur", "--yes", *WHO)
    lines = dunning.run(*wish).stdout.splitlines()
    assert lines[0] == "approve: 1 case €50.00"
    assert any(line.startswith("Refused, 3 cases: nothing of it waits for you") for line in lines)
    assert lines[-1] == "Done: 1 case approved."
    assert [row[0] for row in acts(ledger) if row[1] == "approve"] == [five[1]]
    dunning.run(*wish)
    assert [row[0] for row in acts(ledger) if row[1] == "approve"] == [five[1]]


def test_closing_says_what_stays_owed(
    dunning: Command, ledger: PostgresLedger, five: list[int]
) -> None:
    words = ("close", "--filter", "customer=cus_4,cus_5", "--json", *WHO)
    preview = dunning.run(*words)
    assert preview.exit_code == 2
    shown = json.loads(preview.stdout)
    assert (shown["done"], shown["amounts"]) == (
        False,
        [
            {"amount_minor": 7000, "currency": "eur"},
            {"amount_minor": 8000, "currency": "usd"},
        ],
    )
    assert acts(ledger) == []
    told = json.loads(dunning.run(*words, "--yes").stdout)
    assert (told["done"], told["done_cases"], told["refused"]) == (True, names(five[3:]), [])
    assert [row[:2] for row in acts(ledger) if row[1] == "close"] == [
        (number, "close") for number in five[3:]
    ]


def test_nobody_fits_or_it_is_not_clear_who(dunning: Command, five: list[int]) -> None:
    nobody = refused(dunning, "hold", "--filter", "brand=visa", *WHO)
    assert nobody == "No case fits the filter. `dunning cases` lists them all."
    both = refused(dunning, "hold", f"C-{five[0]}", "--filter", "brand=visa", *WHO)
    assert both == "Write an ID or --filter, not both."
    assert refused(dunning, "release", *WHO) == "Write an ID, or --filter TERMS."
    wide = refused(dunning, "hold", "--scope", "customer", "--filter", "state=open", *WHO)
    assert wide.startswith("--scope does not go with --filter")


@pytest.mark.parametrize("command", ["hold", "release", "retry", "close"])
def test_without_who_or_why_it_is_refused(
    dunning: Command, ledger: PostgresLedger, five: list[int], command: str
) -> None:
    said = refused(dunning, command, "--filter", "state=open", "--yes")
    assert said.startswith("Say who does this: --by NAME")
    with ledger.connection() as connection:
        assert connection.execute(select(func.count()).select_from(operator_acts)).scalar_one() == 0
