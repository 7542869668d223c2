"""Middlebury stereo 2005 (Art, Books, ...), third size: views 1 and 5 with their pixel_disparity."""

from __future__ import annotations

from pathlib import Path

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_map, read_matrix, read_picture
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import PIXEL_DISPARITY
from leadline.sample import Sample

INFO = DatasetInfo(
    name="middlebury2005",
    title="Middlebury 2005",
    layout="SCENE/view1.png, view5.png, disp1.png, dmin.txt",
    kind=PIXEL_DISPARITY,
    unit="1/3 px of the third-size pictures, uint8 PNG",
    invalid="0",
    camera="focal length 3740 px at full size, principal point taken as the middle; baseline 0.16 m; dmin.txt is how far (in "
    "full-size pixels) the right view was cropped, to be added before 1/z",
    licence="research",
    citation="Scharstein and Pal, Learning conditional random fields for stereo, CVPR 2007",
    training_allowed=False,
    notes="z = (3740 / 3) * 0.16 / (pixel_disparity + dmin / 3); without dmin the relief comes out about three times too deep",
)

FULL_SIZE_FOCAL_PX = 3740.0
REDUCTION = 3.0  # from full size
BASELINE_M = 0.16


def _names(root: Path) -> list[str]:
    return sorted(path.parent.relative_to(root).as_posix() for path in root.glob("**/disp1.png"))


def _read(root: Path, name: str) -> Sample:
    folder = root / name
    image = read_picture(folder / "view1.png")
    camera = Camera.from_focal_px(FULL_SIZE_FOCAL_PX / REDUCTION, image.shape[:2])
    offset_px = float(read_matrix(folder / "dmin.txt", (1,))[0]) / REDUCTION
    return StereoPair(
        name=root.name if name == "." else name,
        image=image,
        depth=read_map(folder / "disp1.png", camera.hw, convention="middlebury2005", camera=camera, source=INFO.title),
        camera=camera,
        right=read_picture(folder / "view5.png"),
        baseline_m=BASELINE_M,
        offset_px=offset_px,
    )


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
