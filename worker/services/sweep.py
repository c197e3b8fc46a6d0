"""The last line: whatever a crash or a lost message left behind is found here (reliability 3)."""

from dataclasses import dataclass
from datetime import datetime

from worker.domain.case import LetterState
from worker.errors import GatewayRejected
from worker.ports import StripeGateway
from worker.services.case_turn import CasePorts
from worker.services.deliver_letter import letter_fact, report

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
        lost = [letter for letter in found if tx.letters.lose(letter.id, reason=LOST)]
        facts = [letter_fact(one, LetterState.UNKNOWN, at=now, reason=LOST) for one in lost]
        tx.facts.append(facts, wall_now=ports.clock.wall_now())
        cases = [letter.case_id for letter in lost if letter.case_id is not None]
        tx.cases.wake(now=now, case_ids=cases)
    for letter in lost:
        report(letter, LetterState.UNKNOWN, ports, now=now, reason=LOST)
    return len(lost)


def _refresh_stale(ports: CasePorts, now: datetime) -> int:
    with ports.ledger.begin() as tx:
        stale = tx.mirror.stale(limit=STALE_BATCH)
    for kind, object_id in stale:
        try:
            _refresh(kind, object_id, ports, now)
        except GatewayRejected:  # gone at Stripe: the mirror keeps its last state, read no more
            with ports.ledger.begin() as tx:
                tx.mirror.settled(kind, object_id)
    return len(stale)


def _refresh(kind: str, object_id: str, ports: CasePorts, now: datetime) -> None:
    stripe: StripeGateway = ports.stripe
    if kind == "invoice":
        invoice = stripe.read_invoice(object_id)
        with ports.ledger.begin() as tx:
            tx.mirror.put_invoices([(invoice, now)])
            tx.mirror.settled(kind, object_id)
        return
    subscription = stripe.read_subscription(object_id)
    with ports.ledger.begin() as tx:
        tx.mirror.put_subscriptions([(subscription, now)])
        tx.mirror.settled(kind, object_id)
