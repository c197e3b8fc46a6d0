"""Mails to staff: one each morning, one for each stop and each review; never twice."""

from dataclasses import replace
from datetime import time, timedelta
from email.message import EmailMessage

import pytest

from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import START
from tests.scenarios.world import World, shipped_configuration
from worker.domain.job_times import JobTiming
from worker.domain.policy import Configuration, PersonDecides
from worker.domain.staff import AlertKind, AtOnce, DailyMail, StaffRules
from worker.jobs.table import run_job
from worker.services.operate import go, stop

FINANCE, LEAD, ONCALL = "finance@acme.example", "lead@acme.example", "oncall@acme.example"
SEVEN = time(7, 30)


def with_staff(*, weekdays_only: bool = True) -> Configuration:
    """Return the shipped configuration with mails to staff."""
    shipped = shipped_configuration()
    rules = StaffRules(
        DailyMail((FINANCE, LEAD), SEVEN, weekdays_only=weekdays_only),
        AtOnce((ONCALL,), tuple(AlertKind)),
    )
    return replace(
        shipped,
        notices=replace(shipped.notices, staff=rules),
        schedule={**shipped.schedule, "daily_mail": JobTiming(daily_at=SEVEN)},
    )


@pytest.fixture
def staffed(make_world: MakeWorld) -> World:
    """Give a world whose staff gets mails; it is Tuesday, eight in Berlin."""
    return make_world(configuration=with_staff())


def mails_to(world: World, address: str) -> list[EmailMessage]:
    """Return what reached an address, in order."""
    return [mail.message for mail in world.inbox.mails if address in mail.recipients]


def text_of(message: EmailMessage) -> str:
    """Return the plain text."""
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def show_signs_of_life(world: World) -> None:
    """Let a scheduler and a worker be heard of, as their processes do every minute."""
    with world.app.ledger.begin() as tx:
        for name in ("scheduler-1", "worker-1"):
            tx.jobs.beat(name, wall_now=world.clock.wall_now(), config_digest="")


def stop_it(world: World, reason: str = "too many complaints") -> None:
    """Stop everything, as jo."""
    app = world.app
    stop(ledger=app.ledger, clock=app.clock, now=world.now, by="jo", reason=reason)


def test_the_morning_mail_comes_once_however_often_it_is_asked_for(staffed: World) -> None:
    """Two workers, two schedulers, a lost message: each address gets one mail a day."""
    world = staffed
    world.customer("anna", ["insufficient_funds"])
    world.customer("bela", ["insufficient_funds", "approve"])
    world.advance(hours=12)
    world.job("plan")
    assert mails_to(world, FINANCE) == [], "nobody asked for a mail yet"
    world.advance(hours=12)
    show_signs_of_life(world)
    world.job("daily_mail")
    world.start_worker(with_staff())
    world.job("daily_mail")
    world.job("staff_mail")
    (mail,) = mails_to(world, FINANCE)
    assert len(mails_to(world, LEAD)) == 1
    said = text_of(mail)
    assert said.splitlines()[0] == "CHARGING  yes"
    assert "Failed 2: €98.00" in said
    assert " Anna €49.00: charge Visa .." in said
    assert "Since yesterday's plan: " in said
    (attached,) = list(mail.iter_attachments())
    assert attached.get_filename() == "dunning-plan-2026-12-02.csv"
    assert attached.get_content().startswith("at,case,customer_id,")
    for line in world.log("staff_mail"):
        assert "acme.example" not in str(line), "no address in the log"


def test_a_mail_whose_hour_passed_comes_late_on_its_day_and_never_a_day_later(
    staffed: World,
) -> None:
    """Nobody works from Tuesday to Friday 06:00 and over the weekend; one mail tells of it all."""
    world = staffed
    world.customer("anna", ["insufficient_funds"])
    world.advance(hours=3)
    world.job("daily_mail")
    world.away(days=2, hours=18)
    world.run()
    world.job("daily_mail")
    assert len(mails_to(world, FINANCE)) == 1, "at five its time is to come, Thursday's is past"
    world.advance(hours=4)
    world.job("daily_mail")
    assert len(mails_to(world, FINANCE)) == 2
    assert "TUE 1 DEC TO THU 3 DEC" in text_of(mails_to(world, FINANCE)[1])
    world.advance(days=1)
    world.job("daily_mail")
    assert len(mails_to(world, FINANCE)) == 2, "no mail on a Saturday"
    world.advance(days=2)
    world.job("daily_mail")
    assert "FRI 4 DEC TO SUN 6 DEC" in text_of(mails_to(world, FINANCE)[2])


def test_a_stop_is_told_once_and_a_second_stop_again_while_letters_stand_still(
    staffed: World,
) -> None:
    world = staffed
    anna = world.customer("anna", ["insufficient_funds"])
    world.advance(hours=3)
    stop_it(world)
    for _ in range(3):
        world.job("staff_mail")
    world.advance(hours=6)
    world.job("staff_mail")
    assert world.letters_to(anna) == [], "letters stop with the charges"
    (mail,) = mails_to(world, ONCALL)
    assert mail["Subject"] == "CHARGING NO: dunning has stopped"
    assert "switched off by jo: too many complaints" in text_of(mail)
    assert "    -> dunning status" in text_of(mail)
    world.advance(hours=15)
    world.job("daily_mail")
    (morning,) = mails_to(world, FINANCE)
    assert str(morning["Subject"]).startswith("CHARGING NO · ")
    go(ledger=world.app.ledger, clock=world.clock, now=world.now, by="jo", reason="cured")
    world.pass_time_to(world.now + timedelta(hours=1))
    stop_it(world, "again")
    world.job("staff_mail")
    assert len(mails_to(world, ONCALL)) == 2


def test_reviews_come_together_and_at_most_one_mail_in_fifteen_minutes(staffed: World) -> None:
    """A charge in a currency that Stripe refuses: one case, then two more a minute later."""
    world = staffed
    for name in ("anna", "bela", "carl"):
        world.customer(name, ["currency_not_supported"])
    world.advance(hours=3)
    world.job("staff_mail")
    world.job("staff_mail")
    assert len(world.facts("case.in_review")) == 3
    (mail,) = mails_to(world, ONCALL)
    assert mail["Subject"] == "Dunning: 3 cases wait for a person"
    assert text_of(mail).count("    -> dunning case C-10") == 3
    dora = world.customer("dora", ["currency_not_supported"], charged_in=timedelta(hours=2))
    world.advance(hours=3)
    world.clock.ahead -= timedelta(hours=2, minutes=50)
    assert world.case_of(dora).state.value == "in_review"
    world.job("staff_mail")
    assert len(mails_to(world, ONCALL)) == 1, "ten minutes after the last by the wall clock"
    world.clock.ahead += timedelta(minutes=10)
    world.job("staff_mail")
    assert len(mails_to(world, ONCALL)) == 2
    assert "C-1004" in text_of(mails_to(world, ONCALL)[1])


def test_a_limit_is_told_once_in_its_window(staffed: World) -> None:
    """A cap that is reached leaves one row for each of its windows (services.permission)."""
    world = staffed
    world.run()
    for period in ("2026-12-01T07", "2026-12-01T07", "2026-12-01T08"):
        with world.app.ledger.begin() as tx:
            tx.jobs.once("limit 500 charges per hour", period, now=world.now)
        world.job("staff_mail")
    first, second = mails_to(world, ONCALL)
    assert first["Subject"] == "Dunning: the limit of 500 charges per hour is reached"
    assert "the rest waits, nothing is" in text_of(second)


def test_what_a_policy_leaves_to_a_person_is_told_once_and_again_each_morning(
    make_world: MakeWorld,
) -> None:
    """`person_decides: charges`: one mail at once, then a line of the morning mail."""
    told = with_staff()
    policies = tuple(
        replace(each, person_decides=(PersonDecides.CHARGES,)) for each in told.dunning.policies
    )
    world = make_world(
        configuration=replace(told, dunning=replace(told.dunning, policies=policies))
    )
    world.customer("anna", ["insufficient_funds"])
    world.advance(days=2)
    for _ in range(3):
        world.job("staff_mail")
    (mail,) = mails_to(world, ONCALL)
    assert mail["Subject"] == "Dunning: 1 act waits for you"
    command = "    -> dunning approve C-1001 --by NAME --reason WHY"
    assert f"C-1001 Anna €49.00: try 1\n{command}" in text_of(mail).replace("\r\n", "\n")
    world.advance(days=1)
    world.job("daily_mail")
    assert command in text_of(mails_to(world, FINANCE)[0])


def test_an_answer_that_is_lost_is_reported_and_the_mail_never_sent_again(staffed: World) -> None:
    world = staffed
    world.run()
    stop_it(world)
    world.inbox.drop_connections(1, keeping=True)
    world.job("staff_mail")
    world.pass_wall(minutes=60)
    world.job("staff_mail")
    assert len(mails_to(world, ONCALL)) == 1
    (line,) = world.log("staff_mail")
    assert (line["level"], line["state"]) == ("warn", "unknown")


def test_a_sender_that_dies_with_a_mail_in_its_hands_leaves_it_unknown(staffed: World) -> None:
    """It was committed to `sending`, and nobody knows how far it came."""
    world = staffed
    world.run()
    stop_it(world)
    run_to_the_brink(world)
    world.job("staff_mail")
    assert mails_to(world, ONCALL) == [], "somebody may be sending it"
    world.pass_wall(minutes=11)
    world.job("staff_mail")
    world.job("staff_mail")
    assert mails_to(world, ONCALL) == []
    states = [row["state"] for row in world.rows("SELECT state FROM staff_mails")]
    assert states == ["unknown"]
    assert [line["state"] for line in world.log("staff_mail")] == ["waits", "unknown"]


def run_to_the_brink(world: World) -> None:
    """Queue the alert and commit to sending it, as a process does that is killed right then."""
    world.inbox.refuse(ONCALL, 451, "not now")
    run_job(world.app, "staff_mail")
    world.inbox.accept(ONCALL)
    world.pass_wall(minutes=6)
    with world.app.ledger.begin() as tx:
        (mail_id,) = tx.staff.due(wall_now=world.clock.wall_now())
        assert tx.staff.begin_sending(mail_id, wall_now=world.clock.wall_now()) is not None


def test_a_mail_server_that_says_not_now_is_asked_again_and_the_mail_comes_once(
    staffed: World,
) -> None:
    world = staffed
    world.run()
    stop_it(world)
    world.inbox.refuse(ONCALL, 451, "not now")
    world.job("staff_mail")
    world.job("staff_mail")
    assert mails_to(world, ONCALL) == []
    world.inbox.accept(ONCALL)
    world.pass_wall(minutes=6)
    world.job("staff_mail")
    world.job("staff_mail")
    assert len(mails_to(world, ONCALL)) == 1
    kept = world.rows("SELECT state, content FROM staff_mails")
    assert kept == [{"state": "sent", "content": {}}], "what was sent is not kept"


def test_without_staff_in_the_file_nobody_gets_a_mail(world: World) -> None:
    world.run()
    assert world.now == START
    stop_it(world)
    world.job("staff_mail")
    world.job("daily_mail")
    assert world.inbox.mails == []
    assert world.rows("SELECT id FROM staff_mails") == []
