"""SceneFlow (FlyingThings3D, Driving, Monkaa): rendered stereo pairs with exact disparity."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_picture
from leadline.data.datasets.stereo_files import read_disparity
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import PIXEL_DISPARITY
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="sceneflow",
    title="SceneFlow",
    layout="frames_finalpass/.../left/*.png (or frames_cleanpass, or *_webp), .../right/*.png, disparity/.../left/*.pfm; "
    "each set in its own folder or all in one",
    kind=PIXEL_DISPARITY,
    unit="px, float32 PFM (bottom row first)",
    invalid="none",
    camera="focal length 1050 px of 960 x 540 (450 px below 15mm_focallength), principal point (479.5, 269.5) with the "
    "first pixel's centre at 0, so exactly centred",
    licence="research, non-commercial",
    citation="Mayer et al., A large dataset to train convolutional networks for disparity, optical flow, and scene flow "
    "estimation, CVPR 2016",
    training_allowed=False,
    notes="the baseline is 1 unit of Blender's worlds, which have no metres: depth is known up to scale. The full data set "
    "is meant; the FlyingThings3D subset has other folders and negative numbers",
)

PASSES = ("frames_finalpass", "frames_finalpass_webp", "frames_cleanpass", "frames_cleanpass_webp")
RENDERED_HW = (540, 960)
FOCAL_PX, SHORT_FOCAL_PX = 1050.0, 450.0


def _names(root: Path) -> list[str]:
    for folder in PASSES:
        suffix = ".webp" if folder.endswith("webp") else ".png"
        if found := sorted(root.glob(f"**/{folder}/**/left/*{suffix}")):
            return [path.relative_to(root).as_posix() for path in found]
    return []


def _read(root: Path, name: str) -> Sample:
    parts = PurePosixPath(name).parts
    place = next(i for i, part in enumerate(parts) if part in PASSES)
    image = read_picture(root / name)
    hw = image.shape[:2]
    focal = SHORT_FOCAL_PX if "15mm_focallength" in parts else FOCAL_PX
    camera = Camera.from_focal_px(focal, RENDERED_HW).resize(hw)
    truth = root.joinpath(*parts[:place], "disparity", *parts[place + 1 :]).with_suffix(".pfm")
    depth = read_disparity(truth, hw, camera, INFO.title)
    if not depth.valid.any():
        raise LeadlineError(
            f"{truth}: no positive disparity; expected the full data set's files (the subset's have another sign)"
        )
    right = root.joinpath(*parts[:-2], "right", parts[-1])
    return StereoPair(str(PurePosixPath(name).with_suffix("")), image, depth, camera, right=read_picture(right))


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
