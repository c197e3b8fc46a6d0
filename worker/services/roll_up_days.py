"""Roll the facts up into days, and check all days against the facts."""

from dataclasses import dataclass

from worker.ports import Clock, Ledger
from worker.ports.days import DayDifference
from worker.services.seal_facts import seal_facts


@dataclass(frozen=True, slots=True)
class RolledUp:
    """What a run did."""

    days: int
    """Days that were made anew, since facts of theirs are new."""
    differences: tuple[DayDifference, ...]
    """Figures that were not what the facts say; their days have been made anew as well."""


def roll_up_days(*, ledger: Ledger, clock: Clock) -> RolledUp:
    """Bring the days up to date with the chain and compare every day with the full computation."""
    seal_facts(ledger=ledger, clock=clock)
    with ledger.begin() as tx:
        position, days = tx.days.changed()
        if days:
            tx.days.make_anew(days)
        tx.days.reached(position)
    with ledger.begin() as tx:
        differences = tx.days.differences(position)
        if differences:
            tx.days.make_anew({each.on_day for each in differences})
    return RolledUp(len(days), tuple(differences))
