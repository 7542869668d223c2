"""A sample whose truth is an order: which of two points is in front."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.sample import Sample

FARTHER, EQUAL, CLOSER = 1, 0, -1


@dataclass(frozen=True, eq=False)
class OrdinalSample(Sample):
    """A picture with pairs of points.

    Attributes:
        xy_a, xy_b: (n, 2) float64, x and y in pixels of `image`, whose top-left corner is (0, 0): the centre of the pixel with
            index i is at i + 0.5.
        relation: (n,) int8, where a lies, seen from b: 1 FARTHER, 0 EQUAL, -1 CLOSER (the sign of z_a - z_b).
        weight: (n,) float64, what each pair counts.
        scene_type: the data set's own class of the picture, "" if it has none.

    Raises:
        LeadlineError: the shapes don't fit each other, a point lies outside the picture, or a relation is none.
    """

    xy_a: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    xy_b: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    relation: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    weight: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    scene_type: str = ""

    def __post_init__(self) -> None:
        n = len(self.relation)
        shapes = (self.xy_a.shape, self.xy_b.shape, self.relation.shape, self.weight.shape)
        if shapes != ((n, 2), (n, 2), (n,), (n,)):
            raise LeadlineError(f"{self.name}: pairs of shapes {shapes}; expected (n, 2), (n, 2), (n,) and (n,) with one n")
        height, width = self.image.shape[:2]
        for xy in (self.xy_a, self.xy_b):
            inside = ((xy >= 0) & (xy < (width, height))).all(axis=1)
            if not inside.all():
                x, y = xy[~inside][0]
                raise LeadlineError(
                    f"{self.name}: a point at x = {x:g}, y = {y:g} of a picture of {width} x {height}; expected it inside: "
                    "are the annotations those of this picture?"
                )
        if not np.isin(self.relation, (FARTHER, EQUAL, CLOSER)).all():
            raise LeadlineError(f"{self.name}: relations {np.unique(self.relation)}; expected 1, 0 or -1")
