"""Mail servers that refuse, break off, are away; templates that are broken."""

import shutil
from pathlib import Path

from tests.scenarios.stripe_side import DAY, HOUR, START
from tests.scenarios.world import REPOSITORY, World
from worker.domain.case import CaseState, LetterState, Outcome

FAILED = START + 2 * HOUR


def states(world: World, name: str) -> list[LetterState]:
    """Return the states of the letters of a customer called *name*, in order."""
    rows = world.rows(
        "SELECT letters.state FROM letters JOIN customers ON customers.id = letters.customer_id "
        "WHERE customers.name ILIKE :name ORDER BY letters.id",
        name=name,
    )
    return [LetterState(row["state"]) for row in rows]


def test_a_mailbox_that_does_not_exist_is_refused_once_per_letter(world: World) -> None:
    """550: the letter is refused for good, the next step tries again, and the end asks a person."""
    anna = world.customer("anna", ["insufficient_funds"])
    world.inbox.refuse(anna.email)
    world.advance(days=20)
    case = world.case_of(anna)
    assert [one.state for one in case.letters] == [LetterState.REFUSED] * 4
    assert case.state is CaseState.IN_REVIEW
    assert "final letter is refused" in case.reason
    assert len(world.facts("notice.failed")) == 4
    assert world.stripe.requests("DELETE") == []


def test_a_mailbox_that_is_full_for_an_hour_gets_its_letter_later(world: World) -> None:
    """451 means not now: the letter waits and goes out once, and nothing is counted as sent."""
    bela = world.customer("bela", ["insufficient_funds"])
    world.inbox.refuse(bela.email, 451, "mailbox full")
    world.advance(hours=7)
    assert world.letters_to(bela) == []
    assert world.facts("notice.sent") == []
    world.inbox.accept(bela.email)
    world.advance(hours=1)
    assert world.notices_to(bela) == ["payment_failed_1"]
    (letter,) = world.case_of(bela).letters
    assert letter.state is LetterState.SENT


def test_a_connection_cut_after_the_letter_was_handed_over_is_never_repeated(world: World) -> None:
    """It may have arrived (here it did): unknown, reported, never sent again; the case goes on."""
    carl = world.customer("carl", ["insufficient_funds"])
    world.inbox.drop_connections(1, keeping=True)
    world.advance(days=4)
    assert world.notices_to(carl) == ["payment_failed_1", "payment_failed_2"]
    case = world.case_of(carl)
    assert [one.state for one in case.letters] == [LetterState.UNKNOWN, LetterState.SENT]
    assert len(world.log("letter.unknown")) == 1
    assert len(world.facts("notice.unknown")) == 1


def test_an_ending_whose_final_letter_is_unknown_asks_a_person(world: World) -> None:
    """Nobody is cancelled on a final letter that may not have come."""
    dora = world.customer("dora", ["insufficient_funds"])
    world.advance(days=10)
    world.inbox.drop_connections(1, keeping=False)
    world.advance(days=12)
    case = world.case_of(dora)
    assert case.state is CaseState.IN_REVIEW
    assert "final letter is unknown" in case.reason
    assert "payment_failed_final" not in world.notices_to(dora)
    assert world.stripe.requests("DELETE") == []


def test_the_mail_server_is_away_for_three_days(world: World) -> None:
    """Charges go on. When it is back, the one letter that still matters goes out, not both."""
    emil = world.customer("emil", ["insufficient_funds"])
    world.start_worker(smtp_url="smtp://127.0.0.1:9")
    world.advance(days=3, hours=3, every=3 * HOUR)
    assert len(world.stripe.charges(emil, by="api")) == 2
    assert world.letters_to(emil) == []
    world.start_worker()
    world.advance(hours=2)
    assert world.notices_to(emil) == ["payment_failed_2"]
    case = world.case_of(emil)
    assert [one.state for one in case.letters] == [LetterState.SUPPRESSED, LetterState.SENT]


def test_the_end_waits_for_a_mail_server_that_is_away(world: World) -> None:
    """Away from day 10 to day 20: the final letter goes out then, and the end 48 hours after it."""
    fay = world.customer("fay", ["insufficient_funds"])
    world.advance(days=10)
    world.start_worker(smtp_url="smtp://127.0.0.1:9")
    world.advance(days=10, every=DAY)
    assert world.case_of(fay).state is CaseState.OPEN
    assert world.stripe.requests("DELETE") == []
    world.start_worker()
    world.advance(days=5)
    (final,) = [one for one in world.letters_to(fay) if one.notice == "payment_failed_final"]
    case = world.case_of(fay)
    assert case.outcome is Outcome.ENDED
    assert case.closed_at is not None
    assert case.closed_at - final.at >= 2 * DAY


def test_a_broken_template_holds_its_letters_and_nothing_else(world: World, tmp_path: Path) -> None:
    """Somebody saved half a template: its letters wait and say why; the repair lets them go."""
    templates = tmp_path / "templates"
    shutil.copytree(REPOSITORY / "templates", templates)
    page = templates / "en" / "payment_failed_1.md"
    good = page.read_text()
    page.write_text(good.replace("{{ amount }}", "{{ amonut }}"))
    gus = world.customer("gus", ["insufficient_funds", "approve"])
    hana = world.customer("hana", [{"requires_action": True}])
    world.start_worker(templates_dir=templates)
    world.advance(hours=8)
    assert world.letters_to(gus) == []
    assert world.notices_to(hana) == ["action_required"]
    broken = world.log("letter.broken")
    assert broken
    assert "amonut" in broken[0]["error"]

    page.write_text(good)
    world.start_worker(templates_dir=templates)
    world.advance(hours=1)
    assert world.notices_to(gus) == ["payment_failed_1"]
    world.advance(days=1)
    assert world.case_of(gus).outcome is Outcome.RECOVERED


def test_a_letter_that_is_no_longer_true_is_not_sent(world: World) -> None:
    """Due at night, the letter waits for the morning; by then the customer has paid."""
    noa = world.customer("noa", ["insufficient_funds"], country="NZ", zone="Pacific/Auckland")
    world.advance(hours=7)
    assert states(world, "noa") == [LetterState.QUEUED]
    world.stripe.pay_by_hand(world.stripe.invoice(noa)["id"], world.stripe.card("approve"))
    world.advance(days=2)
    assert world.letters_to(noa) == []
    assert states(world, "noa") == [LetterState.SUPPRESSED]
    assert len(world.facts("notice.suppressed")) == 1


def test_two_letters_of_one_case_never_share_a_message_id(world: World) -> None:
    """Each step's Message-ID is its own and stable, so that mail servers can tell repeats."""
    pia = world.customer("pia", ["lost_card"])
    world.advance(days=9)
    ids = [one.message_id for one in world.letters_to(pia)]
    assert len(ids) == len(set(ids)) == 3
    assert world.case_of(pia).failed_at == FAILED
