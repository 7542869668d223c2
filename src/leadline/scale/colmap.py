"""The points of a COLMAP reconstruction that one picture sees, with their depth: .bin and .txt models.

Layout: https://colmap.github.io/format.html. A pose is camera_from_world, a unit quaternion (w, x, y, z) and a translation.
Pixels are counted from the top-left corner with centres at 0.5, as here. The depth of a point needs the pose alone; the
camera's lens model is not used.

A reconstruction from pictures alone has no unit: its metres are `unit_m` times its numbers, which someone must know
(from a marker of known size, a rig, GPS).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.data.datasets.poses import rotation_matrix
from leadline.errors import LeadlineError
from leadline.scale.observations import Numbers
from leadline.scale.points import MetricPoints

# Model id -> number of parameters (COLMAP's sensor models, src/colmap/sensor/models.h).
_PARAMETERS = {0: 3, 1: 4, 2: 4, 3: 5, 4: 8, 5: 8, 6: 12, 7: 5, 8: 4, 9: 5, 10: 12, 11: 16}


@dataclass(frozen=True, eq=False)
class View:
    """A picture of a reconstruction.

    Attributes:
        name: its file name, relative to the image folder.
        camera: its camera's number.
        rotation: (3, 3), camera_from_world.
        translation: (3,).
        xy: (k, 2) keypoints, pixels from the top-left corner.
        ids: (k,) the points that they see, -1 for none.
    """

    name: str
    camera: int
    rotation: Numbers
    translation: Numbers
    xy: Numbers
    ids: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """A sparse model.

    Attributes:
        sizes: camera number -> (height, width) of its pictures.
        views: the pictures.
        xyz, error_px, seen_by: by the points' numbers: position, reprojection error, how many pictures see it.
    """

    sizes: dict[int, tuple[int, int]]
    views: list[View]
    xyz: dict[int, Numbers] = field(default_factory=dict)
    error_px: dict[int, float] = field(default_factory=dict)
    seen_by: dict[int, int] = field(default_factory=dict)


def read_colmap(folder: str | Path) -> Reconstruction:
    """Read cameras, images and points3D, of .bin if they are there, else of .txt.

    Raises:
        LeadlineError: a file is missing or damaged.
    """
    folder = Path(folder)
    suffix = ".bin" if (folder / "points3D.bin").is_file() else ".txt"
    try:
        data = [(folder / f"{name}{suffix}").read_bytes() for name in ("cameras", "images", "points3D")]
    except OSError as error:
        raise LeadlineError(
            f"{folder}: {error.strerror or error} ({Path(str(error.filename)).name}): expected COLMAP's cameras, images and "
            "points3D as .bin or .txt, such as sparse/0"
        ) from None
    read = _read_binary if suffix == ".bin" else _read_text
    try:
        return read(*data)
    except (struct.error, ValueError, IndexError, KeyError) as error:
        raise LeadlineError(f"{folder}: damaged {suffix} files ({error}): expected a COLMAP model; export it again") from None


def colmap_points(
    model: Reconstruction,
    picture: str,
    hw: tuple[int, int],
    *,
    unit_m: float = 1.0,
    largest_error_px: float = 2.0,
    fewest_views: int = 3,
) -> MetricPoints:
    """Return the well-placed points that a picture sees, in the pixels of a map of size `hw`.

    Args:
        model: the reconstruction.
        picture: the picture's name, or its end, or its name without suffix.
        hw: size of the map; keypoints are scaled to it.
        unit_m: metres of one unit of the reconstruction.
        largest_error_px: leave out points of a larger mean reprojection error.
        fewest_views: leave out points that fewer pictures see.

    Raises:
        LeadlineError: the picture is not in the model or is there twice, no point is left, the unit is not positive, or the
            map's shape is not that of the picture.
    """
    if not unit_m > 0:
        raise LeadlineError(f"unit {unit_m} m: expected the positive number of metres of one unit of the reconstruction")
    view = _view(model, picture)
    height, width = model.sizes[view.camera]
    sy, sx = hw[0] / height, hw[1] / width
    if abs(sx / sy - 1) > 0.02:
        raise LeadlineError(
            f"{view.name} has {width} x {height} pixels in the reconstruction, the map {hw[1]} x {hw[0]}: expected one shape; "
            "take the map of that picture"
        )
    rows, z = [], []
    for xy, number in zip(view.xy, view.ids.tolist(), strict=True):
        if number not in model.xyz or model.error_px[number] > largest_error_px or model.seen_by[number] < fewest_views:
            continue
        depth = float(view.rotation[2] @ model.xyz[number] + view.translation[2])
        x, y = xy[0] * sx, xy[1] * sy
        if depth > 0 and 0 <= x < hw[1] and 0 <= y < hw[0]:
            rows.append((x, y))
            z.append(depth * unit_m)
    if not z:
        raise LeadlineError(
            f"{view.name} sees no point with an error of at most {largest_error_px:g} px in {fewest_views} views: "
            "expected some; reconstruct with more pictures"
        )
    return MetricPoints(np.array(rows), np.array(z), False, f"COLMAP points of {view.name}")


def _view(model: Reconstruction, picture: str) -> View:
    wanted = Path(picture)
    for matches in (
        [view for view in model.views if view.name == picture],
        [view for view in model.views if Path(view.name).name == wanted.name],
        [view for view in model.views if Path(view.name).stem == wanted.stem or Path(view.name).stem == wanted.name],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise LeadlineError(f"{picture!r} could be {matches[0].name} or {matches[1].name}: give the name with its folder")
    known = ", ".join(view.name for view in model.views[:3])
    raise LeadlineError(f"no picture {picture!r} in the reconstruction: expected one of {known}, ...")


def _read_text(cameras: bytes, images: bytes, points: bytes) -> Reconstruction:
    sizes = {int(words[0]): (int(words[3]), int(words[2])) for words in map(str.split, _lines(cameras)) if words}
    model = Reconstruction(sizes, list(_text_views(_lines(images))))
    for words in map(str.split, _lines(points)):
        if words:
            number = int(words[0])
            model.xyz[number] = np.array(words[1:4], dtype=np.float64)
            model.error_px[number] = float(words[7])
            model.seen_by[number] = len(set(words[8::2]))  # (picture, keypoint) pairs; a picture may see it twice
    return model


def _text_views(lines: list[str]) -> Iterator[View]:
    # Two lines a picture; the second is empty where it has no keypoint.
    while lines and not lines[-1].strip() and len(lines) % 2:
        lines.pop()
    for pose, keypoints in zip(lines[::2], [*lines[1::2], ""], strict=False):
        words = pose.split(maxsplit=9)
        numbers = np.array(keypoints.split(), dtype=np.float64).reshape(-1, 3)
        yield View(
            words[9].strip(), int(words[8]), rotation_matrix([float(word) for word in words[1:5]]),
            np.array(words[5:8], dtype=np.float64), numbers[:, :2], numbers[:, 2].astype(np.int64),
        )  # fmt: skip


def _lines(data: bytes) -> list[str]:
    return [line for line in data.decode("utf-8", errors="replace").splitlines() if not line.startswith("#")]


class _Bytes:
    """Reads little-endian numbers one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def take(self, layout: str) -> tuple[float, ...]:
        found = struct.unpack_from(f"<{layout}", self.data, self.place)
        self.place += struct.calcsize(f"<{layout}")
        return found

    def count(self, layout: str = "Q") -> int:
        return int(self.take(layout)[0])

    def records(self, dtype: list[tuple[str, str]], count: int) -> NDArray[np.void]:
        found = np.frombuffer(self.data, np.dtype(dtype), count, self.place)
        self.place += found.nbytes
        return found

    def text(self) -> str:
        end = self.data.index(b"\0", self.place)
        found = self.data[self.place : end].decode("utf-8", errors="replace")
        self.place = end + 1
        return found


def _read_binary(cameras: bytes, images: bytes, points: bytes) -> Reconstruction:
    file = _Bytes(cameras)
    sizes = {}
    for _ in range(file.count()):
        number, lens, width, height = (int(n) for n in file.take("IiQQ"))
        if lens not in _PARAMETERS:
            raise LeadlineError(f"lens model {lens} in cameras.bin: expected 0 to 11; export the model as text")
        file.take(f"{_PARAMETERS[lens]}d")
        sizes[number] = (height, width)
    file = _Bytes(images)
    model = Reconstruction(sizes, [_binary_view(file) for _ in range(file.count())])
    file = _Bytes(points)
    for _ in range(file.count()):
        number = file.count()
        model.xyz[number] = np.array(file.take("3d"))
        file.take("3B")
        model.error_px[number] = file.take("d")[0]
        model.seen_by[number] = int(
            np.unique(file.records([("image", "<u4"), ("keypoint", "<u4")], file.count())["image"]).size
        )
    return model


def _binary_view(file: _Bytes) -> View:
    file.count("I")
    pose = np.array(file.take("7d"))
    camera, name = file.count("I"), file.text()
    found = file.records([("x", "<f8"), ("y", "<f8"), ("id", "<u8")], file.count())
    ids = found["id"].astype(np.int64)  # the largest 64-bit number, none, becomes -1 as in text
    return View(name, camera, rotation_matrix(pose[:4].tolist()), pose[4:], np.stack([found["x"], found["y"]], axis=1), ids)
