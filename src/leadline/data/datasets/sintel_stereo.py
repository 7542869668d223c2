"""MPI Sintel stereo: pairs of a rendered film with exact disparity, packed into the colours of a PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_labels, read_picture
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import PIXEL_DISPARITY, DepthMap
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="sintel_stereo",
    title="MPI Sintel stereo",
    layout="training/final_left/SCENE/*.png (or clean_left), final_right, disparities, occlusions, outofframe",
    kind=PIXEL_DISPARITY,
    unit="4 R + G / 64 + B / 16384 px of an 8-bit RGB PNG",
    invalid="0, and pixels whose match leaves the right picture (outofframe), which the benchmark does not score",
    camera="not in the stereo archives; baseline 0.1 m",
    licence="film CC BY 3.0 (Blender Foundation); benchmark, so evaluation only",
    citation="Butler et al., A naturalistic open source movie for optical flow evaluation, ECCV 2012",
    training_allowed=False,
    notes="the files are called negative disparities and hold positive numbers, for which a left pixel at x is seen at x - "
    "disparity; 'noc' and 'occ' come from occlusions/; the final pass is read where it is there, and lacks the film's fog",
)

BASELINE_M = 0.1


def _names(root: Path) -> list[str]:
    folder = root / "training" / "disparities"
    return sorted(path.relative_to(folder).as_posix().removesuffix(".png") for path in folder.glob("*/*.png"))


def _read(root: Path, name: str) -> Sample:
    training = root / "training"
    look = "final" if (training / "final_left").is_dir() else "clean"
    image = read_picture(training / f"{look}_left" / f"{name}.png")
    hw = image.shape[:2]
    packed = read_picture(training / "disparities" / f"{name}.png")
    if packed.shape[:2] != hw:
        raise LeadlineError(f"{name}: disparity of {packed.shape[:2]} beside a picture of {hw} (height, width); same release?")
    red, green, blue = np.moveaxis(packed.astype(np.float64), -1, 0)
    values = 4 * red + green / 64 + blue / 16384
    outside = read_labels(training / "outofframe" / f"{name}.png", hw) > 0
    occluded = read_labels(training / "occlusions" / f"{name}.png", hw) > 0
    depth = DepthMap(values, (values > 0) & ~outside, PIXEL_DISPARITY, source=INFO.title)
    masks: dict[str, NDArray[np.generic]] = {"noc": ~(occluded | outside), "occ": occluded}
    right = read_picture(training / f"{look}_right" / f"{name}.png")
    return StereoPair(name, image, depth, None, masks, right=right, baseline_m=BASELINE_M)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
