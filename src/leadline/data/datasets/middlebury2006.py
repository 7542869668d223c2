"""Middlebury stereo 2006 (Aloe, Baby1, ...), at full, half or third size: views 1 and 5 with their pixel_disparity."""

from __future__ import annotations

from pathlib import Path

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_map, read_matrix, read_picture
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import PIXEL_DISPARITY, replace_map
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="middlebury2006",
    title="Middlebury 2006",
    layout="SCENE/view1.png, view5.png, disp1.png, dmin.txt (full, half or third size)",
    kind=PIXEL_DISPARITY,
    unit="uint8 PNG in px of the full size at every size: divide by 1, 2 or 3",
    invalid="0",
    camera="focal length 3740 px at full size, principal point taken as the middle; baseline 0.16 m; dmin.txt is how far (in "
    "full-size pixels) the right view was cropped, to be added before 1/z",
    licence="research",
    citation="Hirschmüller and Scharstein, Evaluation of cost functions for stereo matching, CVPR 2007",
    training_allowed=False,
    notes="the size is told by the picture's height, 1110, 555 or 370 rows; views 0, 2, 3, 4 and 6 and other lights are "
    "not read",
)

FULL_SIZE_FOCAL_PX = 3740.0
BASELINE_M = 0.16
FULL_HEIGHT = 1110
REDUCTIONS = {FULL_HEIGHT // size: size for size in (1, 2, 3)}  # rows -> how much smaller than full size


def _names(root: Path) -> list[str]:
    return sorted(path.parent.relative_to(root).as_posix() for path in root.glob("**/disp1.png"))


def _read(root: Path, name: str) -> Sample:
    folder = root / name
    image = read_picture(folder / "view1.png")
    hw = image.shape[:2]
    if hw[0] not in REDUCTIONS:
        raise LeadlineError(
            f"{folder / 'view1.png'}: {hw[0]} rows; expected 1110, 555 or 370, which tell the disparity's scale"
        )
    reduction = REDUCTIONS[hw[0]]
    camera = Camera.from_focal_px(FULL_SIZE_FOCAL_PX / reduction, hw)
    disparity = read_map(folder / "disp1.png", hw, scale=1 / reduction, camera=camera, source=INFO.title)
    return StereoPair(
        name=root.name if name == "." else name,
        image=image,
        depth=replace_map(disparity, kind=PIXEL_DISPARITY),
        camera=camera,
        right=read_picture(folder / "view5.png"),
        baseline_m=BASELINE_M,
        offset_px=float(read_matrix(folder / "dmin.txt", (1,))[0]) / reduction,
    )


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
