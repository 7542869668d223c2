"""A network that learnt one field of view gets to see that of each picture, and no other."""

from __future__ import annotations

import re
from math import atan, degrees
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import DepthMap, Kind
from leadline.errors import LeadlineError
from leadline.predictor import ModelCard, Prediction
from leadline.runtime.tiling import TiledPredictor
from leadline.runtime.window import WindowPredictor, in_its_window
from leadline.scale.factor import focal_share

DEPTH_UP_TO_SCALE = Kind.parse("depth/scale_invariant")
HALF = degrees(2 * atan(0.5)), degrees(2 * atan(0.25))  # as wide as the focal length is long, and half as high


class Red:
    """Says the picture's first channel, and remembers the pictures and cameras that it was asked for."""

    def __init__(self, fov_deg: tuple[float, ...] = HALF) -> None:
        self.card = ModelCard("red.v1", DEPTH_UP_TO_SCALE, fov_deg=fov_deg)
        self.seen: list[tuple[tuple[int, ...], Camera | None]] = []

    def __call__(self, image: NDArray[np.uint8], camera: Camera | None = None) -> Prediction:
        self.seen.append((image.shape, camera))
        return Prediction(DepthMap(image[..., 0].astype(np.float32), None, DEPTH_UP_TO_SCALE, camera, "red.v1"))


def picture(hw: tuple[int, int]) -> NDArray[Any]:
    rows, columns = np.mgrid[: hw[0], : hw[1]]
    return np.stack([rows + columns + 1] * 3, axis=-1).astype(np.uint8)


def test_the_part_of_the_field_of_view_is_asked_for_and_the_rest_is_not_valid() -> None:
    network, image = Red(), picture((60, 100))
    camera = Camera(100, 60, 40.0, 40.0, 45.0, 30.0)
    depth = WindowPredictor(network)(image, camera).depth
    [(shape, seen)] = network.seen
    assert shape == (20, 40, 3)
    assert seen is not None
    assert seen.fov_deg == pytest.approx(HALF)
    assert (seen.cx, seen.cy) == (20.0, 10.0)  # around the principal point
    inside = np.zeros((60, 100), bool)
    inside[20:40, 25:65] = True
    np.testing.assert_array_equal(depth.valid, inside)
    np.testing.assert_array_equal(depth.values[inside], image[..., 0][inside])
    assert depth.camera == camera
    assert focal_share(depth) == 40 / 40  # of the part that the network saw


def test_twice_the_picture_is_twice_the_window_whatever_size_its_camera_speaks_of() -> None:
    network = Red()
    WindowPredictor(network)(picture((120, 200)), Camera(100, 60, 40.0, 40.0, 50.0, 30.0))
    assert network.seen[0][0] == (40, 80, 3)


def test_a_picture_that_shows_just_the_field_of_view_is_taken_whole() -> None:
    network = Red()
    found = WindowPredictor(network)(picture((20, 40)), Camera(40, 20, 40.2, 40.2, 20.0, 10.0))  # half a per cent short
    assert network.seen[0][0] == (20, 40, 3)
    assert found.depth.valid.all()
    assert not found.notes


@pytest.mark.parametrize(
    ("camera", "why"),
    [
        (None, r"red.v1 learnt a field of view of 53.1 x 28.1 degrees, that of this picture is unknown \(--focal-px or"),
        (Camera(40, 20, 80.0, 80.0, 20.0, 10.0), "53.1 x 28.1 degrees, this picture shows 28.1 x 14.3: its factor is its own"),
    ],
)
def test_a_picture_of_unknown_or_smaller_field_of_view_is_taken_whole_and_that_is_said(camera: Camera | None, why: str) -> None:
    found = WindowPredictor(Red())(picture((20, 40)), camera)
    assert found.depth.valid.all()
    [note] = found.notes
    assert re.search(why, note)


def test_networks_of_any_field_of_view_stay_as_they_are_and_tiles_are_refused_for_others() -> None:
    free = Red(())
    assert in_its_window(free) is free
    TiledPredictor(free)
    with pytest.raises(LeadlineError, match=r"tiles for red\.v1, which learnt one field of view"):
        TiledPredictor(in_its_window(Red()))


@pytest.mark.parametrize("angles", [(50.0,), (50.0, 180.0), (0.0, 40.0)])
def test_a_card_has_two_angles_or_none(angles: tuple[float, ...]) -> None:
    with pytest.raises(LeadlineError, match="expected no angle, or two between 0 and 180 degrees"):
        ModelCard("red.v1", DEPTH_UP_TO_SCALE, fov_deg=angles)
    card = ModelCard("red.v1", DEPTH_UP_TO_SCALE, fov_deg=HALF)
    assert ModelCard.from_json(card.to_json()) == card
