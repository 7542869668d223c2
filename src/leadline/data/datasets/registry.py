"""The data sets that users name by string."""

from __future__ import annotations

from importlib import import_module

from leadline.data.datasets.dataset import Dataset
from leadline.errors import LeadlineError

# Name -> module; a module is loaded when its data set is asked for.
_MODULES = {
    "blendedmvs": "blendedmvs",
    "booster": "booster",
    "booster_quarter": "booster_quarter",
    "cityscapes": "cityscapes",
    "cleargrasp_real": "cleargrasp_real",
    "cleargrasp_synthetic": "cleargrasp_synthetic",
    "da2k": "da2k",
    "ddad": "ddad",
    "diml_indoor": "diml_indoor",
    "diode": "diode",
    "diw": "diw",
    "eth3d": "eth3d",
    "eth3d_stereo": "eth3d_stereo",
    "habitat": "habitat",
    "hololens": "hololens",
    "home_realsense": "home_realsense",
    "hrwsi": "hrwsi",
    "hypersim": "hypersim",
    "images_and_depths": "images_and_depths",
    "irs": "irs",
    "kitti_depth": "kitti_depth",
    "kitti_depth_selection": "kitti_depth_selection",
    "kitti_eigen": "kitti_eigen",
    "kitti_object": "kitti_object",
    "kitti_raw": "kitti_raw",
    "kitti_semidense": "kitti_semidense",
    "kitti_stereo2012": "kitti_stereo2012",
    "kitti_stereo2015": "kitti_stereo2015",
    "leadline": "leadline_folder",
    "make3d": "make3d",
    "megadepth": "megadepth",
    "middlebury2003": "middlebury2003",
    "middlebury2005": "middlebury2005",
    "middlebury2006": "middlebury2006",
    "middlebury2014": "middlebury2014",
    "middlebury2021": "middlebury2021",
    "middlebury_v3": "middlebury_v3",
    "mirror3d": "mirror3d",
    "mirror3d_borders": "mirror3d_borders",
    "mirror3d_nyu": "mirror3d_nyu",
    "msd": "msd",
    "nyu_labelled": "nyu_labelled",
    "nyu_npy": "nyu_npy",
    "nyu_png": "nyu_png",
    "nyu_test": "nyu_test",
    "redweb": "redweb",
    "scannet": "scannet",
    "sceneflow": "sceneflow",
    "seven_scenes": "seven_scenes",
    "sintel": "sintel",
    "sintel_stereo": "sintel_stereo",
    "sun_rgbd": "sun_rgbd",
    "sun_rgbd_scenes": "sun_rgbd_scenes",
    "table_clutter": "table_clutter",
    "tartanair": "tartanair",
    "trans10k": "trans10k",
    "transparent_d435": "transparent_d435",
    "transparent_d435_scene": "transparent_d435_scene",
    "tum": "tum",
    "tum_rgbd": "tum_rgbd",
    "vkitti2": "vkitti2",
    "wsvd": "wsvd",
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
