"""Eight threads look at the same cases at the same moment: one charge a step, one at a time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock
from typing import Any

from tests.scenarios.stripe_side import HOUR
from tests.scenarios.world import World
from worker.bootstrap import App
from worker.domain.case import AttemptState, Outcome
from worker.gateway.stripe_gateway import SdkGateway
from worker.services.advance_case import advance_case
from worker.services.business_time import business_now
from worker.services.deliver_letter import deliver_letter

THREADS = 8


class WatchedStripe:
    """The real gateway; it remembers how many charges of one customer ran at the same time."""

    def __init__(self, real: SdkGateway, owner_of: dict[str, str]) -> None:
        self._real = real
        self._owner_of = owner_of
        self._lock = Lock()
        self._running: dict[str, int] = {}
        self.most = 0
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def pay_invoice(self, invoice_id: str, **more: Any) -> Any:
        """Pay, counted."""
        owner = self._owner_of.get(invoice_id, invoice_id)
        with self._lock:
            self.asked += 1
            self._running[owner] = self._running.get(owner, 0) + 1
            self.most = max(self.most, self._running[owner])
        try:
            return self._real.pay_invoice(invoice_id, **more)
        finally:
            with self._lock:
                self._running[owner] -= 1


def together(act: Callable[[int], object], ids: list[int]) -> list[object]:
    """Let eight threads do *act* on all *ids*, starting at the same moment."""
    gate = Barrier(THREADS)

    def work(_thread: int) -> list[object]:
        gate.wait(30)
        return [act(one) for one in ids]

    with ThreadPoolExecutor(THREADS) as pool:
        return [answer for answers in pool.map(work, range(THREADS)) for answer in answers]


def due_ids(world: World, table: str) -> list[int]:
    found = world.rows(
        f"SELECT id FROM {table} WHERE next_action_at <= :now ORDER BY id", now=world.now
    )
    return [row["id"] for row in found]


def look_together(world: World) -> list[object]:
    """Let the threads look at every due case, and deliver every due letter."""
    app = world.app
    now = business_now(ledger=app.ledger, clock=app.clock)
    answers = together(
        lambda one: advance_case(one, ports=app.case_ports, now=now), due_ids(world, "cases")
    )
    letters = due_ids(world, "letters")
    if letters:
        answers += together(lambda one: deliver_letter(one, ports=app.case_ports, now=now), letters)
    return answers


def test_eight_threads_make_one_charge_a_step(world: World) -> None:
    poor = "insufficient_funds"
    people = [world.customer(f"p{number}", [poor, poor, poor, "approve"]) for number in range(4)]
    world.advance(hours=3)
    watched = WatchedStripe(world.app.stripe, {})

    def watch(app: App) -> None:
        app.__dict__["stripe"] = watched

    world.start_worker(wrap=watch)
    for _ in range(13):
        world.pass_time_to(world.now + 8 * HOUR)
        world.job("read_stripe")
        for _ in range(4):
            look_together(world)
    for one in people:
        case = world.case_of(one)
        assert case.outcome is Outcome.RECOVERED
        assert [a.step for a in case.attempts] == ["try 1", "try 2", "try 3"]
        assert [a.no for a in case.attempts] == [1, 2, 3]
        notices = world.notices_to(one)
        assert len(notices) == len(set(notices))
    assert watched.asked == 12
    assert watched.most == 1
    assert len(world.stripe.pay_requests()) == 12
    assert world.stripe.paid_twice() == []


def test_one_charge_in_flight_per_customer(world: World) -> None:
    """Four subscriptions of one customer are due at once: one charge at a time, and one in 20 h."""
    anna = world.customer("anna", ["insufficient_funds"])
    for amount in (1900, 2900, 3900):
        world.stripe.subscribe(anna, first_charge_at=world.now + 2 * HOUR, amount_minor=amount)
    world.advance(hours=3)
    owner_of = {case.invoice_id: anna.id for case in world.cases_of(anna)}
    watched = WatchedStripe(world.app.stripe, owner_of)

    def watch(app: App) -> None:
        app.__dict__["stripe"] = watched

    world.start_worker(wrap=watch)
    world.stripe.script(anna.method, "approve")
    world.stripe.settings(latency_ms=30)
    for charged in range(1, 5):
        world.pass_time_to(world.now + 24 * HOUR)
        world.job("read_stripe")
        for _ in range(3):
            look_together(world)
        assert watched.asked == charged
    cases = world.cases_of(anna)
    assert [case.outcome for case in cases] == [Outcome.RECOVERED] * 4
    assert watched.most == 1
    states = {a.state for case in cases for a in case.attempts}
    assert states == {AttemptState.SUCCEEDED}
    assert world.stripe.paid_twice() == []
