"""Samples with a known truth and predictors with a known fault."""

from dataclasses import dataclass, field

import numpy as np

from leadline.camera import Camera
from leadline.depth_map import RELATIVE_DISPARITY, DepthMap, Kind
from leadline.predictor import ModelCard, Prediction
from leadline.sample import Sample

HW = (24, 32)


def depth_of(seed, hw=HW):
    """A smooth room between 1 and 6 m."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: hw[0], : hw[1]] / max(hw)
    return 1 / (0.2 + 0.5 * y + 0.2 * np.sin(3 * x + rng.uniform(0, 3)) ** 2)


def sample_of(seed, kind="depth/metric", valid=None, values=None, **more):
    values = depth_of(seed) if values is None else values
    # The picture's first pixel carries the seed, by which a predictor below finds its answer.
    image = np.zeros((*values.shape, 3), np.uint8)
    image[0, 0] = seed
    return Sample(f"s{seed}", image, DepthMap(values, valid, kind), **more)


@dataclass
class Answers:
    """A predictor that says what a function of the seed says, or raises it."""

    answer: object
    kind: Kind = RELATIVE_DISPARITY
    cameras: list = field(default_factory=list)

    @property
    def card(self):
        return ModelCard("test.v1", self.kind, sha256="ab" * 32)

    def __call__(self, image, camera: Camera | None = None):
        self.cameras.append(camera)
        values = self.answer(int(image[0, 0, 0]))
        return Prediction(values if isinstance(values, DepthMap) else DepthMap(values, None, self.kind))
