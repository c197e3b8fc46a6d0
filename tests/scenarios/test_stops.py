"""The kill switch in a busy hour, and five days of it: nothing after it, no burst after those."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from tests.scenarios.stripe_side import HOUR, Customer
from tests.scenarios.world import World
from worker.domain.case import Outcome
from worker.services.advance_case import advance_case
from worker.services.business_time import business_now
from worker.services.operate import go, stop

THREADS = 4
BUSY = 24


def test_nothing_follows_the_switch_but_what_was_past_its_last_question(world: World) -> None:
    """Four senders work through a busy hour; the switch falls after the third request."""
    payers = [world.customer(f"busy-{n}", ["insufficient_funds"] * 5) for n in range(BUSY)]
    world.advance(hours=25)
    world.pass_time_to(world.now + 3 * HOUR)  # by now every first try is due
    world.job("read_stripe")
    waiting = [world.case_of(one) for one in payers]
    before = len(world.stripe.pay_requests())
    stopped, sent_at_stop = threading.Event(), []

    def watch() -> None:
        while len(world.stripe.pay_requests()) < before + 3:
            if stopped.wait(0.01):
                return
        switch_off(world)
        sent_at_stop.append(len(world.stripe.pay_requests()))
        stopped.set()

    def send(number: int) -> None:
        now = business_now(ledger=world.app.ledger, clock=world.clock)
        for case in waiting[number::THREADS]:
            advance_case(case.id, ports=world.app.case_ports, now=now)

    with ThreadPoolExecutor(THREADS + 1) as pool:
        watching = pool.submit(watch)
        list(pool.map(send, range(THREADS)))
        stopped.set()
        watching.result()
    sent = len(world.stripe.pay_requests())
    (at_stop,) = sent_at_stop
    assert sent - at_stop <= THREADS, "one call per sender may be past its last question"
    assert sent < before + BUSY, "the switch fell in the middle"
    world.advance(minutes=2)
    assert len(world.stripe.pay_requests()) == sent, "none a minute later"


def switch_off(world: World) -> None:
    """Stop everything."""
    now = business_now(ledger=world.app.ledger, clock=world.clock)
    assert stop(
        ledger=world.app.ledger, clock=world.clock, now=now, by="jo", reason="something is wrong"
    )


def switch_on(world: World) -> None:
    """Start again."""
    now = business_now(ledger=world.app.ledger, clock=world.clock)
    go(ledger=world.app.ledger, clock=world.clock, now=now, by="jo", reason="cured")


def acts_at(world: World, customer: Customer) -> list[tuple[str, timedelta]]:
    """Return every charge and letter of a customer with its time since the failure."""
    case = world.case_of(customer)
    charges = [(a.step, a.sent_at - case.failed_at) for a in case.charges]
    letters = [(one.notice, one.at - case.failed_at) for one in world.letters_to(customer)]
    return sorted([*charges, *letters], key=lambda each: each[1])


def test_five_days_of_stop_then_go_move_everything_and_burst_nothing(world: World) -> None:
    payers = [world.customer(f"payer-{n}", ["insufficient_funds"] * 9) for n in range(3)]
    world.advance(days=3.5)
    done = {one.email: acts_at(world, one) for one in payers}
    switch_off(world)
    world.advance(days=5)
    assert {one.email: acts_at(world, one) for one in payers} == done
    switch_on(world)
    world.advance(hours=2)
    assert {one.email: acts_at(world, one) for one in payers} == done, "no burst at the start"
    world.advance(days=20)
    for one in payers:
        acts = acts_at(world, one)
        assert max(Counter(name for name, _ in acts).values()) == 1, "none is doubled"
        assert acts[: len(done[one.email])] == done[one.email]
        later = dict(acts[len(done[one.email]) :])
        gap = later["payment_failed_final"] - later["payment_failed_3"]
        assert abs(gap - timedelta(days=4)) < timedelta(days=1), "spread as planned"
        assert later["payment_failed_3"] >= timedelta(days=12), "by five days later"
        case = world.case_of(one)
        assert case.outcome is Outcome.ENDED
        assert case.closed_at is not None
        final_at = case.failed_at + later["payment_failed_final"]
        assert case.closed_at - final_at >= timedelta(days=2), "no ending without its letter"


def test_a_stop_with_the_ending_due_ends_nothing_before_its_letter(world: World) -> None:
    """Stopped just before the final letter; the ending would have been due meanwhile."""
    kim = world.customer("kim", ["lost_card"])
    world.advance(days=10.9)
    switch_off(world)
    world.advance(days=5)
    switch_on(world)
    world.advance(hours=6)
    assert world.stripe.requests("DELETE") == []
    world.advance(days=8)
    case = world.case_of(kim)
    assert case.outcome is Outcome.ENDED
    (final,) = [one for one in world.letters_to(kim) if one.notice == "payment_failed_final"]
    assert case.closed_at is not None
    assert case.closed_at - final.at >= timedelta(days=2)
