"""What goes wrong and when: every answer is a function of (seed, name, counter)."""

import random
from dataclasses import dataclass, field

from worker.rehearsal.draws import Draws

HOUR_SECONDS = 3600.0
FREEZES = (700.0, HOUR_SECONDS, 4 * HOUR_SECONDS, 30 * HOUR_SECONDS)
"""How long a process stands still: above every lease, above the age of a key."""

NETWORK = ("refused", "lost", "late")
"""Nothing arrived; it was done and the answer was lost; it is done after the caller gave up."""

STRIPE = (
    "error_500",
    "error_500_after",
    "html_502",
    "html_502_after",
    "rate_limit",
    "conflict",
    "lock_timeout",
)
"""The sandbox's own faults; what happens before an error_500_after is done, and it is replayed."""


class Row(Draws):
    """A row of draws that costs little: a run needs ten thousand."""

    def __init__(self, seed: str, name: str) -> None:
        """Begin the row called *name*."""
        super().__init__(seed, name)
        self._random = random.Random(f"{seed} {name}")  # noqa: S311 - chance that repeats

    def fraction(self) -> float:
        """Return the next number in [0, 1)."""
        return self._random.random()


@dataclass(slots=True)
class Trouble:
    """How bad the weather of one run is; nothing goes wrong while it is calm."""

    seed: str
    stripe_share: float = 0.0
    kill_share: float = 0.0
    freeze_share: float = 0.0
    database_share: float = 0.0
    message_share: float = 0.0
    mail_share: float = 0.0
    calm: bool = False
    _draws: dict[str, Row] = field(default_factory=dict)

    def draws(self, name: str) -> Row:
        """Return the row of draws called *name*."""
        if name not in self._draws:
            self._draws[name] = Row(self.seed, name)
        return self._draws[name]

    def _strikes(self, name: str, share: float) -> bool:
        return not self.calm and share > 0 and self.draws(name).happens(share)

    def seconds(self, name: str, least: float, most: float) -> float:
        """Return how long something takes, whether or not anything goes wrong."""
        return least + (most - least) * self.draws(f"takes {name}").fraction()

    def kills(self) -> bool:
        """Return whether the process dies at this point."""
        return self._strikes("kill", self.kill_share)

    def freezes(self) -> float:
        """Return for how many seconds the process stands still at this point, 0 mostly."""
        if not self._strikes("freeze", self.freeze_share):
            return 0.0
        return self.draws("freeze length").one_of(FREEZES)

    def of_request(self, method: str) -> str:
        """Return what happens to a request, empty where nothing does; reads fare half as badly."""
        share = self.stripe_share if method != "GET" else self.stripe_share / 2
        if not self._strikes(f"stripe {method}", share):
            return ""
        kinds = (*NETWORK, *STRIPE) if method != "GET" else ("refused", "lost", "error_500")
        return self.draws("stripe kind").one_of(kinds)

    def of_database(self, moment: str) -> bool:
        """Return whether the database is away at *moment* of a transaction."""
        return self._strikes(f"database {moment}", self.database_share)

    def of_message(self) -> str:
        """Return what becomes of a message: `lost`, `doubled`, `delayed`, `away`, or nothing."""
        if not self._strikes("message", self.message_share):
            return ""
        return self.draws("message kind").one_of(("lost", "doubled", "delayed", "away"))

    def of_mail(self) -> str:
        """Return what becomes of a mail; empty where it simply arrives."""
        if not self._strikes("mail", self.mail_share):
            return ""
        return self.draws("mail kind").one_of(("not_sent", "unknown", "vanished", "refused"))


def weather(seed: str) -> Trouble:
    """Return the weather of a run: some are nearly calm, some are storms."""
    draws = Draws(seed, "weather")
    strength = draws.one_of((0.3, 1.0, 1.0, 2.0))
    return Trouble(
        seed,
        stripe_share=0.18 * strength,
        kill_share=0.004 * strength,
        freeze_share=0.0015 * strength,
        database_share=0.002 * strength,
        message_share=0.06 * strength,
        mail_share=0.1 * strength,
    )
