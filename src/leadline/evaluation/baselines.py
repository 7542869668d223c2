"""Predictors that never look at the picture: what a network must beat to have seen anything."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import RELATIVE_DISPARITY, DepthMap
from leadline.predictor import ModelCard, Prediction


@dataclass(frozen=True)
class ConstantMap:
    """The same disparity everywhere; fitted, it is the mean disparity of the truth."""

    @cached_property
    def card(self) -> ModelCard:
        """Says that this is a baseline."""
        return ModelCard(
            "constant", RELATIVE_DISPARITY, licence="Apache-2.0", notes="a baseline: the same disparity everywhere"
        )

    def __call__(self, image: NDArray[np.uint8], camera: Camera | None = None) -> Prediction:
        """Return a map of ones at the picture's size."""
        return Prediction(DepthMap(np.ones(image.shape[:2]), None, self.card.kind, source=self.card.name))


@dataclass(frozen=True)
class VerticalRamp:
    """Disparity that grows linearly from the top row to the bottom one: the exact map of a level floor below the horizon."""

    @cached_property
    def card(self) -> ModelCard:
        """Says that this is a baseline."""
        return ModelCard("ramp", RELATIVE_DISPARITY, licence="Apache-2.0", notes="a baseline: closer towards the bottom")

    def __call__(self, image: NDArray[np.uint8], camera: Camera | None = None) -> Prediction:
        """Return the ramp at the picture's size, 0 at the top edge and 1 at the bottom edge."""
        height, width = image.shape[:2]
        rows = (np.arange(height) + 0.5) / height
        values = np.broadcast_to(rows[:, None], (height, width))
        return Prediction(DepthMap(values, None, self.card.kind, source=self.card.name))
