"""MRR, its movements and retention: they tie out in every group and currency."""

from fractions import Fraction
from typing import Any

from tests.integration.metrics.telling import DECEMBER, NOVEMBER, Telling, at
from worker.cli.metrics_text import value_words
from worker.domain.metric_groups import parse_group_by
from worker.domain.metrics_revenue import MOVES


def figures(telling: Telling, group: str = "", **asked: object) -> dict[str, Any]:
    """Return the values in euro of November, by name."""
    by = parse_group_by(str(asked["by"])) if "by" in asked else None
    found = telling.metrics(NOVEMBER, by=by)
    return {
        each.definition.name: each.value
        for each in found
        if (each.currency, each.group) == ("eur", group)
    }


def tell_all_movements(telling: Telling) -> None:
    """Eleven customers of October, and everything that can happen to them."""
    for number in range(10):
        telling.subscription("started", number, at(10, 5), 10000, price_id="p_small")
    telling.subscription("found", 10, at(10, 1), 0, price_id="p_big")
    telling.subscription("expanded", 0, at(11, 3), 18000, price_id="p_big")
    telling.subscription("contracted", 1, at(11, 4), 5000, price_id="p_small")
    telling.subscription("churned", 2, at(11, 5), 0, kind="involuntary", reason="x")
    telling.subscription("churned", 3, at(11, 6), 0, kind="voluntary", reason="x")
    telling.subscription("reactivated", 3, at(11, 20), 7000, kind="returned")
    telling.subscription("paused", 4, at(11, 7), 0, by="customer")
    telling.subscription("paused", 5, at(11, 8), 0, by="staff")
    telling.subscription("resumed", 5, at(11, 9), 10000)
    telling.subscription("started", "6b", at(11, 10), 2000, customer=6, price_id="p_small")
    telling.subscription("started", 20, at(11, 11), 4000, price_id="p_small")
    telling.subscription("started", 21, at(11, 12), 4000, price_id="p_small")
    telling.subscription("churned", 21, at(11, 13), 0, kind="voluntary", reason="x")


def test_every_movement_is_told_apart_as_the_customer_sees_it(telling: Telling) -> None:
    tell_all_movements(telling)
    found = figures(telling)
    assert [found[f"mrr_{kind}"] for kind in MOVES] == [
        0,
        8000,  # 20 and 21; the second subscription of customer 6 is nobody new
        7000,
        8000 + 2000,
        -5000,
        -20000,
        10000,
        -24000,
    ]
    assert found["mrr_start"] == 100000
    assert found["mrr_end"] == 86000
    assert sum(found[f"mrr_{kind}"] or 0 for kind in MOVES) == 86000 - 100000
    assert found["arr"] == 86000 * 12
    assert found["quick_ratio"] == Fraction(8000 + 7000 + 10000 + 10000, 5000 + 20000 + 24000)


def test_retention_of_revenue_looks_at_the_customers_of_the_start_alone(telling: Telling) -> None:
    tell_all_movements(telling)
    found = figures(telling)
    kept = 10000 + 5000 + 0 + 7000 + 0 + 10000 + 10000 + 10000 + 10000 + 10000
    assert found["gross_revenue_retention"] == Fraction(kept * 100, 100000)
    assert found["net_revenue_retention"] == Fraction((kept + 8000 + 2000) * 100, 100000)
    assert found["revenue_churn_rate"] == 24
    assert found["revenue_churn_rate_involuntary"] == 10
    assert found["net_revenue_churn_rate"] == 14


def test_growth_never_lifts_gross_retention_above_100(telling: Telling) -> None:
    """100,000 - 5,000 - 2,000 + 8,000: gross 93 %, net 101 %."""
    for number, (before, after) in enumerate([(50000, 58000), (25000, 20000), (23000, 23000)]):
        telling.subscription("started", number, at(10, 1), before)
        if after != before:
            what = "expanded" if after > before else "contracted"
            telling.subscription(what, number, at(11, 2), after)
    telling.subscription("started", 9, at(10, 1), 2000)
    telling.subscription("churned", 9, at(11, 3), 0, kind="voluntary", reason="x")
    found = figures(telling)
    assert (found["gross_revenue_retention"], found["net_revenue_retention"]) == (93, 101)


def test_a_customer_who_pauses_is_not_lost_and_pays_nothing(telling: Telling) -> None:
    telling.subscription("started", 1, at(10, 1), 1000)
    telling.subscription("paused", 1, at(11, 2), 0, by="customer")
    found = figures(telling)
    assert (found["customers_lost"], found["mrr_churn"], found["mrr_end"]) == (0, 0, 0)
    assert found["customer_retention_rate"] == 100
    assert found["arpu"] is None


def test_nothing_is_divided_by_nothing(telling: Telling) -> None:
    telling.subscription("started", 1, at(11, 2), 1000)
    rates = {
        each.definition.name: (each.value, value_words(each))
        for each in telling.metrics(NOVEMBER)
        if each.denominator == 0
    }
    assert rates["customer_churn_rate"] == (None, "no value")
    assert rates["gross_revenue_retention"] == (None, "no value")
    assert all(told == (None, "no value") for told in rates.values())


def test_currencies_are_never_added(telling: Telling) -> None:
    telling.subscription("started", 1, at(10, 1), 1000)
    telling.subscription("started", "1b", at(11, 2), 300, customer=1, currency="usd")
    telling.subscription("churned", 1, at(11, 3), 0, kind="voluntary", reason="x")
    found = telling.metrics(NOVEMBER)
    ends = {each.currency: each.value for each in found if each.definition.name == "mrr_end"}
    assert ends == {"eur": 0, "usd": 300}
    news = {each.currency: each.value for each in found if each.definition.name == "mrr_new"}
    assert news == {"eur": 0, "usd": 300}


def test_every_group_ties_out_and_a_change_of_plan_is_no_loss_of_a_customer(
    telling: Telling,
) -> None:
    tell_all_movements(telling)
    small, big = figures(telling, "p_small", by="plan"), figures(telling, "p_big", by="plan")
    whole = figures(telling)
    for name in ("mrr_start", "mrr_end", *(f"mrr_{kind}" for kind in MOVES), "mrr_recovered_late"):
        assert (small[name] or 0) + (big[name] or 0) == whole[name]
    assert small["mrr_expansion"] == 10000  # in the group that they had at the start
    assert (small["customers_lost"], big["customers_lost"]) == (1, 0)


def test_groups_by_metadata_and_those_not_known(telling: Telling) -> None:
    telling.subscription("started", 1, at(10, 1), 1000, metadata={"team": "north"})
    telling.subscription("started", 2, at(10, 1), 500)
    by = parse_group_by("metadata.team")
    ends = {
        each.group: each.value
        for each in telling.metrics(NOVEMBER, by=by)
        if each.definition.name == "mrr_end"
    }
    assert ends == {"north": 1000, "": 500}


def test_what_comes_late_changes_no_closed_month(telling: Telling) -> None:
    """A churn of November that is heard of in December counts in December; so does its undoing."""
    telling.subscription("started", 1, at(10, 1), 1000)
    telling.subscription("started", 2, at(10, 1), 1000)
    wrong = telling.subscription("churned", 2, at(11, 5), 0, kind="involuntary", reason="x")
    before = {each.definition.name: each.value for each in telling.metrics(NOVEMBER)}
    booked = at(12, 3).isoformat()
    telling.subscription(
        "churned", 2, at(11, 5), 1000, kind="involuntary", reason="x",
        sign=-1, corrects=wrong, booked_at=booked,
    )  # fmt: skip
    telling.subscription("contracted", 2, at(11, 5), 600, booked_at=booked)
    assert {each.definition.name: each.value for each in telling.metrics(NOVEMBER)} == before
    december: dict[str, Any] = {
        each.definition.name: each.value for each in telling.metrics(DECEMBER)
    }
    names = ("start", "end", "churn", "contraction", "reactivation")
    assert [december[f"mrr_{name}"] for name in names] == [1000, 1600, 1000, -400, 0]


def test_what_was_there_before_the_ledger_is_nobody_new(telling: Telling) -> None:
    """Ten customers are found when it begins: five of them churn, and six others come."""
    for number in range(10):
        telling.subscription("found", number, at(11, 1), 1000)
    telling.subscription("found", 10, at(11, 1), 0, state="churned")
    for number in range(5):
        kind = "involuntary" if number < 2 else "voluntary"
        telling.subscription("churned", number, at(11, 5), 0, kind=kind, reason="x")
    for number in range(20, 26):
        telling.subscription("started", number, at(11, 8), 500)
    found = figures(telling)
    counted = ("start", "taken_over", "lost", "new", "end")
    assert [found[f"customers_{name}"] for name in counted] == [0, 10, 5, 6, 11]
    assert (found["customer_churn_rate"], found["customer_retention_rate"]) == (50, 50)
    assert found["customer_churn_rate_involuntary"] == 20
    assert found["subscriber_churn_rate_as_stripe"] == Fraction(500, 16)
    names = ("start", "taken_over", "new", "churn", "end")
    assert [found[f"mrr_{name}"] for name in names] == [0, 10000, 3000, -5000, 8000]
    assert (found["gross_revenue_retention"], found["net_revenue_retention"]) == (50, 50)
    assert found["revenue_churn_rate"] == 50
    december = {each.definition.name: each.value for each in telling.metrics(DECEMBER)}
    opening = ("customers_start", "customers_taken_over", "mrr_start")
    assert [december[name] for name in opening] == [11, 0, 8000]


def test_who_is_taken_over_and_comes_back_has_never_joined(telling: Telling) -> None:
    telling.subscription("found", 1, at(11, 1), 1000)
    telling.subscription("churned", 1, at(11, 5), 0, kind="voluntary", reason="x")
    telling.subscription("reactivated", 1, at(11, 20), 1000, kind="returned")
    found = figures(telling)
    assert [found[f"customers_{name}"] for name in ("taken_over", "lost", "new")] == [1, 0, 0]
    assert found["subscriber_churn_rate_as_stripe"] == 0


def test_mrr_at_risk_is_that_of_overdue_subscriptions(telling: Telling) -> None:
    for number in range(4):
        telling.subscription("started", number, at(10, 1), 1000)
    telling.failed(0, at(11, 10))
    telling.failed(0, at(11, 20))  # two invoices of one subscription
    paid = telling.failed(1, at(11, 10))
    telling.recovered(paid, at(11, 12))
    back = telling.failed(2, at(11, 10))
    telling.recovered(back, at(11, 12))
    telling.of_case("case.opened", back, at(11, 25), reason="the payment was returned")
    telling.failed(3, at(12, 10))
    assert telling.metric("mrr_at_risk", NOVEMBER).value == 2000
    assert telling.metric("mrr_at_risk_share", NOVEMBER).value == 50
