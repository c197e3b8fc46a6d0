"""A hold stops charges, letters and endings from the instant it is committed, until it is over."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.integration.services.bench import Bench
from tests.integration.services.raw import event
from tests.integration.store.building import DAY, MINUTE, NOW, customer
from worker.domain.case import AttemptKind, CaseState, Surroundings
from worker.domain.decisions import Decision, End
from worker.domain.holds import HeldBy, HoldKind, HoldScope
from worker.ports import NewHold
from worker.services.apply_ending import apply_ending
from worker.services.case_turn import LEASE, Turn
from worker.services.extend_case import extend_case
from worker.services.sweep import sweep

APART = (HoldScope.CHARGE, HoldScope.METADATA)
"""Holds that are on no id of the case itself."""

WARNING = {"id": "issfr_1", "object": "radar.early_fraud_warning", "charge": "ch_old"}


def hold(
    bench: Bench,
    case_id: int,
    *,
    scope: HoldScope = HoldScope.CASE,
    until_days: int = 0,
    wake: bool = True,
) -> int:
    """Let Jo hold what *scope* says of a case."""
    case = bench.loaded(case_id)
    target = {
        HoldScope.CASE: f"C-{case_id}",
        HoldScope.CUSTOMER: case.customer_id,
        HoldScope.SUBSCRIPTION: case.subscription_id,
        HoldScope.INVOICE: case.invoice_id,
    }[scope]
    until = bench.clock.now + timedelta(days=until_days) if until_days else None
    new = NewHold(scope, target, HoldKind.PROMISE_TO_PAY, "jo", "pays on Friday", "jo", until)
    with bench.ledger.begin() as tx:
        number = tx.holds.put(new, now=bench.clock.now)
        if wake:
            tx.cases.wake(now=bench.clock.now, case_ids=[case_id])
    assert number is not None
    return number


def release(bench: Bench, case_id: int, number: int) -> None:
    """Let Kim release a hold."""
    with bench.ledger.begin() as tx:
        assert tx.holds.release([number], by="kim", reason="paid half", now=bench.clock.now) == 1
        tx.cases.wake(now=bench.clock.now, case_ids=[case_id])


def holds_of(bench: Bench, case_id: int) -> tuple[HeldBy, ...]:
    """Return the holds of a case."""
    case = bench.loaded(case_id)
    with bench.ledger.begin() as tx:
        return tx.holds.of_case(case)


def known_case(bench: Bench) -> int:
    """Open a case whose customer is mirrored, and return its number."""
    with bench.ledger.begin() as tx:
        tx.mirror.put_customers([(customer(), NOW - DAY)])
    return bench.case()


@pytest.mark.parametrize("scope", [scope for scope in HoldScope if scope not in APART])
def test_a_hold_of_any_scope_stands_the_case_still(bench: Bench, scope: HoldScope) -> None:
    case_id, other = bench.case(), bench.case(2)
    hold(bench, case_id, scope=scope)
    assert bench.look(case_id) == "on_hold"
    case = bench.loaded(case_id)
    assert (case.state, case.stood_down_at) == (CaseState.HELD, NOW)
    (fact,) = bench.facts("case.held")
    assert (fact["by"], fact["reason"]) == ("jo", "held by jo (promise to pay): pays on Friday")
    (line,) = bench.said("case.held")
    assert (line["case"], line["by"]) == (f"C-{case_id}", "jo")
    assert holds_of(bench, other) == ()


def test_released_it_goes_on_later_by_the_time_it_stood_still(bench: Bench) -> None:
    case_id = bench.case()
    number = hold(bench, case_id)
    bench.look(case_id)
    bench.clock.now += 3 * DAY
    assert bench.look(case_id) == "on_hold"
    release(bench, case_id, number)
    assert bench.look(case_id) == "released"
    case = bench.loaded(case_id)
    assert (case.state, case.shift, case.stood_down_at) == (CaseState.OPEN, 3 * DAY, None)
    (fact,) = bench.facts("case.released")
    assert (fact["by"], fact["reason"]) == ("kim", "released by kim: paid half")
    assert bench.stripe.asked == ["read in_1"] * 3


def test_it_goes_on_by_itself_when_the_hold_has_expired(bench: Bench) -> None:
    case_id = bench.case()
    hold(bench, case_id, until_days=1)
    bench.look(case_id)
    bench.clock.now += DAY - MINUTE
    assert bench.look(case_id) == ""
    bench.clock.now += MINUTE
    assert bench.look(case_id) == "released"
    assert bench.loaded(case_id).shift == DAY


def test_one_of_a_kind_is_in_force_at_a_time(bench: Bench) -> None:
    case_id = bench.case()
    number = hold(bench, case_id)
    again = NewHold(HoldScope.CASE, f"C-{case_id}", HoldKind.PROMISE_TO_PAY, "kim", "again", "kim")
    with bench.ledger.begin() as tx:
        assert tx.holds.put(again, now=NOW) is None
        assert tx.holds.put(replace(again, kind=HoldKind.LEGAL), now=NOW) is not None
        assert tx.holds.release([number], by="kim", reason="", now=NOW) == 1
        assert tx.holds.release([number], by="kim", reason="", now=NOW) == 0
        assert tx.holds.put(again, now=NOW) is not None
    assert [each.owner for each in holds_of(bench, case_id)] == ["jo", "kim", "kim"]


def test_a_hold_between_decision_and_charge_stops_the_charge(bench: Bench) -> None:
    """While Stripe reads the invoice nothing is known of it: the commit before the charge asks."""
    case_id = bench.case()
    take_slot = bench.stripe.take_charge_slot
    bench.stripe.take_charge_slot = _first(  # type: ignore[method-assign]  # a test's own fake
        lambda: hold(bench, case_id, wake=False), take_slot
    )
    bench.look(case_id)
    assert bench.loaded(case_id).attempts == ()
    assert not any(asked.startswith("pay") for asked in bench.stripe.asked)
    assert bench.look(case_id) == "on_hold"


def test_more_time_between_decision_and_charge_is_more_time(bench: Bench) -> None:
    case_id = bench.case()

    def extend() -> None:
        extend_case(
            case_id, 3, ledger=bench.ledger, clock=bench.clock, now=NOW, by="jo", reason="asked"
        )

    bench.stripe.take_charge_slot = _first(  # type: ignore[method-assign]  # a test's own fake
        extend, bench.stripe.take_charge_slot
    )
    bench.look(case_id)
    assert bench.loaded(case_id).attempts == ()
    assert bench.loaded(case_id).shift == 3 * DAY
    assert [fact["days"] for fact in bench.facts("case.extended")] == [3]
    assert not any(asked.startswith("pay") for asked in bench.stripe.asked)


def test_a_hold_between_decision_and_ending_stops_the_ending(bench: Bench) -> None:
    case_id = bench.case()
    with bench.ledger.begin() as tx:
        case = tx.cases.claim(case_id, now=NOW, wall_now=NOW, token="t", lease=LEASE)
    assert case is not None
    policy = bench.ports.configuration.dunning.policies[0]
    invoice = bench.stripe.invoices["in_1"]
    read_s = bench.clock.monotonic_seconds()
    turn = Turn(bench.ports, case, "t", NOW, policy, invoice, Surroundings(), read_s)
    hold(bench, case_id)
    end = End(AttemptKind.CANCEL)
    apply_ending(turn, Decision(end, "ending", "nobody paid"), end, news=[])
    assert bench.loaded(case_id).attempts == ()
    assert bench.stripe.asked == []
    assert bench.look(case_id) == "on_hold"


def _first(act: Callable[[], object], then: Callable[[], bool]) -> Callable[[], bool]:
    """Return *then*, with *act* done before its first call."""
    todo = [act]

    def both() -> bool:
        while todo:
            todo.pop()()
        return then()

    return both


def test_a_held_letter_waits_and_loses_no_time(bench: Bench) -> None:
    """Queued before the hold: it goes out after it, also where its own time was over meanwhile."""
    case_id = bench.case(failed_ago=timedelta(hours=10))
    bench.looks(case_id, "letter_due")
    ((letter_id,), number) = (bench.due()[1], hold(bench, case_id))
    assert bench.deliver(letter_id) == "postponed"
    assert bench.look(case_id) == "on_hold"
    looks = 0
    for _ in range(24 * 12):
        bench.clock.now += timedelta(hours=1)
        said = bench.deliver(letter_id)
        assert said in {"", "postponed"}
        looks += said == "postponed"
    assert 12 <= looks <= 13, "it is looked at once a day"
    release(bench, case_id, number)
    assert bench.look(case_id) == "released"
    hours = 0
    while not bench.letters.sent and hours < 72:  # letters go out in office hours only
        bench.clock.now += timedelta(hours=1)
        bench.deliver(letter_id)
        hours += 1
    assert len(bench.letters.sent) == 1


def test_a_hold_while_a_letter_is_written_keeps_it_back(bench: Bench) -> None:
    case_id = bench.case(failed_ago=timedelta(hours=10))
    bench.looks(case_id, "letter_due")
    (letter_id,) = bench.due()[1]

    def meanwhile() -> None:
        hold(bench, case_id)

    bench.letters.meanwhile = meanwhile
    assert bench.deliver(letter_id) == "postponed"
    assert bench.letters.sent == []


def test_a_fraud_warning_holds_until_it_is_settled(bench: Bench) -> None:
    """Also where the charge is older than the ledger: the sweep learns whose it is."""
    case_id, at = known_case(bench), NOW - 5 * MINUTE
    kind = "radar.early_fraud_warning"
    bench.feed(event(1, f"{kind}.created", WARNING | {"actionable": True}, at=at))
    sweep(ports=bench.ports, now=NOW)
    assert bench.look(case_id) == "on_hold"
    said = "held by Stripe (fraud warning): the issuer warns of fraud"
    assert bench.loaded(case_id).reason == said
    bench.feed(event(2, f"{kind}.updated", WARNING | {"actionable": False}, at=at + MINUTE))
    assert bench.look(case_id) == "released"
    assert [f["reason"] for f in bench.facts("case.released")] == [
        "released by Stripe: it was settled"
    ]


def test_a_fraud_warning_that_a_person_released_stays_released(bench: Bench) -> None:
    case_id, at = known_case(bench), NOW - 5 * MINUTE
    kind = "radar.early_fraud_warning"
    bench.feed(event(1, f"{kind}.created", WARNING | {"actionable": True}, at=at))
    sweep(ports=bench.ports, now=NOW)
    (warned,) = holds_of(bench, case_id)
    release(bench, case_id, warned.id)
    bench.feed(event(2, f"{kind}.updated", WARNING | {"actionable": True}, at=at + MINUTE))
    (still,) = holds_of(bench, case_id)
    assert still.released_by == "kim"


def test_a_warning_that_was_over_before_it_was_heard_of_holds_nothing(bench: Bench) -> None:
    case_id, at = known_case(bench), NOW - 5 * MINUTE
    kind = "radar.early_fraud_warning"
    bench.feed(event(2, f"{kind}.updated", WARNING | {"actionable": False}, at=at + MINUTE))
    bench.feed(event(1, f"{kind}.created", WARNING | {"actionable": True}, at=at))
    sweep(ports=bench.ports, now=NOW)
    (over,) = holds_of(bench, case_id)
    assert not over.in_force(NOW)


def test_a_hold_by_metadata_stands_still_whoever_has_it(bench: Bench) -> None:
    with bench.ledger.begin() as tx:
        tagged = replace(customer(), metadata={"team": "key=accounts"})
        tx.mirror.put_customers([(tagged, NOW - DAY), (customer(2), NOW - DAY)])
    case_id, other = bench.case(), bench.case(2)
    new = NewHold(HoldScope.METADATA, "team=key=accounts", HoldKind.VIP, "jo", "asks first", "jo")
    with bench.ledger.begin() as tx:
        assert tx.holds.concerned(new.scope, new.target) == [case_id]
        assert tx.holds.put(new, now=NOW) is not None
    assert bench.look(case_id) == "on_hold"
    assert bench.loaded(case_id).state is CaseState.HELD
    assert holds_of(bench, other) == ()
    assert not any(asked.startswith("pay") for asked in bench.stripe.asked)
