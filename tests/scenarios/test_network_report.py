"""The network report agrees with what the sandbox itself logged, counted without our own rules."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tests.scenarios.stripe_side import DAY, START
from tests.scenarios.world import World
from worker.cli.report_network import NetworkReport, network_report
from worker.domain.network_tries import MadeBy
from worker.rehearsal.checks_tries import Tried, read_tries
from worker.store.ledger import PostgresLedger
from worker.store.reading import snapshot
from worker.store.reading_network import read_network

NO_FUNDS = "insufficient_funds"
TEN_DAYS = {"decline_code": NO_FUNDS, "network_advice_code": "30"}


def report_of(world: World, *, from_at: datetime = START) -> NetworkReport:
    """Return the report up to now."""
    ledger = world.app.ledger
    assert isinstance(ledger, PostgresLedger)
    to_at = world.now + timedelta(seconds=1)
    with snapshot(ledger) as connection:
        record = read_network(connection, ledger.account_id, to_at=to_at)
    limits = world.app.configuration.dunning.limits.networks
    return network_report(
        record, limits, account=ledger.account_id, live=False, from_at=from_at, to_at=to_at
    )


def logged(world: World) -> list[Tried]:
    """Return the tries that the sandbox logged, by whomever."""
    return read_tries(world.stripe.client.get("/_sandbox/charges")["charges"])


def network_of(tried: Tried) -> str:
    """Return the network as the report names it."""
    return (tried.brand or "unknown") if tried.kind == "card" else tried.kind


def counted(tries: list[Tried]) -> dict[tuple[str, bool], int]:
    """Return how many tries reached each network, by us (True) and by others."""
    found = Counter((network_of(one), one.ours) for one in tries if one.reached_network)
    return dict(found)


def reported(report: NetworkReport) -> dict[tuple[str, bool], int]:
    """Return the same of the report; the sandbox's events do not tell Stripe from customers."""
    counts: Counter[tuple[str, bool]] = Counter()
    for line in report.lines:
        for who in MadeBy:
            counts[line.network, who is MadeBy.WORKER] += line.made_by(who)
    return {key: count for key, count in counts.items() if count}


def most_in_30_days(tries: list[Tried]) -> dict[str, int]:
    """Return the most tries of one card and amount in 30 days, by network, counted naively."""
    most: Counter[str] = Counter()
    for one in tries:
        window = [
            other
            for other in tries
            if (other.card, other.amount, other.currency) == (one.card, one.amount, one.currency)
            and one.at - 30 * 86_400 < other.at <= one.at
            and other.reached_network
        ]
        most[network_of(one)] = max(most[network_of(one)], len(window))
    return dict(most)


@pytest.fixture
def busy(world: World) -> World:
    """Give a world after three weeks: declines of all kinds, a wait, a stop, payers, new cards."""
    world.customer("anna", [NO_FUNDS])
    world.customer("bela", [NO_FUNDS, NO_FUNDS, "approve"])
    world.customer("carl", [TEN_DAYS, "approve"], brand="mastercard")
    world.customer("dora", [NO_FUNDS, TEN_DAYS, NO_FUNDS], brand="mastercard")
    world.customer("emil", ["lost_card"])
    world.customer("fay", ["highest_risk_level"])
    gil = world.customer("gil", [NO_FUNDS])
    hana = world.customer("hana", ["expired_card"])
    world.customer("ivo", ["do_not_honor"], brand="mastercard")
    world.customer("jan", ["approve"])
    world.advance(days=3)
    world.stripe.pay_by_hand(world.stripe.invoice(gil)["id"], world.stripe.card("approve"))
    world.stripe.save_card(hana, world.stripe.card("approve", brand="mastercard"))
    world.advance(days=18)
    return world


def test_every_figure_agrees_with_the_sandboxs_own_log(busy: World) -> None:
    report, tries = report_of(busy), logged(busy)
    assert reported(report) == counted(tries)
    assert len(report.rows) == len(tries)
    assert {one.at for one in tries} >= {int(row.tried.at.timestamp()) for row in report.rows}
    assert report.cards == len({one.card for one in tries})
    fullest = {
        line.network: max(
            each.window.highest for each in line.fullest if each.window.span == 30 * DAY
        )
        for line in report.lines
    }
    assert fullest == most_in_30_days(tries)


def test_nothing_was_broken_and_every_signal_was_obeyed(busy: World) -> None:
    report = report_of(busy)
    assert report.violations == ()
    lines = {line.network: line for line in report.lines}
    assert (lines["mastercard"].waits, lines["mastercard"].waits_cut) == (2, 0)
    visa = lines["visa"]
    assert len(visa.stops) == visa.stops_obeyed > 0
    assert "The decline lost_card" in {stop.signal for _, stop in visa.stops}


def test_the_period_cuts_rows_but_its_windows_reach_back(busy: World) -> None:
    """From the 10th on there are fewer rows; the first of them still counts what came before."""
    middle = datetime(2026, 12, 10, tzinfo=UTC)
    whole, part = report_of(busy), report_of(busy, from_at=middle)
    late = [row for row in whole.rows if row.tried.at >= middle]
    assert 0 < len(late) < len(whole.rows)
    assert list(part.rows) == late
    assert max(count for row in part.rows for _, count, _ in row.windows) > 2


def test_a_debit_counts_once_though_its_charge_is_told_days_later(world: World) -> None:
    """The first debit is returned; ours is under way for days, then paid: two tries, one ours."""
    account = world.stripe.bank_account(NO_FUNDS, "approve")
    world.customer("kim", method=account)
    world.advance(days=14)
    report, tries = report_of(world), logged(world)
    assert len(report.rows) == len(tries) == 2
    assert reported(report) == counted(tries)
