"""ReDWeb: stereo photographs from the web with relative disparity from optical flow."""

from __future__ import annotations

from pathlib import Path

from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_labels, read_picture, stems
from leadline.depth_map import RELATIVE_DISPARITY, DepthMap
from leadline.sample import Sample

INFO = DatasetInfo(
    name="redweb",
    title="ReDWeb",
    layout="Imgs/*.jpg beside RDs/*.png (ReDWeb_V1)",
    kind=RELATIVE_DISPARITY,
    unit="uint8 PNG that grows with distance: the disparity here is (255 - number) / 255, up to scale and shift",
    invalid="255 (sky, infinitely far), marked in masks['sky']",
    camera="unknown",
    licence="research, evaluation only",
    citation="Xian et al., Monocular relative depth perception with web stereo data supervision, CVPR 2018",
    training_allowed=False,
    notes="0 is nearest; that the numbers are a turned disparity and not a depth is how MiDaS reads them, and its authors are "
    "not sure (isl-org/MiDaS issue 16): only the order is certain",
)

SKY = 255


def _names(root: Path) -> list[str]:
    return [stem.removeprefix("RDs/") for stem in stems(root, "RDs/*.png", ".png")]


def _read(root: Path, name: str) -> Sample:
    image = read_picture(root / "Imgs" / f"{name}.jpg")
    farness = read_labels(root / "RDs" / f"{name}.png", (image.shape[0], image.shape[1]))
    sky = farness == SKY
    disparity = (255.0 - farness) / 255.0
    return Sample(name, image, DepthMap(disparity, ~sky, RELATIVE_DISPARITY, None, INFO.title), masks={"sky": sky})


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
