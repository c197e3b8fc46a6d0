"""Chance that repeats: every draw is a function of (seed, stable name, counter)."""

from collections.abc import Mapping, Sequence
from math import log
from typing import TypeVar

from worker.domain.identifiers import stable_fraction

T = TypeVar("T")


class Draws:
    """A row of draws of its own; what others draw, and how often, does not change it."""

    def __init__(self, seed: str, name: str) -> None:
        """Begin the row called *name*."""
        self._seed, self._name = seed, name
        self._count = 0

    def fraction(self) -> float:
        """Return the next number in [0, 1)."""
        self._count += 1
        return stable_fraction("draw", self._seed, self._name, self._count)

    def happens(self, probability: float) -> bool:
        """Return True with *probability*."""
        return self.fraction() < probability

    def below(self, limit: int) -> int:
        """Return a whole number from 0 to *limit* - 1."""
        return int(self.fraction() * limit)

    def one_of(self, options: Sequence[T]) -> T:
        """Return one of *options*, all equally likely."""
        return options[self.below(len(options))]

    def weighted(self, options: Mapping[T, float]) -> T:
        """Return one of *options* with the probability its value is of their sum."""
        left = self.fraction() * sum(options.values())
        for option, weight in options.items():
            left -= weight
            if left < 0:
                return option
        return list(options)[-1]

    def exponential(self, mean: float) -> float:
        """Return a waiting time with this *mean*, in the mean's unit."""
        return -mean * log(1.0 - self.fraction())
