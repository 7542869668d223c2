"""DDAD: street pictures with scans of long range, in the JSON of TRI's dataset governance policy (dgp)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_bytes, read_json, read_picture
from leadline.data.datasets.laser import nearest_points
from leadline.data.datasets.poses import inverse, rigid, rotation_matrix
from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="ddad",
    title="DDAD",
    layout="ddad.json, SCENE/scene_*.json, SCENE/calibration/*.json, SCENE/rgb/CAMERA_01/*.png, SCENE/point_cloud/LIDAR/*.npz",
    kind=METRIC_DEPTH,
    unit="metres (x, y, z, intensity as 'data' of an NPZ, in the scanner's frame)",
    invalid="pixels that no laser point falls on",
    camera="intrinsics of calibration/*.json; first pixel's centre taken as 0 (not stated)",
    licence="CC BY-NC-SA 4.0: evaluation only",
    citation="Guizilini et al., 3D packing for self-supervised monocular depth estimation, CVPR 2020",
    training_allowed=False,
    notes="the front camera of the validation scenes, 3950 pictures, on which scores are published; make_dataset() gives "
    "other splits and cameras. Points go from the scanner to the world and into the camera by the poses of their own moments; "
    "of two points in a pixel the nearer counts. Where the car's own body hides the view, points behind it are kept",
)

Split = Literal["train", "val", "test"]
SPLITS: dict[str, str] = {"train": "0", "val": "1", "test": "2"}  # DatasetSplit of dgp's dataset.proto


def make_dataset(split: Split = "val", cameras: Sequence[str] = ("CAMERA_01",), info: DatasetInfo = INFO) -> Dataset:
    """Return the reader of a split's pictures by the given cameras (CAMERA_01 is in front; 05 to 09 look around)."""

    def names(root: Path) -> list[str]:
        return [
            f"{scene.parent.name}/{camera}/{Path(filename).stem}"
            for scene in _scenes(root, split)
            for _, pictures, _ in _moments(scene)
            for camera, filename in pictures.items()
            if camera in cameras
        ]

    return Dataset(info, names, _read)


def _scenes(root: Path, split: str) -> list[Path]:
    index = root / "ddad.json"
    if not index.exists():
        return []
    try:
        return [root / name for name in read_json(index)["scene_splits"][SPLITS[split]]["filenames"]]
    except (KeyError, TypeError):
        raise LeadlineError(f"{index}: no scene_splits.{SPLITS[split]}.filenames; expected the index of DDAD") from None


def _moments(scene: Path) -> Iterator[tuple[str, dict[str, str], dict[str, dict[str, Any]]]]:
    """Yield, for each moment of a scene: calibration key, picture file by camera, and what is known of all sensors by name."""
    content = _scene(scene, scene.stat().st_mtime_ns if scene.exists() else 0)
    try:
        datums = {datum["key"]: datum for datum in content["data"]}
        for sample in content["samples"]:
            sensors = {datums[key]["id"]["name"]: datums[key]["datum"] for key in sample["datum_keys"]}
            pictures = {name: datum["image"]["filename"] for name, datum in sensors.items() if "image" in datum}
            yield sample["calibration_key"], pictures, sensors
    except (KeyError, TypeError) as error:
        raise LeadlineError(f"{scene}: {error!r}; expected samples, data and keys as dgp writes them") from None


@lru_cache(maxsize=2)
def _scene(path: Path, changed_ns: int) -> Any:
    return read_json(path)  # half a megabyte that all pictures of a scene share


def _pose(pose: dict[str, dict[str, float]]) -> NDArray[np.float64]:
    rotation, translation = pose["rotation"], pose["translation"]
    return rigid(rotation_matrix([rotation[q] for q in ("qw", "qx", "qy", "qz")]), [translation[x] for x in "xyz"])


def _camera(path: Path, name: str, hw: tuple[int, int]) -> Camera:
    content = read_json(path)
    try:
        k = content["intrinsics"][content["names"].index(name)]
        return Camera.from_opencv([[k["fx"], 0, k["cx"]], [0, k["fy"], k["cy"]], [0, 0, 1]], hw)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise LeadlineError(f"{path}: {error!r}; expected names and intrinsics with {name}") from None


def _points(path: Path) -> NDArray[np.float64]:
    import zipfile

    read_bytes(path, 1)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:  # np.load leaves a broken path open
            points: NDArray[np.float64] = np.asarray(content["data"], dtype=np.float64)[:, :3]
    except (ValueError, TypeError, EOFError, KeyError, IndexError, OSError, zipfile.BadZipFile) as error:
        raise LeadlineError(f"{path}: {error}; expected an NPZ with (n, 4) 'data'; is the download complete?") from None
    return points


def _read(root: Path, name: str) -> Sample:
    folder, camera_name, stem = name.split("/")
    scene = next(iter(sorted((root / folder).glob("scene_*.json"))), root / folder / "scene_*.json")
    moments = (moment for moment in _moments(scene) if Path(moment[1].get(camera_name, "")).stem == stem)
    moment = next(moments, None)
    if moment is None:
        raise LeadlineError(f"{scene}: no picture {stem} of {camera_name}; expected the name of a sample")
    calibration_key, pictures, sensors = moment
    image = read_picture(root / folder / pictures[camera_name])
    camera = _camera(root / folder / "calibration" / f"{calibration_key}.json", camera_name, image.shape[:2])
    try:
        world_from_camera = _pose(sensors[camera_name]["image"]["pose"])
        scan = sensors["LIDAR"]["point_cloud"]
        world_from_scanner, scan_path = _pose(scan["pose"]), root / folder / scan["filename"]
    except (KeyError, TypeError) as error:
        raise LeadlineError(f"{scene}: {error!r} at {stem}; expected a pose for camera and LIDAR") from None
    camera_from_scanner = inverse(world_from_camera) @ world_from_scanner
    points = _points(scan_path) @ camera_from_scanner[:3, :3].T + camera_from_scanner[:3, 3]
    return Sample(name, image, nearest_points(points, camera, INFO.title), camera, world_from_camera=world_from_camera)


DATASET = make_dataset()
iter_samples = DATASET.iter_samples
