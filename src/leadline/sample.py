"""One picture of a data set with all that is known about it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import DepthMap


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture with its truth.

    Attributes:
        name: unique within its data set, usable as a file name stem (may hold "/").
        image: (h, w, 3) uint8 sRGB.
        depth: the truth (at the image's size unless the data set says otherwise), or None.
        camera: the image's camera, or None if unknown.
        masks: (h, w) arrays by name: "sky" bool, "material" uint8 (0 opaque, 1 transparent, 2 mirror), "instance" ...
        world_from_camera: (4, 4) pose in metres, or None.
    """

    name: str
    image: NDArray[np.uint8]
    depth: DepthMap | None = None
    camera: Camera | None = None
    masks: dict[str, NDArray[np.generic]] = field(default_factory=dict)
    world_from_camera: NDArray[np.float64] | None = None
