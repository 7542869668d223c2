"""What moves in a film, and how: points followed from frame to frame, what a turn leaves of them, and their brightness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.checks.self_calibration import Pair
from leadline.data.film import Frame

Grey = NDArray[np.uint8]
_Seen = TypeVar("_Seen", bound="_Moved")

WIDTH = 384  # pixels, at which points are tracked
ASSUMED_FOV_DEG = 60.0  # of a camera that nobody calibrated: a small turn looks nearly the same with any
FEWEST_POINTS = 40
_MOST_POINTS = 400
_FAR_ENOUGH = 0.02  # of the width: how far points have moved when two frames are compared for parallax
_LONGEST_WAIT = 5  # frames after which they are compared anyway
_FAR_APART, _LONGEST_PAIR, _POINTS_OF_PAIR = 0.1, 30, 80  # the same for pairs that tell the focal length
_BANDS, _OF_BAND = 6, 8  # stripes of rows, and points that each needs
_ROUND_TRIP = 0.5  # pixels by which a point may miss itself when it is tracked there and back
_OFF_EPIPOLAR = 1.5  # pixels from its epipolar line at which a point moves by itself


class Step(NamedTuple):
    """A frame and the next.

    Attributes:
        frame: number of the second.
        points: that were tracked.
        moved: median way of the points, as a share of the width.
        same: the pictures are the same, pixel by pixel.
        gain: median logarithm of the points' brightness, second over first.
        rolling: standard deviation of that between stripes of rows; NaN where too few have points.
    """

    frame: int
    points: int
    moved: float
    same: bool
    gain: float
    rolling: float


class Stretch(NamedTuple):
    """Two frames between which points moved far enough to tell a turn from a way.

    Attributes:
        first, second: numbers of the frames.
        moved: as in `Step`.
        parallax: what three of four points stay below when the best turn of the camera is taken out, as a share of the width.
        own_way: share of points off every line that a camera's motion allows them; NaN where parallax is too small to tell.
    """

    first: int
    second: int
    moved: float
    parallax: float
    own_way: float


@dataclass
class FilmMotion:
    """Everything measured in a film.

    Attributes:
        frames: looked at.
        camera: of the first; None if unknown.
        small: the same at the size at which points are tracked, or one that was assumed; None before the first frame.
        hw: of the frames.
        times_s: of the frames, empty if unknown.
        steps, stretches: see there.
        pairs: points in frames far apart, at the tracked size.
    """

    frames: int = 0
    camera: Camera | None = None
    small: Camera | None = None
    hw: tuple[int, int] = (0, 0)
    times_s: list[float] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)


PARALLAX = 0.0015  # of the width; tracking errs by a third of that


def measure(frames: Iterable[Frame], most: int) -> FilmMotion:
    """Look at up to `most` frames of a film, from its beginning.

    Args:
        frames: of the film.
        most: see above.
    """
    found = FilmMotion()
    before: Grey | None = None
    stretches: _Apart[Stretch] | None = None
    pairs = _Apart(_pair, _FAR_APART, _LONGEST_PAIR)
    for number, frame in enumerate(frames):
        if number == most:
            break
        grey = _grey(frame.pixels)
        found.frames += 1
        if stretches is None:
            found.camera, found.hw = frame.camera, (frame.pixels.shape[0], frame.pixels.shape[1])
            known = replace(frame.camera, distortion=()) if frame.camera is not None else None
            found.small = known.resize(grey.shape) if known is not None else Camera.from_fov_deg(ASSUMED_FOV_DEG, grey.shape)
            stretches = _Apart(partial(_stretch, found.small))
        if frame.time_s is not None:
            found.times_s.append(frame.time_s)
        if before is not None and grey.shape == before.shape:
            found.steps.append(_step(number, before, grey))
        stretches.see(number, grey)
        pairs.see(number, grey)
        before = grey
    found.stretches, found.pairs = stretches.found if stretches is not None else [], pairs.found
    return found


class _Moved(Protocol):
    @property
    def moved(self) -> float: ...


class _Apart(Generic[_Seen]):
    """Compares frames with one before them until points moved far enough, or for long enough.

    Args:
        compare: two pictures and their frames' numbers; None where too few points are found in both.
        far: enough, as a share of the width.
        wait: frames.
    """

    def __init__(
        self, compare: Callable[[Grey, Grey, int, int], _Seen | None], far: float = _FAR_ENOUGH, wait: int = _LONGEST_WAIT
    ) -> None:
        self._compare, self._far, self._wait = compare, far, wait
        self._first: tuple[int, Grey] | None = None
        self._longest: _Seen | None = None
        self.found: list[_Seen] = []

    def see(self, number: int, grey: Grey) -> None:
        if self._first is not None and self._first[1].shape == grey.shape:
            first, key = self._first
            seen = self._compare(key, grey, first, number)
            self._longest = seen or self._longest  # where points get lost on the way, what was seen until then counts
            if seen is not None and seen.moved < self._far and number - first < self._wait:
                return
            if self._longest is not None:
                self.found.append(self._longest)
        self._first, self._longest = (number, grey), None


def _step(number: int, first: Grey, second: Grey) -> Step:
    if np.array_equal(first, second):
        return Step(number, _MOST_POINTS, 0.0, True, 0.0, 0.0)
    a, b = track(first, second)
    if len(a) < FEWEST_POINTS:
        return Step(number, len(a), float("nan"), False, float("nan"), float("nan"))
    change = np.log((_brightness(second, b) + 1) / (_brightness(first, a) + 1))
    gain = float(np.median(change))
    stripes = list(_stripes(a[:, 1] / first.shape[0], change))
    rolling = float(np.std(stripes)) if len(stripes) >= _BANDS - 2 else float("nan")
    return Step(number, len(a), _way(a, b, first), False, gain, rolling)


def _stripes(row: NDArray[np.float64], change: NDArray[np.float64]) -> Iterator[float]:
    band = np.minimum((row * _BANDS).astype(int), _BANDS - 1)
    for number in range(_BANDS):
        if (band == number).sum() >= _OF_BAND:
            yield float(np.median(change[band == number]))


def _stretch(camera: Camera, key: Grey, grey: Grey, first: int, second: int) -> Stretch | None:
    """Return what two frames show; None where too few points can be followed."""
    a, b = track(key, grey)
    if len(a) < FEWEST_POINTS:
        return None
    width = key.shape[1]
    parallax = float(np.percentile(np.linalg.norm(turned(a, b, camera) - b, axis=1), 75)) / width
    own_way = off_lines(a, b, camera) if parallax > 2 * PARALLAX else float("nan")
    return Stretch(first, second, _way(a, b, key), parallax, own_way)


def _pair(key: Grey, grey: Grey, first: int, second: int) -> Pair | None:
    a, b = track(key, grey)
    return Pair(a, b, _way(a, b, key)) if len(a) >= _POINTS_OF_PAIR else None


def track(first: Grey, second: Grey) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (n, 2) places of corners in both pictures, in pixels with the corner at (0, 0), that are found there and back."""
    none = np.zeros((0, 2))
    seen: Any = cv2.goodFeaturesToTrack(first, _MOST_POINTS, 0.01, 6)  # None in a bare picture, whatever its types say
    if seen is None:
        return none, none
    corners = np.asarray(seen, np.float32)
    there, found = _followed(first, second, corners)
    back, again = _followed(second, first, there)
    missed = np.linalg.norm((back - corners).reshape(-1, 2), axis=1)
    b = there.reshape(-1, 2).astype(np.float64)
    inside = ((b >= 0) & (b < np.array(first.shape[::-1]) - 1)).all(1)
    kept = (found.ravel() == 1) & (again.ravel() == 1) & (missed < _ROUND_TRIP) & inside
    return corners.reshape(-1, 2).astype(np.float64)[kept] + 0.5, b[kept] + 0.5  # OpenCV counts from the first pixel's centre


def _followed(first: Grey, second: Grey, corners: NDArray[np.float32]) -> tuple[NDArray[np.float32], Grey]:
    empty: Any = None  # OpenCV makes the array itself
    found, status, _ = cv2.calcOpticalFlowPyrLK(first, second, corners, empty, winSize=(15, 15), maxLevel=4)
    return np.asarray(found, np.float32), np.asarray(status, np.uint8)


def turned(a: NDArray[np.float64], b: NDArray[np.float64], camera: Camera) -> NDArray[np.float64]:
    """Return (n, 2) where points would be seen after the turn of the camera that fits best (Kabsch 1976)."""
    rays_a, rays_b = _rays(a, camera), _rays(b, camera)
    u, _, vt = np.linalg.svd(rays_b.T @ rays_a)
    rotation = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
    return camera.project(rays_a @ rotation.T)


def off_lines(a: NDArray[np.float64], b: NDArray[np.float64], camera: Camera) -> float:
    """Return the share of points that no motion of the camera explains: they lie off their epipolar lines."""
    essential, kept = cv2.findEssentialMat(
        a - 0.5, b - 0.5, _opencv(camera), method=cv2.RANSAC, prob=0.999, threshold=_OFF_EPIPOLAR
    )
    return float("nan") if essential is None else 1 - float(np.asarray(kept).astype(bool).mean())


def _rays(xy: NDArray[np.float64], camera: Camera) -> NDArray[np.float64]:
    rays = np.column_stack([(xy[:, 0] - camera.cx) / camera.fx, (xy[:, 1] - camera.cy) / camera.fy, np.ones(len(xy))])
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))


def _opencv(camera: Camera) -> NDArray[np.float64]:
    return np.array([[camera.fx, 0, camera.cx - 0.5], [0, camera.fy, camera.cy - 0.5], [0, 0, 1]])


def _way(a: NDArray[np.float64], b: NDArray[np.float64], picture: Grey) -> float:
    return float(np.median(np.linalg.norm(b - a, axis=1))) / float(picture.shape[1])


def _brightness(picture: Grey, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    smooth = cv2.GaussianBlur(picture, (0, 0), 2.0)
    x, y = np.clip(xy.astype(int), 0, np.array(picture.shape[::-1]) - 1).T
    return np.asarray(smooth[y, x], np.float64)


def _grey(picture: NDArray[np.uint8]) -> Grey:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    h, w = grey.shape
    if w <= WIDTH:
        return np.asarray(grey, np.uint8)
    return np.asarray(cv2.resize(grey, (WIDTH, max(24, round(h * WIDTH / w))), interpolation=cv2.INTER_AREA), np.uint8)
