"""ClearGrasp, real part: transparent objects, and the depth of opaque twins put in their place as truth."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_bytes, read_labels, read_map, read_picture, stems
from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="cleargrasp_real",
    title="ClearGrasp (real)",
    layout="real-*/CAMERA/*-transparent-rgb-img.jpg with *-opaque-depth-img.exr, *-mask.png and camera_intrinsics.yaml",
    kind=METRIC_DEPTH,
    unit="m, half float EXR, the same number in each channel",
    invalid="0 and NaN",
    camera="camera_intrinsics.yaml; first pixel's centre at 0 (RealSense)",
    licence="Apache-2.0",
    citation="Sajjan et al., ClearGrasp: 3D shape estimation of transparent objects for manipulation, ICRA 2020",
    training_allowed=False,
    notes="the picture shows the transparent objects; the depth (stereo, with holes at edges) was taken of the painted twins",
)


def read_intrinsics(path: Path) -> Camera:
    """Read ``xres, yres, fx, fy, cx, cy`` of a camera_intrinsics.yaml.

    Raises:
        LeadlineError: one of the six is missing.
    """
    text = read_bytes(path).decode("utf-8", errors="replace")
    found = dict(re.findall(r"^(xres|yres|fx|fy|cx|cy)\s*:\s*([-+.\deE]+)", text, flags=re.MULTILINE))
    try:
        fx, fy, cx, cy = (float(found[key]) for key in ("fx", "fy", "cx", "cy"))
        hw = int(found["yres"]), int(found["xres"])
    except (KeyError, ValueError) as error:
        raise LeadlineError(f"{path}: {error} missing or no number; expected xres, yres, fx, fy, cx, cy") from None
    return Camera.from_opencv([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], hw)


def _names(root: Path) -> list[str]:
    return stems(root, "real-*/*/*-transparent-rgb-img.jpg", "-transparent-rgb-img.jpg")


def _read(root: Path, name: str) -> Sample:
    image = read_picture(root / f"{name}-transparent-rgb-img.jpg")
    camera = read_intrinsics((root / name).parent / "camera_intrinsics.yaml").resize(image.shape[:2])
    transparent = read_labels(root / f"{name}-mask.png", camera.hw) > 0  # 255 on the objects
    depth = read_map(root / f"{name}-opaque-depth-img.exr", camera.hw, camera=camera, source=INFO.title)
    return Sample(name, image, depth, camera, {"material": transparent.astype(np.uint8)})


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
