"""`dunning hold` and `dunning release`: what is kept, what is said, what is refused."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.integration.cli.conftest import Command
from tests.integration.cli.seeding import FAILED_AT, NOW, Seeding, berlin, seed_story
from worker.domain.case import Case, CaseState, Outcome
from worker.domain.decisions import Decision, Wait
from worker.domain.holds import HeldBy, HoldKind, HoldScope
from worker.errors import UsageError
from worker.ports import CaseChange, NewHold
from worker.store.ledger import PostgresLedger
from worker.store.tables import cases, operator_acts

WHO = ("--by", "jo", "--reason", "pays on Friday")


@pytest.fixture
def story(seeding: Seeding) -> int:
    """Give the number of the case with the whole story."""
    return seed_story(seeding)


def loaded(ledger: PostgresLedger, case_id: int) -> tuple[Case, tuple[HeldBy, ...]]:
    """Return a case and its holds."""
    with ledger.begin() as tx:
        case = tx.cases.load(case_id)
        assert case is not None
        return case, tx.holds.of_case(case)


def acts(ledger: PostgresLedger) -> list[tuple[int, str, str, str]]:
    """Return what people did: case, act, who, why."""
    query = select(
        operator_acts.c.case_id, operator_acts.c.act, operator_acts.c.by, operator_acts.c.reason
    ).order_by(operator_acts.c.id)
    with ledger.connection() as connection:
        return [tuple(row) for row in connection.execute(query)]


def due_at(ledger: PostgresLedger, case_id: int) -> object:
    """Return when a case is looked at next."""
    query = select(cases.c.next_action_at).where(cases.c.id == case_id)
    with ledger.connection() as connection:
        return connection.execute(query).scalar_one()


def refused(dunning: Command, *words: str) -> str:
    """Return the sentence with which a command is refused."""
    error = dunning.run(*words).exception
    assert isinstance(error, UsageError)
    return str(error)


def test_a_case_is_held_until_a_day_is_over(
    dunning: Command, ledger: PostgresLedger, story: int
) -> None:
    words = ("hold", "INV-0042", "--kind", "promise-to-pay", "--until", "11 Dec", *WHO)
    result = dunning.run(*words)
    assert result.exit_code == 0, result.exception
    assert result.stdout.splitlines() == [
        f"C-{story} is held until Sat 12 Dec 00:00: nothing is charged, written or ended.",
        f"Stands still: C-{story}",
        "It goes on with: dunning release INV-0042 --by NAME --reason WHY",
    ]
    _, (hold,) = loaded(ledger, story)
    assert (hold.owner, hold.kind.value, hold.in_force(NOW)) == ("jo", "promise_to_pay", True)
    assert acts(ledger) == [(story, "hold", "jo", "pays on Friday")]
    assert due_at(ledger, story) == NOW
    assert "is held already (promise to pay)" in refused(dunning, *words)
    assert len(acts(ledger)) == 1


def test_released_it_is_due_at_once(dunning: Command, ledger: PostgresLedger, story: int) -> None:
    dunning.run("hold", str(story), *WHO)
    dunning.run("hold", "cus_42", "--kind", "vip", "--owner", "kim", *WHO)
    result = dunning.run("release", str(story), "--by", "kim", "--reason", "she paid half")
    assert result.stdout.splitlines() == [
        f"Released: C-{story} was held by jo (internal): pays on Friday.",
        "Released: cus_42 was held by kim (vip): pays on Friday.",
        "It goes on within seconds; what is undone moves later by the time it stood still.",
    ]
    _, holds = loaded(ledger, story)
    assert [(each.released_by, each.release_reason) for each in holds] == [
        ("kim", "she paid half"),
        ("kim", "she paid half"),
    ]
    assert acts(ledger)[-1] == (story, "release", "kim", "she paid half")
    assert refused(dunning, "release", str(story), *WHO) == f"Refused: {story} is not held."


def test_a_customers_hold_is_on_all_their_cases(
    dunning: Command, seeding: Seeding, ledger: PostgresLedger, story: int
) -> None:
    later = seeding.case(42, invoice=43)
    result = dunning.run("hold", f"C-{story}", "--scope", "customer", "--json", *WHO)
    answer = json.loads(result.stdout)
    assert answer["cases"] == [f"C-{story}", f"C-{later}"]
    assert answer["target"] == "cus_42"
    assert [row[0] for row in acts(ledger)] == [story, later]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--kind", "fraud_warning"), "`fraud_warning` is no kind of a hold; write one of dispute"),
        (("--scope", "charge"), "`charge` is no scope of a hold; write one of case"),
        (("--until", "soon"), "--until soon is no time"),
        (("--until", "2026-12-01"), "--until 2026-12-01 is past"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    dunning: Command, ledger: PostgresLedger, story: int, words: tuple[str, ...], sentence: str
) -> None:
    assert refused(dunning, "hold", str(story), *words, *WHO).startswith(sentence)
    assert acts(ledger) == []


def test_several_cases_need_a_choice_and_nobody_none(
    dunning: Command, seeding: Seeding, story: int
) -> None:
    seeding.case(42, invoice=43)
    several = refused(dunning, "hold", "cus_42", "--scope", "case", *WHO)
    assert several == "Refused: cus_42 names 2 cases; write the one to hold."
    assert refused(dunning, "hold", "C-9", *WHO).startswith("No case is called C-9")
    assert refused(dunning, "release", "C-9", *WHO).startswith("No case is called C-9")


def test_a_case_that_a_person_holds_says_how_it_goes_on(
    dunning: Command, seeding: Seeding, ledger: PostgresLedger, story: int
) -> None:
    assert dunning.run("hold", str(story), "--kind", "vip", *WHO).exit_code == 0
    [hold] = loaded(ledger, story)[1]
    reason = hold.said("Europe/Berlin")
    change = CaseChange(state=CaseState.HELD, reason=reason)
    held = Decision(Wait(), "held", reason)
    seeding.decide(story, held, NOW, change=change, facts=[("case.held", {"reason": reason})])
    page = dunning.run("case", str(story)).stdout
    assert f"dunning release C-{story} --by NAME --reason WHY" in page
    assert "at Stripe; once its cause is gone" not in page


def test_a_closed_case_is_not_held(dunning: Command, seeding: Seeding, story: int) -> None:
    change = CaseChange(state=CaseState.CLOSED, outcome=Outcome.VOIDED, closed_at=NOW)
    seeding.decide(story, Decision(Wait(), "closed", "It is closed."), NOW, change=change)
    assert refused(dunning, "hold", str(story), *WHO) == f"Refused: C-{story} is closed: voided."


@pytest.mark.parametrize("command", ["hold", "release"])
def test_without_who_or_why_it_is_refused(dunning: Command, story: int, command: str) -> None:
    assert refused(dunning, command, str(story)).startswith("Say who does this: --by NAME")
    assert refused(dunning, command, str(story), "--by", "jo").startswith("Say why: --reason")


def test_metadata_holds_whoever_has_it_also_those_to_come(
    dunning: Command, seeding: Seeding, ledger: PostgresLedger, story: int
) -> None:
    seeding.customer(43, name="Later", email="later@a.example", country="DE", team="key-accounts")
    other = seeding.case(43)
    result = dunning.run("hold", "metadata.team=key-accounts", "--kind", "vip", *WHO)
    assert result.exit_code == 0, result.exception
    assert result.stdout.splitlines()[1] == f"Stands still: C-{other}"
    later = seeding.case(43, invoice=431)
    assert [len(loaded(ledger, number)[1]) for number in (other, later, story)] == [1, 1, 0]
    listed = dunning.run("holds").stdout.splitlines()
    assert listed[1].startswith("metadata.team=key-accounts  vip")
    assert f"C-{other}, C-{later}" in listed[1]
    assert refused(dunning, "release", f"C-{other}", *WHO) == (
        f"Refused: C-{other} is held with all of metadata.team=key-accounts:"
        " dunning release metadata.team=key-accounts ends that."
    )
    released = dunning.run("release", "metadata.team=key-accounts", *WHO)
    assert released.stdout.startswith("Released: metadata.team=key-accounts was held by jo (vip)")
    assert [row[:2] for row in acts(ledger)[-2:]] == [(other, "release"), (later, "release")]
    assert dunning.run("holds").stderr.splitlines()[-1] == "Nothing is held."


@pytest.mark.parametrize("wanted", ["cus_43", "sub_43", "later@a.example"])
def test_who_has_no_case_yet_may_be_held(
    dunning: Command, seeding: Seeding, ledger: PostgresLedger, story: int, wanted: str
) -> None:
    seeding.customer(43, name="Later", email="later@a.example", country="DE")
    result = dunning.run("hold", wanted, *WHO)
    assert result.exit_code == 0, result.exception
    assert result.stdout.splitlines()[1] == "Stands still: no case yet; those to come will"
    case, holds = loaded(ledger, seeding.case(43))
    assert [hold.in_force(NOW) for hold in holds] == [True]
    assert dunning.run("release", wanted, *WHO).exit_code == 0
    assert not any(hold.in_force(NOW) for hold in loaded(ledger, case.id)[1])


def test_who_is_not_known_is_not_held(dunning: Command, story: int) -> None:
    for wanted in ("cus_typo", "sub_typo", "nobody@a.example"):
        said = refused(dunning, "hold", wanted, *WHO)
        assert said.startswith(
            f"Neither a case nor Stripe's mirrored objects have the name {wanted}"
        )
    assert refused(dunning, "hold", "metadata.team", *WHO).startswith("`metadata.team` names no")
    scoped = refused(dunning, "hold", "metadata.a=b", "--scope", "case", *WHO)
    assert scoped.startswith("metadata.a=b has no --scope")
    assert json.loads(dunning.run("holds", "--json").stdout or "[]") == []


def told(dunning: Command, case_id: int, *, what: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the lines of a case's story of certain kinds: what, and in which words."""
    story = json.loads(dunning.run("case", str(case_id), "--json").stdout)["timeline"]
    return [(item["what"], item["detail"]) for item in story if item["what"] in what]


def test_a_hold_that_no_worker_saw_is_in_the_story_with_its_release(
    dunning: Command, story: int
) -> None:
    kinds = ("held", "released", "goes on")
    assert dunning.run("hold", "cus_42", "--kind", "vip", "--owner", "kim", *WHO).exit_code == 0
    held = ("held", "by kim (vip): pays on Friday; put by jo; with all of cus_42")
    assert told(dunning, story, what=kinds) == [held]
    page = dunning.run("case", str(story)).stdout
    assert "Next     held by kim (vip): pays on Friday" in page
    assert f"Act:  dunning release C-{story} --by NAME --reason WHY" in page
    release = ("release", "cus_42", "--by", "kim", "--reason", "she paid half")
    assert dunning.run(*release).exit_code == 0
    assert told(dunning, story, what=kinds) == [held, ("released", "by kim: she paid half")]
    assert "Next     try 3" in dunning.run("case", str(story), "--why").stdout


@pytest.mark.parametrize("wanted", ["C-1001", "sub_42", "in_42", "metadata.team=key-accounts"])
def test_a_hold_of_any_name_is_in_the_story(
    dunning: Command, seeding: Seeding, story: int, wanted: str
) -> None:
    seeding.customer(42, name="A", email="a@a.example", country="VN", team="key-accounts")
    scope = () if wanted != "in_42" else ("--scope", "invoice")
    wanted = wanted.replace("C-1001", f"C-{story}")
    assert dunning.run("hold", wanted, *scope, *WHO).exit_code == 0
    assert dunning.run("release", wanted, "--by", "kim", "--reason", "over").exit_code == 0
    (held, released) = told(dunning, story, what=("held", "released", "goes on"))
    whole = "" if wanted.startswith("C-") else f"; with all of {wanted}"
    assert held == ("held", f"by jo (internal): pays on Friday{whole}")
    assert released == ("released", "by kim: over")


def test_a_hold_that_a_worker_saw_is_told_once(
    dunning: Command, seeding: Seeding, ledger: PostgresLedger, story: int
) -> None:
    assert dunning.run("hold", str(story), *WHO).exit_code == 0
    reason = "held by jo (internal): pays on Friday"
    change = CaseChange(state=CaseState.HELD, reason=reason)
    decision = Decision(Wait(), "on_hold", reason)
    data: dict[str, object] = {"reason": reason, "by": "jo"}
    seeding.decide(story, decision, NOW, change=change, facts=[("case.held", data)])
    page = dunning.run("case", str(story)).stdout
    assert "Next     held by jo (internal): pays on Friday" in page
    assert page.count("pays on Friday") == 2, "once ahead and once in the timeline"
    assert dunning.run("release", str(story), "--by", "kim", "--reason", "over").exit_code == 0
    change = CaseChange(state=CaseState.OPEN, reason="")
    decision, later = Decision(Wait(), "released", "x"), NOW + timedelta(seconds=2)
    data = {"reason": "released by kim: over", "by": "kim"}
    seeding.decide(story, decision, later, change=change, facts=[("case.released", data)])
    assert told(dunning, story, what=("held", "released", "goes on")) == [
        ("held", "by jo (internal): pays on Friday"),
        ("goes on", "released by kim: over"),
    ]


def test_a_hold_from_before_the_failure_is_told_from_the_failure_on(
    dunning: Command, seeding: Seeding, ledger: PostgresLedger, story: int
) -> None:
    early = FAILED_AT - timedelta(days=9)
    over = NewHold(HoldScope.CUSTOMER, "cus_42", HoldKind.LEGAL, "jo", "long over", "jo")
    lasts = replace(over, kind=HoldKind.VIP, reason="a friend")
    with ledger.begin() as tx:
        number = tx.holds.put(over, now=early)
        assert number is not None
        tx.holds.release([number], by="jo", reason="settled", now=early + timedelta(days=1))
        tx.holds.put(lasts, now=early)
    (first,) = told(dunning, story, what=("held", "released", "goes on"))
    assert first == (
        "held",
        "by jo (vip): a friend; with all of cus_42; since 2026-11-22T07:02:00Z",
    )
    page = dunning.run("case", str(story)).stdout
    assert "since Sun 22 Nov 08:02" in page
    assert "long over" not in page
    assert "Tue  1 Dec  08:02  payment failed" in page, "the story begins with the failure"


def test_a_closed_case_tells_nothing_of_what_happened_afterwards(
    dunning: Command, seeding: Seeding, ledger: PostgresLedger, story: int
) -> None:
    new = NewHold(HoldScope.CUSTOMER, "cus_42", HoldKind.LEGAL, "jo", "a lawyer rang", "jo")
    with ledger.begin() as tx:
        number = tx.holds.put(new, now=berlin(3, 9, 0))
        assert number is not None
    closed_at = berlin(4, 9, 0)
    change = CaseChange(state=CaseState.CLOSED, outcome=Outcome.VOIDED, closed_at=closed_at)
    seeding.decide(story, Decision(Wait(), "closed", "It is closed."), NOW, change=change)
    with ledger.begin() as tx:
        tx.holds.release([number], by="kim", reason="settled", now=NOW)
        tx.holds.put(replace(new, kind=HoldKind.VIP), now=NOW)
    (held,) = told(dunning, story, what=("held", "released", "goes on"))
    assert held[1].startswith("by jo (legal): a lawyer rang")
