"""How steady the depth of a video is, as sums that are finished late.

With poses, a frame's depth is moved into the frame beside it and compared with what that one says (the idea of the temporal
alignment error of Video Depth Anything, arXiv 2501.12375, and of geometric consistency in Bian et al., arXiv 1908.10553).
Without poses, a region that stands still before a still camera must keep its depth. Neither needs the truth, and neither sees
an error that is the same in every frame: quote them beside a depth metric.

Depth is z in the unit of the poses. A prediction up to scale is brought to metres first, by one factor for the whole video: a
factor for each frame would hide the flicker that is measured here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import as_numpy
from leadline.errors import LeadlineError
from leadline.geometry.warp import project_into, sample_bilinear
from leadline.metrics.depth import gather
from leadline.metrics.tally import Tally, mean

DELTA_THRESHOLDS = (1.05, 1.1, 1.25)
# A point this much farther than the surface that the other frame sees there lies behind it.
HIDDEN_BEHIND = 0.25
# True depths of one still point, seen from two frames, agree this well; a moving thing and the rim of a silhouette do not.
SAME_POINT = 0.01


@dataclass(frozen=True, eq=False)
class Frame:
    """The depth of one picture of a video.

    Attributes:
        depth: (h, w) z-depth.
        camera: of that size.
        world_from_camera: (4, 4) pose, in the depth's unit.
        valid: (h, w) bool; None means wherever the depth is finite and positive.
    """

    depth: Any
    camera: Camera
    world_from_camera: Any
    valid: Any | None = None

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Where there is depth.

        Raises:
            LeadlineError: the mask has another size than the depth, or a valid depth is not finite and positive.
        """
        z = as_numpy(self.depth)
        positive = np.isfinite(z) & (z > 0)
        mask = positive if self.valid is None else as_numpy(self.valid).astype(bool)
        if mask.shape != z.shape:
            raise LeadlineError(f"a depth of shape {z.shape} with a mask of shape {mask.shape}: expected one shape")
        bad = np.count_nonzero(mask & ~positive)
        if bad:
            raise LeadlineError(f"{bad} valid depths are not finite and positive: clamp to the protocol's range first")
        return np.asarray(mask)


def seen_in_both(true_a: Frame, true_b: Frame, tolerance: float = SAME_POINT) -> NDArray[np.bool_]:
    """Return (h_a, w_a) the pixels of a whose point b sees too, by the true depth of both frames.

    A pixel is one of them where the depth of its point in b agrees with b's own depth there, read between its pixels, within
    `tolerance` of it, nearer or farther. That leaves out what is hidden, out of the picture, on a hole, moving, or at a
    silhouette, where near and far are mixed.

    Raises:
        LeadlineError: a frame's sizes differ, or a valid depth is not finite and positive.
    """
    landing = project_into(true_b.camera, _relative(true_b, true_a), true_a.depth, true_a.camera, true_a.mask)
    mask_b = true_b.mask
    disparity, found = sample_bilinear(_disparity(true_b, mask_b), landing.xy, mask_b)
    return np.asarray(landing.valid & found & (np.abs(landing.depth * disparity - 1) <= tolerance))


def pair_metrics(
    a: Frame,
    b: Frame,
    compared: Any | None = None,
    thresholds: Sequence[float] = DELTA_THRESHOLDS,
    hidden_behind: float = HIDDEN_BEHIND,
) -> dict[str, Tally]:
    """Move a's depth into frame b and compare it there with b's own, read between its pixels in disparity.

    Disparity is linear in the picture on any plane, so that reading it between pixels is exact there.

    Args:
        a, b: two frames; the second direction is a call with both swapped, and its tallies add up with these.
        compared: (h_a, w_a) bool, the pixels of a to compare: best `seen_in_both` of the true depth. None: all that have depth,
            less those that the prediction itself puts behind what b sees, see `hidden_behind`.
        thresholds: bounds of the larger of the two ratios between moved and own depth.
        hidden_behind: without `compared`, a point that is more than this share farther than b's surface there is taken as
            hidden. One-sided, and wider than the usual flicker: a narrow test drops the very errors that are asked for.

    Returns:
        ``temporal_abs_rel``: mean of |moved - own| / own. ``temporal_delta_1.05`` and so on: share of the pixels whose ratio is
        below the bound, strict, 0 to 1, larger is better. ``temporal_landed``: share of the pixels to compare that found a
        depth of b to be compared with; the others (out of the picture by the prediction's own depth, or on a hole) are in no
        other metric here.

    Raises:
        LeadlineError: sizes differ, or a valid depth is not finite and positive.
    """
    mask = a.mask
    wanted = mask if compared is None else as_numpy(compared).astype(bool)
    if wanted.shape != mask.shape:
        raise LeadlineError(f"a mask of shape {wanted.shape} to compare a depth of shape {mask.shape}: expected one shape")
    landing = project_into(b.camera, _relative(b, a), a.depth, a.camera, mask)
    own, found = sample_bilinear(_disparity(b, b.mask), landing.xy, b.mask)
    found &= landing.valid & wanted
    ratio = landing.depth[found] * own[found]  # moved depth over own depth
    if compared is None:
        hidden = np.zeros_like(found)
        hidden[found] = ratio > 1 + hidden_behind
        wanted, ratio = wanted & ~hidden, ratio[ratio <= 1 + hidden_behind]
    larger = np.maximum(ratio, 1 / ratio)
    tallies = (
        Tally("temporal_abs_rel", ratio.size, (float(np.abs(ratio - 1).sum()),), mean),
        *(
            Tally(f"temporal_delta_{bound:g}", ratio.size, (float(np.count_nonzero(larger < bound)),), mean)
            for bound in thresholds
        ),
        Tally("temporal_landed", int(np.count_nonzero(wanted)), (float(ratio.size),), mean),
    )
    return {tally.name: tally for tally in tallies}


def video_metrics(
    frames: Iterable[Frame],
    truth: Iterable[Frame] | None = None,
    thresholds: Sequence[float] = DELTA_THRESHOLDS,
) -> dict[str, Tally]:
    """Add up `pair_metrics` over all neighbouring frames of a video, in both directions.

    Args:
        frames: predicted, in order; read one at a time.
        truth: frames with true depth, one for each of `frames`, that tell which pixels to compare (`seen_in_both`).
        thresholds: as in `pair_metrics`.

    Returns:
        As `pair_metrics`; empty with fewer than two frames.

    Raises:
        LeadlineError: as `pair_metrics`; or there are more frames than true ones, or fewer.
    """
    total: dict[str, Tally] = {}
    together = ((frame, None) for frame in frames) if truth is None else _zipped(frames, truth)
    for (a, true_a), (b, true_b) in pairwise(together):
        for one, other, true_one, true_other in ((a, b, true_a, true_b), (b, a, true_b, true_a)):
            compared = None if true_one is None or true_other is None else seen_in_both(true_one, true_other)
            part = pair_metrics(one, other, compared, thresholds)
            total = {name: total[name] + tally for name, tally in part.items()} if total else part
    return total


def flicker_metrics(before: Any, after: Any, still: Any | None = None) -> dict[str, Tally]:
    """Compare two frames of a still region; no poses needed. Sums over the pairs of a video add up.

    Args:
        before, after: (h, w) depth, or disparity whose shift is known, in one unit, up to one scale for the video.
        still: (h, w) bool, the pixels that show the same thing in both frames and have depth; None for all.

    Returns:
        ``flicker``: mean of |ln(after / before)|, the same forwards and backwards, for depth and for disparity; 0.05 is about
        5 %. ``flicker_local``: the same after the median of ln(after / before) over the region is taken off, so that what all
        pixels do together (a breathing scale) no longer counts. That median is of the whole region: don't score it in parts.

    Raises:
        LeadlineError: the shapes differ, or a number to compare is not finite and positive.
    """
    ratio = gather(after, before, still).log_ratio
    local = ratio - np.median(ratio) if ratio.size else ratio
    tallies = (
        Tally("flicker", ratio.size, (float(np.abs(ratio).sum()),), mean),
        Tally("flicker_local", ratio.size, (float(np.abs(local).sum()),), mean),
    )
    return {tally.name: tally for tally in tallies}


def _relative(b: Frame, a: Frame) -> NDArray[np.float64]:
    """Return (4, 4) b_from_a of two frames' cameras."""
    b_from_a: NDArray[np.float64] = np.linalg.solve(as_numpy(b.world_from_camera), as_numpy(a.world_from_camera))
    return b_from_a


def _disparity(frame: Frame, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    z = as_numpy(frame.depth).astype(np.float64)
    return np.where(mask, 1 / np.where(mask, z, 1.0), 0.0)


def _zipped(frames: Iterable[Frame], truth: Iterable[Frame]) -> Iterator[tuple[Frame, Frame | None]]:
    for frame, true_frame in zip_longest(frames, truth):
        if frame is None or true_frame is None:
            raise LeadlineError("a video and its truth of different lengths: expected one true frame for each")
        yield frame, true_frame
