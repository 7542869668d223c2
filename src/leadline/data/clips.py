"""A target picture with its neighbours in the film, and how it is changed for training: all of it alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.clip_truth import Points, moved, truth_points
from leadline.data.film import Film
from leadline.data.film_windows import window_of
from leadline.data.transforms import Augmentation, random_colours
from leadline.geometry import Window, right_from_left

ViewsOfClip = Literal["mono", "stereo", "mono_stereo"]
FieldOfView = Literal["own", "common"]
PARTNER = 0  # the offset of the other eye
_MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])


def _jitter() -> Augmentation:
    # A factor of 1.2 either way and a tenth of the colour circle, as monodepth2; nothing that differs between pictures.
    return Augmentation(
        exposure=0.26, contrast=0.26, gamma=0.0, channels=0.0, saturation=0.2, hue_deg=36.0, grey=0.0, blur=0.0, noise=0.0,
        jpeg=0.0, coarse=0.0, cutout=0.0,
    )  # fmt: skip


@dataclass(frozen=True)
class VideoData:
    """How clips are cut from films and changed.

    Attributes:
        views: what a target is seen from: "mono", its neighbours in the film; "stereo", the other eye at the same moment;
            "mono_stereo", both.
        offsets: of the neighbours, in frames that were kept.
        least_motion: a frame is left out until the picture has moved by this share of its width since the last one kept; 0
            keeps every frame.
        field_of_view: "own", as much of each film as fits the batch's shape; or "common", the same angle of every film, so that
            an object at one distance covers as many pixels in each (`leadline.data.film_windows`).
        fov_deg: that angle from left to right; 0 for the largest that every film shows.
        area: share of the largest window of the batch's shape that a crop keeps, smallest and largest.
        flip: probability of mirroring left to right.
        jitter: probability of other colours for what the networks see; the loss compares the pictures as they are.
        colours: how strongly; the whole clip alike.
        truth: read the depth of the targets, too, for the objective that learns from it (kuznietsov).
        truth_share: of its pixels that are kept, so that a dense one can be as sparse as LiDAR.
    """

    views: ViewsOfClip = "mono"
    offsets: tuple[int, ...] = (-1, 1)
    least_motion: float = 0.002
    field_of_view: FieldOfView = "own"
    fov_deg: float = 0.0
    area: tuple[float, float] = (1.0, 1.0)
    flip: float = 0.5
    jitter: float = 0.5
    colours: Augmentation = field(default_factory=_jitter)
    truth: bool = False
    truth_share: float = 1.0

    @property
    def sources(self) -> tuple[int, ...]:
        """The offset of each source; `PARTNER` is the other eye."""
        return (*(self.offsets if self.views != "stereo" else ()), *((PARTNER,) if self.views != "mono" else ()))


class Clip(NamedTuple):
    """Pictures of one size, the target first.

    Attributes:
        pictures: (1 + S, h, w, 3) uint8.
        seen: the same with other colours, which the networks get.
        cameras: of each.
        partner_from_target: (4, 4) metres, of the other eye; NaN if it is not among the sources.
        points: (M, 3) what is known of the target, in its camera frame, metres; None if nobody asked.
    """

    pictures: NDArray[np.uint8]
    seen: NDArray[np.uint8]
    cameras: tuple[Camera, ...]
    partner_from_target: NDArray[np.float64]
    points: Points | None = None


def read_clip(film: Film, index: int, how: VideoData, swap: bool = False) -> Clip:
    """Return the clip of a target in a film, as it is.

    Args:
        film: which holds all of the sources.
        index: of the target among the frames that were kept.
        how: which sources.
        swap: take the other eye's pictures for this one's and the other way round.
    """
    pictures, cameras, baseline_m = film.pictures, film.cameras, film.baseline_m
    points = truth_points(film, index, how.truth_share) if how.truth else None
    others, other_cameras = film.partners, film.partner_cameras
    if swap and others is not None and baseline_m is not None:
        points = None if points is None else moved(points, right_from_left(baseline_m))
        pictures, others, cameras, other_cameras, baseline_m = others, pictures, other_cameras, cameras, -baseline_m
    found, taken = [pictures[index]], [cameras[index]]
    for offset in how.sources:
        if offset == PARTNER:
            assert others is not None
            found.append(others[index])
            taken.append(other_cameras[index])
        else:
            found.append(pictures[index + offset])
            taken.append(cameras[index + offset])
    paired = PARTNER in how.sources and baseline_m is not None
    known = right_from_left(baseline_m) if paired and baseline_m is not None else np.full((4, 4), np.nan)
    stacked = np.stack(found)
    return Clip(stacked, stacked, tuple(taken), known, points)


def fit_clip(clip: Clip, window: Window, hw: tuple[int, int]) -> Clip:
    """Return the window of every picture resized to `hw`, with its cameras."""
    pictures = np.stack([_resized(window.crop(picture), hw) for picture in clip.pictures])
    cameras = tuple(c.crop(window.x, window.y, window.width, window.height).resize(hw) for c in clip.cameras)
    return Clip(pictures, pictures, cameras, clip.partner_from_target, clip.points)


def mirror_clip(clip: Clip) -> Clip:
    """Return the clip mirrored left to right: what was right of the target is left of it then."""
    pictures, seen = (np.ascontiguousarray(each[:, :, ::-1]) for each in (clip.pictures, clip.seen))
    points = None if clip.points is None else moved(clip.points, _MIRROR)
    return Clip(pictures, seen, tuple(c.flip() for c in clip.cameras), _MIRROR @ clip.partner_from_target @ _MIRROR, points)


def change_clip(
    clip: Clip, hw: tuple[int, int], rng: np.random.Generator, how: VideoData, fov_deg: float | None = None
) -> Clip:
    """Return a clip for training: the same window of all pictures, perhaps mirrored, and what the networks see of it.

    Args:
        clip: as it is in the film.
        hw: of the result.
        rng: of everything random.
        how: to change it.
        fov_deg: of the window; None for the largest that fits.
    """
    window = window_of(clip.cameras[0], hw, fov_deg)
    share = float(np.sqrt(rng.uniform(*how.area)))
    if share < 1:
        width, height = max(1, round(window.width * share)), max(1, round(window.height * share))
        x = int(rng.integers(clip.cameras[0].width - width + 1))
        y = int(rng.integers(clip.cameras[0].height - height + 1))
        window = Window(x, y, width, height)
    clip = fit_clip(clip, window, hw)
    if rng.random() < how.flip:
        clip = mirror_clip(clip)
    seed = int(rng.integers(2**31))
    if rng.random() >= how.jitter:
        return clip
    seen = [random_colours(picture, np.random.default_rng(seed), how.colours) for picture in clip.pictures]
    return clip._replace(seen=np.stack(seen))


def _resized(picture: NDArray[np.uint8], hw: tuple[int, int]) -> NDArray[np.uint8]:
    if picture.shape[:2] == hw:
        return np.ascontiguousarray(picture)
    shrinks = picture.shape[0] > hw[0]
    return np.asarray(
        cv2.resize(picture, hw[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), dtype=np.uint8
    )
