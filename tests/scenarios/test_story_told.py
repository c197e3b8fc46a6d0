"""What `dunning case` tells of stories: new cards, backups, links, pauses; never an id of ours."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import Customer
from tests.scenarios.world import World, shipped_configuration
from worker.cli.data_dir import View
from worker.cli.look_case import print_story, print_why
from worker.cli.look_story import tell
from worker.domain.policy import Configuration
from worker.office.ways import office_of
from worker.store.ledger import PostgresLedger
from worker.store.reading import snapshot
from worker.store.reading_case import read_case

INTERNAL = re.compile(r"\b(?:pm|ch|pi|py|sub|acct|evt|re|in)_\w{6,}|\d{4}-\d\d-\d\d[T ]\d\d:")
"""Ids, but for the customer's in the heading and the invoice's in the link, and ISO times."""


def with_backups() -> Configuration:
    """Return the shipped configuration with other cards on file as a way out."""
    shipped = shipped_configuration()
    policies = tuple(replace(p, backup_methods=("card",)) for p in shipped.dunning.policies)
    return replace(shipped, dunning=replace(shipped.dunning, policies=policies))


def told(world: World, customer: Customer, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the newest case's story with `--why`, blanks run as two; it holds nothing internal."""
    ledger = world.app.ledger
    assert isinstance(ledger, PostgresLedger)
    view = View(ledger, office_of(world.app.configuration), world.now, world.now, None, runs=True)
    case_id = world.cases_of(customer)[-1].id
    with snapshot(ledger) as connection:
        record = read_case(
            connection, ledger.account_id, case_id, now=world.now, wall_now=world.now
        )
    story = tell(record, view.office, world.now)
    capsys.readouterr()
    print_story(story, view.words, named=False, dashboard="")
    print_why(story, view.words)
    said = capsys.readouterr().out
    invoice = record.case.invoice_id
    assert INTERNAL.findall(said.replace(invoice, "")) == []
    return re.sub(r" {2,}", "  ", said)


def test_a_new_card_is_told_by_its_name(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The old card expired; the customer's new one pays at once."""
    anna = world.customer("anna", ["expired_card"])
    world.advance(days=2)
    world.stripe.save_card(anna, world.stripe.card("approve", brand="mastercard"))
    world.advance(hours=2)
    said = told(world, anna, capsys)
    assert "  new card paid  €49.00; Mastercard ..0028\n" in said
    assert "paid with a new card" in said
    assert "because  new card is due." in said


def test_a_backup_is_told_by_its_name(
    make_world: MakeWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a hard decline the other card on file is tried, and declined as well."""
    world = make_world(configuration=with_backups())
    bela = world.customer("bela", ["lost_card"])
    world.stripe.attach(bela, world.stripe.card("insufficient_funds", brand="mastercard"))
    world.advance(days=3)
    said = told(world, bela, capsys)
    assert "  backup method declined  Mastercard ..0028: insufficient_funds -> funds" in said


def test_links_to_confirm_are_letters_with_a_number(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bank wants authentication: the ladder of links, and no try."""
    carl = world.customer("carl", ["authentication_required"])
    world.advance(days=6)
    said = told(world, carl, capsys)
    assert "  confirmation letter 1 sent  action_required, " in said
    assert "  confirmation letter 2 sent  action_required, " in said
    assert "  first letter not written  the customer is asked to confirm on an own ladder" in said
    assert "Today, " in said
    assert "only the customer can authenticate this payment" in said.split("Today, ")[1]


def test_a_pause_stands_still_and_goes_on(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Collection is paused for five days: nothing happens, and the rest moves by five days."""
    dora = world.customer("dora", ["insufficient_funds"])
    world.advance(days=2)
    subscription = f"subscriptions/{dora.subscription}"
    world.stripe.staff(subscription, pause_collection={"behavior": "keep_as_draft"})
    world.advance(days=5)
    still = told(world, dora, capsys)
    assert "  stands still  Collection is paused on the subscription" in still
    assert "nothing: Collection is paused on the subscription" in still.split("Today, ")[1]
    assert "standing still  open end  " in still
    world.stripe.staff(subscription, pause_collection="")
    world.advance(hours=30)
    said = told(world, dora, capsys)
    assert "  goes on  its cause is over; the remaining steps move by 5 days" in said


def test_a_charge_for_another_invoice_makes_this_one_wait(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two subscriptions fail an hour apart: the second waits 20 hours after the first's try."""
    emil = world.customer("emil", ["insufficient_funds"])
    world.stripe.subscribe(emil, first_charge_at=world.now + timedelta(hours=3))
    world.advance(days=1, hours=4)
    assert len(world.stripe.charges(emil, by="api")) == 1
    said = told(world, emil, capsys).split("Today, ")[1]
    assert "other invoice  " in said
    assert "20 hours after the customer's last charge for another invoice" in said
