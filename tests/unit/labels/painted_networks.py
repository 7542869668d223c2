"""Predictors whose answer to a painted picture is known."""

import threading

import numpy as np

from leadline.depth_map import RELATIVE_DISPARITY, DepthMap
from leadline.predictor import ModelCard, Prediction

HW = (12, 16)


def picture(hw=HW, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*hw, 3), dtype=np.uint8)


def box(hw=HW, top=3, left=4, height=5, width=6, value=1):
    mask = np.zeros(hw, np.uint8)
    mask[top : top + height, left : left + width] = value
    return mask


class RedIsNear:
    """Says the red channel, times a scale and plus a shift that may change with each call."""

    def __init__(self, kind=RELATIVE_DISPARITY, scales=(1.0,), shifts=(0.0,), sha256=""):
        self.card = ModelCard("red.v1", kind, sha256=sha256)
        self.scales, self.shifts, self.seen = scales, shifts, []
        self._lock = threading.Lock()

    def __call__(self, image, camera=None):
        with self._lock:
            number = len(self.seen)
            self.seen.append(image.copy())
        scale, shift = self.scales[number % len(self.scales)], self.shifts[number % len(self.shifts)]
        return Prediction(DepthMap(scale * image[..., 0].astype(np.float64) + shift, kind=self.card.kind, camera=camera))


class RedInBatches(RedIsNear):
    """The same for any size of map, and in batches, whose sizes it remembers."""

    def __init__(self, **options):
        super().__init__(**options)
        self.batches = []

    def longer_side_needed(self):
        return 10_000

    def __call__(self, image, camera=None, *, output_hw=None):
        return self.predict_many([image], [camera], [output_hw])[0]

    def predict_many(self, images, cameras=None, output_hws=None):
        from leadline.runtime.sizing import resize_map

        self.batches.append(len(images))
        found = []
        for image, camera, hw in zip(images, cameras, output_hws, strict=True):
            values = RedIsNear.__call__(self, image).depth.values
            hw = hw or values.shape
            camera = camera.resize(hw) if camera else None
            found.append(Prediction(DepthMap(resize_map(values, hw), kind=self.card.kind, camera=camera)))
        return found
