"""Sums over pixels, from which a metric is finished late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import nan, sqrt


@dataclass(frozen=True, slots=True)
class Tally:
    """What must be added up over pixels (and, pooled, over images) to give a metric.

    Tallies of one metric add up: ``a + b`` is the tally of both sets of pixels together, whatever their sizes; the mean of
    their two values would not be.

    Attributes:
        name: of the metric.
        count: pixels.
        sums: one or more sums over these pixels.
        finish: turns the sums, each divided by `count`, into the metric.
    """

    name: str
    count: int
    sums: tuple[float, ...]
    finish: Callable[..., float]

    @property
    def value(self) -> float:
        """The metric; NaN without pixels."""
        return self.finish(*(total / self.count for total in self.sums)) if self.count else nan

    def __add__(self, other: Tally) -> Tally:
        if (self.name, self.finish) != (other.name, other.finish):
            raise TypeError(f"can't add the tallies of {self.name} and {other.name}")
        return Tally(
            self.name, self.count + other.count, tuple(a + b for a, b in zip(self.sums, other.sums, strict=True)), self.finish
        )


def mean(first: float) -> float:
    """Finish a metric that is a plain mean over pixels."""
    return first


def root(first: float) -> float:
    """Finish a root mean square."""
    return sqrt(first)
