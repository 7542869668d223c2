"""The data sets that users name by string."""

from __future__ import annotations

from importlib import import_module

from leadline.data.datasets.dataset import Dataset
from leadline.errors import LeadlineError

# Name -> module; a module is loaded when its data set is asked for.
_MODULES = {
    "cleargrasp_real": "cleargrasp_real",
    "cleargrasp_synthetic": "cleargrasp_synthetic",
    "habitat": "habitat",
    "hololens": "hololens",
    "home_realsense": "home_realsense",
    "kitti_object": "kitti_object",
    "kitti_semidense": "kitti_semidense",
    "leadline": "leadline_folder",
    "middlebury2003": "middlebury2003",
    "middlebury2005": "middlebury2005",
    "mirror3d_nyu": "mirror3d_nyu",
    "nyu_npy": "nyu_npy",
    "seven_scenes": "seven_scenes",
    "sun_rgbd": "sun_rgbd",
    "table_clutter": "table_clutter",
    "transparent_d435": "transparent_d435",
    "tum": "tum",
}


def dataset_names() -> list[str]:
    """Return all names, sorted."""
    return sorted(_MODULES)


def get_dataset(name: str) -> Dataset:
    """Return the reader of a data set.

    Raises:
        LeadlineError: there is none of this name.
    """
    if name not in _MODULES:
        raise LeadlineError(f"unknown data set {name!r}: expected one of {', '.join(dataset_names())}")
    dataset: Dataset = import_module(f"leadline.data.datasets.{_MODULES[name]}").DATASET
    return dataset
