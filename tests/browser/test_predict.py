"""A photo becomes a map, and the page reads it as the API gives it."""

from __future__ import annotations

import json
import urllib.request

import numpy as np
import pytest

from tests.browser.visit import SAMPLES, expect

STREET = SAMPLES / "street.jpg"


def api_map(url, photo):
    """Ask the API for the same map as numbers."""
    ask = urllib.request.Request(
        f"{url}/v1/depth?output=float32&longest=1600", photo.read_bytes(), {"Content-Type": "image/jpeg"}
    )
    with urllib.request.urlopen(ask, timeout=60) as reply:
        height, width = map(int, reply.headers["Leadline-Size"].split("x"))
        return np.frombuffer(reply.read(), "<f4").reshape(height, width), reply.headers["Leadline-Kind"]


def test_the_pointer_reads_the_numbers_that_the_api_gives(visit, shipped):
    tab = visit(shipped)
    tab.choose_photo(STREET)
    values, kind = api_map(shipped, STREET)
    height, width = values.shape
    stage, compare = tab.get("compare-stage"), tab.page.locator(".compare")

    for share_x, share_y in ((0.1, 0.2), (0.3, 0.9), (0.62, 0.4), (0.77, 0.75), (0.95, 0.06)):
        column, row = int(share_x * width), int(share_y * height)
        tab.page.mouse.move(*tab.place(stage, (column, row), values.shape))
        expect(tab.get("readout-pixel")).to_have_text(f"x {column}, y {row}")
        shown = float(compare.get_attribute("data-value"))
        assert shown == pytest.approx(float(values[row, column]), rel=1e-5)
        assert float(tab.get("readout-value").inner_text()) == pytest.approx(shown, rel=0.01, abs=0.005)
    assert kind == "disparity/affine_invariant"
    expect(tab.get("facts")).to_contain_text(kind)
    expect(tab.page.locator(".legend")).to_contain_text("farther")


def test_a_map_without_metres_is_never_called_depth_in_its_legend(visit, shipped):
    tab = visit(shipped)
    tab.choose_photo(STREET)

    words = tab.page.locator(".legend").inner_text().lower()

    assert "closer" in words
    assert "no metres" in words
    assert "depth" not in words


def test_the_slider_shows_more_or_less_of_the_map(visit, shipped):
    tab = visit(shipped)
    tab.choose_photo(STREET)
    slider, stage = tab.get("compare-slider"), tab.get("compare-stage")
    half = stage.screenshot()

    slider.press("End")

    expect(slider).to_have_attribute("aria-valuenow", "100")
    photo = stage.screenshot()
    slider.press("Home")
    expect(slider).to_have_attribute("aria-valuenow", "0")
    assert len({half, photo, stage.screenshot()}) == 3


def test_samples_are_one_click_away_and_stay_in_the_strip(visit, shipped):
    tab = visit(shipped)
    tab.get("sample-street").click()
    expect(tab.get("result-name")).to_have_text("street.jpg")
    tab.get("new-photo").click()
    tab.get("sample-bottles").click()
    expect(tab.get("result-name")).to_have_text("bottles.jpg")

    tab.get("recent").get_by_role("button", name="Open street.jpg").click()

    expect(tab.get("result-name")).to_have_text("street.jpg")
    tab.get("recent").get_by_role("button", name="Remove street.jpg").click()
    expect(tab.get("result-name")).to_have_text("bottles.jpg")
    expect(tab.get("recent").get_by_role("button", name="Open")).to_have_count(1)


def test_a_rectified_pair_with_its_camera_comes_in_metres(visit, shipped):
    tab = visit(shipped)
    tab.get("mode-stereo").click()
    tab.get("stereo-sample").click()
    expect(tab.get("stereo-run")).to_be_enabled()

    tab.get("stereo-run").click()

    expect(tab.get("facts")).to_contain_text("depth/metric")
    expect(tab.get("tab-glass")).to_be_hidden()
    assert json.loads(tab.page.evaluate("JSON.stringify(location.hash)")) == "#photo"
