"""Pictures of any camera for a network that learnt one field of view.

Networks take an object that covers more pixels for a nearer one. One that learnt from films brought to a common field of view
(`leadline.data.film_windows`) is right up to one factor only in pictures of that field of view (arXiv 2303.07662): so that is
what it gets to see.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import radians, tan

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import DepthMap
from leadline.geometry import Window, central_window
from leadline.predictor import ModelCard, Prediction, Predictor

# A window of whole pixels may be so much larger than a picture that shows just the field of view.
_ROUNDING = 0.01


@dataclass(frozen=True)
class WindowPredictor:
    """Asks a network for the part of a picture that has its card's field of view; the rest of the map is not valid.

    A picture of unknown or smaller field of view is asked for as it is, with a note that its factor is its own.

    Attributes:
        predictor: of a card with `fov_deg`.
    """

    predictor: Predictor

    @property
    def card(self) -> ModelCard:
        """Who the network is and what its maps mean."""
        return self.predictor.card

    @property
    def streams(self) -> int:
        """How many calls run at the same time without waiting for each other."""
        return int(getattr(self.predictor, "streams", 1))

    def __call__(self, image: NDArray[np.uint8], camera: Camera | None = None) -> Prediction:
        """Predict the map of an (h, w, 3) uint8 sRGB picture."""
        if camera is None:
            return self._noted(image, None, "that of this picture is unknown (--focal-px or --fov-deg says it)")
        if camera.hw != image.shape[:2]:
            camera = camera.resize((image.shape[0], image.shape[1]))
        window = self._window(camera)
        if window is None:
            across, down = camera.fov_deg
            return self._noted(image, camera, f"this picture shows {across:.1f} x {down:.1f}")
        found = self.predictor(np.ascontiguousarray(window.crop(image)), camera.crop(*window))
        values, valid = np.zeros(camera.hw, np.float32), np.zeros(camera.hw, np.bool_)
        window.crop(values)[:], window.crop(valid)[:] = found.depth.values, found.depth.valid
        return Prediction(DepthMap(values, valid, found.depth.kind, camera, found.depth.source), notes=found.notes)

    def _window(self, camera: Camera) -> Window | None:
        sizes = []
        for side, focal, angle in zip((camera.width, camera.height), (camera.fx, camera.fy), self.card.fov_deg, strict=True):
            wanted = 2 * focal * tan(radians(angle) / 2)
            sizes.append(min(round(wanted), side) if wanted <= side * (1 + _ROUNDING) else round(wanted))
        return central_window(camera, *sizes)

    def _noted(self, image: NDArray[np.uint8], camera: Camera | None, why: str) -> Prediction:
        across, down = self.card.fov_deg
        found = self.predictor(image, camera)
        note = f"{self.card.name} learnt a field of view of {across:.1f} x {down:.1f} degrees, {why}: its factor is its own"
        return replace(found, notes=(*found.notes, note))


def in_its_window(predictor: Predictor) -> Predictor:
    """Return a predictor that heeds the field of view of its card."""
    return WindowPredictor(predictor) if predictor.card.fov_deg else predictor
