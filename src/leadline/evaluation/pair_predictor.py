"""A stereo matcher as a predictor of samples: it gets the right view of a pair, and answers no single picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.errors import LeadlineError
from leadline.predictor import ModelCard, Prediction
from leadline.runtime.stereo import StereoPredictor
from leadline.sample import Sample


class PairPredictor:
    """A `leadline.runtime.stereo.StereoPredictor` for `leadline.evaluation.runner`, see its `SamplePredictor`.

    Args:
        matcher: semi-global matching or a stereo network.
    """

    def __init__(self, matcher: StereoPredictor) -> None:
        self.matcher = matcher

    @property
    def card(self) -> ModelCard:
        """Who it is and what its maps mean."""
        return self.matcher.card

    def __call__(self, image: NDArray[np.uint8], camera: Camera | None = None) -> Prediction:
        """Refuse a single picture.

        Raises:
            LeadlineError: always.
        """
        raise LeadlineError(f"{self.card.name} matches pairs: expected a left and a right picture; leadline stereo takes two")

    def predict_sample(self, sample: Sample) -> Prediction:
        """Return the pixel_disparity of a pair's left picture.

        Raises:
            LeadlineError: the sample has no right view.
        """
        if not isinstance(sample, StereoPair) or sample.right is None:
            raise LeadlineError(
                f"sample {sample.name!r} has no right picture for {self.card.name}: take a stereo data set (middlebury2014, "
                "kitti_stereo2015, ...)"
            )
        return self.matcher(sample.image, sample.right, sample.camera)
