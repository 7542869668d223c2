"""Cityscapes: street pictures of fifty cities with the disparity that a stereo algorithm found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_json, read_labels, read_map, read_picture
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import PIXEL_DISPARITY
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="cityscapes",
    title="Cityscapes",
    layout="leftImg8bit/SPLIT/CITY/*_leftImg8bit.png, disparity/SPLIT/CITY/*_disparity.png, camera/SPLIT/CITY/*_camera.json; "
    "optionally rightImg8bit and gtFine",
    kind=PIXEL_DISPARITY,
    unit="(count - 1) / 256 px, uint16 PNG",
    invalid="0; 1, a disparity of nothing, is not used either",
    camera="intrinsic of camera/*.json; first pixel's centre taken as 0 (not stated)",
    licence="non-commercial: evaluation only",
    citation="Cordts et al., The Cityscapes dataset for semantic urban scene understanding, CVPR 2016",
    training_allowed=False,
    notes="the truth is semi-global matching, with its errors at edges, on the bonnet and on what reflects; 'sky' and "
    "'instance' come from gtFine (labelIds, instanceIds) where it was downloaded",
)

SKY = 23  # labelIds of gtFine


def _names(root: Path) -> list[str]:
    found = root.glob("disparity/*/*/*_disparity.png")
    return sorted(path.relative_to(root / "disparity").as_posix().removesuffix("_disparity.png") for path in found)


def _read(root: Path, name: str) -> Sample:
    image = read_picture(root / "leftImg8bit" / f"{name}_leftImg8bit.png")
    hw = image.shape[:2]
    facts = root / "camera" / f"{name}_camera.json"
    content = read_json(facts)
    try:
        fx, fy, u0, v0 = (float(content["intrinsic"][key]) for key in ("fx", "fy", "u0", "v0"))
        baseline = float(content["extrinsic"]["baseline"])
    except (KeyError, TypeError, ValueError) as error:
        raise LeadlineError(f"{facts}: {error}; expected intrinsic fx, fy, u0, v0 and extrinsic baseline") from None
    camera = Camera.from_opencv([[fx, 0, u0], [0, fy, v0], [0, 0, 1]], hw)
    truth = root / "disparity" / f"{name}_disparity.png"
    depth = read_map(truth, hw, convention="cityscapes", camera=camera, source=INFO.title)
    masks: dict[str, NDArray[np.generic]] = {}
    labels, instances = (root / "gtFine" / f"{name}_gtFine_{kind}Ids.png" for kind in ("label", "instance"))
    if labels.exists():
        masks["sky"] = read_labels(labels, hw) == SKY
    if instances.exists():
        masks["instance"] = read_labels(instances, hw)
    right = root / "rightImg8bit" / f"{name}_rightImg8bit.png"
    right_view = read_picture(right) if right.exists() else None
    return StereoPair(name, image, depth, camera, masks, right=right_view, baseline_m=baseline)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
