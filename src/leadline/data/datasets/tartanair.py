"""TartanAir: rendered stereo flights through many worlds, with exact depth and poses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_matrix, read_npy, read_picture
from leadline.data.datasets.poses import rigid, rotation_matrix
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="tartanair",
    title="TartanAir",
    layout="WORLD/Easy|Hard/P000/image_left/*_left.png, image_right, depth_left/*_left_depth.npy, pose_left.txt; "
    "optionally seg_left",
    kind=METRIC_DEPTH,
    unit="metres (z), float32 NPY",
    invalid="1000 m and more: the sphere that the sky is painted on, which the mask 'sky' has",
    camera="fx = fy = 320, cx = 320, cy = 240 of 640 x 480: exactly centred, the top-left corner at 0",
    licence="CC BY 4.0",
    citation="Wang et al., TartanAir: a dataset to push the limits of visual SLAM, IROS 2020",
    training_allowed=True,
    notes="poses are turned from the file's axes (x forward, y right, z down) into a camera's; the world keeps z down. The "
    "sky's limit of 1000 m is this reader's choice. 'instance' is seg_left, one number a mesh",
)

BASELINE_M = 0.25
SKY_M = 1000.0
# A camera's (right, down, forward) in the file's (forward, right, down).
BODY_FROM_CAMERA = np.array([[0.0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])


def read_pose(path: Path, index: int) -> NDArray[np.float64]:
    """Return the (4, 4) world_from_camera of a line ``tx ty tz qx qy qz qw`` of pose_left.txt.

    Raises:
        LeadlineError: the file is missing or broken, or ends before that line.
    """
    rows = read_matrix(path, (-1, 7))
    if index >= len(rows):
        raise LeadlineError(f"{path}: {len(rows)} poses; expected one for picture {index}; is the download complete?")
    tx, ty, tz, qx, qy, qz, qw = (float(number) for number in rows[index])
    pose: NDArray[np.float64] = rigid(rotation_matrix((qw, qx, qy, qz)), (tx, ty, tz)) @ BODY_FROM_CAMERA
    return pose


def _names(root: Path) -> list[str]:
    found = root.glob("**/depth_left/*_left_depth.npy")
    stems = [(path.parent.parent, path.name.removesuffix("_left_depth.npy")) for path in found]
    return sorted((folder / stem).relative_to(root).as_posix() for folder, stem in stems)


def _read(root: Path, name: str) -> Sample:
    folder, stem = (root / name).parent, Path(name).name
    image = read_picture(folder / "image_left" / f"{stem}_left.png")
    camera = Camera(640, 480, 320.0, 320.0, 320.0, 240.0).resize(image.shape[:2])
    path = folder / "depth_left" / f"{stem}_left_depth.npy"
    values = read_npy(path)
    if values.shape != camera.hw or values.dtype.kind != "f":
        raise LeadlineError(f"{path}: {values.dtype} of {values.shape} beside a picture of {camera.hw} (height, width)")
    sky = ~(values < SKY_M)
    masks: dict[str, NDArray[np.generic]] = {"sky": sky}
    meshes = folder / "seg_left" / f"{stem}_left_seg.npy"
    if meshes.exists():
        masks["instance"] = read_npy(meshes)
    depth = DepthMap(values, ~sky & (values > 0), METRIC_DEPTH, camera, INFO.title)
    pose = read_pose(folder / "pose_left.txt", int(stem))
    right = folder / "image_right" / f"{stem}_right.png"
    right_view = read_picture(right) if right.parent.is_dir() else None
    return StereoPair(name, image, depth, camera, masks, pose, right=right_view, baseline_m=BASELINE_M)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
