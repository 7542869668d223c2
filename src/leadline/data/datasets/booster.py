"""Booster: rooms with glass, mirrors and shiny things, at twelve megapixels, with a disparity measured on painted surfaces."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_bytes, read_labels, read_npy, read_picture
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.depth_map import PIXEL_DISPARITY, DepthMap
from leadline.errors import LeadlineError

INFO = DatasetInfo(
    name="booster",
    title="Booster",
    layout="train/balanced/SCENE/camera_00/*.png, camera_02/*.png, disp_00.npy, calib_00-02.xml, mask_cat.png, mask_00.png",
    kind=PIXEL_DISPARITY,
    unit="px of the full size, float32 NPY",
    invalid="0",
    camera="proj_matL of calib_00-02.xml; first pixel's centre at 0 (OpenCV)",
    licence="CC BY-NC-SA 4.0: evaluation only",
    citation="Zama Ramirez et al., Open challenges in deep stereo: the Booster dataset, CVPR 2022",
    training_allowed=False,
    notes="a scene's pictures (lights) share one truth. 'mask_cat' is Booster's own: 0 to 3, harder with the number; 0 and "
    "1 are scored as Other, 2 and 3 as ToM (transparent or mirroring). 'noc' and 'occ' come from mask_00.png, 0 where the "
    "right camera does not see the point",
)


@dataclass(frozen=True)
class BoosterCalibration:
    """What a calib_00-02.xml says.

    Attributes:
        camera: the left one, at full size.
        baseline_m: distance of the cameras in metres (the file has millimetres).
        offset_px: how far right of the left principal point the right one is; 0 where the file has no right camera.
    """

    camera: Camera
    baseline_m: float
    offset_px: float


def read_calibration(path: Path, hw: tuple[int, int]) -> BoosterCalibration:
    """Read proj_matL, baselineLR and, where it is there, proj_matR.

    Raises:
        LeadlineError: the file is missing, broken, or has no such entries.
    """
    try:
        # Plain XML instead of cv2.FileStorage, whose complaints about a broken file go to the terminal.
        entries = ElementTree.fromstring(read_bytes(path))
        left = _matrix(entries, "proj_matL")
        baseline_mm = float(entries.findtext("baselineLR", "nothing"))
        offset_px = 0.0 if entries.find("proj_matR") is None else float(_matrix(entries, "proj_matR")[0, 2] - left[0, 2])
    except (ElementTree.ParseError, ValueError) as error:
        raise LeadlineError(f"{path}: {error}; expected OpenCV's XML with proj_matL and baselineLR") from None
    return BoosterCalibration(Camera.from_opencv(left[:3, :3], hw), baseline_mm / 1000, offset_px)


def _matrix(entries: Element, name: str) -> NDArray[np.float64]:
    """Return a (3 or 4, 4) matrix by its name; ValueError if it is missing or of another size."""
    text = {key: entries.findtext(f"{name}/{key}", "") for key in ("rows", "cols", "data")}
    rows, columns = (int(text[key]) if text[key].strip().isdigit() else 0 for key in ("rows", "cols"))
    if rows not in (3, 4) or columns != 4:
        raise ValueError(f"{name} of {rows} x {columns} numbers")
    return np.array(text["data"].split(), dtype=np.float64).reshape(rows, columns)


def list_names(root: Path) -> list[str]:
    """Return the left pictures that have a truth, below any folder."""
    found = [path for path in root.glob("**/camera_00/*.png") if (path.parent.parent / "disp_00.npy").exists()]
    return sorted(path.relative_to(root).as_posix().removesuffix(".png") for path in found)


def read_pair(root: Path, name: str) -> StereoPair:
    """Read one picture at full size, with its scene's truth.

    Raises:
        LeadlineError: one of the files is missing, broken, or of another size.
    """
    scene = (root / name).parent.parent
    image = read_picture(root / f"{name}.png")
    hw = image.shape[:2]
    values = read_npy(scene / "disp_00.npy")
    if values.shape != hw or values.dtype.kind not in "fiu":
        raise LeadlineError(
            f"{scene / 'disp_00.npy'}: {values.dtype} of {values.shape} beside a picture of {hw} (height, width)"
        )
    calibration = read_calibration(scene / "calib_00-02.xml", hw)
    masks: dict[str, NDArray[np.generic]] = {}
    if (scene / "mask_cat.png").exists():
        masks["mask_cat"] = read_labels(scene / "mask_cat.png", hw).astype(np.uint8)
    if (scene / "mask_00.png").exists():
        seen = read_labels(scene / "mask_00.png", hw) > 0
        masks |= {"noc": seen, "occ": (values > 0) & ~seen}
    right = scene / "camera_02" / f"{Path(name).name}.png"
    return StereoPair(
        name=name,
        image=image,
        depth=DepthMap(values, values > 0, PIXEL_DISPARITY, calibration.camera, INFO.title),
        camera=calibration.camera,
        masks=masks,
        right=read_picture(right) if right.parent.is_dir() else None,
        baseline_m=calibration.baseline_m,
        offset_px=calibration.offset_px,
    )


DATASET = Dataset(INFO, list_names, read_pair)
iter_samples = DATASET.iter_samples
