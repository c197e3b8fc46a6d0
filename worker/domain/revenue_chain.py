"""The chain of a subscription's facts: each movement gets one place, and no place ever changes.

What becomes known behind the watermark is a correction: the facts that were wrong are taken back
by facts of their own type with the opposite sign, what was missing is told after them, and all of
it is booked at the watermark, so that no period that was closed changes (architecture.md 5).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from worker.domain.facts import Fact
from worker.domain.readings import SubscriptionReading
from worker.domain.subscription_story import Movement, Told

CHAIN = "subscription."
FOUND = "subscription.found"
RENEWED = "subscription.renewed"

DETAILS = frozenset(
    (
        "by",
        "churn_at",
        "churned_at",
        "consent_withdrawn",
        "during_dunning",
        "feedback",
        "kind",
        "reason",
    )
)
"""Fields that only some types have; corrections compare them."""
PLACE = frozenset(
    (
        "booked_at",
        "corrects",
        "late",
        "mrr_delta_minor",
        "mrr_minor",
        "no",
        "sign",
        "told_by",
    )
)
"""Fields that say where in the chain a fact stands."""

Traits = Mapping[str, object]
"""What facts of a subscription can be grouped by: ids and closed words, nothing personal."""


@dataclass(frozen=True, slots=True)
class Link:
    """A booked fact of the chain, as corrections look at it."""

    id: str
    type: str
    time: datetime
    no: int
    mrr_minor: int
    mrr_delta_minor: int
    sign: int
    corrects: str
    told_by: str
    detail: Mapping[str, object]
    traits: Traits


def link_of(*, fact_id: str, kind: str, time: datetime, data: Mapping[str, Any]) -> Link:
    """Return a stored fact of the chain as a link."""
    return Link(
        id=fact_id,
        type=kind,
        time=time,
        no=data["no"],
        mrr_minor=data["mrr_minor"],
        mrr_delta_minor=data["mrr_delta_minor"],
        sign=data["sign"],
        corrects=data["corrects"],
        told_by=data["told_by"],
        detail={name: value for name, value in data.items() if name in DETAILS},
        traits={name: value for name, value in data.items() if name not in DETAILS | PLACE},
    )


@dataclass(frozen=True, slots=True)
class ChainState:
    """How far a subscription's story has been told."""

    told: Told = field(default_factory=Told)
    no: int = 0
    """Place of its last fact."""
    looked_at: datetime | None = None
    """When the last event that was folded happened."""
    traits: Traits = field(default_factory=dict)
    """As the last look found them."""
    base: Told = field(default_factory=Told)
    """Where the story can be told anew from: what was told once the worker had read it whole."""
    base_at: datetime | None = None
    base_no: int = 0
    base_shown: SubscriptionReading | None = None
    """What the subscription looked like there."""


@dataclass(slots=True)
class Chain:
    """Gives movements of a subscription their places; `no` and `mrr_minor` are of the last."""

    subscription_id: str
    no: int = 0
    mrr_minor: int = 0

    def book(
        self,
        movement: Movement,
        traits: Traits,
        *,
        closed_until: datetime | None,
        again: bool = False,
    ) -> Fact:
        """Return the fact of a movement at the chain's end.

        Args: closed_until: what happened by then is booked then, since it is behind the watermark.
        again: a fact of this movement may have been told before, and taken back.
        """
        late = closed_until is not None and movement.at <= closed_until
        booked_at = closed_until if late and closed_until is not None else movement.at
        occasion = f"{movement.occasion}:{self.no + 1}" if again else movement.occasion
        return self._fact(
            movement.type,
            movement.at,
            occasion,
            dict(traits)
            | self._placed(movement.mrr_delta_minor, booked_at, late=late)
            | {"told_by": movement.occasion}
            | dict(movement.detail),
        )

    def take_back(self, link: Link, *, booked_at: datetime) -> Fact:
        """Return the fact that takes a booked one back."""
        return self._fact(
            link.type,
            link.time,
            f"{link.id} taken back",
            dict(link.traits)
            | self._placed(-link.mrr_delta_minor, booked_at, late=True)
            | {"sign": -1, "corrects": link.id, "told_by": link.told_by}
            | dict(link.detail),
        )

    def _placed(self, delta_minor: int, booked_at: datetime, *, late: bool) -> dict[str, object]:
        self.no += 1
        self.mrr_minor += delta_minor
        return {
            "no": self.no,
            "booked_at": booked_at.isoformat(),
            "sign": 1,
            "corrects": "",
            "late": late,
            "mrr_minor": self.mrr_minor,
            "mrr_delta_minor": delta_minor,
        }

    def _fact(self, kind: str, at: datetime, occasion: str, data: Mapping[str, object]) -> Fact:
        return Fact(kind, self.subscription_id, at, occasion, data)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the facts of a subscription come to."""

    state: str = ""
    """As in Told."""
    mrr_minor: int = 0
    adds_up: bool = True
    """Whether each place is there once and each MRR is the one before it plus the change."""


def replay(links: Iterable[Link]) -> Replayed:
    """Return what facts alone tell of a subscription, in order of their places."""
    state, mrr_minor, adds_up = "", 0, True
    listed = list(links)
    for place, link in enumerate(listed, 1):
        mrr_minor += link.mrr_delta_minor
        adds_up = adds_up and (link.no, link.mrr_minor) == (place, mrr_minor)
    for link in listed:
        if link.type == FOUND:
            state = str(link.traits.get("state", ""))
    for link in sorted(standing(listed), key=lambda one: (one.time, one.no)):
        state = _STATE_AFTER.get(link.type, "started")
    return Replayed(state, mrr_minor, adds_up)


_STATE_AFTER = {"subscription.churned": "churned", "subscription.paused": "paused"}


def corrections(
    chain: Chain,
    booked: Iterable[Link],
    story: Sequence[tuple[Movement, Traits]],
    *,
    booked_at: datetime,
) -> list[Fact]:
    """Return the facts that make *booked* tell the *story*; nothing where it does already.

    Args: booked: facts of movements, oldest place first. story: all movements that should stand.
    """
    wrong, missing = _differences(standing(booked), story)
    facts = [chain.take_back(link, booked_at=booked_at) for link in wrong]
    return facts + [
        chain.book(movement, traits, closed_until=max(booked_at, movement.at), again=True)
        for movement, traits in missing
    ]


def standing(booked: Iterable[Link]) -> list[Link]:
    """Return the facts of movements that nothing took back."""
    listed = [link for link in booked if link.type not in {FOUND, RENEWED}]
    gone = {link.corrects for link in listed if link.corrects}
    return [link for link in listed if link.sign > 0 and link.id not in gone]


def _differences(
    stand: Sequence[Link], story: Sequence[tuple[Movement, Traits]]
) -> tuple[list[Link], list[tuple[Movement, Traits]]]:
    told = {(link.type, link.told_by): link for link in stand}
    kept: set[str] = set()
    missing = []
    for movement, traits in story:
        link = told.get((movement.type, movement.occasion))
        same = link is not None and (
            (link.time, link.mrr_delta_minor) == (movement.at, movement.mrr_delta_minor)
            and dict(link.detail) == dict(movement.detail)
        )
        if link is not None and same:
            kept.add(link.id)
        else:
            missing.append((movement, traits))
    return [link for link in stand if link.id not in kept], missing
