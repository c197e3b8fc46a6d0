"""What each change of a subscription brings, by every setting of when a loss counts."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.metrics_rules import ChurnAt, MetricsRules
from worker.domain.readings import SubscriptionReading
from worker.domain.subscription_story import (
    Context,
    Movement,
    Seen,
    Told,
    fold_grace,
    fold_subscription,
)

T0 = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ASKED = "cancellation_requested"
TERMINAL, FIRST, GRACE = (
    MetricsRules(churn_at=each)
    for each in (ChurnAt.TERMINAL_STATE, ChurnAt.FIRST_FAILURE, ChurnAt.GRACE_END)
)


def seen(
    day: float,
    status: str,
    value: int = 1200,
    *,
    reason: str = "",
    paused: bool = False,
    context: Context | None = None,
) -> Seen:
    """Return a look at the subscription that many days after T0."""
    subscription = SubscriptionReading(
        "sub_1",
        "cus_1",
        status,
        T0,
        "eur",
        cancellation_reason=reason,
        collection_paused=paused,
    )
    return Seen(subscription, T0 + day * DAY, f"evt {day}", value, context or Context())


def told(
    looks: Sequence[Seen], rules: MetricsRules = TERMINAL, *, until: float = 400
) -> list[Movement]:
    """Return all movements of a story, up to a day."""
    state, movements = Told(), list[Movement]()
    for look in looks:
        state, found = fold_subscription(state, look, rules)
        movements += found
    over = fold_grace(state, until=T0 + until * DAY, rules=rules, context=Context())
    return movements + over[1]


def short(movements: Sequence[Movement]) -> list[tuple[str, float, int]]:
    """Return (type, day, delta) of each."""
    return [
        (one.type.removeprefix("subscription."), (one.at - T0) / DAY, one.mrr_delta_minor)
        for one in movements
    ]


def test_a_whole_life() -> None:
    looks = [
        seen(0, "trialing"),
        seen(14, "active"),
        seen(20, "active", 2900),
        seen(30, "active", 900),
        seen(40, "active", 900, paused=True, context=Context(paused_by="customer")),
        seen(41, "active", 1000, paused=True),
        seen(50, "active", 1000),
        seen(60, "past_due", 1000),
        seen(70, "unpaid", 1000),
        seen(80, "active", 1000),
        seen(90, "canceled", 1000, reason="cancellation_requested"),
    ]
    movements = told(looks)
    assert short(movements) == [
        ("started", 14, 1200),
        ("expanded", 20, 1700),
        ("contracted", 30, -2000),
        ("paused", 40, -900),
        ("resumed", 50, 1000),
        ("churned", 70, -1000),
        ("reactivated", 80, 1000),
        ("churned", 90, -1000),
    ]
    assert movements[3].detail == {"by": "customer"}
    assert movements[6].detail["kind"] == "recovered_late"
    assert [movements[n].detail["kind"] for n in (5, 7)] == ["involuntary", "voluntary"]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (TERMINAL, [("churned", 44, -1200)]),
        (FIRST, [("churned", 30, -1200)]),
        (GRACE, [("churned", 37, -1200)]),
    ],
)
def test_when_who_never_pays_counts_as_lost(
    rules: MetricsRules, expected: list[tuple[str, float, int]]
) -> None:
    looks = [seen(0, "active"), seen(30, "past_due"), seen(44, "canceled", reason="payment_failed")]
    movements = told(looks, rules)
    assert short(movements)[1:] == expected
    assert movements[-1].detail["churn_at"] == rules.churn_at.value
    assert movements[-1].detail["kind"] == "involuntary"


@pytest.mark.parametrize(
    ("rules", "paid_on", "expected"),
    [
        (TERMINAL, 36, []),
        (FIRST, 36, [("churned", 30, -1200), ("reactivated", 36, 1200)]),
        (GRACE, 36, []),
        (GRACE, 37, []),  # at the very end of the grace it is in time
        (GRACE, 38, [("churned", 37, -1200), ("reactivated", 38, 1200)]),
    ],
)
def test_who_pays_in_the_end_comes_back_recovered_late(
    rules: MetricsRules, paid_on: float, expected: list[tuple[str, float, int]]
) -> None:
    looks = [seen(0, "active"), seen(30, "past_due"), seen(paid_on, "active")]
    movements = told(looks, rules)
    assert short(movements)[1:] == expected
    assert all(m.detail["kind"] == "recovered_late" for m in movements[2:])


def test_grace_ends_without_any_event_and_only_once() -> None:
    looks = [seen(0, "active"), seen(30, "past_due"), seen(33, "past_due", 2000)]
    assert short(told(looks, GRACE))[2:] == [("churned", 37, -2000)]
    assert short(told(looks, GRACE, until=37))[2:] == []
    later = [*looks, seen(50, "past_due", 2500), seen(55, "canceled")]
    assert short(told(later, GRACE))[2:] == [("churned", 37, -2000)]


@pytest.mark.parametrize(("days", "kind"), [(30, "recovered_late"), (30.1, "returned")])
def test_thirty_days_tell_late_payers_from_those_who_return(days: float, kind: str) -> None:
    looks = [seen(0, "active"), seen(10, "unpaid"), seen(10 + days, "active")]
    assert told(looks)[-1].detail["kind"] == kind


def test_who_left_by_choice_and_comes_back_was_not_recovered() -> None:
    looks = [
        seen(0, "active"),
        seen(10, "canceled", reason="cancellation_requested"),
        seen(11, "active"),
    ]
    assert told(looks)[-1].detail["kind"] == "returned"


@pytest.mark.parametrize(
    ("reason", "status", "by_us", "kind", "told_reason"),
    [
        (ASKED, "canceled", False, "voluntary", ASKED),
        ("payment_failed", "canceled", False, "involuntary", "payment_failed"),
        ("payment_disputed", "canceled", False, "involuntary", "payment_disputed"),
        (ASKED, "canceled", True, "involuntary", "payment_failed"),
        ("", "unpaid", False, "involuntary", "unpaid"),
        (ASKED, "unpaid", False, "involuntary", "unpaid"),
        ("canceled_by_retention_policy", "canceled", False, "voluntary", None),
        ("a_reason_of_tomorrow", "canceled", False, "voluntary", None),
    ],
)
def test_who_decided(
    reason: str, status: str, by_us: bool, kind: str, told_reason: str | None
) -> None:
    context = Context(ended_by_us=by_us, in_dunning=True)
    (lost,) = told([seen(0, "active"), seen(1, status, reason=reason, context=context)])[1:]
    assert lost.detail["kind"] == kind
    assert lost.detail["reason"] == (told_reason or reason)
    assert lost.detail["during_dunning"] is True
    assert lost.detail["consent_withdrawn"] is False


@pytest.mark.parametrize(("counts", "kind"), [(True, "voluntary"), (False, "involuntary")])
@pytest.mark.parametrize(
    ("reason", "status", "by_us", "rules"),
    [
        (ASKED, "canceled", True, TERMINAL),
        ("payment_failed", "canceled", False, TERMINAL),  # by Stripe, after its own retries
        ("", "unpaid", False, TERMINAL),
        ("", "past_due", False, FIRST),
        ("", "past_due", False, GRACE),
    ],
)
def test_a_withdrawn_consent_counts_as_the_policy_says_and_is_called_what_it_is(
    reason: str, status: str, by_us: bool, rules: MetricsRules, counts: bool, kind: str
) -> None:
    context = Context(
        ended_by_us=by_us, in_dunning=True, consent_withdrawn=True, counts_as_voluntary=counts
    )
    looks = [seen(day, status, reason=reason, context=context) for day in (1, 20)]
    (lost,) = told([seen(0, "active"), *looks], rules)[1:]
    assert (lost.detail["kind"], lost.detail["reason"]) == (kind, "consent_withdrawn")
    assert lost.detail["consent_withdrawn"] is True


def test_who_cancels_during_dunning_left_whatever_the_bank_was_told() -> None:
    context = Context(in_dunning=True, consent_withdrawn=True, counts_as_voluntary=False)
    looks = [seen(0, "active"), seen(1, "canceled", reason=ASKED, context=context)]
    (lost,) = told(looks)[1:]
    assert (lost.detail["kind"], lost.detail["reason"]) == ("voluntary", ASKED)
    assert lost.detail["consent_withdrawn"] is False


@pytest.mark.parametrize("status", ["trialing", "incomplete", "incomplete_expired", "paused"])
def test_what_never_counted_is_not_told(status: str) -> None:
    assert told([seen(0, status), seen(5, "canceled")]) == []


def test_a_trial_in_the_middle_brings_nothing_meanwhile() -> None:
    looks = [seen(0, "active"), seen(5, "trialing"), seen(9, "active")]
    assert short(told(looks))[1:] == [("contracted", 5, -1200), ("expanded", 9, 1200)]


def test_a_status_of_tomorrow_changes_nothing() -> None:
    assert short(told([seen(0, "active"), seen(5, "dormant", 0), seen(9, "active")]))[1:] == []


LOOKS = st.lists(
    st.tuples(
        st.floats(0, 40, allow_nan=False),
        st.sampled_from(["trialing", "active", "past_due", "unpaid", "paused", "canceled", "odd"]),
        st.sampled_from([0, 500, 1200]),
        st.booleans(),
    ),
    max_size=12,
)


@given(LOOKS, st.sampled_from([TERMINAL, FIRST, GRACE]))
def test_movements_always_add_up(
    drawn: list[tuple[float, str, int, bool]], rules: MetricsRules
) -> None:
    looks = [
        seen(day, status, value, paused=paused)
        for day, status, value, paused in sorted(drawn, key=lambda each: each[0])
    ]
    mrr = 0
    for movement in told(looks, rules):
        mrr += movement.mrr_delta_minor
        assert movement.mrr_minor == mrr >= 0
    last = looks[-1] if looks else None
    if last is not None and last.subscription.status == "active":
        assert mrr == (0 if last.subscription.collection_paused else last.value_minor)
    if last is not None and last.subscription.status in {"canceled", "unpaid"}:
        assert mrr == 0


@given(LOOKS, st.sampled_from([TERMINAL, FIRST, GRACE]))
def test_seeing_the_same_twice_tells_it_once(
    drawn: list[tuple[float, str, int, bool]], rules: MetricsRules
) -> None:
    looks = [
        seen(day, status, value, paused=paused)
        for day, status, value, paused in sorted(drawn, key=lambda each: each[0])
    ]
    assert told([look for look in looks for _ in range(2)], rules) == told(looks, rules)
