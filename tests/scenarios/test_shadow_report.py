"""`dunning report shadow`: what watching would have done, beside what really happened."""

import re
from datetime import timedelta
from html import unescape
from zoneinfo import ZoneInfo

from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import Customer
from tests.scenarios.test_watch import untouched, watching
from tests.scenarios.world import World
from worker.cli.look_report_shadow import shadow_page
from worker.cli.report_parts import cell_plain
from worker.cli.report_shadow import ShadowReport, shadow_parts
from worker.domain.metric import Period
from worker.office.words import OfficeWords
from worker.store.ledger import PostgresLedger
from worker.store.reading import snapshot
from worker.store.reading_shadow import ShadowCase, read_shadow, read_shadow_letters

DECLINED = ["insufficient_funds"] * 9


def report_of(world: World, period: Period) -> ShadowReport:
    """Return the report as the command reads it."""
    ledger = world.app.ledger
    assert isinstance(ledger, PostgresLedger)
    with snapshot(ledger) as connection:
        account = ledger.account_id
        cases = read_shadow(connection, account, period, now=world.now)
        letters = read_shadow_letters(connection, account, period)
    return ShadowReport(account, False, world.now, period, tuple(cases), tuple(letters))


def summary(report: ShadowReport) -> dict[str, tuple[object, ...]]:
    """Return count, owed, charges of ours, tries by Stripe and paid of each line."""
    [part] = [each for each in shadow_parts(report) if each.topic == "shadow"]
    return {str(row[0]): tuple(cell_plain(cell) for cell in row[1:6]) for row in part.table.rows}


def test_what_was_watched_stands_beside_what_happened(make_world: MakeWorld) -> None:
    world = make_world(configuration=watching())
    began = world.now
    never = world.customer("never", DECLINED, amount_minor=1000)
    early = world.customer("early", [*DECLINED[:1], "approve"], amount_minor=2000)
    late = world.customer("late", [*DECLINED[:1], "approve"], amount_minor=4000)
    world.advance(days=5)
    world.stripe.pay_by_hand(world.case_of(early).invoice_id)
    world.advance(days=13)
    world.stripe.pay_by_hand(world.case_of(late).invoice_id)
    world.advance(days=1)
    report = report_of(world, Period(began, world.now))
    cases = {each.case_id: each for each in report.cases}

    def found(customer: Customer) -> ShadowCase:
        return cases[world.case_of(customer).id]

    people = (never, early, late)
    assert [(each.standing, each.paid_minor) for each in map(found, people)] == [
        ("open", 0),
        ("paid", 2000),
        ("paid", 4000),
    ]
    assert found(never).charges > found(early).charges > 0
    assert found(early).ending_at is None
    late_ending = found(late).ending_at
    assert late_ending is not None
    assert found(never).ending_at is not None
    told = summary(report)
    charges = sum(each.charges for each in report.cases)
    assert told["any act"] == told["would have charged"] == (3, 7000, charges, 2, 2)
    assert told["… and paid only after our first charge"][:2] == (2, 6000)
    assert told["would have ended"][:2] == (2, 5000)
    assert told["… and paid after that"][:2] == (1, 4000)
    kept = world.rows("SELECT act, count(*) AS count FROM watched_acts GROUP BY 1")
    acts = {row["act"]: row["count"] for row in kept}
    assert charges == acts["charge"]
    assert sum(count for _, count in report.letters) == acts["letter"]
    assert untouched(world), "a report does nothing"


def test_tries_by_stripe_are_counted_and_a_period_without_acts_says_so(
    make_world: MakeWorld,
) -> None:
    world = make_world(configuration=watching())
    began = world.now
    world.stripe.settings(retries=[3, 5])
    sue = world.customer("sue", DECLINED, amount_minor=1000)
    world.advance(days=12)
    report = report_of(world, Period(began, world.now))
    [case] = report.cases
    assert case.case_id == world.case_of(sue).id
    assert (case.charges, case.stripe_tries) == (0, len(world.stripe.tries(sue)) - 1)
    assert case.stripe_tries == 2
    words = OfficeWords(ZoneInfo("Europe/Berlin"), world.now)
    page = str(shadow_page(report, words))
    assert set(re.findall(r"https?://[^\"'\s<]+", page)) == {"http://www.w3.org/2000/svg"}
    before = Period(began - timedelta(days=9), began)
    nothing = str(shadow_page(report_of(world, before), words))
    assert "No act was watched in this period: set mode: watch" in unescape(nothing)
    assert ("CSV" in page, "CSV" in nothing) == (True, False), "no table, no link to one"
