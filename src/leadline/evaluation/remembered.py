"""A predictor that answers from memory what it was asked before: ablations paint the same picture many times."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.labels.virtual import BatchPredictor
from leadline.predictor import ModelCard, Prediction, Predictor
from leadline.runtime.pipeline import AnySizePredictor

Size = tuple[int, int] | None
Key = tuple[bytes, tuple[int, ...], Size]


class Remembered:
    """Any predictor, which sees each picture once.

    It takes pictures in batches and gives maps of any size, as `OnnxPredictor`, if the predictor does; one that does neither is
    asked for one map after the other, at the picture's size.

    Attributes:
        asked: how many pictures the predictor has seen.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.asked = 0
        self._known: dict[Key, Prediction] = {}

    @property
    def card(self) -> ModelCard:
        """The predictor's own."""
        return self.predictor.card

    def __call__(self, image: NDArray[np.uint8], camera: Camera | None = None) -> Prediction:
        """Return the map of one picture."""
        return self.predict_many([image], [camera])[0]

    def predict_many(
        self,
        images: Sequence[NDArray[np.uint8]],
        cameras: Sequence[Camera | None] | None = None,
        output_hws: Sequence[Size] | None = None,
    ) -> list[Prediction]:
        """Return the maps of several pictures; those that are new are predicted in one call, if the predictor can."""
        sizes = output_hws or [None] * len(images)
        keys = [(blake2b(image.tobytes()).digest(), image.shape, size) for image, size in zip(images, sizes, strict=True)]
        new = {key: index for index, key in reversed(list(enumerate(keys))) if key not in self._known}
        if new:
            at = sorted(new.values())
            camera_of = cameras or [None] * len(images)
            found = self._predict([images[i] for i in at], [camera_of[i] for i in at], [sizes[i] for i in at])
            self._known.update({keys[i]: prediction for i, prediction in zip(at, found, strict=True)})
            self.asked += len(at)
        return [self._known[key] for key in keys]

    def forget(self) -> None:
        """Free the memory of all pictures."""
        self._known.clear()

    def _predict(self, images: list[NDArray[np.uint8]], cameras: list[Camera | None], sizes: list[Size]) -> list[Prediction]:
        predictor = self.predictor
        if isinstance(predictor, BatchPredictor):
            return predictor.predict_many(images, cameras, sizes)
        if isinstance(predictor, AnySizePredictor):
            return [predictor(i, c, output_hw=s) for i, c, s in zip(images, cameras, sizes, strict=True)]
        return [predictor(image, camera) for image, camera in zip(images, cameras, strict=True)]


class RememberedAnySize(Remembered):
    """The same for a predictor that gives maps of any size."""

    def longer_side_needed(self) -> int:
        """The predictor's own answer."""
        assert isinstance(self.predictor, AnySizePredictor)
        return self.predictor.longer_side_needed()

    def __call__(
        self, image: NDArray[np.uint8], camera: Camera | None = None, *, output_hw: tuple[int, int] | None = None
    ) -> Prediction:
        """Return the map of one picture at the size `output_hw`."""
        return self.predict_many([image], [camera], [output_hw])[0]


def remember(predictor: Predictor) -> Remembered:
    """Return a predictor that remembers, and gives maps of any size if `predictor` does."""
    return RememberedAnySize(predictor) if isinstance(predictor, AnySizePredictor) else Remembered(predictor)
