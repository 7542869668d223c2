"""Keeping scale, shift and colours of a video's maps still, and noticing when the scene changes."""

from __future__ import annotations

from math import exp

import numpy as np
from numpy.typing import NDArray

from leadline.depth_map import Ambiguity, DepthMap
from leadline.io.preview import robust_range
from leadline.runtime.mutual_fit import fit_mutually
from leadline.runtime.sizing import resize_picture

# The fit between two frames looks at about this many pixels.
_FIT_PIXELS = 1500
# A fit that multiplies the scale by more than this in one frame has lost the scene.
_LARGEST_JUMP = 8.0


class CutDetector:
    """Tells the first frame of a new scene, by FFmpeg's scene score (libavfilter, f_select.c).

    With m the mean absolute difference to the frame before (grey levels of 255), the score is ``min(m, |m - m_before|) / 100``:
    a cut differs strongly from its predecessor, and more so than frames have been doing; a fast pan differs all the time.

    Args:
        threshold: score from which a frame is a cut.
    """

    def __init__(self, threshold: float = 0.2) -> None:
        self._threshold = threshold
        self._frame: NDArray[np.float32] | None = None
        self._difference = 0.0

    def __call__(self, pixels: NDArray[np.uint8]) -> bool:
        """Look at the next (h, w, 3) uint8 frame; return whether it opens a new scene. The first one does not."""
        frame = resize_picture(pixels, (36, 64)).mean(axis=2, dtype=np.float32)
        before, self._frame = self._frame, frame
        if before is None:
            return False
        difference = float(np.abs(frame - before).mean())
        score = min(difference, abs(difference - self._difference)) / 100
        self._difference = difference
        return score >= self._threshold


class ScaleSmoother:
    """Takes the flicker out of maps whose scale, or scale and shift, the network leaves open.

    Each frame is fitted to the one before it (robustly, in both directions: `fit_mutually`), then drawn back to the
    network's own numbers with a time constant of some seconds, so that errors of the fits don't add up along the video.
    Metric maps pass unchanged: their scale is a statement.

    Args:
        time_constant_s: how long an adjustment lasts; larger is steadier and drifts more.
    """

    def __init__(self, time_constant_s: float = 5.0) -> None:
        self._time_constant_s = time_constant_s
        self._reference: NDArray[np.float32] | None = None
        self._reference_valid: NDArray[np.bool_] | None = None

    def reset(self) -> None:
        """Forget the frames so far: a new scene begins."""
        self._reference = None

    def __call__(self, depth: DepthMap, step_s: float) -> DepthMap:
        """Return the next frame's map in the scale of those before, `step_s` seconds after the last one."""
        ambiguity = depth.kind.ambiguity
        if ambiguity not in (Ambiguity.SCALE_INVARIANT, Ambiguity.AFFINE_INVARIANT):
            return depth
        step = max(1, int((depth.values.size / _FIT_PIXELS) ** 0.5))
        sparse, valid = depth.values[::step, ::step], depth.valid[::step, ::step]
        scale, shift = 1.0, 0.0
        if self._reference is not None and self._reference_valid is not None and self._reference.shape == sparse.shape:
            fit = fit_mutually(sparse, self._reference, valid & self._reference_valid, ambiguity)
            if not fit.degenerate and 1 / _LARGEST_JUMP < fit.scale < _LARGEST_JUMP:
                home = 1 - exp(-max(0.0, step_s) / self._time_constant_s)
                scale, shift = fit.scale + home * (1 - fit.scale), fit.shift * (1 - home)
        self._reference, self._reference_valid = np.float32(scale) * sparse + np.float32(shift), valid
        return depth if (scale, shift) == (1.0, 0.0) else depth.aligned(scale, shift, ambiguity)


class RangeSmoother:
    """The colour range of a video: each frame's own, smoothed over time.

    Args:
        time_constant_s: how slowly the range follows.
    """

    def __init__(self, time_constant_s: float = 1.0) -> None:
        self._time_constant_s = time_constant_s
        self._range: tuple[float, float] | None = None

    def reset(self) -> None:
        """Take the next frame's own range: a new scene begins."""
        self._range = None

    def __call__(self, depth: DepthMap, step_s: float) -> tuple[float, float]:
        """Return the (low, high) for the next frame, `step_s` seconds after the last one."""
        low, high = robust_range(depth)
        if self._range is not None:
            share = 1 - exp(-max(0.0, step_s) / self._time_constant_s)
            low = self._range[0] + share * (low - self._range[0])
            high = self._range[1] + share * (high - self._range[1])
        self._range = low, high
        return low, high
