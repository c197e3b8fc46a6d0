"""Stops of charging as staff is told of them: the alert, and the one mail that says it goes on."""

from collections.abc import Iterable
from dataclasses import dataclass

from worker.domain.policy import Mode
from worker.domain.step_names import readable
from worker.office.charging import GO
from worker.office.staff_document import Document, Item, Section
from worker.office.words import OfficeWords
from worker.store.reading_day import Told

STOPPED, RESUMED = "charging.stopped", "charging.resumed"
CANARY = "canary"
"""The cause of a `charging.resumed` that lets new policies act; nothing was stopped before it."""
BY_PERSON = "switch"


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop of charging, and what ended it."""

    began: Told
    ended: Told | None = None
    """None while it holds."""


def stops_in(facts: Iterable[tuple[str, Told]]) -> list[Stop]:
    """Return the stops among facts of both types, given in the order in which they were written.

    A start that nothing stopped before, as of a ledger that was not armed, ends none of them.
    """
    stops: list[Stop] = []
    for kind, told in facts:
        if kind == STOPPED:
            stops.append(Stop(told))
        elif stops and stops[-1].ended is None and told.data.get("cause") != CANARY:
            stops[-1] = Stop(stops[-1].began, told)
    return stops


def stopped_mail(stop: Stop, words: OfficeWords) -> Document:
    """Return the alert about a stop that holds."""
    first = f"CHARGING  NO since {words.near(stop.began.at)}: {_why(stop.began)}."
    items = (
        Item("No charge, letter or ending starts until it goes on; what is due waits."),
        Item("See what waits", "dunning status"),
        Item("When the cause is cured", GO),
    )
    return Document(
        "CHARGING NO: dunning has stopped", first, True, (Section("What to do", items),)
    )


def goes_on_mail(stop: Stop, ended: Told, mode: Mode, words: OfficeWords) -> Document:
    """Return the mail which says that the last stop, of which staff was told, is over.

    A mode that does not charge is named instead of a yes that would not be true.
    """
    live = mode is Mode.LIVE
    goes_on = "CHARGING YES: dunning goes on" if live else f"Dunning goes on in mode {mode.value}"
    by, reason = (str(ended.data.get(name, "")) for name in ("by", "reason"))
    said = f"{by}: {reason}" if reason else by or "nobody said who"
    items = (
        Item(f"It had stopped since {words.near(stop.began.at)}: {_why(stop.began)}."),
        Item("Waiting steps and endings of open cases move later by the length of the stop."),
        Item("See how it goes", "dunning status"),
    )
    first = f"{goes_on} since {words.near(ended.at)}, started by {said}."
    return Document(goes_on, first, False, (Section("What happened", items),))


def _why(began: Told) -> str:
    cause, by = str(began.data.get("cause", "")), str(began.data.get("by", ""))
    reason = str(began.data.get("reason", "")) or "no reason was given"
    return (
        f"switched off by {by}: {reason}" if cause == BY_PERSON else f"{readable(cause)}: {reason}"
    )
