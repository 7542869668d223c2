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
        _check_alike(self, other)
        return Tally(
            self.name, self.count + other.count, tuple(a + b for a, b in zip(self.sums, other.sums, strict=True)), self.finish
        )


@dataclass(frozen=True, slots=True)
class SpreadTally(Tally):
    """A tally of a number's mean and spread.

    The mean of the squares less the squared mean loses every digit where the mean is large beside the spread, as it is for a
    map of the wrong scale. The squares are taken about these pixels' own mean instead, and about the common one when two
    tallies are added.

    Attributes:
        sums: the sum of the numbers, and the sum of their squared differences from their mean.
        finish: takes the mean and the variance.
    """

    def __add__(self, other: Tally) -> SpreadTally:
        _check_alike(self, other)
        (total, about), (other_total, other_about) = self.sums, other.sums
        about = about_common_mean(self.count, total, about, other.count, other_total, other_about)
        return SpreadTally(self.name, self.count + other.count, (total + other_total, about), self.finish)


def about_common_mean(
    count: float, total: float, about: float, other_count: float, other_total: float, other_about: float
) -> float:
    """Return the squared differences of two sets of numbers from the mean of both.

    Args:
        count, total, about: how many, their sum, and their squared differences from their own mean, of the first set.
        other_count, other_total, other_about: of the second.

    Source: Chan, Golub and LeVeque, Updating formulae and a pairwise algorithm for computing sample variances (1979), eq. 2.1.
    """
    if not (count and other_count):
        return about + other_about
    gap = total / count - other_total / other_count
    return about + other_about + gap * gap * count * other_count / (count + other_count)


def mean(first: float) -> float:
    """Finish a metric that is a plain mean over pixels."""
    return first


def root(first: float) -> float:
    """Finish a root mean square."""
    return sqrt(first)


def _check_alike(one: Tally, other: Tally) -> None:
    if (type(one), one.name, one.finish) != (type(other), other.name, other.finish):
        raise TypeError(f"can't add the tallies of {one.name} and {other.name}")
