"""What customers, the merchant's staff and operators do in a run, and when."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from tests.scenarios.stripe_side import Customer
from tests.simulation.operators import AT_WORST, OPERATOR_ACTS, Operators, has_just_read
from worker.rehearsal.draws import Draws
from worker.rehearsal.driver_sandbox import Refused

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

CARDS: tuple[tuple[str, ...], ...] = (
    ("insufficient_funds", "insufficient_funds", "approve"),
    ("insufficient_funds", "approve"),
    ("insufficient_funds", "insufficient_funds", "insufficient_funds"),
    ("generic_decline", "do_not_honor", "approve"),
    ("insufficient_funds", "lost_card"),
    ("lost_card",),
    ("expired_card",),
    ("processing_error", "approve"),
    ("authentication_required", "approve"),
)
CARDS_TRIED_SOON: tuple[tuple[str, ...], ...] = (
    ("processing_error", "approve"),
    ("processing_error", "processing_error", "approve"),
    ("processing_error", "processing_error", "processing_error", "approve"),
    ("processing_error", "processing_error", "insufficient_funds"),
    ("processing_error", "lost_card"),
    ("authentication_required", "approve"),
    ("lost_card",),
)
"""Cards most of which may be charged again within hours."""
ACTS = (
    "pay",
    "pay",
    "pay_elsewhere",
    "cancel_now",
    "cancel_later",
    "new_card",
    "new_bad_card",
    "void",
    "uncollectible",
    "pause",
    "dispute",
)


@dataclass
class People:
    """The customers of one run and what they are up to."""

    simulation: "Simulation"
    customers: list[Customer]
    draws: Draws

    def __post_init__(self) -> None:
        """Give the customers operators to deal with."""
        self.operators = Operators(
            self.simulation, Draws(self.simulation.trouble.seed, "operators")
        )

    def plan(self, until: datetime) -> None:
        """Plan some acts between now and *until*."""
        sim, now = self.simulation, self.simulation.agenda.now
        span = (until - now).total_seconds()
        for _ in range(self.draws.below(3)):
            who, act = self.draws.one_of(self.customers), self.draws.one_of(ACTS)
            sim.agenda.after(span * self.draws.fraction(), partial(self.act, who, act))
        for _ in range(max(0, self.draws.below(5) - 2)):
            name, when = self.draws.one_of(OPERATOR_ACTS), span * self.draws.fraction()
            sim.agenda.after(when, partial(self.operators.do, name))

    def interfere(self, point: str) -> None:
        """Now and then act at the worst moment: while a charge or an ending is on its way.

        Operators act there as well, and right after a look has read Stripe.
        """
        if self.simulation.trouble.calm:
            return
        worst = point.startswith(("request POST", "request DELETE")) or point == "mailed"
        if worst and self.draws.happens(0.06):
            who, act = self.draws.one_of(self.customers), self.draws.one_of(ACTS)
            self.act(who, act)
        if worst or (point == "begin" and has_just_read(self.simulation)):
            draws = self.operators.draws
            if draws.happens(0.06 if worst else 0.01):
                self.operators.at_once(draws.one_of(AT_WORST))

    def act(self, who: Customer, act: str) -> None:
        """Let a customer, or the staff about it, do something; what Stripe refuses is not done."""
        self.simulation.note(f"{who.name} {act}")
        with suppress(Refused):
            _ACTS[act](self, who)
        self.simulation.stir()

    def operate(self, act: str) -> None:
        """Let an operator do something."""
        self.operators.do(act)

    def make_peace(self) -> None:
        """End what keeps cases still, list every event, and let the daily comparison be due."""
        operators, now = self.operators, self.simulation.agenda.now
        for act in ("go", "release"):
            operators.do(act)
        operators.approve_all()
        self.simulation.ground.make_due("reconcile", now)
        self.simulation.seen.hidden_until.clear()
        self.simulation.stir()

    def open_invoices(self, who: Customer) -> list[str]:
        """Return the customer's open invoices, oldest first."""
        rows = self.simulation.sandbox.world.where("invoice", "customer", who.id)
        return [row["id"] for row in rows if row["status"] == "open"]


def _pay(people: People, who: Customer) -> None:
    stripe = people.simulation.people
    for invoice in people.open_invoices(who):
        stripe.pay_by_hand(invoice, stripe.card("approve"), remember=people.draws.happens(0.5))


def _staff(path: str) -> Callable[[People, Customer], None]:
    def run(people: People, who: Customer) -> None:
        for invoice in people.open_invoices(who)[:1]:
            people.simulation.people.staff(f"invoices/{invoice}/{path}")

    return run


def _elsewhere(people: People, who: Customer) -> None:
    for invoice in people.open_invoices(who)[:1]:
        people.simulation.people.pay_elsewhere(invoice)


def _pause(people: People, who: Customer) -> None:
    pause = {"pause_collection": {"behavior": "keep_as_draft"}}
    people.simulation.people.staff(f"subscriptions/{who.subscription}", **pause)


def _dispute(people: People, who: Customer) -> None:
    charges = people.simulation.sandbox.world.where("charge", "customer", who.id)
    paid = [row["id"] for row in charges if row["status"] == "succeeded"]
    if paid:
        people.simulation.people.act("dispute", charge=paid[-1])


def _card(*answers: str) -> Callable[[People, Customer], None]:
    def run(people: People, who: Customer) -> None:
        stripe = people.simulation.people
        stripe.save_card(who, stripe.card(*answers))

    return run


_ACTS: dict[str, Callable[[People, Customer], None]] = {
    "pay": _pay,
    "pay_elsewhere": _elsewhere,
    "cancel_now": lambda people, who: people.simulation.people.cancel(who, when="now"),
    "cancel_later": lambda people, who: people.simulation.people.cancel(who, when="period_end"),
    "new_card": _card("approve"),
    "new_bad_card": _card("insufficient_funds", "approve"),
    "void": _staff("void"),
    "uncollectible": _staff("mark_uncollectible"),
    "pause": _pause,
    "dispute": _dispute,
}
