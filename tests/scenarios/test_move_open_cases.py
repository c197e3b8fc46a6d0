"""A wrong grace meets the diff, the plan and the cap on endings before it harms anybody."""

import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import Customer
from tests.scenarios.world import REPOSITORY, World
from worker.cli import act_apply
from worker.cli.data_dir import View
from worker.cli.look_plan import read_plan
from worker.cli.policy_candidate import read_comparison
from worker.cli.policy_diff import Diff, diff_json, diff_lines, make_diff, markdown_lines
from worker.domain.identifiers import case_name
from worker.office.policy_effects import Effect
from worker.office.ways import office_of
from worker.settings.load import FILES

BERLIN = ZoneInfo("Europe/Berlin")
NAMES = ("anna", "bela", "cleo", "dora", "emil")
HASTY = """steps:
      - { name: first letter,  after: 4 hours, letter: payment_failed_1 }
      - { name: final letter,  after: 6 hours, letter: payment_failed_final }
"""


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    """Give the shipped files with a cap of two endings a day."""
    folder = tmp_path / "config"
    folder.mkdir()
    for name in FILES:
        text = (REPOSITORY / "config" / name).read_text()
        (folder / name).write_text(text.replace("at_most: 20 per day", "at_most: 2 per day"))
    return folder


def make_hasty(config_dir: Path) -> None:
    """Write 1 day of grace where 14 were meant, with steps that fit it."""
    rules = config_dir / "dunning.yaml"
    text = re.sub(r"steps:.*?(?=    ending:)", HASTY, rules.read_text(), flags=re.DOTALL)
    text = text.replace("after: 14 days", "after: 1 day")
    text = text.replace(", ask_again: [4 hours, 2 days, 5 days, 9 days]", "")
    rules.write_text(text.replace("2 days after final letter", "18 hours after final letter"))


def view_of(world: World) -> View:
    """Return what a command reads."""
    app = world.app
    with app.ledger.begin() as tx:
        version = tx.versions.current()
    office = office_of(app.configuration)
    return View(app.ledger, office, world.now, world.now, None, runs=True, version=version)


def diff_of(world: World, config_dir: Path, *, move: bool) -> Diff:
    """Return what a folder would change now."""
    view = view_of(world)
    return make_diff(view, read_comparison(view, config_dir), move=move)


def failed(world: World) -> list[Customer]:
    """Return subscribers whose payment failed and whose cards stay empty."""
    return [world.customer(name, ["insufficient_funds"] * 20) for name in NAMES]


def ended_at(world: World, customer: Customer) -> datetime:
    """Return when the worker cancelled the customer's subscription."""
    number = world.case_of(customer).id
    (row,) = world.rows(
        "SELECT sent_at FROM attempts WHERE case_id = :c AND kind = 'cancel'", c=number
    )
    at: datetime = row["sent_at"]
    return at


def test_a_wrong_grace_is_seen_before_and_capped_after(
    make_world: MakeWorld, config_dir: Path
) -> None:
    world = make_world(config_dir=config_dir)
    people = failed(world)
    world.advance(days=2)
    before = world.case_of(people[0]).policy_digest
    make_hasty(config_dir)

    diff = diff_of(world, config_dir, move=True)
    first = diff.effects.moved[0]
    assert (first.effect, len(first.changes)) == (Effect.ENDS_SOONER, len(NAMES))
    lines = list(diff_lines(diff, view_of(world).words))
    assert lines[1].startswith("  Ends sooner: 5 cases, €")
    assert "; first on " in lines[1]
    marked = "\n".join(markdown_lines(diff, view_of(world).words))
    assert "**Ends sooner: 5 cases" in marked
    told = diff_json(diff)
    assert told["moving"] == sorted(case_name(world.case_of(one).id) for one in people)

    plan = read_plan(view_of(world), until="10 days", other=config_dir)
    assert [cap.name for cap in plan.caps] == ["endings_per_day"]

    wish = act_apply.Wish(config_dir, move=True, yes=True)
    assert act_apply.apply(view_of(world), wish, by="jo", reason="shorter")
    assert world.rows("SELECT 1 FROM attempts WHERE kind = 'cancel'") == []
    world.advance(days=8)
    days = Counter(ended_at(world, one).astimezone(BERLIN).date() for one in people)
    assert sum(days.values()) == len(NAMES)
    assert max(days.values()) == 2
    for one in people:
        final = [each.at for each in world.letters_to(one) if each.notice == "payment_failed_final"]
        assert len(final) == 1
        assert (ended_at(world, one) - final[0]).total_seconds() >= 18 * 3600 - 1
        assert world.case_of(one).policy_digest != before
    moved = world.facts("case.policy_changed", people[0])
    assert [(fact["by"], fact["from"]) for fact in moved] == [("jo", before)]


def test_without_a_move_open_cases_are_left_alone(make_world: MakeWorld, config_dir: Path) -> None:
    world = make_world(config_dir=config_dir)
    anna = world.customer("anna", ["insufficient_funds"] * 20)
    world.advance(days=2)
    before = world.case_of(anna)
    make_hasty(config_dir)
    diff = diff_of(world, config_dir, move=False)
    assert diff.effects.at_once == ()
    assert diff.moving == ()
    lines = list(diff_lines(diff, view_of(world).words))
    assert lines[0] == "1 open case keeps its policy. If moved as well (--move-open-cases):"
    wish = act_apply.Wish(config_dir, yes=True)
    assert act_apply.apply(view_of(world), wish, by="jo", reason="for new ones")
    world.advance(days=5)
    after = world.case_of(anna)
    assert after.policy_digest == before.policy_digest
    assert "final letter" not in world.steps_of(after)


def test_a_case_whose_final_letter_promised_a_day_keeps_its_policy(
    make_world: MakeWorld, config_dir: Path
) -> None:
    world = make_world(config_dir=config_dir)
    anna = world.customer("anna", ["insufficient_funds"] * 20)
    world.advance(days=11)
    while "payment_failed_final" not in world.notices_to(anna):
        world.advance(days=1)
    make_hasty(config_dir)
    diff = diff_of(world, config_dir, move=True)
    assert diff.moving == ()
    (staying,) = diff.staying
    assert staying.stays == "its final letter has promised a later end"
    before = world.case_of(anna).policy_digest
    wish = act_apply.Wish(config_dir, move=True, yes=True)
    assert act_apply.apply(view_of(world), wish, by="jo", reason="shorter")
    world.advance(days=1)
    assert world.case_of(anna).policy_digest == before
    assert world.rows("SELECT 1 FROM attempts WHERE kind = 'cancel'") == []


def test_a_case_whose_final_letter_promised_another_end_keeps_its_policy(
    make_world: MakeWorld, config_dir: Path
) -> None:
    world = make_world(config_dir=config_dir)
    bela = world.customer("bela", ["insufficient_funds"] * 20)
    world.advance(days=11)
    while "payment_failed_final" not in world.notices_to(bela):
        world.advance(days=1)
    file = config_dir / "dunning.yaml"
    written = file.read_text()
    held = written.replace("do: cancel ", "do: hold_invoices ").replace("when: now", "# when: now")
    assert held != written
    file.write_text(held)
    (staying,) = diff_of(world, config_dir, move=True).staying
    assert staying.stays == "its final letter has promised another end"


def ask_person(config_dir: Path, mode: str = "live") -> None:
    """Let a person decide about endings, in *mode*."""
    file = config_dir / "dunning.yaml"
    written = file.read_text()
    asked = re.sub(r"(?m)^(    )ending:", r"\1person_decides: ending\n\1ending:", written)
    assert asked != written
    file.write_text(re.sub(r"(?m)^mode: \w+", f"mode: {mode}", asked))


def test_what_a_person_would_decide_is_told_for_open_cases(
    make_world: MakeWorld, config_dir: Path
) -> None:
    world = make_world(config_dir=config_dir)
    failed(world)
    world.advance(days=2)
    ask_person(config_dir)
    diff = diff_of(world, config_dir, move=False)
    lines = list(diff_lines(diff, view_of(world).words))
    title = lines.index("5 open cases keep their policies. If moved as well (--move-open-cases):")
    assert lines[title + 1].startswith(
        "  Waits for a person's approval: 5 cases, €245.00; first on"
    )
    assert "ending, first " in lines[title + 2]
    assert "    person decides: nothing -> ending" in lines
    marked = list(markdown_lines(diff, view_of(world).words))
    assert "- person decides: nothing -> ending" in marked
    (rules,) = diff.effects.rules
    assert (len(rules.case_ids), rules.details) == (5, ("person decides: nothing -> ending",))
    assert str(list(rules.details)) in str(diff_json(diff)["rules_if_moved"])


def test_another_mode_comes_first_and_hides_no_other_change(
    make_world: MakeWorld, config_dir: Path
) -> None:
    """In `watch` no person is asked, so the forecasts are alike and only the rules tell it."""
    world = make_world(config_dir=config_dir)
    failed(world)
    world.advance(days=2)
    ask_person(config_dir, "watch")
    words, first = view_of(world).words, "mode: live -> watch: it plans and logs only; "
    for move in (False, True):
        diff = diff_of(world, config_dir, move=move)
        lines = list(diff_lines(diff, words))
        assert lines[0].startswith(first)
        assert sum("mode: " in line for line in lines) == 1
        assert lines[2].startswith(
            "  Rules of monthly-cards: 5 cases, €245.00: C-1001, C-1002, C-1003"
        )
        assert lines[3] == "    person decides: nothing -> ending"
        assert next(iter(markdown_lines(diff, words))).startswith(f"### {first}")
        told = diff_json(diff)
        assert next(iter(told)) == "mode"
        assert str(told["mode"]).startswith(first)
