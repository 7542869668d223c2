"""Lengths in a room of known size: in metres at once, and from known distances."""

from __future__ import annotations

import math

import numpy as np
import pytest

from leadline.io.depth import read_depth
from tests.browser import rooms as room
from tests.browser.visit import expect

WITHIN = 0.02
# The box is 1 m wide; from its right edge to a place on the back wall: two points of the room, and what lies between them.
BOX_WIDTH = ((room.BOX_LEFT + 0.003, 0.7, room.BOX_Z), (room.BOX_RIGHT - 0.003, 0.7, room.BOX_Z), 1.0)
TO_THE_WALL = ((0.38, 0.7, room.BOX_Z), (1.0, -0.5, room.WALL_Z), math.dist((0.38, 0.7, 3.0), (1.0, -0.5, 6.0)))
ON_THE_FLOOR = ((-1.0, room.FLOOR_Y, 2.8), (1.2, room.FLOOR_Y, 4.0), math.dist((-1.0, 1.2, 2.8), (1.2, 1.2, 4.0)))


def open_room(visit, url, model):
    tab = visit(url)
    tab.get("model").select_option(model)
    tab.choose_photo(room.png())
    tab.view("measure")
    return tab


def set_focal(tab, focal_px=room.FOCAL_PX):
    tab.get("focal").fill(str(focal_px))
    tab.get("focal").press("Enter")
    expect(tab.get("camera")).to_contain_text("Set by you")


def click(tab, point):
    tab.click_pixel(tab.get("measure-picture"), room.pixel_of(*point), room.HW)


def measured(tab, start, end, expected=None):
    """Click both points; return the length of the new line in metres."""
    before = tab.get("measure-item").count()
    click(tab, start)
    click(tab, end)
    expect(tab.get("measure-item")).to_have_count(before + 1)
    return float(tab.get("measure-item").last.get_attribute("data-metres"))


def know(tab, point):
    """Enter a point's true distance."""
    click(tab, point)
    tab.get("measure-known-input").last.fill(str(point[2]))
    tab.get("measure-known-input").last.press("Enter")


def lengths_are_true(tab):
    tab.get("measure-mode-line").click()
    for line in (BOX_WIDTH, TO_THE_WALL, ON_THE_FLOOR):
        assert measured(tab, *line) == pytest.approx(line[2], rel=WITHIN)


def test_lengths_in_a_metric_map_are_true_within_two_percent(visit, rooms):
    tab = open_room(visit, rooms, "metres.test")
    set_focal(tab)

    lengths_are_true(tab)


def test_the_field_of_view_control_sets_lengths_across_the_picture_right(visit, rooms):
    tab = open_room(visit, rooms, "metres.test")
    assumed = measured(tab, *BOX_WIDTH)
    expect(tab.page.locator("#panel-measure")).to_contain_text("is assumed")
    assert abs(assumed - 1) > 3 * WITHIN  # so that the control has something to put right

    tab.set_range("fov", round(2 * room.FOV_DEG) / 2)

    expect(tab.page.locator("#panel-measure")).not_to_contain_text("is assumed")
    assert float(tab.get("measure-item").last.get_attribute("data-metres")) == pytest.approx(1.0, rel=WITHIN)


def test_the_field_of_view_of_the_3d_view_is_the_same_control(visit, rooms):
    tab = open_room(visit, rooms, "metres.test")
    tab.view("scene")
    tab.set_range("scene-fov", round(room.FOV_DEG))
    tab.view("measure")

    assert measured(tab, *BOX_WIDTH) == pytest.approx(1.0, rel=WITHIN)


def test_one_known_distance_makes_a_map_of_unknown_scale_metric(visit, rooms):
    tab = open_room(visit, rooms, "scale.test")
    set_focal(tab)
    expect(tab.get("measure-sentence")).to_contain_text("one distance is enough")

    know(tab, (0.0, 0.7, room.BOX_Z))

    expect(tab.get("measure-fit")).to_have_attribute("data-shift", "0")
    assert float(tab.get("measure-fit").get_attribute("data-scale")) == pytest.approx(1 / 0.37, rel=1e-5)
    lengths_are_true(tab)
    metric_and_true(tab.download("npz"))


def test_two_known_distances_make_a_map_of_unknown_shift_metric(visit, rooms):
    tab = open_room(visit, rooms, "affine.test")
    set_focal(tab)
    know(tab, (0.0, 0.7, room.BOX_Z))
    expect(tab.get("measure-sentence")).to_contain_text("the shift is assumed to be 0")
    one = float(tab.get("measure-fit").get_attribute("data-scale"))

    know(tab, (1.0, -0.5, room.WALL_Z))

    expect(tab.get("measure-sentence")).to_contain_text("Scale and shift are fixed")
    fit = tab.get("measure-fit")
    assert float(fit.get_attribute("data-scale")) == pytest.approx(1 / 0.8, rel=1e-3)
    assert float(fit.get_attribute("data-shift")) == pytest.approx(-0.15 / 0.8, rel=1e-3)
    assert one != pytest.approx(1 / 0.8, rel=0.1)
    lengths_are_true(tab)
    metric_and_true(tab.download("npz"))
    metric_and_true(tab.download("png16"))


def test_what_was_made_metric_can_be_taken_back(visit, rooms):
    tab = open_room(visit, rooms, "scale.test")
    know(tab, (0.0, 0.7, room.BOX_Z))
    expect(tab.get("facts")).to_contain_text("depth/metric")

    tab.get("measure-undo").click()

    expect(tab.get("facts")).to_contain_text("depth/scale_invariant")
    assert str(read_depth(tab.download("npz")).kind) == "depth/scale_invariant"


def metric_and_true(path):
    depth = read_depth(path)
    assert depth.unit in ("m", "1/m")
    assert depth.valid.mean() > 0.99
    metres = depth.to_depth().values[depth.valid]
    assert np.abs(metres / room.true_depth()[depth.valid] - 1).max() < 0.01
