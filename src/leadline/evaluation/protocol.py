"""How a prediction becomes a score; a score never travels without it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from leadline.errors import LeadlineError


@dataclass(frozen=True)
class Protocol:
    """Scale and shift fitted to each image in disparity (MiDaS, arXiv 1907.01341, evaluation; METHODS A.5).

    1. Truth: z-depth in metres, or a disparity that is one up to scale. A pixel counts where the truth is valid and between
       `nearest_m` and `cap_m`. Truth without a unit is scaled so that its farthest pixel is at depth 1, and `cap_m` is then 1.
    2. The prediction is turned into disparity (a relative disparity is one already), then resized to the truth's size.
    3. ``scale * prediction + shift`` is fitted to 1/truth by least squares over the pixels that count, for each image alone.
    4. The aligned disparity is clamped from below at ``1 / cap_m`` and inverted; metrics compare that depth with the truth.
    5. Metrics are averaged over pixels within an image, then over images.

    Attributes:
        cap_m: farthest depth, of the data set: KITTI 80, NYU and TUM 10 (METHODS A.5), SUN 8 (PEERS).
        nearest_m: nearest depth of a truth that counts; also what a failed image is scored with.
        min_valid_pixels: images with fewer pixels that count are not scored, and are listed as skipped.
        negative_scale: a fit that turns the prediction upside down is kept, as MiDaS does, and counted.
        failure: an image without a usable prediction is scored as `nearest_m` everywhere (AbsRel about 1, delta 0).
        name, space, solver, resize, crop, averaging, version: fixed; they are part of the fingerprint.
    """

    cap_m: float
    nearest_m: float = 1e-3
    min_valid_pixels: int = 100
    name: str = "disparity-scale-shift"
    space: Literal["disparity"] = "disparity"
    solver: Literal["least_squares_scale_shift_per_image"] = "least_squares_scale_shift_per_image"
    resize: Literal["prediction_to_truth_bilinear"] = "prediction_to_truth_bilinear"
    crop: Literal["none"] = "none"
    averaging: Literal["per_image"] = "per_image"
    negative_scale: Literal["kept_and_counted"] = "kept_and_counted"
    failure: Literal["scored_as_nearest"] = "scored_as_nearest"
    version: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.nearest_m < self.cap_m:
            raise LeadlineError(f"a range from {self.nearest_m} to {self.cap_m} m: expected 0 < nearest_m < cap_m")
        if self.min_valid_pixels < 2:
            raise LeadlineError(f"min_valid_pixels {self.min_valid_pixels}: expected at least 2, for scale and shift")

    @property
    def fingerprint(self) -> str:
        """Eight hex digits that change with any attribute."""
        return fingerprint_of(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes, JSON-ready."""
        return asdict(self)


def fingerprint_of(content: Any) -> str:
    """Return the first eight hex digits of the SHA-256 of `content` as canonical JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:8]
