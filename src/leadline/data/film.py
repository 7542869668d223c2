"""A film for training: consecutive pictures of one camera with its intrinsics, decoded once into a file mapped into memory."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.still_frames import moved_share
from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError

FORMAT = 1  # part of the cache's key: a change of what is stored makes a new file
UNEVEN = 1.5  # from this ratio of the longest to the median time between frames on, a rate is said to vary

ReadDepth = Callable[[int], DepthMap | None]


class Frame(NamedTuple):
    """A picture of a film as its source has it.

    Attributes:
        pixels: (h, w, 3) uint8 sRGB.
        camera: of it, None if unknown.
        partner: (h, w, 3) uint8, the other eye of a rectified pair at the same moment, or None.
        partner_camera: of it.
        time_s: when it was taken, or None.
    """

    pixels: NDArray[np.uint8]
    camera: Camera | None
    partner: NDArray[np.uint8] | None = None
    partner_camera: Camera | None = None
    time_s: float | None = None


@dataclass(frozen=True, eq=False)
class FilmSource:
    """A film that can be read from its beginning.

    Attributes:
        name: for people.
        identity: another one wherever the pictures, or their cameras, are others.
        frames: iterates over the pictures.
        baseline_m: where the partner's camera sits along the x axis, metres; positive on the right. None without a partner.
        read_depth: the truth of the frame of that number, if any; for validation, unless `VideoData.truth` asks for it.
        targets: numbers of the frames that are learnt from, the others being their neighbours alone; None for all.
        notes: what the user should know, in sentences.
    """

    name: str
    identity: str
    frames: Callable[[], Iterable[Frame]]
    baseline_m: float | None = None
    read_depth: ReadDepth | None = None
    targets: frozenset[int] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Film:
    """A film in the cache; what is mapped is read when it is used.

    Attributes:
        name: of its source.
        pictures: (F, h, w, 3) uint8: the frames that were kept.
        cameras: of each of them, without distortion.
        numbers: of each of them in the source.
        frames: how many the source has.
        partners: (F, h, w, 3) uint8, or None.
        partner_cameras: of these.
        baseline_m, read_depth, targets, notes: see `FilmSource`.
    """

    name: str
    pictures: NDArray[np.uint8]
    cameras: tuple[Camera, ...]
    numbers: tuple[int, ...]
    frames: int
    partners: NDArray[np.uint8] | None = None
    partner_cameras: tuple[Camera, ...] = ()
    baseline_m: float | None = None
    read_depth: ReadDepth | None = None
    targets: frozenset[int] | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def dropped(self) -> int:
        """How many frames were left out because nothing had moved."""
        return self.frames - len(self)


def open_film(source: FilmSource, folder: Path, longest: int, least_motion: float) -> Film:
    """Return a film from the cache; decode it first if it is not there.

    A picture is shrunk so that its longer side is at most `longest` pixels, and a lens's distortion is taken out of it; the
    camera follows. A frame is left out while the picture has moved by less than `least_motion` since the last one kept.

    Args:
        source: of the film.
        folder: of the cache.
        longest: see above.
        least_motion: as a share of the picture's width, see `leadline.data.still_frames`; 0 keeps every frame.

    Raises:
        LeadlineError: a picture has no intrinsics, or another size than the first.
    """
    key = sha256(f"{source.identity} {longest} {least_motion:g} {FORMAT}".encode()).hexdigest()[:16]
    index, data = folder / f"film-{key}.json", folder / f"film-{key}.bin"
    if not index.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _decode(source, index, data, longest, least_motion)
    facts: dict[str, Any] = json.loads(index.read_text("utf-8"))
    count, (h, w), paired = len(facts["numbers"]), facts["hw"], bool(facts["partner_cameras"])
    mapped = np.memmap(data, np.uint8, "r", shape=(count, 1 + paired, h, w, 3))
    return Film(
        source.name,
        mapped[:, 0],
        tuple(map(Camera.from_dict, facts["cameras"])),
        tuple(facts["numbers"]),
        facts["frames"],
        mapped[:, 1] if paired else None,
        tuple(map(Camera.from_dict, facts["partner_cameras"])),
        source.baseline_m,
        None if facts["lens"] else source.read_depth,  # the truth is as bent as the pictures were
        source.targets,
        (*source.notes, *facts["notes"]),
    )


def _decode(source: FilmSource, index: Path, data: Path, longest: int, least_motion: float) -> None:
    temporary = data.with_name(f".{data.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            facts = _written(source, file, longest, least_motion)
        temporary.replace(data)
    finally:
        temporary.unlink(missing_ok=True)
    unfinished = index.with_name(f".{index.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(facts), "utf-8")
    unfinished.replace(index)  # last: with it the film is whole


def _written(source: FilmSource, file: BinaryIO, longest: int, least_motion: float) -> dict[str, Any]:
    cameras: list[Camera] = []
    partner_cameras: list[Camera] = []
    numbers: list[int] = []
    times: list[float] = []
    last: NDArray[np.uint8] | None = None
    frames, lens = 0, False
    for number, frame in enumerate(source.frames()):
        frames += 1
        if frame.time_s is not None:
            times.append(frame.time_s)
        picture, camera = _stored(frame.pixels, frame.camera, longest, f"{source.name}, frame {number}")
        lens = lens or bool(frame.camera and frame.camera.distortion)
        if last is not None and picture.shape != last.shape:
            raise LeadlineError(
                f"{source.name}, frame {number} is {picture.shape[1]} x {picture.shape[0]} in a film of {last.shape[1]} x "
                f"{last.shape[0]}: expected one size; put pictures of another size into a folder of their own"
            )
        if last is not None and least_motion > 0 and moved_share(last, picture) < least_motion:
            continue
        last = picture
        file.write(picture.tobytes())
        cameras.append(camera)
        numbers.append(number)
        if frame.partner is not None:
            other, camera = _stored(frame.partner, frame.partner_camera, longest, f"{source.name}, partner of frame {number}")
            if other.shape != picture.shape:
                raise LeadlineError(f"{source.name}, frame {number}: its partner has another size; expected a rectified pair")
            file.write(other.tobytes())
            partner_cameras.append(camera)
    if last is None:
        raise LeadlineError(f"{source.name} has no pictures: expected a film")
    notes = [_uneven(times)] if _uneven(times) else []
    if lens:
        notes.append("the lens's distortion was taken out of its pictures")
    return {
        "hw": last.shape[:2],
        "frames": frames,
        "numbers": numbers,
        "cameras": [camera.to_dict() for camera in cameras],
        "partner_cameras": [camera.to_dict() for camera in partner_cameras],
        "lens": lens,
        "notes": notes,
    }


def _stored(pixels: NDArray[np.uint8], camera: Camera | None, longest: int, name: str) -> tuple[NDArray[np.uint8], Camera]:
    """Return a picture and its camera as they are stored: without distortion, and small."""
    if camera is None:
        raise LeadlineError(
            f"{name} has no intrinsics: expected ::K.txt, ::camera.json, ::focal=PIXELS or ::fov=DEGREES behind its source"
        )
    h, w = pixels.shape[:2]
    if camera.hw != (h, w):
        raise LeadlineError(
            f"{name} is {w} x {h}, its intrinsics are for {camera.width} x {camera.height}: expected one size; scale the "
            "intrinsics with the pictures"
        )
    if camera.distortion:
        straight = replace(camera, distortion=())
        xy = (camera.project(straight.rays()) - 0.5).astype(np.float32)  # OpenCV counts from the first pixel's centre
        pixels = np.asarray(
            cv2.remap(pixels, xy, None, interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),  # type: ignore[call-overload]
            np.uint8,
        )
        camera = straight
    scale = longest / max(h, w)
    if scale < 1:
        hw = max(1, round(h * scale)), max(1, round(w * scale))
        pixels = np.asarray(cv2.resize(pixels, hw[::-1], interpolation=cv2.INTER_AREA), np.uint8)
        camera = camera.resize(hw)
    return np.ascontiguousarray(pixels), camera


def _uneven(times_s: Sequence[float]) -> str:
    """Return what to say of a rate that varies, "" if it does not."""
    steps = np.diff(times_s)
    steps = steps[steps > 0]
    if len(steps) < 2 or steps.max() < UNEVEN * np.median(steps):
        return ""
    return (
        f"a variable frame rate: {np.median(steps) * 1000:.0f} ms between frames, up to {steps.max() * 1000:.0f}; the "
        "motion is learnt for each pair, so only its spread grows"
    )
