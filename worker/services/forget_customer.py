"""Forget a person: what tells of them goes, from every table; ids, amounts and facts stay.

Nothing that comes later brings it back: events and readings of a forgotten customer are stored
without what tells of the person (worker/store/forgotten.py).
"""

from datetime import datetime, timedelta

from worker.domain.facts import Fact
from worker.domain.forgetting import without_names
from worker.domain.identifiers import case_name
from worker.domain.staff_words import StaffWords
from worker.errors import UsageError
from worker.ports import Clock, Ledger
from worker.services.operate import require_who_and_why

FORGET = "forget"
AGAIN_FOR = timedelta(days=3)
"""How long the nightly job erases again: somebody may have been writing at that very moment."""


def forget_customer(
    customer_id: str, *, ledger: Ledger, clock: Clock, now: datetime, by: str, reason: str
) -> dict[str, int]:
    """Erase a person and return how many rows changed, by table.

    Raises: UsageError: no who or no why, nobody of that id is known, or a case is not closed.
    """
    require_who_and_why(by, reason)
    with ledger.begin() as tx:
        if not tx.forgetting.knows(customer_id):
            raise UsageError(f"Refused: the ledger knows no customer {customer_id}.")
        unfinished = tx.forgetting.open_cases(customer_id)
        if unfinished:
            names = ", ".join(case_name(number) for number in unfinished)
            raise UsageError(
                f"Refused: {names} of {customer_id} is not closed, and its letters and charges "
                f"need the person: dunning close {case_name(unfinished[0])}, or wait for its end."
            )
        names_known = tx.forgetting.names(customer_id)
        said = without_names(names_known, reason)
        tx.forgetting.forget(customer_id, now=clock.wall_now())
        erased = tx.forgetting.erase(customer_id, names_known)
        detail = {"customer": customer_id}
        tx.acts.record(None, FORGET, by=by, reason=said, detail=detail, now=now)
        data = {"customer_id": customer_id, "by": by, "reason": StaffWords(said)}
        occasion = clock.wall_now().isoformat()
        fact = Fact("customer.forgotten", customer_id, now, occasion, data)
        tx.facts.append([fact], wall_now=clock.wall_now())
    return erased


def erase_again(*, ledger: Ledger, clock: Clock) -> int:
    """Erase once more whoever was forgotten lately, and return how many people that were.

    A process that read an event just before may have written it just after.
    """
    with ledger.begin() as tx:
        lately = tx.forgetting.forgotten_since(clock.wall_now() - AGAIN_FOR)
    for customer_id in lately:
        with ledger.begin() as tx:
            tx.forgetting.erase(customer_id, tx.forgetting.names(customer_id))
    return len(lately)
