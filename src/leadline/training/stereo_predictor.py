"""A stereo network in training as a StereoPredictor, for everything that scores or uses one."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.models.stereo.stereo_network import StereoNetwork
from leadline.predictor import ModelCard
from leadline.runtime.stereo import StereoPrediction, check_pair, compare_views, make_prediction, mirrored

# As for the exported network (`leadline.runtime.stereo_network`).
LARGEST_DIFFERENCE_PX = 3.0


class NetworkStereoPredictor:
    """A torch stereo network, one pair at a time, in the mode and precision it is in, at the pictures' own size.

    Pictures are padded at the right and at the bottom by repeating the rim, both alike, and the map is cropped back.

    Args:
        network: it is used, not copied.
        card: what it wants and gives.
        check: run the mirrored pair too, which gives the confidence and doubles the time.
    """

    def __init__(self, network: StereoNetwork, card: ModelCard, *, check: bool = False) -> None:
        self.network, self._card, self._check = network, card, check

    @property
    def card(self) -> ModelCard:
        """Who it is and what its maps mean."""
        return self._card

    def __call__(self, left: NDArray[np.uint8], right: NDArray[np.uint8], camera: Camera | None = None) -> StereoPrediction:
        """Match a pair; see `leadline.runtime.stereo.StereoPredictor`."""
        values = self.match(left, right)
        valid, confidence = np.isfinite(values), None
        if self._check:
            other = mirrored(self.match(mirrored(right), mirrored(left)))
            confidence = compare_views(values, other, valid, np.isfinite(other), LARGEST_DIFFERENCE_PX).confidence
        return make_prediction(self._card, values, valid, confidence, camera)

    def match(self, left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the (h, w) disparity of two (h, w, 3) uint8 pictures."""
        check_pair(left, right)
        (height, width), multiple = left.shape[:2], self.network.stride
        padded = [max(self.network.least, -(-side // multiple) * multiple) for side in (height, width)]
        device = next(self.network.parameters()).device
        views: list[Any] = []
        for picture in (left, right):
            wide = np.pad(picture, ((0, padded[0] - height), (0, padded[1] - width), (0, 0)), mode="edge")
            planes = self.network.normalise(torch.from_numpy(wide)[None].to(device))
            views.append(planes.contiguous(memory_format=torch.channels_last))
        with torch.inference_mode():
            values = self.network(*views)[0].float().cpu().numpy()
        return np.ascontiguousarray(values[:height, :width], dtype=np.float32)
