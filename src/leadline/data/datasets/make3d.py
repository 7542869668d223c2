"""Make3D: upright outdoor pictures with a coarse laser scan of 55 x 305 points."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_bytes, read_picture
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="make3d",
    title="Make3D",
    layout="FOLDER/img-*.jpg (Train400Img, Test134) and FOLDER/depth_sph_corr-*.mat (Train400Depth, Gridlaserdata)",
    kind=METRIC_DEPTH,
    unit="metres, the fourth channel of Position3DGrid, (55, 305, 4) float64",
    invalid="0; beyond the scanner's range, about 80 m, the numbers mean nothing",
    camera="fx 2407.3, fy 2400.2, cx 833.7, cy 1110.7 px of 1704 x 2272, the default of the authors' code; first pixel's "
    "centre taken as 0",
    licence="research, evaluation only",
    citation="Saxena, Sun and Ng, Make3D: learning 3D scene structure from a single still image, PAMI 2009",
    training_allowed=False,
    notes="the map is 55 x 305, covers the whole picture and has its own camera. The channel is a ray distance by its name; "
    "published scores compare it with depth as it is, so this reader calls it depth, up to 17 % too large in the corners: "
    "replace_map(depth, kind='ray_distance/metric').to_depth() makes z of it",
)

PICTURE_HW = (2272, 1704)
INTRINSICS = ((2407.3312729885838, 0.0, 833.72104535435108), (0.0, 2400.2091651084, 1110.7122391785729), (0.0, 0.0, 1.0))
GRID_HW = (55, 305)
_PREFIX = "depth_sph_corr-"
# Everything that SciPy lets through on damaged files, besides its own error.
_DAMAGE = (
    OSError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, NotImplementedError, MemoryError, zlib.error
)  # fmt: skip


def read_grid(path: Path) -> NDArray[np.float64]:
    """Return Position3DGrid of a laser file, (55, 305, 4) with y, x, z and distance.

    Raises:
        LeadlineError: SciPy is missing, or the file is missing, cut off or holds something else.
    """
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ImportError:
        raise LeadlineError("Make3D needs SciPy to read MATLAB files: pip install 'leadline[eval]'") from None
    read_bytes(path, 1)
    try:
        grid = np.asarray(loadmat(path)["Position3DGrid"], dtype=np.float64)
    except (*_DAMAGE, MatReadError) as error:
        raise LeadlineError(
            f"{path}: {error!r}; expected a MATLAB file with Position3DGrid; is the download complete?"
        ) from None
    if grid.shape != (*GRID_HW, 4):
        raise LeadlineError(f"{path}: Position3DGrid of {grid.shape}; expected {(*GRID_HW, 4)}")
    return grid


def _names(root: Path) -> list[str]:
    found = root.glob(f"**/{_PREFIX}*.mat")
    return sorted((path.parent / path.stem.removeprefix(_PREFIX)).relative_to(root).as_posix() for path in found)


def _read(root: Path, name: str) -> Sample:
    folder, stem = (root / name).parent, Path(name).name
    pictures = sorted(root.glob(f"**/img-{stem}.jpg"))
    if len(pictures) != 1:
        raise LeadlineError(f"{len(pictures)} pictures img-{stem}.jpg below {root}; expected one for {_PREFIX}{stem}.mat")
    image = read_picture(pictures[0])
    full = Camera.from_opencv(INTRINSICS, PICTURE_HW)
    values = read_grid(folder / f"{_PREFIX}{stem}.mat")[..., 3]
    depth = DepthMap(values, values > 0, METRIC_DEPTH, full.resize(GRID_HW), INFO.title)
    return Sample(name, image, depth, full.resize(image.shape[:2]))


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
