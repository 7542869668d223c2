"""The 3D view: something is drawn, and it turns."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.browser import rooms as room
from tests.browser.visit import expect


@pytest.fixture
def tab(visit, rooms):
    opened = visit(rooms, viewport={"width": 900, "height": 700})
    opened.get("model").select_option("metres.test")
    opened.choose_photo(room.png())
    opened.view("scene")
    expect(opened.get("scene-canvas")).not_to_have_attribute("data-frames", "0")
    return opened


def look(tab):
    """Return the canvas as it is seen, (h, w, 3) numbers."""
    return np.asarray(Image.open(io.BytesIO(tab.get("scene-canvas").screenshot())).convert("RGB")).astype(float)


def after(tab, act):
    """Do something that draws; return what is seen then."""
    frames = tab.get("scene-canvas").get_attribute("data-frames")
    act()
    expect(tab.get("scene-canvas")).not_to_have_attribute("data-frames", frames)
    return look(tab)


def differing(one, other):
    """Return the share of pixels that differ visibly."""
    return (np.abs(one - other).max(axis=2) > 24).mean()


def drag(tab):
    box = tab.get("scene-canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.page.mouse.move(x, y)
    tab.page.mouse.down()
    tab.page.mouse.move(x + 120, y + 30, steps=4)
    tab.page.mouse.up()


def test_the_scene_is_drawn_and_turns_by_mouse_and_by_keyboard(tab):
    first = look(tab)
    background = first[2, 2]
    assert (np.abs(first - background).max(axis=2) > 24).mean() > 0.3, "a blank view"
    assert int(tab.get("scene-canvas").get_attribute("data-triangles")) > 100_000
    expect(tab.get("scene-canvas")).to_have_attribute("data-shape", "metric")

    dragged = after(tab, lambda: drag(tab))
    turned = after(tab, lambda: tab.get("scene-canvas").press("ArrowLeft"))
    reset = after(tab, lambda: tab.get("scene-reset").click())

    assert differing(first, dragged) > 0.1
    assert differing(dragged, turned) > 0.02
    assert differing(first, reset) < 0.01


def test_the_view_from_above_is_another_and_has_a_scale(tab):
    free = look(tab)

    above = after(tab, lambda: tab.get("scene-from-above").click())

    assert differing(free, above) > 0.1
    assert (np.abs(above - above[2, 2]).max(axis=2) > 24).mean() > 0.05, "a blank view"
    expect(tab.get("scene-scale-bar")).to_be_visible()
    assert float(tab.get("scene-scale-bar").get_attribute("data-metres")) > 0


def test_points_and_surface_and_other_edges_look_different(tab):
    surface = look(tab)
    triangles = int(tab.get("scene-canvas").get_attribute("data-triangles"))

    points = after(tab, lambda: tab.get("scene-style-points").click())
    after(tab, lambda: tab.set_range("scene-edges", 0))

    assert differing(surface, points) > 0.002  # points are as large as the surface that they stand for: gaps show at its edges
    uncut = int(tab.get("scene-canvas").get_attribute("data-triangles"))
    assert uncut > triangles  # the box's edges are closed again
    assert uncut == 2 * (room.WIDTH - 1) * (room.HEIGHT - 1)


def test_focus_on_the_box_blurs_the_wall_and_the_other_way_round(visit, rooms):
    tab = visit(rooms, viewport={"width": 700, "height": 800})
    tab.get("model").select_option("metres.test")
    tab.choose_photo(room.png())
    tab.view("refocus")
    tab.get("refocus-quality-fast").click()
    canvas, boxed, walled = tab.get("refocus-canvas"), (0.0, 0.7, room.BOX_Z), (1.0, -0.5, room.WALL_Z)

    def details(focus):
        """Put the focus on a point; return how much neighbouring pixels differ around each of the two."""
        tab.click_pixel(tab.get("refocus-picture"), room.pixel_of(*focus), room.HW)
        expect(canvas).to_have_attribute("data-state", "done")
        tab.page.mouse.move(1, 1)
        seen = np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("L").resize((room.WIDTH, room.HEIGHT))).astype(
            float
        )
        around = [
            seen[row - 20 : row + 20, column - 20 : column + 20] for column, row in (room.pixel_of(*p) for p in (boxed, walled))
        ]
        return [np.abs(np.diff(part, axis=1)).mean() for part in around]

    near, far = details(boxed), details(walled)

    assert near[0] > 1.2 * far[0]
    assert far[1] > 1.2 * near[1]
