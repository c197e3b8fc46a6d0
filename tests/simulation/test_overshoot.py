"""The check of caps, fed with windows that hold too much: it says so, and only then."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.simulation.conditions import CURRENCY, FREE, conditions_of, small_caps
from tests.simulation.overshoot import HOUR, of_charges, of_endings, of_letters
from tests.simulation.seen import Mail, Send
from worker.domain.policy import AmountLimit, Limits
from worker.rehearsal.draws import Draws

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)


def send(at: datetime, path: str, key: str = "", method: str = "POST") -> Send:
    """Return a request as it left a worker."""
    return Send(at, "worker 1", method, path, key, {}, at, None, {})


def charge(number: int, at: datetime) -> Send:
    """Return a request to charge an invoice."""
    return send(at, f"/v1/invoices/in_{number}/pay", f"dun:v1:in_{number}:1")


def tried(
    number: int, at: datetime, status: str = "succeeded", amount: int = 1200
) -> dict[str, Any]:
    """Return what Stripe's log has of a charge."""
    key, seconds = f"dun:v1:in_{number}:1", int(at.timestamp())
    made = {"idempotency_key": key, "status": status, "amount": amount, "currency": CURRENCY}
    return made | {"at": seconds}


def told_of_charges(limits: Limits, *gaps_in_minutes: int, **of_try: Any) -> list[str]:
    """Return what is said of charges so many minutes apart."""
    times = [NOON + sum(gaps_in_minutes[:n]) * MINUTE for n in range(len(gaps_in_minutes) + 1)]
    sends = [charge(n, at) for n, at in enumerate(times)]
    tries = [tried(n, at, **of_try) for n, at in enumerate(times)]
    return list(of_charges(sends, tries, limits, BERLIN))


def test_two_charges_within_an_hour_that_holds_one() -> None:
    one = Limits(charges_per_hour=1)
    assert len(told_of_charges(one, 50)) == 1
    assert told_of_charges(one, 60, 61) == []
    assert told_of_charges(Limits(charges_per_hour=2), 20, 41) == []
    assert len(told_of_charges(Limits(charges_per_hour=2), 20, 20)) == 1


def test_a_charge_sent_again_counts_once_and_one_that_never_arrived_not_at_all() -> None:
    again = [charge(1, NOON), charge(1, NOON + MINUTE), charge(2, NOON + 2 * MINUTE)]
    first, second = tried(1, NOON + MINUTE), tried(2, NOON + 2 * MINUTE)
    limits = Limits(charges_per_hour=1)
    assert list(of_charges(again, [first], limits, BERLIN)) == []
    assert len(list(of_charges(again, [first, second], limits, BERLIN))) == 1


@pytest.mark.parametrize("carried_out_after", [0, 45, 49])
def test_a_charge_counts_when_stripe_carries_it_out(carried_out_after: int) -> None:
    """It was sent at noon and again 45 minutes later, and another one after 80 minutes."""
    other_at = NOON + 80 * MINUTE
    sends = [charge(1, NOON), charge(1, NOON + 45 * MINUTE), charge(2, other_at)]
    tries = [tried(1, NOON + carried_out_after * MINUTE), tried(2, other_at)]
    found = list(of_charges(sends, tries, Limits(charges_per_hour=1), BERLIN))
    assert len(found) == (1 if carried_out_after else 0)


def test_too_much_money_in_an_hour_or_a_day() -> None:
    hourly = Limits(charged_amounts=(AmountLimit(CURRENCY, per_hour_minor=2000),))
    daily = Limits(charged_amounts=(AmountLimit(CURRENCY, per_day_minor=2000),))
    assert len(told_of_charges(hourly, 10)) == 1
    assert told_of_charges(hourly, 90) == []
    assert len(told_of_charges(daily, 90)) == 1
    assert told_of_charges(daily, 90, status="failed") == []
    assert told_of_charges(daily, 90, amount=1000) == []


LATE = datetime(2026, 12, 1, 22, 30, tzinfo=UTC)
ONE_ENDING = Limits(endings_per_day=1)


def ending(number: int, at: datetime) -> Send:
    """Return a request to cancel a subscription."""
    return send(at, f"/v1/subscriptions/sub_{number}", method="DELETE")


def logged(sends: list[Send], by: str = "api") -> list[dict[str, Any]]:
    """Return what Stripe's log has of requests."""
    return [
        {"method": one.method, "path": one.path, "by": by, "request_id": f"req_{n}"}
        for n, one in enumerate(sends)
    ]


def ended(sends: list[Send], *numbers: int) -> list[dict[str, Any]]:
    """Return the events of those of the requests that Stripe carried out."""
    return [
        {
            "type": "customer.subscription.deleted",
            "created": int(sends[n].at.timestamp()),
            "request": {"id": f"req_{n}"},
            "data": {"object": {"id": sends[n].parts[2]}},
        }
        for n in numbers
    ]


def test_a_day_is_the_offices() -> None:
    ends = [ending(n, LATE + n * HOUR) for n in (0, 1)]
    log, told = logged(ends), ended(ends, 0, 1)
    utc = ZoneInfo("UTC")
    assert list(of_endings(ends, log, told, ONE_ENDING, BERLIN)) == []
    assert len(list(of_endings(ends, log, told, ONE_ENDING, utc))) == 1
    assert list(of_endings(ends, log, told[:1], ONE_ENDING, utc)) == []
    assert list(of_endings(ends, logged(ends, by="customer"), told, ONE_ENDING, utc)) == []


@pytest.mark.parametrize(("carried_out", "found"), [((1, 2), 0), ((0, 1), 1)])
def test_an_ending_counts_when_stripe_carries_it_out(
    carried_out: tuple[int, ...], found: int
) -> None:
    """One is sent at noon and a day later, another one in the evening of the first day."""
    ends = [ending(1, NOON), ending(2, NOON + 8 * HOUR), ending(1, NOON + 24 * HOUR)]
    told = ended(ends, *carried_out)
    assert len(list(of_endings(ends, logged(ends), told, ONE_ENDING, BERLIN))) == found


def test_two_letters_within_an_hour_that_holds_one() -> None:
    mails = [Mail(NOON + n * MINUTE, f"<{n}>", "a@b", "kind", NOON, {}) for n in (0, 30, 90)]
    assert len(list(of_letters(mails, Limits(letters_per_hour=1), BERLIN))) == 1
    assert list(of_letters(mails, Limits(letters_per_hour=2), BERLIN)) == []
    assert len(list(of_letters(mails, Limits(letters_per_day=2), BERLIN))) == 1


def test_seeds_draw_every_kind_of_cap() -> None:
    drawn = [small_caps(Draws(str(seed), "caps")) for seed in range(60)]
    for name in ("charges_per_hour", "letters_per_hour", "endings_per_day", "charges_per_day"):
        assert any(getattr(one, name) in {1, 2} for one in drawn), name
    amounts = [one.charged_amounts[0] for one in drawn if one.charged_amounts]
    assert any(one.per_hour_minor for one in amounts)
    assert any(one.per_day_minor for one in amounts)
    conditions = [conditions_of(str(seed)) for seed in range(200)]
    assert any(one.sealed for one in conditions)
    assert all(one.crowd is (one.limits != FREE) for one in conditions)
