"""What the morning mail says of a ledger with a bit of everything, and that it is safe to open."""

from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser

from tests.integration.cli.seeding import NOW, Seeding, berlin, seed_story
from worker.domain.holds import HoldKind, HoldScope
from worker.domain.policy import Configuration
from worker.domain.staff import StaffContent
from worker.office.charging import Charging
from worker.office.daily_mail import daily_mail, next_working_day, previous_mail_day, read_morning
from worker.office.plan import read_plan_of
from worker.office.since import kept_until, read_since
from worker.office.staff_document import content_of
from worker.office.ways import office_of
from worker.ports import NewHold
from worker.store.ledger import PostgresLedger

STOPPED = Charging(
    yes=False,
    cause="switch",
    since=berlin(5, 9, 14),
    said="switched off by jo: the bank asked us to",
    do="dunning go --by NAME --reason WHY",
    on_purpose=True,
)


def mail_of(
    ledger: PostgresLedger, configuration: Configuration, charging: Charging, *, days: int = 0
) -> StaffContent:
    """Return the mail of Saturday 5 December, noon; the same plan may be told days later."""
    office = office_of(configuration)
    until = kept_until(NOW, office.zone) + timedelta(days=8)
    plan = read_plan_of(ledger, office, charging, now=NOW, wall_now=NOW, until=until)
    plan = replace(plan, made_at=NOW + timedelta(days=days))
    morning = read_morning(ledger, plan, read_since(ledger, plan), result_from=date(2026, 12, 1))
    return content_of(daily_mail(morning))


def seed_book(seeding: Seeding) -> None:
    """Write a waiting case, one for a person, one at its end, and a hold that ends on Monday."""
    seed_story(seeding)
    seeding.customer(43, name="<b>North</b> Foods", email="n@north.example", country="DE")
    seeding.review(seeding.case(43, amount_minor=120000, currency="jpy"), "outcome unknown")
    hold = NewHold(
        HoldScope.CUSTOMER,
        "cus_43",
        HoldKind.PROMISE_TO_PAY,
        owner="ann",
        reason="pays on Monday",
        by="ann",
        until=berlin(7, 10, 0),
    )
    with seeding.ledger.begin() as tx:
        tx.holds.put(hold, now=berlin(4, 10, 0))


def test_a_morning_with_a_bit_of_everything(
    ledger: PostgresLedger, seeding: Seeding, configuration: Configuration
) -> None:
    seed_book(seeding)
    mail = mail_of(ledger, configuration, STOPPED)
    assert (
        mail.subject == "CHARGING NO · Dunning, Sat 5 Dec: 0 charges, 0 letters, 0 endings planned"
    )
    first, *rest = mail.text.splitlines()
    assert first == "CHARGING  NO since 09:14: switched off by jo: the bank asked us to. No case"
    said = "\n".join(rest)
    assert "TUE 1 DEC TO FRI 4 DEC" in said
    assert "C-1002 <b>North</b> Foods JP¥120,000: outcome unknown" in said
    assert "    -> dunning case C-1002" in said
    assert "    -> dunning go --by NAME --reason WHY" in said
    assert (
        "The hold of ann on customer cus_43 ends Mon 7 Dec 10:00, then it goes on:\n  pays" in said
    )
    assert '    -> dunning hold cus_43 --kind internal --until "10 days" --by NAME' in said
    assert mail.attachment_name == "dunning-plan-2026-12-05.csv"
    assert "try 3" in mail.attachment
    assert "Blue Studio" not in mail.attachment, "files have ids only"


def test_the_endings_of_the_next_working_day_are_named_with_what_keeps_each(
    ledger: PostgresLedger, seeding: Seeding, configuration: Configuration
) -> None:
    """The story ends on Wednesday 16 December; on the day before its end is announced."""
    seed_story(seeding)
    tuesday = mail_of(ledger, configuration, Charging(yes=True), days=10)
    assert "ENDS ON THE NEXT WORKING DAY, WED 16 DEC" in tuesday.text
    assert "Wed 16 Dec 09:00 C-1001 Blue Studio €49.00: cancel the subscription, if" in tuesday.text
    assert '    -> dunning extend C-1001 --days 3 --by NAME --reason "..."' in tuesday.text


def test_the_page_names_people_as_text_and_fetches_nothing(
    ledger: PostgresLedger, seeding: Seeding, configuration: Configuration
) -> None:
    seed_book(seeding)
    page = mail_of(ledger, configuration, STOPPED).html
    assert "&lt;b&gt;North&lt;/b&gt; Foods" in page
    for forbidden in ("<b>North", "http://", "https://", "<script", "<img", "url("):
        assert forbidden not in page
    seen: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, _attrs: object) -> None:
            seen.append(tag)

    Reader().feed(page)
    assert seen.count("h1") == 1
    assert seen.count("h2") == 4


def test_weekends_and_what_the_result_is_about() -> None:
    friday, monday = date(2026, 12, 4), date(2026, 12, 7)
    assert next_working_day(friday) == monday
    assert next_working_day(date(2026, 12, 5)) == monday
    assert previous_mail_day(monday, weekdays_only=True) == friday
    assert previous_mail_day(monday, weekdays_only=False) == date(2026, 12, 6)


def test_a_quiet_morning_says_so(
    ledger: PostgresLedger, seeding: Seeding, configuration: Configuration
) -> None:
    mail = mail_of(ledger, configuration, Charging(yes=True))
    assert mail.text.splitlines()[0] == "CHARGING  yes"
    assert mail.text.count("Nothing.") == 2
