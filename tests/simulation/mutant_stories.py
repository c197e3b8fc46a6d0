"""Stories in which one guarantee is all that stands between the case and the damage.

Each returns what is wrong at its end, in sentences; with the right parts that is nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from dramatiq.middleware import Middleware, Retries
from redis import Redis
from sqlalchemy.exc import IntegrityError

from tests.scenarios.stripe_side import Customer
from tests.simulation.checks import violations_of
from tests.simulation.conditions import PLAIN, Conditions
from tests.simulation.ground import Ground
from tests.simulation.obedience import disobeyed
from tests.simulation.operators import Operators, has_just_read
from tests.simulation.postman import BELIEVED, STRANGERS, Postman
from tests.simulation.runs import HOUR, LENGTHS, configuration
from tests.simulation.simulation import START, Simulation
from tests.simulation.trouble import Row, Trouble
from worker.bootstrap import App
from worker.queue.broker import StopFlag, build_broker

Change = Callable[[App], None]
BEGINS_BEFORE_INTENT = 2
"""The transactions of a look after its read: what is around the case, and then the intent."""

_INTENT = (
    "INSERT INTO attempts (account_id, case_id, invoice_id, customer_id, no, kind, step, key, "
    "state, amount_minor, currency, sent_at, first_sent_at) SELECT account_id, id, invoice_id, "
    "customer_id, {no}, 'charge', 'try {no}', 'key {no}', 'sending', 1, 'eur', now(), now() "
    "FROM cases WHERE id = {case}"
)
_LOOKING = "SELECT 1 FROM cases WHERE lease_until > :now"


@dataclass(slots=True)
class FreezeInLook(Trouble):
    """Nothing goes wrong but one freeze, of a look that has read Stripe and not yet acted."""

    simulation: Simulation | None = None
    lasts: float = 0.0
    armed: bool = False
    then: Callable[[], None] = lambda: None
    frozen: list[str] = field(default_factory=list)

    def freezes(self) -> float:
        """Return the length of the freeze right after the read of an invoice, once it is armed."""
        sim = self.simulation
        if not self.armed or self.frozen or sim is None:
            return 0.0
        reads = [at for (name, _), at in sim.reads.items() if name == sim.running.name]
        if not reads or max(one.at for one in reads) < sim.agenda.now - timedelta(seconds=2):
            return 0.0
        if not sim.ground.rows(_LOOKING, now=sim.agenda.now):
            return 0.0  # the read was a sweep's, or the look is over
        self.frozen.append(sim.running.name)
        sim.agenda.after(1, self.then)
        return self.lasts


@contextmanager
def world(
    ground: Ground, trouble: Trouble, change: Change, under: Conditions = PLAIN
) -> Iterator[tuple[Simulation, Customer]]:
    """Give a running world with one customer whose renewal is declined three hours from now."""
    sim = Simulation(ground, trouble, configuration(LENGTHS[True], under), change=change)
    try:
        sim.run_until(START + HOUR)
        anna = sim.people.customer("anna", cards=("insufficient_funds",))
        at = sim.agenda.now.replace(microsecond=0) + 3 * HOUR
        sim.people.subscribe(anna, first_charge_at=at)
        yield sim, anna
    finally:
        sim.close()


def stale_look(ground: Ground, change: Change) -> list[str]:
    """A look stands still after its read, for longer than its lease, with a charge on its mind."""
    trouble = FreezeInLook("stale look", lasts=2 * 3600.0)
    with world(ground, trouble, change) as (sim, anna):
        trouble.simulation = sim
        trouble.then = lambda: sim.people.cancel(anna, when="now")
        sim.run_until(START + 27.5 * HOUR)
        trouble.armed = True
        sim.run_until(START + 40 * HOUR)
        assert trouble.frozen, "no look stood still"
        return [one for one in violations_of(sim) if one.startswith("I2")]


def slow_look(ground: Ground, change: Change) -> list[str]:
    """A look stands still after its read, within its lease, with a charge on its mind."""
    trouble = FreezeInLook("slow look", lasts=125.0)
    with world(ground, trouble, change) as (sim, _anna):
        trouble.simulation = sim
        sim.run_until(START + 27.5 * HOUR)
        trouble.armed = True
        sim.run_until(START + 40 * HOUR)
        assert trouble.frozen, "no look stood still"
        return [one for one in violations_of(sim) if one.startswith("I2")]


def woken_look(ground: Ground, change: Change) -> list[str]:
    """The customer pays while a look that has read Stripe stands still, within its lease."""
    trouble = FreezeInLook("woken look", lasts=100.0)
    with world(ground, trouble, change) as (sim, anna):
        trouble.simulation = sim

        def pay() -> None:
            sim.people.pay_by_hand(sim.people.invoice(anna)["id"], sim.people.card("approve"))

        trouble.then = pay
        sim.run_until(START + 5 * HOUR)
        sim.fine_ticks = True  # the payment is heard of before the look goes on
        trouble.armed = True
        ground.make_cases_due(sim.agenda.now)
        sim.stir()
        sim.run_until(sim.agenda.now + 0.4 * HOUR)
        assert trouble.frozen, "no look stood still"
        (case,) = ground.rows("SELECT state FROM cases")
        return [] if case["state"] == "closed" else ["it was paid, and 20 minutes later it is open"]


def stripe_retries(ground: Ground, change: Change) -> list[str]:
    """Stripe's own retries are switched on."""
    with world(ground, Trouble("stripe retries"), change) as (sim, _anna):
        sim.sandbox.world.settings.change({"retries": [3, 5]})
        sim.run_until(START + 50 * HOUR)
        return [one for one in violations_of(sim) if "Stripe tries" in one]


def long_gap(ground: Ground, change: Change) -> list[str]:
    """No worker for three days: of each kind one act follows at once, not all that were missed."""
    with world(ground, Trouble("long gap"), change) as (sim, _anna):
        sim.run_until(START + 5 * HOUR)
        sim.queue.is_down = True
        sim.run_until(START + 77 * HOUR)
        sim.queue.is_down = False
        sim.stir()
        back_at, sent = sim.agenda.now, len(sim.seen.sends)
        sim.run_until(START + 81 * HOUR)
        written = ground.rows("SELECT id FROM letters WHERE queued_at >= :back", back=back_at)
        acts = Counter("letter" for _ in written)
        acts.update("charge" if one.is_charge else "ending" for one in sim.seen.sends[sent:])
        allowed = {"letter": 1, "charge": 1}
        return [f"{n} {name}s at once" for name, n in acts.items() if n > allowed.get(name, 0)]


def unlisted_failure(ground: Ground, change: Change) -> list[str]:
    """The event of the failure is listed only 20 hours later, behind what was read by then."""
    with world(ground, Trouble("unlisted failure"), change) as (sim, anna):
        sim.run_until(START + 3.9 * HOUR)
        sim.seen.hides = True
        sim.run_until(START + 5 * HOUR)
        sim.seen.hides = False
        sim.run_until(START + 60 * HOUR)
        found = ground.rows("SELECT id FROM cases WHERE customer_id = :c", c=anna.id)
        return [] if found else ["a payment failed 56 hours ago and has no case"]


@dataclass(slots=True)
class SilentStripe(Trouble):
    """From one moment on no request to charge arrives."""

    silent: bool = False

    def of_request(self, method: str) -> str:
        """Return what happens to a request."""
        return "refused" if self.silent and method == "POST" else ""


def silent_stripe(ground: Ground, change: Change) -> list[str]:
    """No charge is answered for two days: after a day its key is not sent again."""
    trouble = SilentStripe("silent stripe")
    with world(ground, trouble, change) as (sim, _anna):
        sim.run_until(START + 27.5 * HOUR)
        trouble.silent = True
        sim.run_until(START + 58 * HOUR)
        return [one for one in violations_of(sim) if one.startswith("I5")]


def asked_again(ground: Ground, change: Change) -> list[str]:
    """A charge is not answered for an hour and asked about again."""
    trouble = SilentStripe("asked again")
    with world(ground, trouble, change) as (sim, _anna):
        sim.run_until(START + 27.5 * HOUR)
        trouble.silent = True
        sim.run_until(START + 29.5 * HOUR)
        assert len(sim.seen.sends) > 1, "it was not asked again"
        return [one for one in violations_of(sim) if one.startswith("I3")]


def sender_dies(ground: Ground, change: Change) -> list[str]:
    """A sender dies between the mail server and the ledger: the letter does not stay on its way."""
    with world(ground, Trouble("sender dies"), change) as (sim, _anna):

        def die(point: str) -> None:
            if point == "mailed" and not sim.deaths:
                sim.running.dead = True

        sim.at_point = die
        sim.run_until(START + 27 * HOUR)
        assert sim.deaths, "nobody died"
        return [one for one in violations_of(sim) if one.startswith("I9")]


def two_in_flight(ground: Ground, change: Change) -> list[str]:
    """Two intents for one invoice, written by whatever went past every other guard."""
    with world(ground, Trouble("two in flight"), change) as (sim, _anna):
        sim.run_until(START + 5 * HOUR)
        (case,) = ground.rows("SELECT id FROM cases")
        refused = 0
        with ground.engine.connect() as connection:
            for no in (1, 2):
                try:
                    connection.exec_driver_sql(_INTENT.format(no=no, case=case["id"]))
                except IntegrityError:
                    refused += 1
        return [] if refused == 1 else ["the ledger took two intents in flight for one invoice"]


def webhooks(
    ground: Ground, change: Change, believed: Mapping[bool, tuple[str, ...]] = BELIEVED
) -> list[str]:
    """Strangers follow each webhook with what they would have believed."""
    with world(ground, Trouble("webhooks"), change) as (sim, _anna):
        postman = Postman(sim, believed, strangers=dict.fromkeys(STRANGERS, 1.0))
        sim.run_until(START + 31 * HOUR)
        assert {stranger for stranger, _ in postman.answers} == {"", *STRANGERS}
        return sim.failures


def ordered(ground: Ground, change: Change, order: str, under: Conditions = PLAIN) -> list[str]:
    """An operator gives an order an hour before a charge is due, and it is looked at often."""
    with world(ground, Trouble(f"ordered {order}"), change, under) as (sim, _anna):
        operators = Operators(sim, Row("ordered", "operators"))
        sim.run_until(START + 26 * HOUR)
        operators.do(order)
        for _ in range(5):
            ground.make_cases_due(sim.agenda.now)
            sim.stir()
            sim.run_until(sim.agenda.now + 0.5 * HOUR)
        return disobeyed(sim, operators)


def held_in_look(ground: Ground, change: Change) -> list[str]:
    """An operator holds the case while a look that has read Stripe has a charge on its mind."""
    with world(ground, Trouble("held in look"), change) as (sim, _anna):
        operators = Operators(sim, Row("held in look", "operators"))
        sim.run_until(START + 27.5 * HOUR)
        begun: list[str] = []

        def interfere(point: str) -> None:
            if point == "begin" and has_just_read(sim):
                begun.append(point)
                if len(begun) == BEGINS_BEFORE_INTENT:
                    operators.at_once("hold")

        sim.at_point = interfere
        sim.run_until(START + 29 * HOUR)
        assert operators.still, "nothing was held"
        return disobeyed(sim, operators)


def queue_retries(middleware: Middleware | None) -> list[str]:
    """The queue's own retries: a message whose work failed must not come back by itself."""
    broker = build_broker(Redis(), StopFlag())
    if middleware is not None:
        broker.add_middleware(middleware)
    found = [one for one in broker.middleware if isinstance(one, Retries)]
    return ["the queue repeats failed messages for weeks"] if found else []
