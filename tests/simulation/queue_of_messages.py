"""The queue between schedulers and workers: messages are lost, doubled, late, or swept away."""

from functools import partial
from typing import TYPE_CHECKING

from tests.simulation.ports import Message

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

DELAY_SECONDS_MAX = 900.0
REDELIVERED_AFTER_SECONDS = 75.0
"""When a message comes back whose worker died: dramatiq's heartbeat timeout and a little."""


class MessageQueue:
    """Messages that wait for a worker."""

    def __init__(self, simulation: "Simulation") -> None:
        """Belong to *simulation*."""
        self._simulation = simulation
        self.pending: list[Message] = []
        self.lost = self.doubled = 0
        self.refused: set[str] = set()
        """Jobs whose messages never arrive: a mutant lacks them."""
        self.is_down = False

    def send(self, message: Message) -> str:
        """Take a message and return its fate: empty, or what went wrong with it."""
        sim = self._simulation
        fate = sim.trouble.of_message()
        if message.argument in self.refused or self.is_down:
            return ""
        if fate == "lost":
            self.lost += 1
        elif fate != "away":
            delay = sim.trouble.seconds("message", 0.001, 0.02)
            if fate == "delayed":
                delay = sim.trouble.seconds("delay", 1, DELAY_SECONDS_MAX)
            sim.agenda.after(delay, lambda: self._arrive(message))
        if fate == "doubled":
            self.doubled += 1
            later = sim.trouble.seconds("copy", 0, DELAY_SECONDS_MAX)
            sim.agenda.after(later, lambda: self._arrive(message))
        return fate

    def flush(self) -> None:
        """Forget everything, as FLUSHALL does."""
        self.lost += len(self.pending)
        self.pending.clear()

    def _arrive(self, message: Message) -> None:
        self.pending.append(message)
        self.hand_out()

    def hand_out(self) -> None:
        """Give waiting messages to idle workers, in any order."""
        sim = self._simulation
        while self.pending:
            idle = sim.idle()
            if not idle:
                return
            draws = sim.trouble.draws("hand out")
            message = self.pending.pop(draws.below(len(self.pending)))
            name = draws.one_of(idle)
            sim.note(f"{name} takes {message.actor} {message.argument}")
            sim.processes[name].begin(sim.work(name, message), partial(self._ended, name, message))

    def _ended(self, name: str, message: Message) -> None:
        sim = self._simulation
        if sim.processes[name].dead and sim.trouble.draws("redelivered").happens(0.5):
            sim.agenda.after(REDELIVERED_AFTER_SECONDS, lambda: self._arrive(message))
        sim.ended(name)
