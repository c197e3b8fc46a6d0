"""No life of any card breaks a network's rule by a try of the worker, and a broken limit shows.

The worker of these lives tries whenever `allowance` lets it. What is a breach is decided by
`network_naive`, a second reading of the rules that shares no code with the first.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from tests.unit.domain.network_life import (
    METHODS,
    NO_MONEY,
    TICK,
    Asks,
    Life,
    live,
)
from worker.domain.decline_networks import MASTERCARD_WAITS
from worker.domain.network_rules import Allowance, MadeBy, NetworkTry, Target, allowance
from worker.domain.network_stops import stop_signal
from worker.domain.network_tries import in_order
from worker.domain.network_usage import violations
from worker.domain.policy import NetworkLimits

LIMITS = (
    NetworkLimits(),
    NetworkLimits(3, 2, 4, 3, ach_retries_authorised=True),
    NetworkLimits(2, 3, 3, 2),
    NetworkLimits(99, 99, 99, 15, ach_retries_authorised=True),
)
STARTS = (
    datetime(2026, 3, 28, 20, tzinfo=ZoneInfo("Europe/Berlin")),  # clocks go forward that night
    datetime(2026, 10, 24, 20, tzinfo=ZoneInfo("Europe/Berlin")),  # and back
    datetime(2026, 10, 31, 20, tzinfo=ZoneInfo("America/New_York")),
    datetime(2028, 1, 31, 12, tzinfo=UTC),  # a leap day follows
    datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
)
LIVES = st.tuples(
    st.binary(max_size=36) | st.binary(min_size=36, max_size=180),
    st.lists(st.sampled_from(sorted(METHODS)), min_size=1, max_size=3, unique=True),
    st.sampled_from(LIMITS),
    st.sampled_from(STARTS),
)
Story = tuple[bytes, list[str], NetworkLimits, datetime]
SKEW, NONE = timedelta(hours=2), timedelta()


def _told(story: Story, asks: Asks, *, skew: timedelta = SKEW) -> Life:
    told, wallet, limits, start = story
    return live(told, wallet, limits, start, asks, skew=skew)


@settings(max_examples=3000, derandomize=True)
@given(LIVES)
def test_no_try_of_the_worker_breaks_a_rule_in_any_life(story: Story) -> None:
    life = _told(story, allowance)
    assert life.broken == []
    assert life.needlessly_late == []


@settings(max_examples=400, derandomize=True)
@given(LIVES)
def test_the_report_finds_exactly_the_breaches_that_were_made(story: Story) -> None:
    careful = _told(story, allowance, skew=NONE)
    assert violations(careful.tries, careful.limits, careful.changed) == ()
    life = _told(story, _heedless, skew=NONE)
    found = {v.tried for v in violations(life.tries, life.limits, life.changed)}
    assert found == set(in_order(life.counted_breaches))


def _heedless(
    tries: list[NetworkTry], wish: Target, limits: NetworkLimits, *, now: datetime
) -> Allowance:
    """Allow everything at once."""
    return Allowance(now, "", "", ())


def _with(change: Callable[[list[NetworkTry], Target, datetime], list[NetworkTry]]) -> Asks:
    """Return an `allowance` that is asked with other tries than there were."""

    def asks(
        tries: list[NetworkTry], wish: Target, limits: NetworkLimits, *, now: datetime
    ) -> Allowance:
        return allowance(change(tries, wish, now), wish, limits, now=now)

    return asks


def _of_target(change: Callable[[Target, datetime], Target]) -> Asks:
    """Return an `allowance` that is asked for another wish than there was."""

    def asks(
        tries: list[NetworkTry], wish: Target, limits: NetworkLimits, *, now: datetime
    ) -> Allowance:
        return allowance(tries, change(wish, now), limits, now=now)

    return asks


def _moved(by: timedelta) -> Asks:
    """Return an `allowance` whose later instants are moved."""

    def asks(
        tries: list[NetworkTry], wish: Target, limits: NetworkLimits, *, now: datetime
    ) -> Allowance:
        answer = allowance(tries, wish, limits, now=now)
        later = answer.at is not None and answer.at > now
        return replace(answer, at=answer.at + by) if later and answer.at else answer

    return asks


def _one_more(
    tries: list[NetworkTry], wish: Target, limits: NetworkLimits, *, now: datetime
) -> Allowance:
    raised = NetworkLimits(
        limits.visa_in_30_days + 1,
        limits.mastercard_in_24_hours + 1,
        limits.mastercard_in_30_days + 1,
        limits.other_cards_in_30_days + 1,
        limits.ach_retries_authorised,
    )
    return allowance(tries, wish, raised, now=now)


def _by_wall_clock(
    tries: list[NetworkTry], wish: Target, limits: NetworkLimits, *, now: datetime
) -> Allowance:
    local = [replace(tried, at=tried.at.replace(tzinfo=UTC)) for tried in tries]
    answer = allowance(local, wish, limits, now=now.replace(tzinfo=UTC))
    return replace(answer, at=answer.at.replace(tzinfo=now.tzinfo)) if answer.at else answer


def _without_waits(tried: NetworkTry) -> NetworkTry:
    waits = tried.signals.network_advice_code in MASTERCARD_WAITS
    said = replace(tried.signals, network_advice_code="") if waits else tried.signals
    return replace(tried, signals=said)


def _without_stops(tried: NetworkTry) -> NetworkTry:
    return replace(tried, signals=NO_MONEY.says) if stop_signal(tried) else tried


BROKEN: dict[str, Asks] = {
    "heeds nothing": _heedless,
    "one try more than the limit": _one_more,
    "a microsecond early": _moved(-TICK),
    "by the wall clock": _by_wall_clock,
    "without waits": _with(lambda tries, _, __: [_without_waits(t) for t in tries]),
    "without stops": _with(lambda tries, _, __: [_without_stops(t) for t in tries]),
    "stops lapse after 30 days": _with(
        lambda tries, _, now: [t for t in tries if t.at > now - timedelta(days=30)]
    ),
    "without the customer's tries": _with(
        lambda tries, _, __: [t for t in tries if t.made_by is not MadeBy.CUSTOMER]
    ),
    "without Stripe's tries": _with(
        lambda tries, _, __: [t for t in tries if t.made_by is not MadeBy.STRIPE]
    ),
    "without successes": _with(lambda tries, _, __: [t for t in tries if t.failed]),
    "only this debt": _with(lambda tries, wish, _: [t for t in tries if t.debt == wish.debt]),
    "only this amount": _with(
        lambda tries, wish, _: [t for t in tries if t.amount_minor == wish.amount_minor]
    ),
    "only this payment method": _with(
        lambda tries, wish, _: [t for t in tries if t.payment_method_id == wish.method.id]
    ),
    "every card has just changed": _of_target(lambda wish, now: replace(wish, changed_at=now)),
    "no card is from India": _of_target(
        lambda wish, _: replace(wish, method=replace(wish.method, country=""))
    ),
    "everything is a card": _of_target(
        lambda wish, _: replace(wish, method=replace(wish.method, type="card"))
    ),
    "every card is a Visa": _of_target(
        lambda wish, _: replace(wish, method=replace(wish.method, brand="visa"))
    ),
}
FINDS = settings(max_examples=2500, derandomize=True, database=None, phases=[Phase.generate])


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_caught_by_the_naive_ledger_and_by_the_report(name: str) -> None:
    def is_caught(story: Story) -> bool:
        life = _told(story, BROKEN[name], skew=NONE)
        return bool(life.broken and violations(life.tries, life.limits, life.changed))

    story = find(LIVES, is_caught, settings=FINDS)
    assert _told(story, BROKEN[name], skew=NONE).broken
    assert not _told(story, allowance, skew=NONE).broken


def test_an_answer_that_is_later_than_need_be_is_caught_too() -> None:
    late = _moved(TICK)
    story = find(LIVES, lambda story: bool(_told(story, late).needlessly_late), settings=FINDS)
    assert _told(story, allowance).needlessly_late == []
