"""The worked examples of the issue, exactly, over the real views."""

from fractions import Fraction

from tests.integration.metrics.telling import NOVEMBER, Telling, at, parts
from worker.cli.metrics_text import value_words
from worker.domain.metric import Period

YEAR = Period(at(1, 1), at(1, 1, year=2027))


def tell_107_to_120(telling: Telling) -> None:
    """107 customers at the start of November, 8 lost, 21 new, 120 at its end."""
    for number in range(107):
        telling.subscription("started", number, at(10, 5), 1000)
    for number in range(8):
        kind = "involuntary" if number < 3 else "voluntary"
        telling.subscription("churned", number, at(11, 10 + number), 0, kind=kind, reason="x")
    for number in range(200, 221):
        telling.subscription("started", number, at(11, 20), 1000)


def test_retention_and_churn_of_107_customers(telling: Telling) -> None:
    tell_107_to_120(telling)
    figures = {each.definition.name: each for each in telling.metrics(NOVEMBER)}
    counts = [figures[f"customers_{what}"].value for what in ("start", "lost", "new", "end")]
    assert counts == [107, 8, 21, 120]
    retention, churn = figures["customer_retention_rate"], figures["customer_churn_rate"]
    assert parts(retention) == (99, 107)
    assert value_words(retention) == "92.5 %"
    assert parts(churn) == (8, 107)
    assert value_words(churn) == "7.48 %"
    of_stripe = figures["subscriber_churn_rate_as_stripe"]
    assert parts(of_stripe) == (8, 128)
    assert of_stripe.value == Fraction(25, 4)
    assert value_words(of_stripe) == "6.25 %"
    kinds = [figures[f"customer_churn_rate_{kind}"] for kind in ("voluntary", "involuntary")]
    assert [parts(kind) for kind in kinds] == [(5, 107), (3, 107)]


def test_lifetime_value_of_100_times_12_times_5(telling: Telling) -> None:
    """Ten customers pay 100 twelve times in the year; two of them leave on its last day."""
    for number in range(10):
        telling.subscription("started", number, at(12, 31, year=2025), 10000)
        for month in range(1, 13):
            telling.renewed(number, at(month, 1), amount_minor=10000)
    for number in range(2):
        telling.subscription("churned", number, at(12, 31), 0, kind="voluntary", reason="x")
    figures = {each.definition.name: each for each in telling.metrics(YEAR)}
    clv = figures["clv"]
    assert clv.terms == {
        "average_payment": 10000,
        "payments_per_year": 12,
        "lifespan_years": 5,
    }
    assert clv.value == 600000
    assert value_words(clv) == "€6,000.00"
    assert figures["clv_arpu_over_churn"].value == 600000
    assert figures["arpu"].value == 10000


def test_24_of_75_renewals(telling: Telling) -> None:
    for number in range(75):
        telling.subscription("started", number, at(10, 2), 1000)
        telling.renewed(number, at(10, 16), days=30)  # due on 15 November
    for number in range(20):
        telling.renewed(number, at(11, 15))
    for number in range(20, 24):
        telling.renewed(number, at(11, 15), paid_at=at(11, 20), on_time=False)
    for number in range(24, 75):
        telling.subscription("churned", number, at(11, 15), 0, kind="voluntary", reason="x")
    rate = telling.metric("renewal_rate", NOVEMBER)
    assert (*parts(rate), rate.pending) == (24, 75, 0)
    assert rate.value == 32
    assert value_words(rate) == "32 %"
    assert telling.metric("renewal_rate_on_time", NOVEMBER).numerator == 20
