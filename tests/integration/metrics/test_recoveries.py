"""Failures, renewals and recoveries: cohorts by first failure, and what brought the money."""

from datetime import timedelta

import pytest

from tests.integration.metrics.telling import DECEMBER, NOVEMBER, Telling, at, parts
from worker.domain.metric import Period
from worker.domain.metrics_payments import CREDITS


def rate(telling: Telling, name: str, day: int, **asked: object) -> tuple[int, int, int]:
    """Return numerator, denominator and pending of a rate of November, asked on a December day."""
    found = telling.metric(name, NOVEMBER, now=at(12, day))
    return int(found.numerator), int(found.denominator or 0), found.pending


def test_a_cohort_of_failures_is_looked_at_on_its_own_days(telling: Telling) -> None:
    for days in (3, 7, 10, 20, 45):
        case = telling.failed(days, at(11, 20))
        telling.recovered(case, at(11, 20) + timedelta(days=days))
    telling.failed("open", at(11, 20))
    ended = telling.failed("ended", at(11, 20))
    telling.of_case("case.closed", ended, at(12, 4), outcome="ended")
    telling.failed("before", at(10, 31, 23))
    telling.failed("after", at(12, 1))
    sent = telling.failed("sent", at(11, 20), due_at=at(11, 10).isoformat())
    telling.recovered(sent, at(11, 21))
    assert rate(telling, "recovery_rate_day_7", 2) == (1, 7, 0)  # the seventh day is over by then
    assert rate(telling, "recovery_rate_day_14", 2) == (3, 7, 4)
    assert rate(telling, "recovery_rate_day_14", 31) == (3, 7, 0)
    assert rate(telling, "recovery_rate_day_30", 31) == (4, 7, 0)
    assert rate(telling, "recovery_rate_day_60", 31) == (4, 7, 2)  # one is open, one comes yet
    assert rate(telling, "recovery_amount_rate_day_14", 31) == (3000, 7000, 0)
    assert rate(telling, "failures", 31) == (7, 0, 0)


def test_a_recovery_that_is_undone_counts_until_then_and_again_after_another(
    telling: Telling,
) -> None:
    case = telling.failed(1, at(11, 2))
    telling.recovered(case, at(11, 5))
    telling.of_case("case.opened", case, at(11, 12), reason="the payment was returned")
    telling.recovered(case, at(11, 25), by="customer")
    assert rate(telling, "recovery_rate_day_7", 31) == (1, 1, 0)
    assert rate(telling, "recovery_rate_day_14", 31) == (0, 1, 0)
    assert rate(telling, "recovery_rate_day_30", 31) == (1, 1, 0)
    assert telling.metric("recoveries", NOVEMBER).value == 1
    early = Period(at(11, 1), at(11, 10))
    assert telling.metric("recoveries", early).value == 1  # a closed period stays as it was


@pytest.mark.parametrize(
    ("by", "letter", "update", "credited"),
    [
        ("retry", False, False, "retry_alone"),
        ("stripe", False, False, "retry_alone"),
        ("retry", True, False, "after_letter"),
        ("retry", False, True, "retry_alone"),
        ("new_card", False, False, "customer"),
        ("new_card", True, False, "after_letter"),
        ("new_card", True, True, "updater"),
        ("customer", False, True, "customer"),
        ("customer", True, False, "after_letter"),
        ("backup", True, False, "backup"),
        ("by_hand", True, False, "by_hand"),
        ("out_of_band", True, False, "out_of_band"),
    ],
)
def test_a_recovery_has_one_cause(
    telling: Telling, by: str, letter: bool, update: bool, credited: str
) -> None:
    case = telling.failed(1, at(11, 2))
    if letter:
        telling.of_case("notice.sent", case, at(11, 3), notice="payment_failed_1")
    if update:
        telling.of_case("payment_method.updated", case, at(11, 4))
    telling.recovered(case, at(11, 5), by=by)
    telling.of_case("notice.sent", case, at(11, 6), notice="payment_recovered")
    for cause in CREDITS:
        share = telling.metric(f"recovered_by_{cause}", NOVEMBER)
        assert parts(share) == (int(cause == credited), 1)
        amount = telling.metric(f"recovered_amount_by_{cause}", NOVEMBER)
        assert amount.value == (1000 if cause == credited else 0)


def test_what_a_recovery_takes(telling: Telling) -> None:
    first, second = telling.failed(1, at(11, 2)), telling.failed(2, at(11, 2))
    for day, outcome in ((3, "declined"), (4, "refused"), (5, "succeeded")):
        telling.of_case(
            "payment.retried", first, at(11, day), kind="charge", outcome=outcome, step="x"
        )
    telling.of_case("payment.retried", first, at(11, 4), kind="cancel", outcome="declined")
    telling.of_case("notice.sent", first, at(11, 2, 4), notice="payment_failed_1")
    telling.recovered(first, at(11, 5))
    telling.of_case("notice.sent", first, at(11, 5, 1), notice="payment_recovered")
    telling.recovered(second, at(11, 3, 12), by="customer", amount_minor=800)
    found = {each.definition.name: each for each in telling.metrics(NOVEMBER)}
    assert found["attempts_per_recovery"].value == 1
    assert parts(found["attempts_per_recovery"]) == (2, 2)
    assert found["letters_per_recovery"].numerator == 1
    assert found["days_to_cash"].value == (3 + 1.5) / 2
    assert found["recovered_amount"].value == 1800
    assert found["recovery_amount_rate_day_7"].numerator == 1800


def test_first_attempts_are_those_of_renewals_each_counted_once(telling: Telling) -> None:
    for number in range(4):
        telling.subscription("started", number, at(10, 1), 1000)
        telling.renewed(number, at(11, 5 + number))
    late = telling.failed(5, at(11, 6), invoice="in_late")
    telling.recovered(late, at(11, 9))
    telling.renewed(5, at(11, 6), paid_at=at(11, 9), on_time=False, invoice="in_late")
    telling.failed(6, at(11, 6))
    telling.failed(7, at(11, 6), billing_reason="subscription_update")
    telling.renewed(8, at(11, 7), amount_minor=0)  # wholly discounted, or paid from the balance
    found = telling.metric("first_attempt_failure_rate", NOVEMBER)
    assert parts(found) == (2, 6)
    assert telling.metric("failures", NOVEMBER).value == 3


def test_a_renewal_counts_on_its_due_day_whatever_becomes_of_it(telling: Telling) -> None:
    def due_on_15_november(number: int) -> None:
        telling.subscription("started", number, at(10, 2), 1000)
        telling.renewed(number, at(10, 16))

    for number in range(7):
        due_on_15_november(number)
    telling.renewed(0, at(11, 15))
    telling.renewed(1, at(11, 15), paid_at=at(12, 14), on_time=False)  # late, and just in time
    telling.renewed(2, at(11, 15), paid_at=at(12, 15), on_time=False)  # too late
    telling.subscription("churned", 3, at(10, 20), 0, kind="voluntary", reason="x")  # at once
    telling.subscription("churned", 4, at(11, 29), 0, kind="involuntary", reason="x")
    # 5 moved to a yearly plan before its due day, 6 has not paid yet
    telling.subscription(
        "expanded", 5, at(11, 1), 1200, period_end=at(11, 1, year=2027).isoformat()
    )

    def of_november(day: int) -> tuple[int, int, int]:
        found = telling.metric("renewal_rate", NOVEMBER, now=at(12, day))
        return int(found.numerator), int(found.denominator or 0), found.pending

    assert of_november(1) == (1, 6, 3)
    assert of_november(20) == (2, 6, 0)
    early = telling.metric("renewal_rate", NOVEMBER, now=at(11, 10))
    assert early.denominator == 0
    assert early.value is None
    december = telling.metric("renewal_rate", DECEMBER)
    assert parts(december) == (0, 3)  # due on the 15th again
