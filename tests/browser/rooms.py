"""A room whose depth is worked out by hand, its picture, and predictors that know it."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from leadline.depth_map import DepthMap, Kind
from leadline.errors import LeadlineError
from leadline.predictor import ModelCard, Prediction

HEIGHT, WIDTH, FOCAL_PX = 300, 400, 300.0  # small, since WebGL is drawn by the processor here
HW = (HEIGHT, WIDTH)
FOV_DEG = float(np.degrees(2 * np.arctan(WIDTH / 2 / FOCAL_PX)))

# Camera frame: x right, y down, z forward, metres. A room, and in it a box of 1 m by 1 m that stands 3 m away.
FLOOR_Y, CEILING_Y, LEFT_X, RIGHT_X, WALL_Z = 1.2, -1.4, -2.4, 2.4, 6.0
BOX_LEFT, BOX_RIGHT, BOX_TOP, BOX_Z = -0.6, 0.4, 0.2, 3.0


def rays() -> np.ndarray:
    """Return (h, w, 2): x/z and y/z of the middle of each pixel."""
    columns, rows = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    return np.stack([(columns - WIDTH / 2) / FOCAL_PX, (rows - HEIGHT / 2) / FOCAL_PX], axis=2)


def true_depth() -> np.ndarray:
    """Return (h, w) float64 metres along the view axis: the nearest of five planes and the box's front."""
    x, y = rays()[..., 0], rays()[..., 1]
    with np.errstate(divide="ignore"):
        sides = [np.where(a * at > 0, at / a, np.inf) for a, at in ((y, FLOOR_Y), (y, CEILING_Y), (x, LEFT_X), (x, RIGHT_X))]
    room = np.minimum(np.minimum.reduce(sides), WALL_Z)
    on_box = (x * BOX_Z > BOX_LEFT) & (x * BOX_Z < BOX_RIGHT) & (y * BOX_Z > BOX_TOP) & (y * BOX_Z < FLOOR_Y)
    return np.where(on_box, BOX_Z, room)


def pixel_of(x: float, y: float, z: float) -> tuple[int, int]:
    """Return the pixel (column, row) that sees a point."""
    return int(FOCAL_PX * x / z + WIDTH / 2), int(FOCAL_PX * y / z + HEIGHT / 2)


def picture() -> np.ndarray:
    """Return the room as (h, w, 3) uint8: tiles of 0.4 m, darker with distance."""
    depth = true_depth()
    points = np.concatenate([rays() * depth[..., None], depth[..., None]], axis=2)
    tiles = (np.floor(points / 0.4 + 1e-3).astype(int).sum(axis=2) % 2)[..., None]
    colour = np.array([150, 170, 190]) + tiles * np.array([70, 40, 20])
    return np.clip(colour * np.sqrt(2 / depth)[..., None], 0, 255).astype(np.uint8)


def png(name: str = "room.png") -> dict:
    """Return the picture as a file for the page's file dialog."""
    stream = io.BytesIO()
    Image.fromarray(picture()).save(stream, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": stream.getvalue()}


class KnowsTheRoom:
    """Gives the room's true depth in a kind of map of one's choice, and no camera: the picture does not say it.

    Args:
        name: of its card.
        kind: what its maps are.
        of_depth: from metres to the map's numbers.
    """

    streams = 1

    def __init__(self, name: str, kind: str, of_depth) -> None:
        self.card = ModelCard(name, Kind.parse(kind))
        self._values = of_depth(true_depth()).astype(np.float32)
        self._picture = picture()

    def __call__(self, image, camera=None) -> Prediction:
        if not np.array_equal(image, self._picture):
            raise LeadlineError("not the room: this predictor knows one picture alone")
        return Prediction(DepthMap(self._values, None, self.card.kind, camera, self.card.name))


def predictors() -> dict[str, KnowsTheRoom]:
    """Return the room in metres, up to scale, and up to scale and shift."""
    made = (
        KnowsTheRoom("metres.test", "depth/metric", lambda z: z),
        KnowsTheRoom("scale.test", "depth/scale_invariant", lambda z: 0.37 * z),
        KnowsTheRoom("affine.test", "disparity/affine_invariant", lambda z: 0.8 / z + 0.15),
    )
    return {predictor.card.name: predictor for predictor in made}
