"""The list of metrics: what `dunning metrics` and the report show, from the same figures."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from worker.domain.metric import Definition, Metric, Period
from worker.domain.metric_counts import (
    Counts,
    FailureCounts,
    RecoveryCounts,
    RenewalCounts,
    RevenueCounts,
)
from worker.domain.metrics_imported import (
    IMPORTED_DEFINITIONS,
    cost_metrics,
    health_metrics,
    ticket_metrics,
    voice_metrics,
)
from worker.domain.metrics_payments import (
    PAYMENT_DEFINITIONS,
    failure_metrics,
    recovery_metrics,
    renewal_metrics,
)
from worker.domain.metrics_revenue import REVENUE_DEFINITIONS, revenue_metrics

DEFINITIONS: tuple[Definition, ...] = (
    *REVENUE_DEFINITIONS,
    *PAYMENT_DEFINITIONS,
    *IMPORTED_DEFINITIONS,
)
"""Every metric there is, in the order in which they are shown."""

Part = TypeVar("Part", RevenueCounts, RenewalCounts, FailureCounts, RecoveryCounts)

_PLACE = {definition.name: place for place, definition in enumerate(DEFINITIONS)}


def metrics_of(counts: Counts, period: Period) -> tuple[Metric, ...]:
    """Return every figure of the period: by currency, then group, then in order of DEFINITIONS.

    Those without a currency come last.
    """
    return tuple(
        sorted(
            _figures(counts, period),
            key=lambda each: (
                not each.currency,
                each.currency,
                each.group,
                _PLACE[each.definition.name],
            ),
        )
    )


def _figures(counts: Counts, period: Period) -> Iterator[Metric]:
    """Yield every figure for every place: where nothing happened, zeros and no values."""
    revenue, renewals = _placed(counts.revenue), _placed(counts.renewals)
    failures, recoveries = _placed(counts.failures), _placed(counts.recoveries)
    for place in {*revenue, *renewals, *failures, *recoveries}:
        yield from revenue_metrics(revenue.get(place) or RevenueCounts(*place), period)
        yield from renewal_metrics(renewals.get(place) or RenewalCounts(*place))
        yield from failure_metrics(failures.get(place) or FailureCounts(*place))
        yield from recovery_metrics(recoveries.get(place) or RecoveryCounts(*place))
    for costs in counts.costs:
        place = (costs.currency, "")
        yield from cost_metrics(costs, revenue.get(place) or RevenueCounts(*place), period)
    for voices in counts.voices:
        yield from voice_metrics(voices)
    for tickets in counts.tickets:
        yield from ticket_metrics(tickets)
    for health in counts.health:
        yield from health_metrics(health)


def _placed(found: Iterable[Part]) -> dict[tuple[str, str], Part]:
    return {(each.currency, each.group): each for each in found}


def metrics_table() -> str:
    """Return every metric as a Markdown table, for README."""
    heading = "| metric | formula | unit | source |\n|---|---|---|---|"
    rows = (
        f"| `{each.name}` | {each.formula} | {each.unit.value} | {each.source} |"
        for each in DEFINITIONS
    )
    return "\n".join((heading, *rows))
