"""What binds a case today: the rules that are told are the ones the engine's charge waits for."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest

from tests.unit.domain.building import BERLIN, T0, after, around, case, failure, invoice, policy
from worker.cli.look_why_today import charge_bindings
from worker.domain.engine_charging import plan_charge, settle_owner
from worker.domain.engine_situation import Situation
from worker.domain.network_rules import MadeBy, NetworkTry
from worker.domain.outages import Outage
from worker.domain.policy import DayWindow, DeclineClass, Limits, Policy, Reaction, RetriesBy
from worker.domain.readings import DeclineSignals

MADE_AT = after(hours=1)


def situation(now: datetime = MADE_AT, rules: Policy | None = None, **changes: Any) -> Situation:
    """Return the open case at *now*, an hour after its failure."""
    surrounding = changes.pop("around", around())
    found = case(owner=RetriesBy.WORKER, **changes)
    return Situation(
        found,
        invoice(),
        surrounding,
        rules or policy(),
        Limits(),
        BERLIN,
        now,
    )


def mastercard_wait() -> NetworkTry:
    """Return the first failure, with Mastercard's advice to wait ten days."""
    return NetworkTry(
        at=T0,
        made_by=MadeBy.STRIPE,
        payment_method_id="pm_old",
        fingerprint="fp",
        brand="mastercard",
        payment_method_type="card",
        country="DE",
        amount_minor=4900,
        currency="eur",
        debt="pi_1",
        failed=True,
        signals=DeclineSignals(decline_code="insufficient_funds", network_advice_code="30"),
        charge_id="ch_1",
    )


def rules_of(at: Situation) -> list[str]:
    """Return the names of what binds, the longest last."""
    return [each.rule for each in charge_bindings(at)]


def test_the_gap_and_the_steps_own_time_bind_after_a_failure() -> None:
    assert rules_of(situation()) == ["gap", "step"]


def test_the_first_minutes_belong_to_the_question_who_retries() -> None:
    assert rules_of(situation(after(minutes=5)))[0] == "owner"


def test_a_decline_that_asks_for_a_wait_binds_until_then() -> None:
    waits = failure(retry_not_before=after(days=9))
    binding = charge_bindings(situation(failure=waits))[-1]
    assert (binding.rule, binding.until) == ("decline", after(days=9))


def test_a_networks_wait_binds_by_its_own_name() -> None:
    at = situation(around=around(tries=(mastercard_wait(),)))
    binding = charge_bindings(at)[-1]
    assert (binding.rule, binding.until) == ("mastercard_wait", after(days=10))
    assert binding.why == "Mastercard advice 30: wait 10 days"


def test_another_invoice_of_the_customer_binds_for_twenty_hours() -> None:
    at = situation(after(days=3), around=around(other_try_at=after(days=2, hours=23)))
    [binding] = [each for each in charge_bindings(at) if each.rule == "other_invoice"]
    assert binding.until == after(days=3, hours=19)


def test_an_outage_binds_until_it_is_looked_at_again() -> None:
    outage = Outage("Visa cards issued in DE", 18, 20, after(hours=0), after(hours=2))
    at = situation(around=around(outage=outage))
    [binding] = [each for each in charge_bindings(at) if each.rule == "outage"]
    assert binding.until == after(hours=2)
    assert "18 of 20 tries with Visa cards issued in DE" in binding.why


def test_a_decline_that_needs_a_new_card_binds_with_an_open_end() -> None:
    hard = failure(DeclineClass.CARD_DATA, "expired_card", may_retry=False)
    binding = charge_bindings(situation(failure=hard))[-1]
    assert (binding.rule, binding.until) == ("no_charge", None)
    assert binding.why == "the decline needs a new payment method"


def test_charge_hours_bind_at_night() -> None:
    steps = tuple(
        step
        if not step.charge
        else type(step)(
            step.name, step.after, charge=True, charge_window=DayWindow(time(8), time(18))
        )
        for step in policy().steps
    )
    night = T0.replace(hour=23)
    assert "hours" in rules_of(situation(night, policy(steps=steps)))


def test_a_payday_binds_until_its_morning() -> None:
    funds = policy().when_declined[DeclineClass.FUNDS]
    assert funds.do is Reaction.RETRY
    rule = type(funds)(funds.do, at_most=funds.at_most, paydays=(10,))
    when = dict(policy().when_declined) | {DeclineClass.FUNDS: rule}
    at = situation(after(days=2), policy(when_declined=when))
    binding = charge_bindings(at)[-1]
    assert (binding.rule, binding.until) == ("payday", datetime(2026, 3, 10, 8, tzinfo=T0.tzinfo))


@pytest.mark.parametrize("hours", [*range(0, 14 * 24, 17)])
@pytest.mark.parametrize("wait_days", [None, 1, 4, 9])
@pytest.mark.parametrize("networks_too", [False, True])
def test_the_longest_that_binds_is_when_the_engine_charges(
    hours: int, wait_days: int | None, networks_too: bool
) -> None:
    now = after(hours=hours, minutes=1)
    wait = None if wait_days is None else after(days=wait_days)
    tries = (mastercard_wait(),) if networks_too else ()
    at = situation(now, failure=failure(retry_not_before=wait), around=around(tries=tries))
    planned = plan_charge(at, settle_owner(at)).at
    bound = [each.until for each in charge_bindings(at)]
    if planned is None:
        assert bound[-1] is None
    else:
        longest = max((until for until in bound if until is not None), default=now)
        assert longest - planned < timedelta(seconds=1)
        assert max(planned, now) - max(longest, now) < timedelta(seconds=1)
