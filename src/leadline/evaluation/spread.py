"""How the scores of images spread: quartiles, and which images stand apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Tukey, Exploratory Data Analysis, 1977: farther than this many interquartile ranges from the middle half stands apart.
FENCE = 1.5


@dataclass(frozen=True)
class Spread:
    """The five numbers of a sample: least, first quartile, median, third quartile, largest."""

    least: float
    q1: float
    median: float
    q3: float
    largest: float

    @property
    def fences(self) -> tuple[float, float]:
        """The values beyond which an image stands apart: 1.5 interquartile ranges from the quartiles."""
        reach = FENCE * (self.q3 - self.q1)
        return self.q1 - reach, self.q3 + reach


def spread_of(values: Sequence[float]) -> Spread:
    """Return the five numbers of one or more finite values; quartiles between two values are interpolated linearly."""
    return Spread(*(float(number) for number in np.percentile(np.asarray(values, dtype=np.float64), (0, 25, 50, 75, 100))))


def outliers(values: Sequence[float]) -> list[int]:
    """Return the places of the values outside the fences, from the least value to the largest."""
    low, high = spread_of(values).fences if len(values) else (0.0, 0.0)
    return sorted((i for i, value in enumerate(values) if not low <= value <= high), key=lambda i: values[i])
