"""The last line: whatever a crash or a lost message left behind is found here (reliability 3)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from worker.domain.case import LetterState
from worker.errors import GatewayRejected
from worker.ports import LetterTask
from worker.services.case_turn import CasePorts
from worker.services.deliver_letter import letter_fact, lock_case, report
from worker.services.give_days import days_given_facts

STALE_BATCH = 20
"""Objects read again per run."""

LOST = "the sender ended between the mail server and the ledger"


@dataclass(frozen=True, slots=True)
class Swept:
    """What one run found."""

    letters_unknown: int = 0
    refreshed: int = 0

    @property
    def anything(self) -> bool:
        """Whether the run is worth a line."""
        return bool(self.letters_unknown or self.refreshed)


def sweep(*, ports: CasePorts, now: datetime) -> Swept:
    """Settle letters whose sender died, and read again what the mirror is not certain of.

    Expired leases and lost messages need no sweep of their own: the due scan finds their rows.
    """
    return Swept(_lost_letters(ports, now), _refresh_stale(ports, now))


def _lost_letters(ports: CasePorts, now: datetime) -> int:
    with ports.ledger.begin() as tx:
        found = tx.letters.lost_sends(wall_now=ports.clock.wall_now())
    lost = [letter for letter in found if _lose(letter, ports, now)]
    for letter in lost:
        report(letter, LetterState.UNKNOWN, ports, now=now, reason=LOST)
    return len(lost)


def _lose(letter: LetterTask, ports: CasePorts, now: datetime) -> bool:
    """Settle a letter whose sender died; False where its outcome has become known after all."""
    with ports.ledger.begin() as tx:
        lock_case(tx, letter)
        if not tx.letters.lose(letter.id, reason=LOST):
            return False
        facts = [
            letter_fact(letter, LetterState.UNKNOWN, at=now, reason=LOST),
            *days_given_facts(tx, letter, now=now),
        ]
        tx.facts.append(facts, wall_now=ports.clock.wall_now())
        if letter.case_id is not None:
            tx.cases.wake(now=now, case_ids=[letter.case_id])
    return True


def _refresh_stale(ports: CasePorts, now: datetime) -> int:
    with ports.ledger.begin() as tx:
        stale = tx.mirror.stale(limit=STALE_BATCH)
    for kind, object_id in stale:
        try:
            _REFRESH[kind](object_id, ports, now)
        except GatewayRejected as refused:
            if refused.status != 404:
                ports.log.error("stripe.rejected", error=str(refused), do="dunning doctor")
                break
            with ports.ledger.begin() as tx:  # gone: the mirror keeps its last state
                tx.mirror.settled(kind, object_id)
    return len(stale)


def _refresh_invoice(invoice_id: str, ports: CasePorts, now: datetime) -> None:
    invoice = ports.stripe.read_invoice(invoice_id)
    with ports.ledger.begin() as tx:
        tx.mirror.put_invoices([(invoice, now)])
        tx.mirror.settled("invoice", invoice_id)


def _refresh_subscription(subscription_id: str, ports: CasePorts, now: datetime) -> None:
    subscription = ports.stripe.read_subscription(subscription_id)
    with ports.ledger.begin() as tx:
        tx.mirror.put_subscriptions([(subscription, now)])
        tx.mirror.settled("subscription", subscription_id)


def _refresh_charge(charge_id: str, ports: CasePorts, now: datetime) -> None:
    """Learn who disputes: the charge is older than the ledger, and disputes do not name anybody."""
    charge = ports.stripe.read_charge(charge_id)
    customer_id = charge.customer_id
    with ports.ledger.begin() as tx:
        if tx.mirror.known_customers({customer_id}):  # else of another test clock, say
            made_at = min(charge.created_at, now)
            tx.mirror.put_charge(charge, customer_id=customer_id, at=made_at, made_by=None, now=now)
        tx.mirror.name_disputes(charge_id, customer_id=customer_id)
        tx.cases.wake(now=now, disputing_ids=[customer_id])


_REFRESH: dict[str, Callable[[str, CasePorts, datetime], None]] = {
    "invoice": _refresh_invoice,
    "subscription": _refresh_subscription,
    "charge": _refresh_charge,
}
