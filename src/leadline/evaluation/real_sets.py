"""The real samples that the default model is scored on, and how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from leadline.data.datasets.registry import get_dataset
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.protocols.general import disparity_scale_shift
from leadline.sample import Sample


@dataclass(frozen=True)
class RealSet:
    """A line of the table.

    Attributes:
        title: of the line.
        parts: (name of the data set, folder below the data root), one or more.
        cap_m: the protocol's cap.
        every: score the first of each `every` frames (neighbours in a video say the same).
        light: the same for the light subset of `zero_shot`.
        in_mean: whether the line counts in the mean; sparse or partial truth does not.
    """

    title: str
    parts: tuple[tuple[str, str], ...]
    cap_m: float
    every: int = 1
    light: int = 1
    in_mean: bool = True

    @property
    def protocol(self) -> Protocol:
        """Scale and shift in disparity, with this set's cap."""
        return disparity_scale_shift(self.cap_m)

    def is_at(self, root: Path) -> bool:
        """Whether all its folders are below `root`."""
        return all((root / folder).is_dir() for _, folder in self.parts)

    def iter_samples(self, root: Path, light: bool = False) -> Iterator[Sample]:
        """Yield the samples that are scored, or their light subset.

        Raises:
            LeadlineError: a folder is missing or holds no sample.
        """
        every = self.light if light else self.every
        return chain.from_iterable(get_dataset(name).iter_samples(root / folder, every) for name, folder in self.parts)


# Caps: KITTI 80, NYU and TUM 10 (METHODS A.5), SUN 8 (PEERS); 10 m, the usual indoor cap, for the other sensors; 20 m for the
# rendered halls, whose truth has no range limit.
REAL_SETS = (
    RealSet("KITTI object", (("kitti_object", "dev/kitti_object"),), 80.0),
    RealSet("TUM", (("tum", "dev/tum_sample"),), 10.0),
    RealSet("SUN RGB-D", (("sun_rgbd", "dev/sun_sample"),), 8.0),
    RealSet("NYU", (("nyu_npy", "dev/nyu_sample"),), 10.0),
    RealSet("7-Scenes kitchen", (("seven_scenes", "dev/seven_scenes_kitchen"),), 10.0, every=5, light=20),
    RealSet("Habitat", (("habitat", "dev/habitat"),), 20.0),
    RealSet("ClearGrasp real", (("cleargrasp_real", "dev/cleargrasp"),), 10.0),
    RealSet("ClearGrasp synthetic", (("cleargrasp_synthetic", "dev/cleargrasp"),), 10.0),
    RealSet("Home", (("home_realsense", "dev/home_realsense"),), 10.0),
    RealSet("Table", (("table_clutter", "dev/table_clutter"),), 10.0, light=2),
    RealSet("Middlebury", (("middlebury2003", "dev/middlebury2003"), ("middlebury2005", "dev/middlebury2005")), 10.0),
    RealSet("KITTI semi-dense", (("kitti_semidense", "dev/kitti_semidense"),), 80.0, in_mean=False),
    RealSet("Transparent D435", (("transparent_d435", "dev/transparent_d435"),), 10.0, light=9, in_mean=False),
    RealSet("Mirror3D NYU", (("mirror3d_nyu", "dev/mirror3d_nyu"),), 10.0, in_mean=False),
)
