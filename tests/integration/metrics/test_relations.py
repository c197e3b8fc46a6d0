"""Relations between figures that hold whatever happens."""

from collections.abc import Iterable

import pytest

from tests.integration.metrics.stories import Stories
from tests.integration.metrics.telling import DECEMBER, NOVEMBER, Telling, at
from worker.domain.metric import Metric
from worker.domain.metrics import metrics_of
from worker.domain.metrics_revenue import MOVES

NOW = at(2, 1, year=2027)
WHOLE = 100
"""Percent."""


def by_name(metrics: Iterable[Metric]) -> dict[str, dict[str, Metric]]:
    """Return currency -> name -> figure."""
    found: dict[str, dict[str, Metric]] = {}
    for each in metrics:
        found.setdefault(each.currency, {})[each.definition.name] = each
    return {currency: told for currency, told in found.items() if currency}


@pytest.mark.parametrize("seed", range(2))
def test_retention_churn_and_movements_belong_together(telling: Telling, seed: int) -> None:
    """Net retention may be above 100 %, and MRR lost more than lost customers: not asserted."""
    Stories(telling, seed).tell(150)
    telling.write()
    some_stayed = 0
    for period in (NOVEMBER, DECEMBER):
        for told in by_name(metrics_of(telling.counts(period, None, NOW), period)).values():
            value = {name: metric.value for name, metric in told.items()}
            moved = sum(value[f"mrr_{kind}"] or 0 for kind in MOVES)
            assert (value["mrr_start"] or 0) + moved == value["mrr_end"]
            assert value["customers_end"] == (
                (value["customers_start"] or 0)
                + (value["customers_taken_over"] or 0)
                - (value["customers_lost"] or 0)
                + (value["customers_new"] or 0)
            )
            retention, churn = value["customer_retention_rate"], value["customer_churn_rate"]
            if retention is None or churn is None:
                assert value["customers_start"] == value["customers_taken_over"] == 0
                continue
            some_stayed += 1
            parts = [value[f"customer_churn_rate_{kind}"] for kind in ("voluntary", "involuntary")]
            assert retention + churn == WHOLE
            assert sum(part or 0 for part in parts) == churn
            gross, net = told["gross_revenue_retention"], told["net_revenue_retention"]
            assert (gross.numerator or 0) <= (net.numerator or 0)
    assert some_stayed > 0


def test_november_ends_where_december_begins(telling: Telling) -> None:
    Stories(telling, 5).tell(150)
    telling.write()
    november, december = (
        by_name(metrics_of(telling.counts(period, None, NOW), period))
        for period in (NOVEMBER, DECEMBER)
    )
    assert november
    for currency, told in november.items():
        for name in ("mrr", "customers"):
            assert told[f"{name}_end"].value == december[currency][f"{name}_start"].value
