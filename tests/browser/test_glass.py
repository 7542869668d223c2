"""Glass marked on the page: what the shipped network says of a rendered glass door, before and after."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from leadline.io.depth import read_depth
from tests.browser.visit import expect

DATA = Path(__file__).parent / "data"
DOOR = DATA / "door.jpg"
HW = (192, 256)
CORNERS = ((136, 6), (225, 5), (196, 163), (137, 157))  # of the pane, in pixels


def glass_error(path: Path) -> float:
    """Return a disparity map's RMSE on the door's pane, in 1/m, with scale and shift fitted on all that is no glass."""
    disparity = read_depth(path)
    surface = cv2.imread(str(DATA / "door_glass.png"), cv2.IMREAD_UNCHANGED)
    truth = 1 / read_depth(DATA / "door_depth.png").values.astype(np.float64)
    values = disparity.values.astype(np.float64)
    assert values.shape == truth.shape == HW
    assert disparity.valid.all()
    solid, pane = surface == 0, surface == 255
    columns = np.stack([values[solid], np.ones(solid.sum())], axis=1)
    scale, shift = np.linalg.lstsq(columns, truth[solid], rcond=None)[0]
    return float(np.sqrt(np.mean((scale * values[pane] + shift - truth[pane]) ** 2)))


def outline(tab):
    """Mark the pane with the outline tool, corner by corner, and close it on the first."""
    tab.get("tool-polygon").click()
    for corner in (*CORNERS, CORNERS[0]):
        tab.click_pixel(tab.get("glass-stage"), corner, HW)
    expect(tab.get("glass-words")).to_contain_text("of the picture is marked")


def test_an_outlined_glass_door_is_seen_where_it_is(visit, shipped):
    tab = visit(shipped)
    tab.choose_photo(DOOR)
    before = glass_error(tab.download("npz"))
    tab.view("glass")
    outline(tab)

    tab.get("glass-fix").click()

    expect(tab.get("glass-after")).to_have_attribute("aria-pressed", "true")
    expect(tab.get("downloads")).to_contain_text("Made with the marked glass")
    after = glass_error(tab.download("npz"))
    assert after < 0.6 * before, f"RMSE {before:.3f} before, {after:.3f} after"

    shown = {}
    for look in ("before", "after", "change", "mark"):
        tab.get(f"glass-{look}").click()
        expect(tab.get(f"glass-{look}")).to_have_attribute("aria-pressed", "true")
        shown[tab.get("glass-stage").screenshot()] = look
    assert len(shown) == 4

    tab.get("glass-drop").click()
    expect(tab.get("glass-after")).to_be_disabled()
    assert glass_error(tab.download("npz")) == before


def test_the_brush_the_eraser_and_undo_mark_what_they_touch(visit, shipped):
    tab = visit(shipped)
    tab.choose_photo(DOOR)
    tab.view("glass")
    stage, mouse = tab.get("glass-stage"), tab.page.mouse

    def stroke(start, end):
        mouse.move(*tab.place(stage, start, HW))
        mouse.down()
        mouse.move(*tab.place(stage, end, HW), steps=4)
        mouse.up()

    def marked():
        words = tab.get("glass-words").inner_text()
        return float(words.split(" %")[0]) if "%" in words else 0.0

    expect(tab.get("glass-fix")).to_be_disabled()
    tab.set_range("brush-size", 60)
    stroke((150, 30), (200, 30))
    first = marked()
    stroke((150, 90), (185, 90))
    both = marked()
    tab.get("tool-eraser").click()
    stroke((150, 30), (200, 30))
    rest = marked()

    assert 0 < first < both
    assert 0 < rest < both
    expect(tab.get("glass-fix")).to_be_enabled()
    tab.get("glass-undo").click()
    assert marked() == both
    tab.get("glass-clear").click()
    assert marked() == 0
    expect(tab.get("glass-fix")).to_be_disabled()


def test_glass_that_the_server_finds_becomes_the_mask(visit, shipped):
    tab = visit(shipped)
    tab.get("sample-mirror").click()
    expect(tab.get("result-name")).to_have_text("mirror.jpg")
    tab.view("glass")

    tab.get("glass-find").click()

    expect(tab.get("glass-words")).to_contain_text("of the picture is marked")
    expect(tab.get("glass-fix")).to_be_enabled()
