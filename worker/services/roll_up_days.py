"""Roll the facts up into rows and days, and check all of them against the facts."""

from dataclasses import dataclass

from worker.ports import Clock, Ledger
from worker.ports.days import DayDifference, RowDifference
from worker.services.seal_facts import seal_facts


@dataclass(frozen=True, slots=True)
class RolledUp:
    """What a run did."""

    days: int
    """Days that were made anew, since facts of theirs are new."""
    differences: tuple[DayDifference, ...] = ()
    """Figures that were not what the rows add up to; their days have been made anew as well."""
    rows: tuple[RowDifference, ...] = ()
    """Whose kept rows were not what the facts say; they have been computed anew as well."""


def roll_up_days(*, ledger: Ledger, clock: Clock) -> RolledUp:
    """Bring rows and days up to date with the chain and compare all with the full computation.

    Only what new facts concern is computed for that; the comparison reads every fact.
    """
    seal_facts(ledger=ledger, clock=clock)
    with ledger.begin() as tx:
        position, days = tx.days.changed()
        tx.kept.bring_up(position)
        if days:
            tx.days.make_anew(days)
        tx.days.reached(position)
    with ledger.begin() as tx:
        rows = tx.kept.differences(position)
        differences = tx.days.differences(position)
        if differences:
            tx.days.make_anew({each.on_day for each in differences})
    return RolledUp(len(days), tuple(differences), tuple(rows))
