"""Scores over many images, from sums and counts: the same however the images are split into batches and processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from leadline.depth_map import as_numpy
from leadline.errors import LeadlineError
from leadline.metrics.depth import depth_metrics
from leadline.metrics.tally import Tally, mean


@dataclass(frozen=True)
class Scores:
    """Metrics over all images that an accumulator has seen, averaged in both published ways. The two differ: name yours.

    Attributes:
        per_image: each metric of each image, averaged over the images that have pixels; NaN without such an image.
        pooled: each metric over the pixels of all images together, so that an image with more of them weighs more.
        images: how many images have pixels.
        empty: how many have none. They can't enter a mean, and a score should say how many they were.
        pixels: how many pixels of all images were compared.
    """

    per_image: dict[str, float]
    pooled: dict[str, float]
    images: int
    empty: int
    pixels: int


@dataclass
class Accumulator:
    """Adds up metrics image by image.

    It holds two tallies a metric, whatever the number of images, and can be pickled: give each process its own and `merge`
    them. The order of images and merges changes no more than the last digits of a sum.

    Attributes:
        metrics: pixels of one image to tallies by name: `depth_metrics`, or another of `leadline.metrics`; at the top level
            of its file (or a `functools.partial` of one that is), if the accumulator is to be pickled.
        images, empty: as in `Scores`.
    """

    metrics: Callable[..., Mapping[str, Tally]] = depth_metrics
    images: int = 0
    empty: int = 0
    _pooled: dict[str, Tally] = field(default_factory=dict)
    _per_image: dict[str, Tally] = field(default_factory=dict)

    def update(self, pred: Any, target: Any, valid: Any | None = None) -> None:
        """Add an image, or a batch of them.

        Args:
            pred, target: (h, w) for one image or (b, h, w) for b of them, NumPy or torch.
            valid: bool array of that shape; None means all.

        Raises:
            LeadlineError: the arrays have another number of dimensions, or `metrics` raises it. Nothing of the call is added.
        """
        arrays = [None if a is None else as_numpy(a) for a in (pred, target, valid)]
        shapes = [a.shape for a in arrays if a is not None]
        if len(set(shapes)) > 1 or len(shapes[0]) not in (2, 3):
            raise LeadlineError(
                f"arrays of shapes {', '.join(map(str, shapes))} to accumulate: expected one shape, (h, w) or (b, h, w)"
            )
        batch = [[a] if len(shapes[0]) == 2 or a is None else list(a) for a in arrays]
        if valid is None:
            batch[2] = [None] * len(batch[0])
        for tallies in [self.metrics(*image) for image in zip(*batch, strict=True)]:
            self.add(tallies)

    def add(self, tallies: Mapping[str, Tally]) -> None:
        """Add one image whose tallies are known already.

        Raises:
            LeadlineError: the metrics are not those of the images before.
        """
        self._check_names(tallies)
        seen = any(tally.count for tally in tallies.values())
        self.images += seen
        self.empty += not seen
        for name, tally in tallies.items():
            value = Tally(name, 1, (tally.value,), mean) if tally.count else Tally(name, 0, (0.0,), mean)
            self._pooled[name] = self._pooled[name] + tally if name in self._pooled else tally
            self._per_image[name] = self._per_image[name] + value if name in self._per_image else value

    def merge(self, other: Accumulator) -> None:
        """Add all that another accumulator has seen; the other stays as it is.

        Raises:
            LeadlineError: the other has other metrics.
        """
        if other._pooled:
            self._check_names(other._pooled)
        self.images += other.images
        self.empty += other.empty
        for own, others in ((self._pooled, other._pooled), (self._per_image, other._per_image)):
            for name, tally in others.items():
                own[name] = own[name] + tally if name in own else tally

    def compute(self) -> Scores:
        """Return the scores so far; more images may follow."""
        return Scores(
            per_image={name: tally.value for name, tally in self._per_image.items()},
            pooled={name: tally.value for name, tally in self._pooled.items()},
            images=self.images,
            empty=self.empty,
            pixels=max((tally.count for tally in self._pooled.values()), default=0),
        )

    def _check_names(self, tallies: Mapping[str, Tally]) -> None:
        if self._pooled and self._pooled.keys() != tallies.keys():
            only = ", ".join(sorted(self._pooled.keys() ^ tallies.keys()))
            raise LeadlineError(
                f"metrics of which some are on one side alone ({only}): accumulate the same ones for every image"
            )
