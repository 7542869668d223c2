"""DIODE: laser scans indoors and outdoors, with a mask of the returns that can be trusted."""

from __future__ import annotations

from pathlib import Path

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_npy, read_picture, stems
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="diode",
    title="DIODE",
    layout="(train|val)/(indoors|outdoor)/scene_*/scan_*/NAME.png with NAME_depth.npy and NAME_depth_mask.npy",
    kind=METRIC_DEPTH,
    unit="m, float32 NPY of shape (768, 1024, 1)",
    invalid="mask 0; depth 0",
    camera="intrinsics.txt of the devkit: fx 886.81, fy 927.06, middle (512, 384) of 1024 x 768, so measured from the corner",
    licence="MIT",
    citation="Vasiljevic et al., DIODE: a dense indoor and outdoor depth dataset, 2019",
    training_allowed=False,
    notes="kept for evaluation; scores are usual for indoors and outdoor apart, so give that folder as root; read as z, as all "
    "evaluations do: the files' page says only that it is depth",
)

_CAMERA = Camera(1024, 768, 886.81, 927.06, 512.0, 384.0)


def _names(root: Path) -> list[str]:
    return stems(root, "**/*_depth.npy", "_depth.npy")


def _read(root: Path, name: str) -> Sample:
    image = read_picture(root / f"{name}.png")
    camera = _CAMERA.resize(image.shape[:2])
    depth, trusted = (read_npy(root / f"{name}_{part}.npy") for part in ("depth", "depth_mask"))
    depth = depth[..., 0] if depth.ndim == 3 and depth.shape[2] == 1 else depth
    trusted = trusted[..., 0] if trusted.ndim == 3 and trusted.shape[2] == 1 else trusted
    if depth.shape != camera.hw or trusted.shape != camera.hw:
        raise LeadlineError(
            f"{root / name}: depth {depth.shape}, mask {trusted.shape}; expected both of {camera.hw}, the picture's"
        )
    return Sample(name, image, DepthMap(depth, (trusted > 0) & (depth > 0), METRIC_DEPTH, camera, INFO.title), camera)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
