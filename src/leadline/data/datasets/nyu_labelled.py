"""NYU Depth v2, labelled part, as downloaded: 1449 rooms in one MATLAB file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.hdf5 import hdf5_shape, read_hdf5
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError
from leadline.sample import Sample

MAT = "nyu_depth_v2_labeled.mat"
INFO = DatasetInfo(
    name="nyu_labelled",
    title="NYU Depth v2 (labelled)",
    layout=f"{MAT} (`nyu_test` reads its 654 test pictures alone)",
    kind=METRIC_DEPTH,
    unit="m, float32; MATLAB's axes, so an array is (picture, column, row)",
    invalid="0 and below; masks['measured'] is False where the Kinect saw nothing and the depth was in-painted",
    camera="colour intrinsics of the toolbox (camera_params.m); MATLAB, first pixel's centre at 1",
    licence="research, evaluation only",
    citation="Silberman, Hoiem, Kohli and Fergus, Indoor segmentation and support inference from RGBD images, ECCV 2012",
    training_allowed=False,
    notes="`depths`, the in-painted ones, are what published scores use; the pictures have a white frame of 7 to 12 pixels, "
    "which the Eigen crop leaves out; names count from 0, as those of the usual PNG exports do, and splits.mat from 1",
)

# camera_params.m of the toolbox; this project puts the first pixel's centre at 0.5.
CAMERA = Camera(640, 480, 518.8579, 519.4696, 325.5824 - 0.5, 253.7362 - 0.5)


def names_of(root: Path) -> list[str]:
    """Return the names of all pictures, "00000" and up."""
    if not (root / MAT).exists():
        return []
    return [f"{index:05d}" for index in range(hdf5_shape(root / MAT, "depths")[0])]


def read_room(root: Path, name: str) -> Sample:
    """Read the picture of a name, and of the arrays nothing else.

    Raises:
        LeadlineError: h5py is not installed, or the file is broken, has other arrays or no picture of this name.
    """
    if not name.isdecimal():
        raise LeadlineError(f"{root}: no picture {name!r}; expected its number, counted from 0, such as 00045")
    path = root / MAT
    colour, depth, raw = (read_hdf5(path, key, int(name)) for key in ("images", "depths", "rawDepths"))
    if colour.ndim != 3 or colour.shape != (3, *depth.shape) or raw.shape != depth.shape or colour.dtype != np.uint8:
        raise LeadlineError(
            f"{path}: a picture of {colour.shape} {colour.dtype} beside depths of {depth.shape} and {raw.shape}; expected "
            "(3, columns, rows) uint8 and (columns, rows)"
        )
    image = np.ascontiguousarray(colour.T)  # all axes are reversed
    camera = CAMERA.resize(image.shape[:2])
    depth_map = DepthMap(depth.T, depth.T > 0, METRIC_DEPTH, camera, INFO.title)
    return Sample(name, image, depth_map, camera, {"measured": np.ascontiguousarray(raw.T) > 0})


DATASET = Dataset(INFO, names_of, read_room)
iter_samples = DATASET.iter_samples
