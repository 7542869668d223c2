"""The folder that synthetic data lives in: plain files that any tool can read ("leadline-folder/1").

::

    OUT/dataset.json               format, world, seed, options, licences, leadline version
    OUT/<scene>/camera.json        {"views": [{width, height, fx, fy, cx, cy, world_from_camera, [baseline_m], ...}, ...]}
    OUT/<scene>/image/000.png      8-bit sRGB (or .jpg)
    OUT/<scene>/depth/000.npy      float32 z in metres, 0 where there is no surface
    OUT/<scene>/normals/000.png    16-bit RGB, (n + 1) / 2 * 65535 of camera-frame normals (x right, y down, z forward)
    OUT/<scene>/material/000.png   8-bit: 0 opaque, 1 transparent, 2 mirror
    OUT/<scene>/instance/000.png   16-bit object number, 0 for structure
    OUT/<scene>/sky/000.png        0 or 255

and with stereo::

    OUT/<scene>/right/000.png              the right eye's picture
    OUT/<scene>/pixel_disparity/000.npy    float32, of the left picture
    OUT/<scene>/occlusion/000.png          255 where the right eye does not see what the left one does

and in films of worlds in which things move::

    OUT/<scene>/moving/000.png     255 on objects that move in the world, 0 elsewhere

Intrinsics are in pixels with the top-left corner of the picture at (0, 0), so a centred camera has cx = width / 2.
A scene folder appears at once, by a rename from OUT/.unfinished.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

FORMAT = "leadline-folder/1"
_UNFINISHED = ".unfinished"  # one level deeper than scenes, so that a scan for */image/*.png never finds it
_PARTS = {"depth": ".npy", "normals": ".png", "material": ".png", "instance": ".png", "sky": ".png"}
_MOVING = "moving"
_STEREO = {"right": ".png", "pixel_disparity": ".npy", "occlusion": ".png"}


@dataclass(frozen=True)
class StoredView:
    """One picture with its truth, as on disk; arrays are (h, w) or (h, w, 3).

    Attributes:
        image: uint8 sRGB. depth: float32 z in metres, 0 where invalid. normals: float32 unit, camera frame, 0 where invalid.
        material: uint8. instance: uint16. sky: bool.
        intrinsics: (3, 3) in pixels. world_from_camera: (4, 4).
        right, pixel_disparity, occluded, baseline_m: the stereo part, or None.
        moving: bool, True on objects that move in the world, or None.
        extra: further entries of this view in camera.json (exposure, frame time, ...).
        scene, index: where the view came from when it was read.
    """

    image: NDArray[np.uint8]
    depth: NDArray[np.float32]
    normals: NDArray[np.float32]
    material: NDArray[np.uint8]
    instance: NDArray[np.uint16]
    sky: NDArray[np.bool_]
    intrinsics: NDArray[np.float64]
    world_from_camera: NDArray[np.float64]
    right: NDArray[np.uint8] | None = None
    pixel_disparity: NDArray[np.float32] | None = None
    occluded: NDArray[np.bool_] | None = None
    baseline_m: float | None = None
    moving: NDArray[np.bool_] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    scene: str = ""
    index: int = 0

    @property
    def valid(self) -> NDArray[np.bool_]:
        """True where `depth` is known."""
        return self.depth > 0


def write_dataset(out: Path, description: Mapping[str, Any]) -> None:
    """Write OUT/dataset.json: `description` under the format's name."""
    out.mkdir(parents=True, exist_ok=True)
    _write_json(out / "dataset.json", {"format": FORMAT, **description})


def read_dataset(out: Path) -> dict[str, Any]:
    """Read OUT/dataset.json.

    Raises:
        ValueError: the folder has another format.
    """
    description = json.loads((out / "dataset.json").read_text())
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise ValueError(f"{out / 'dataset.json'} is not {FORMAT}")
    return description


def write_scene(
    out: Path, name: str, views: Sequence[StoredView], extra: Mapping[str, Any] | None = None, *, jpeg: int | None = None
) -> Path:
    """Write the scene folder OUT/name, which appears whole or not at all, and return it.

    `extra` is added to camera.json; `jpeg` stores pictures as JPEG of that quality.
    """
    final, temporary = out / name, out / _UNFINISHED / f"{name}.{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    cameras = [write_view(temporary, i, view, jpeg=jpeg) for i, view in enumerate(views)]
    _write_json(temporary / "camera.json", {"views": cameras, **(extra or {})})
    shutil.rmtree(final, ignore_errors=True)
    temporary.rename(final)
    return final


def clear_unfinished(out: Path) -> None:
    """Remove what killed writers left behind, unless the writer lives."""
    for folder in (out / _UNFINISHED).glob("*"):
        if not _lives(int(folder.suffix[1:])):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def write_view(folder: Path, index: int, view: StoredView, *, jpeg: int | None = None) -> dict[str, Any]:
    """Write the files of one view into a scene folder and return its entry for camera.json."""
    h, w = view.depth.shape
    stem = f"{index:03d}"
    images = {"image": view.image} if view.right is None else {"image": view.image, "right": view.right}
    for part, image in images.items():
        _write_image(folder / part / (stem + (".jpg" if jpeg else ".png")), image[..., ::-1], jpeg)
    _write_npy(folder / "depth" / f"{stem}.npy", view.depth.astype(np.float32))
    packed = np.round((np.clip(view.normals, -1, 1) + 1) / 2 * 65535).astype(np.uint16)
    _write_image(folder / "normals" / f"{stem}.png", packed[..., ::-1])
    _write_image(folder / "material" / f"{stem}.png", view.material)
    _write_image(folder / "instance" / f"{stem}.png", view.instance)
    _write_image(folder / "sky" / f"{stem}.png", view.sky.astype(np.uint8) * 255)
    if view.moving is not None:
        _write_image(folder / _MOVING / f"{stem}.png", view.moving.astype(np.uint8) * 255)
    k = view.intrinsics
    camera: dict[str, Any] = {
        "width": w,
        "height": h,
        **{key: float(k[at]) for key, at in {"fx": (0, 0), "fy": (1, 1), "cx": (0, 2), "cy": (1, 2)}.items()},
        "world_from_camera": view.world_from_camera.tolist(),
    }
    if view.pixel_disparity is not None and view.occluded is not None:
        camera["baseline_m"] = view.baseline_m
        _write_npy(folder / "pixel_disparity" / f"{stem}.npy", view.pixel_disparity.astype(np.float32))
        _write_image(folder / "occlusion" / f"{stem}.png", view.occluded.astype(np.uint8) * 255)
    return camera | dict(view.extra)


def read_view(folder: Path, index: int) -> StoredView:
    """Read view `index` of the scene in `folder`.

    Raises:
        FileNotFoundError, IndexError: the view is not there.
    """
    camera = json.loads((folder / "camera.json").read_text())["views"][index]
    stem = f"{index:03d}"
    depth = np.load(folder / "depth" / f"{stem}.npy")
    normals = _read_image(folder / "normals" / f"{stem}.png")[..., ::-1].astype(np.float32) / 65535 * 2 - 1
    stereo: dict[str, Any] = {}
    if "baseline_m" in camera:
        stereo = {
            "right": np.ascontiguousarray(_read_image(_picture(folder, "right", stem))[..., ::-1]),
            "pixel_disparity": np.load(folder / "pixel_disparity" / f"{stem}.npy"),
            "occluded": _read_image(folder / "occlusion" / f"{stem}.png") > 0,
            "baseline_m": float(camera["baseline_m"]),
        }
    moves = (folder / _MOVING).is_dir()
    known = {"width", "height", "fx", "fy", "cx", "cy", "world_from_camera", "baseline_m"}
    return StoredView(
        image=np.ascontiguousarray(_read_image(_picture(folder, "image", stem))[..., ::-1]),
        depth=depth,
        normals=np.where(depth[..., None] > 0, normals, 0).astype(np.float32),
        material=_read_image(folder / "material" / f"{stem}.png"),
        instance=_read_image(folder / "instance" / f"{stem}.png"),
        sky=_read_image(folder / "sky" / f"{stem}.png") > 0,
        intrinsics=np.array([[camera["fx"], 0, camera["cx"]], [0, camera["fy"], camera["cy"]], [0, 0, 1]], np.float64),
        world_from_camera=np.array(camera["world_from_camera"], np.float64),
        moving=_read_image(folder / _MOVING / f"{stem}.png") > 0 if moves else None,
        extra={k: v for k, v in camera.items() if k not in known},
        scene=folder.name,
        index=index,
        **stereo,
    )


def scene_folders(out: Path) -> list[Path]:
    """Return the finished scene folders of OUT, sorted by name."""
    return sorted(p.parent for p in out.glob("*/camera.json") if not p.parent.name.startswith("."))


def count_views(folder: Path) -> int:
    """Return the number of views of one scene folder."""
    return len(json.loads((folder / "camera.json").read_text())["views"])


def iter_views(out: Path) -> Iterator[StoredView]:
    """Yield every view of a data set folder, scene by scene."""
    for folder in scene_folders(out):
        for index in range(count_views(folder)):
            yield read_view(folder, index)


def check_folder(out: Path) -> list[str]:
    """Return what is wrong with a data set folder, one line per problem; an empty list means it is sound."""
    problems = []
    try:
        read_dataset(out)
    except (OSError, ValueError) as error:
        problems.append(f"dataset.json: {error}")
    folders = scene_folders(out)
    if not folders:
        problems.append("the data set is empty: no <scene>/camera.json")
    for folder in folders:
        try:
            cameras = json.loads((folder / "camera.json").read_text())["views"]
        except (OSError, ValueError, KeyError) as error:
            problems.append(f"{folder.name}/camera.json: {error!r}")
            continue
        if not cameras:
            problems.append(f"{folder.name}: no views")
        for index, camera in enumerate(cameras):
            problems += [f"{folder.name}/{index:03d}: {text}" for text in _check_view(folder, index, camera)]
    return problems


def _check_view(folder: Path, index: int, camera: Mapping[str, Any]) -> list[str]:
    stem, stereo = f"{index:03d}", "baseline_m" in camera
    moves = {_MOVING: ".png"} if (folder / _MOVING).is_dir() else {}  # in one frame of a film, then in all
    wanted = _PARTS | (_STEREO if stereo else {}) | moves | {"image": ".png"}
    paths = {p: _picture(folder, p, stem) if p in ("image", "right") else folder / p / (stem + s) for p, s in wanted.items()}
    missing = [part for part, path in paths.items() if not path.is_file()]
    if missing:
        return [f"missing {part}" for part in missing]
    try:
        view = read_view(folder, index)
        size = int(camera["height"]), int(camera["width"])
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        return [f"unreadable: {error!r}"]
    arrays: dict[str, NDArray[Any]] = {
        "image": view.image,
        "depth": view.depth,
        "normals": view.normals,
        "material": view.material,
    }
    arrays |= {"instance": view.instance, "sky": view.sky}
    if view.right is not None and view.pixel_disparity is not None and view.occluded is not None:
        arrays |= {"right": view.right, "pixel_disparity": view.pixel_disparity, "occlusion": view.occluded}
    if view.moving is not None:
        arrays |= {_MOVING: view.moving}
    w_by_h = f"{size[1]} x {size[0]}"
    problems = [f"{k} is {a.shape[1]} x {a.shape[0]}, not {w_by_h}" for k, a in arrays.items() if a.shape[:2] != size]
    for name in ("depth", "pixel_disparity"):
        values = arrays.get(name)
        if values is not None and (not np.isfinite(values).all() or (values < 0).any()):
            problems.append(f"{name} has negative or non-finite values")
    if view.material.max() > 2:
        problems.append(f"material {view.material.max()} is out of range")
    if view.sky.shape == view.depth.shape and (view.sky & view.valid).any():
        problems.append("sky has depth")
    k = view.intrinsics
    inside = 0 < k[0, 2] < size[1] and 0 < k[1, 2] < size[0]
    if not (np.isfinite(k).all() and k[0, 0] > 0 and k[1, 1] > 0 and inside):
        problems.append(f"intrinsics don't fit {w_by_h}: f {k[0, 0]:g}, {k[1, 1]:g}, c {k[0, 2]:g}, {k[1, 2]:g}")
    pose = view.world_from_camera
    turn = pose[:3, :3]
    if pose.shape != (4, 4) or not np.allclose(turn @ turn.T, np.eye(3), atol=1e-4) or np.linalg.det(turn) < 0:
        problems.append("world_from_camera is not a rigid pose")
    return problems


def _picture(folder: Path, part: str, stem: str) -> Path:
    jpeg = folder / part / f"{stem}.jpg"
    return jpeg if jpeg.is_file() else folder / part / f"{stem}.png"


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(value, indent=1) + "\n")
    temporary.replace(path)


def _write_npy(path: Path, values: NDArray[Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    np.save(path, values)


def _write_image(path: Path, image: NDArray[Any], jpeg: int | None = None) -> None:
    """Write `image` (BGR or grey)."""
    path.parent.mkdir(exist_ok=True)
    options = [cv2.IMWRITE_JPEG_QUALITY, jpeg] if jpeg else [cv2.IMWRITE_PNG_COMPRESSION, 2]
    if not cv2.imwrite(str(path), np.ascontiguousarray(image), options):
        raise OSError(f"cannot write {path}")


def _read_image(path: Path) -> NDArray[Any]:
    """Read an image as stored (BGR or grey)."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise FileNotFoundError(path)
    return np.asarray(image)
