"""Staff is told of a stop while it holds, and once that it is over; never of what is past."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.scenarios.servers import MakeWorld
from tests.scenarios.test_staff_mail import ONCALL, mails_to, stop_it, text_of, with_staff
from tests.scenarios.world import World
from worker.domain.policy import Mode
from worker.jobs.table import run_job
from worker.services.operate import go

STOPPED = "CHARGING NO: dunning has stopped"
GOES_ON = "CHARGING YES: dunning goes on"


@pytest.fixture
def staffed(make_world: MakeWorld) -> World:
    """Give a world whose staff gets mails."""
    world = make_world(configuration=with_staff())
    world.run()
    return world


def start_it(world: World, reason: str = "cured") -> None:
    """Let charging go on, as jo."""
    go(ledger=world.app.ledger, clock=world.clock, now=world.now, by="jo", reason=reason)


def later(world: World, minutes: int) -> None:
    """Let time pass without any work."""
    world.pass_time_to(world.now + timedelta(minutes=minutes))


def subjects(world: World) -> list[str]:
    """Return what whoever is on call was told, in order."""
    return [str(mail["Subject"]) for mail in mails_to(world, ONCALL)]


def test_a_stop_that_is_over_when_its_alert_is_due_is_told_to_nobody(staffed: World) -> None:
    world = staffed
    stop_it(world)
    later(world, 1)
    start_it(world)
    for _ in range(3):
        world.job("staff_mail")
    later(world, 60)
    world.job("staff_mail")
    assert subjects(world) == []


def test_who_was_told_of_a_stop_is_told_exactly_once_that_it_is_over(staffed: World) -> None:
    world = staffed
    stop_it(world)
    world.job("staff_mail")
    later(world, 30)
    start_it(world)
    for _ in range(2):
        world.job("staff_mail")
        world.start_worker(with_staff())
        world.job("staff_mail")
    later(world, 60)
    world.job("staff_mail")
    assert subjects(world) == [STOPPED, GOES_ON]
    said = text_of(mails_to(world, ONCALL)[1])
    assert said.startswith("CHARGING YES: dunning goes on since ")
    assert "started by jo: cured." in said.replace("\r\n", " ").replace("\n", " ")
    assert "switched off by jo: too many complaints" in said
    assert [line["notice"] for line in world.log("staff_mail")] == [
        "charging_stopped",
        "charging_resumed",
    ]


def test_an_end_after_days_is_told_and_a_short_stop_after_it_is_not(staffed: World) -> None:
    """The stop itself lies beyond what is looked back at; its end does not."""
    world = staffed
    stop_it(world)
    world.job("staff_mail")
    later(world, 3 * 24 * 60)
    world.job("staff_mail")
    start_it(world)
    world.job("staff_mail")
    stop_it(world, "by mistake")
    later(world, 1)
    start_it(world)
    world.job("staff_mail")
    assert subjects(world) == [STOPPED, GOES_ON]


def test_stops_that_come_one_upon_the_other_have_one_end(staffed: World) -> None:
    world = staffed
    stop_it(world)
    world.job("staff_mail")
    start_it(world)
    later(world, 1)
    stop_it(world, "again")
    world.job("staff_mail")
    assert subjects(world) == [STOPPED, STOPPED], "it stands still: nothing says that it goes on"
    start_it(world)
    later(world, 1)
    stop_it(world, "a third time")
    later(world, 1)
    start_it(world, "cured for good")
    world.job("staff_mail")
    world.job("staff_mail")
    assert subjects(world) == [STOPPED, STOPPED, GOES_ON]
    assert "cured for good" in text_of(mails_to(world, ONCALL)[2])


def test_an_alert_that_the_mail_server_held_up_never_comes_after_the_end(staffed: World) -> None:
    world = staffed
    stop_it(world)
    world.inbox.refuse(ONCALL, 451, "not now")
    world.job("staff_mail")
    start_it(world)
    world.inbox.accept(ONCALL)
    world.pass_wall(minutes=6)
    run_job(world.app, "staff_mail")
    world.pass_wall(minutes=6)
    run_job(world.app, "staff_mail")
    assert subjects(world) == []
    (kept,) = world.rows("SELECT state, reason, content FROM staff_mails")
    assert kept == {"state": "dropped", "reason": "charging goes on", "content": {}}


def test_an_end_that_the_mail_server_held_up_never_comes_after_the_next_stop(
    staffed: World,
) -> None:
    world = staffed
    stop_it(world)
    world.job("staff_mail")
    start_it(world)
    world.inbox.refuse(ONCALL, 451, "not now")
    world.job("staff_mail")
    later(world, 1)
    stop_it(world, "again")
    world.inbox.accept(ONCALL)
    world.pass_wall(minutes=6)
    world.job("staff_mail")
    assert subjects(world) == [STOPPED, STOPPED]
    start_it(world)
    world.job("staff_mail")
    assert subjects(world) == [STOPPED, STOPPED, GOES_ON]


def test_a_mode_that_does_not_charge_is_named_instead_of_a_yes(make_world: MakeWorld) -> None:
    told = with_staff()
    world = make_world(
        configuration=replace(told, dunning=replace(told.dunning, mode=Mode.LETTERS))
    )
    world.run()
    stop_it(world)
    world.job("staff_mail")
    start_it(world)
    world.job("staff_mail")
    assert subjects(world)[1:] == ["Dunning goes on in mode letters"]
