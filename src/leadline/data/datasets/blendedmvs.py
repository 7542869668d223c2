"""BlendedMVS: models of places and things from photographs, rendered back into them; depth up to a scale a scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_bytes, read_map, read_picture
from leadline.data.datasets.poses import inverse
from leadline.depth_map import Ambiguity, Kind, Quantity, replace_map
from leadline.errors import LeadlineError
from leadline.sample import Sample

KIND = Kind(Quantity.DEPTH, Ambiguity.SCALE_INVARIANT)
INFO = DatasetInfo(
    name="blendedmvs",
    title="BlendedMVS",
    layout="PID/blended_images/*.jpg, PID/rendered_depth_maps/*.pfm, PID/cams/*_cam.txt",
    kind=KIND,
    unit="one unknown length a scene, float32 PFM",
    invalid="0 (no model there)",
    camera="cams/*_cam.txt; top-left corner taken as (0, 0), as MVSNet's own warp does (it puts pixel centres at 0.5)",
    licence="CC BY 4.0",
    citation="Yao et al., BlendedMVS: a large-scale dataset for generalized multi-view stereo networks, CVPR 2020",
    training_allowed=True,
    notes="poses are in the same unknown length as the depth; *_masked.jpg, the same pictures on black, are not read; pictures "
    "and depths of some views are empty",
)


def read_cam(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return camera_from_world (4, 4) and the intrinsics (3, 3) of a cam.txt.

    Raises:
        LeadlineError: it doesn't hold ``extrinsic`` and 16 numbers, ``intrinsic`` and 9.
    """
    words = read_bytes(path).decode("utf-8", errors="replace").split()
    try:
        start, middle = words.index("extrinsic") + 1, words.index("intrinsic") + 1
        camera_from_world = np.array(words[start : start + 16], dtype=np.float64).reshape(4, 4)
        return camera_from_world, np.array(words[middle : middle + 9], dtype=np.float64).reshape(3, 3)
    except ValueError as error:
        raise LeadlineError(f"{path}: {error}; expected 'extrinsic' with 16 numbers and 'intrinsic' with 9") from None


def _names(root: Path) -> list[str]:
    found = (path.relative_to(root) for path in root.glob("**/rendered_depth_maps/*.pfm"))
    return sorted((path.parent.parent / path.stem).as_posix() for path in found)


def _read(root: Path, name: str) -> Sample:
    scene, number = (root / name).parent, Path(name).name
    image = read_picture(scene / "blended_images" / f"{number}.jpg")
    height, width = image.shape[:2]
    camera_from_world, k = read_cam(scene / "cams" / f"{number}_cam.txt")
    camera = Camera(width, height, k[0, 0], k[1, 1], k[0, 2], k[1, 2])
    depth = read_map(scene / "rendered_depth_maps" / f"{number}.pfm", camera.hw, camera=camera, source=INFO.title)
    depth = replace_map(depth, kind=KIND)
    return Sample(name, image, depth, camera, world_from_camera=inverse(camera_from_world))


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
