"""The whole way without a mouse, and names for who doesn't see the page."""

from __future__ import annotations

import re

import pytest

from tests.browser import rooms as room
from tests.browser.visit import VIEWS, expect

FOCUS_IS_SEEN = """() => {
  const at = document.activeElement;
  const seen = (element) => {
    const style = getComputedStyle(element);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  };
  const box = at.getBoundingClientRect();
  return box.width > 1 && box.height > 1 && (seen(at) || [...at.children].some(seen));
}"""
NAMED = {"button", "link", "textbox", "searchbox", "slider", "spinbutton", "combobox", "checkbox", "tab", "tabpanel", "image",
         "img", "progressbar", "application", "region", "article", "dialog", "Canvas", "tablist", "Video"}  # fmt: skip


def tab_to(tab, testid, back=False, most=60):
    """Press Tab until an element has the focus; each stop on the way must show it."""
    for _ in range(most):
        tab.page.keyboard.press("Shift+Tab" if back else "Tab")
        focused = tab.focused()
        if focused == "BODY":
            continue  # the browser's own bar
        assert tab.page.evaluate(FOCUS_IS_SEEN), f"the focus on {focused!r} can't be seen"
        if focused == testid:
            return
    raise AssertionError(f"no way to {testid} by Tab")


def test_a_photo_is_predicted_read_and_fixed_by_keys_alone(visit, shipped):
    tab = visit(shipped)
    keys = tab.page.keyboard
    keys.press("Tab")
    assert tab.focused() == "Skip to the picture"
    keys.press("Enter")
    tab_to(tab, "sample-mirror")
    keys.press("Enter")
    expect(tab.get("result-name")).to_have_text("mirror.jpg")
    expect(tab.get("result-name")).to_be_focused()

    tab_to(tab, "tab-compare")
    for name in (*VIEWS[1:], VIEWS[0]):
        keys.press("ArrowRight")
        expect(tab.get(f"tab-{name}")).to_be_focused()
        expect(tab.page.locator(f"#panel-{name} > *").first).to_be_visible()

    tab_to(tab, "compare-stage")
    keys.press("ArrowRight")
    first = tab.get("readout-pixel").inner_text()
    keys.press("Shift+ArrowRight")
    expect(tab.get("readout-pixel")).not_to_have_text(first)
    before, now = (int(words.split(",")[0].removeprefix("x ")) for words in (first, tab.get("readout-pixel").inner_text()))
    assert now == before + 10
    expect(tab.page.locator(".compare [role=status]")).to_contain_text(f"Column {now}")

    tab_to(tab, "compare-slider")
    keys.press("ArrowLeft")
    expect(tab.get("compare-slider")).to_have_attribute("aria-valuenow", "48")

    tab_to(tab, "tab-compare", back=True)
    keys.press("End")
    expect(tab.get("tab-glass")).to_be_focused()
    tab_to(tab, "glass-stage")
    for _ in range(3):
        keys.press("Shift+ArrowRight")
        keys.press("Space")
    tab_to(tab, "glass-fix", back=True)
    keys.press("Enter")
    expect(tab.get("glass-after")).to_have_attribute("aria-pressed", "true")


def test_the_3d_view_and_two_points_to_measure_are_reached_by_keys(visit, rooms):
    tab = visit(rooms)
    keys = tab.page.keyboard
    tab.choose_photo(room.png())
    tab_to(tab, "tab-compare")
    keys.press("ArrowRight")
    expect(tab.get("scene-canvas")).to_have_attribute("data-frames", re.compile(r"[1-9]"))  # drawn: there is something to turn
    tab_to(tab, "scene-canvas")
    frames = tab.get("scene-canvas").get_attribute("data-frames")
    keys.press("ArrowLeft")
    expect(tab.get("scene-canvas")).not_to_have_attribute("data-frames", frames)

    tab_to(tab, "tab-scene", back=True)
    keys.press("ArrowRight")
    expect(tab.get("measure-picture")).to_be_visible()
    tab_to(tab, "measure-picture")
    for key in ("Enter", "Enter", "ArrowRight", "ArrowRight", "Enter"):
        keys.press(key)
    expect(tab.get("measure-item")).to_have_count(1)


def unnamed(session):
    """Return what the browser's accessibility tree has no name for, of the roles that need one."""
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    found = [node for node in nodes if not node["ignored"] and node["role"]["value"] in NAMED]
    assert len(found) > 8
    return [node["role"]["value"] for node in found if not node.get("name", {}).get("value", "").strip()]


@pytest.mark.parametrize("mode", ["photo", "stereo", "video"])
def test_all_that_can_be_used_has_a_name_on_the_ways_in(visit, rooms, mode):
    tab = visit(rooms)
    tab.get(f"mode-{mode}").click()

    assert unnamed(tab.context.new_cdp_session(tab.page)) == []
    assert tab.page.locator("img:not([alt])").count() == 0
    expect(tab.page.locator("h1:visible")).to_have_count(1)
    expect(tab.page.locator("html")).to_have_attribute("lang", "en")


def test_all_that_can_be_used_has_a_name_in_every_view(visit, rooms):
    tab = visit(rooms)
    tab.choose_photo(room.png())
    # One for all views: Chromium at times crashes if it is closed while the next view is drawn.
    session = tab.context.new_cdp_session(tab.page)
    for name in VIEWS:
        tab.view(name)
        assert unnamed(session) == [], name
        expect(tab.page.get_by_role("tab", selected=True)).to_have_count(1)
        expect(tab.page.get_by_role("tabpanel")).to_have_count(1)
    tab.view("compare")
    slider = tab.page.get_by_role("slider", name="Share of the photo shown beside its map")
    assert [slider.get_attribute(f"aria-value{end}") for end in ("min", "now", "max")] == ["0", "50", "100"]
