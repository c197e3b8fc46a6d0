"""A year of subscribers: MRR, each movement and metric of each month, from facts and the objects.

The sandbox's own objects are counted by `revenue_observer`, `metrics_observer` and
`payments_observer`, which know nothing of facts. What its events tell goes through the worker's own
feed and fold, and its engine looks at each case that is due (`mode: watch`), day by day. The full
form is `bench/revenue_year.py`.
"""

from datetime import timedelta

from tests.integration.services.bench import Bench
from worker.domain.metrics_rules import MetricsRules
from worker.rehearsal.revenue_replay import Replay
from worker.rehearsal.revenue_year import START, Year, month_starts

MEMBERS = 50
MONTHS = 13
CURRENCIES_MIN = 4


def replay(bench: Bench, *, late_share: float) -> Replay:
    """Return a replay of a year into the bench's ledger."""
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql("DELETE FROM cursors")
    return Replay(
        Year("1", MEMBERS),
        bench.ledger,
        rules=MetricsRules(),
        configuration=bench.ports.configuration,
        clock=bench.clock,
        log=bench.ports.log,
        late_share=late_share,
    )


def taxed_inside(year: Replay) -> set[str]:
    """Return the rates that were inside the prices of the year's invoices."""
    invoices = year.year.world.tables["invoice"].rows.values()
    taxes = (tax for row in invoices for tax in row["total_taxes"])
    inside = (tax for tax in taxes if tax["amount"] and tax["tax_behavior"] == "inclusive")
    return {tax["tax_rate_details"]["tax_rate"] for tax in inside}


def test_every_month_ties_out_to_the_minor_unit(bench: Bench) -> None:
    year = replay(bench, late_share=0.0)
    kinds: set[str] = set()
    currencies: set[str] = set()
    figures: set[str] = set()
    for first, after in month_starts(START, MONTHS):
        seen = year.month(after)
        assert year.told_movements(first, after) == seen.movements
        assert year.told_counts(first, after) == seen.counts
        assert year.told_mrr(after) == seen.mrr
        assert year.differing_figures(seen, first, after) == {}
        figures |= {name for (_, name), value in seen.figures.items() if value}
        kinds |= {kind for _, kind in seen.movements}
        currencies |= {currency for currency, _ in seen.movements}
    assert kinds == {
        "started",
        "expanded",
        "contracted",
        "paused",
        "resumed",
        "churned",
        "reactivated",
    }
    assert len(currencies) >= CURRENCIES_MIN
    # Nobody was there before the ledger, and of these few nobody comes back within 30 days of an
    # end for want of payment, pays within a week, or before Stripe's own tries bring the money.
    never = {"customers_taken_over", "mrr_taken_over", "mrr_recovered_late"}
    never |= {"recovery_rate_day_7", "recovery_amount_rate_day_7"}
    never |= {"recovered_by_customer", "recovered_amount_by_customer"}
    assert figures == {name for _, name in seen.figures} - never
    assert year.year.done["customer's coupon"] > MEMBERS / 4
    assert taxed_inside(year) == {"txr_de", "txr_gb", "txr_jp"}
    assert year.year.done["move"] > MEMBERS / 8
    assert year.corrections() == 0
    assert year.differing() == ()
    assert [line["differences"] for line in bench.said("revenue")] == [0]


def test_late_events_change_no_closed_month_and_tie_out_in_the_end(bench: Bench) -> None:
    year = replay(bench, late_share=0.2)
    closed = {}
    for first, after in month_starts(START, 8):
        year.month(after)
        closed[first, after] = year.told_movements(first, after)
    last = START + timedelta(days=280)
    seen = year.month(last, nothing_is_late=True)
    assert year.corrections() > 0
    assert year.told_mrr(last) == seen.mrr
    assert year.differing() == ()
    for (first, after), told in closed.items():
        assert year.told_movements(first, after) == told
