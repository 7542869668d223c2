"""The folders that ``leadline synth`` writes: rendered or analytic worlds with exact depth."""

from __future__ import annotations

from pathlib import Path

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.data.synthetic.layout import FORMAT, count_views, read_view, scene_folders
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="leadline",
    title="leadline folder",
    layout="SCENE/camera.json, image/, depth/, material/, instance/, sky/ (what `leadline synth` writes)",
    kind=METRIC_DEPTH,
    unit="m, float32 NPY: z of the first surface, glass and mirrors included",
    invalid="0 (sky and what lies beyond the sensor's range)",
    camera="camera.json; the picture's top-left corner is (0, 0), so first pixel's centre at 0.5",
    licence="Apache-2.0; assets as listed in dataset.json",
    citation=f"rendered by leadline ({FORMAT})",
    training_allowed=True,
)


def _names(root: Path) -> list[str]:
    names = []
    for folder in scene_folders(root):
        try:
            names += [f"{folder.name}/{index:03d}" for index in range(count_views(folder))]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LeadlineError(f"{folder / 'camera.json'}: {error!r}; expected a list of views") from None
    return names


def _read(root: Path, name: str) -> Sample:
    scene, _, index = name.rpartition("/")
    try:
        view = read_view(root / scene, int(index))
    except (OSError, ValueError, KeyError, IndexError, EOFError) as error:
        raise LeadlineError(f"can't read {root / name}: {error}; `leadline data check` lists what is missing") from None
    k, (height, width) = view.intrinsics, view.depth.shape
    camera = Camera(width, height, float(k[0, 0]), float(k[1, 1]), float(k[0, 2]), float(k[1, 2]))
    masks = {"sky": view.sky, "material": view.material, "instance": view.instance}
    sample = Sample(
        name=name,
        image=view.image,
        depth=DepthMap(view.depth, view.valid, METRIC_DEPTH, camera, INFO.title),
        camera=camera,
        masks=masks if view.moving is None else masks | {"moving": view.moving},
        world_from_camera=view.world_from_camera,
    )
    return sample if view.right is None else StereoPair(**vars(sample), right=view.right, baseline_m=view.baseline_m)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
