"""Stories lived in ways that must make no difference: the final rows are those of the calm life.

I12: the queue is emptied, or messages are lost, doubled and late. I13: events come by webhooks too,
lost, doubled, late and overtaken, or by webhooks alone while Stripe's list lags behind.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.simulation.crash_points import Lived, differs_from, live
from tests.simulation.ground import Ground
from tests.simulation.postman import Postman
from tests.simulation.simulation import Simulation
from tests.simulation.trouble import Row

EMPTIED = 0.02
"""Share of points at which the queue is emptied."""
TROUBLED = 0.4
"""Share of messages that are lost, doubled, late, or cannot be sent."""


def _nothing(_sim: Simulation) -> None:
    pass


@dataclass(frozen=True)
class Way:
    """One way to live a story."""

    message_share: float = 0.0
    prepare: Callable[[Simulation], object] = _nothing


def _empty_the_queue(sim: Simulation) -> None:
    row = Row(sim.trouble.seed, "emptied")

    def interfere(_point: str) -> None:
        if row.happens(EMPTIED):
            sim.queue.flush()

    sim.at_point = interfere


def _list_lags(sim: Simulation) -> None:
    Postman(sim, fates={"doubled": 0.5, "plain": 0.5})
    sim.seen.hides = True


WAYS: dict[str, Way] = {
    "an emptied queue": Way(prepare=_empty_the_queue),
    "troubled messages": Way(message_share=TROUBLED),
    "webhooks": Way(prepare=Postman),
    "webhooks before a list that lags": Way(prepare=_list_lags),
}


def compared(ground: Ground, story: str, way: str, calm: Lived) -> list[str]:
    """Return how a story that is lived in a way comes out otherwise than in calm."""
    how = WAYS[way]
    found = live(ground, story, message_share=how.message_share, prepare=how.prepare)
    return differs_from(f"{story}, {way}", found, calm)
