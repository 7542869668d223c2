"""IRS: rendered rooms, offices, shops and restaurants as stereo pairs with exact disparity, glass and mirrors included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_bytes, read_picture
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import PIXEL_DISPARITY, DepthMap
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="irs",
    title="IRS",
    layout="Home|Office|Restaurant|Store/SCENE/l_*.png, r_*.png, d_*.exr",
    kind=PIXEL_DISPARITY,
    unit="px, channel G of an EXR",
    invalid="0",
    camera="focal length 480 px of 960 x 540, centred; baseline 0.1 m (the authors' scripts)",
    licence="none stated: evaluation only",
    citation="Wang et al., IRS: a large naturalistic indoor robotics stereo dataset, ICME 2021",
    training_allowed=False,
    notes="rows are taken from the top, as the authors' training code does; one of their viewers flips them. Normals "
    "(n_*.exr) are not read",
)

FOCAL_PX = 480.0
RENDERED_HW = (540, 960)
BASELINE_M = 0.1


def _disparity(path: Path) -> NDArray[np.float32]:
    import OpenEXR

    read_bytes(path, 1)  # OpenEXR's own message doesn't tell a missing file from a damaged one
    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            return np.array(file.channels()["G"].pixels, dtype=np.float32)
    except (RuntimeError, ValueError, KeyError) as error:
        raise LeadlineError(f"{path}: {str(error).splitlines()[0]}; expected an EXR file with a channel G") from None


def _names(root: Path) -> list[str]:
    found = [path for path in root.glob("**/l_*.png") if path.with_name(f"d_{path.stem[2:]}.exr").exists()]
    return sorted((path.parent / path.stem[2:]).relative_to(root).as_posix() for path in found)


def _read(root: Path, name: str) -> Sample:
    folder, number = (root / name).parent, Path(name).name
    image = read_picture(folder / f"l_{number}.png")
    camera = Camera.from_focal_px(FOCAL_PX, RENDERED_HW).resize(image.shape[:2])
    values = _disparity(folder / f"d_{number}.exr")
    if values.shape != camera.hw:
        raise LeadlineError(f"{folder / f'd_{number}.exr'}: {values.shape} beside a picture of {camera.hw} (height, width)")
    return StereoPair(
        name=name,
        image=image,
        depth=DepthMap(values, values > 0, PIXEL_DISPARITY, camera, INFO.title),
        camera=camera,
        right=read_picture(folder / f"r_{number}.png"),
        baseline_m=BASELINE_M,
    )


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
