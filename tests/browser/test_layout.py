"""Phones and wide screens, dark and light."""

from __future__ import annotations

import pytest

from tests.browser import rooms as room
from tests.browser.visit import VIEWS, expect

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 1}
OVERFLOW = """() => {
  const wide = document.documentElement.clientWidth;
  const scrolls = document.documentElement.scrollWidth > wide || document.body.scrollWidth > wide;
  const out = [...document.querySelectorAll("button, input, select, canvas, h1, h2")].filter((element) => {
    const box = element.getBoundingClientRect();
    const strip = element.closest(".tabs, .strip, .segments, .modes, .visually-hidden"); // these scroll by themselves
    return box.width > 1 && !strip && (box.right > wide + 1 || box.left < -1);
  });
  const names = out.map(({ outerHTML }) => outerHTML.slice(0, 80));
  return scrolls ? [`${document.documentElement.scrollWidth} of ${wide}`, ...names] : names;
}"""


@pytest.mark.parametrize(("widths", "options"), [((390, 360), PHONE), ((1920, 1024, 768), {})], ids=["phone", "wide"])
def test_nothing_sticks_out_sideways(visit, rooms, widths, options):
    tab = visit(rooms, **options)

    def check(where):
        for width in widths:
            tab.page.set_viewport_size({"width": width, "height": 844})
            assert tab.page.evaluate(OVERFLOW) == [], f"{where} at {width}"

    for mode in ("stereo", "video", "photo"):
        tab.get(f"mode-{mode}").click()
        check(mode)
    tab.choose_photo(room.png("a photo whose name is long enough to need more room than a phone has.png"))
    for name in VIEWS:
        tab.view(name)
        check(name)


def test_a_tap_reads_a_value(visit, rooms):
    tab = visit(rooms, **PHONE)
    tab.choose_photo(room.png())

    tab.page.touchscreen.tap(*tab.place(tab.get("compare-stage"), (50, 200), room.HW))

    expect(tab.get("readout-pixel")).to_have_text("x 50, y 200")
    shown = float(tab.page.locator(".compare").get_attribute("data-value"))
    assert shown == pytest.approx(room.true_depth()[200, 50], rel=1e-5)


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_page_follows_the_system_until_its_button_is_pressed(visit, rooms, scheme):
    tab = visit(rooms, color_scheme=scheme)
    other = {"dark": "light", "light": "dark"}[scheme]

    def shade():
        """Return which of both the page's background is, as drawn."""
        import io

        from PIL import Image

        clip = {"x": 2, "y": 300, "width": 2, "height": 2}
        return "dark" if Image.open(io.BytesIO(tab.page.screenshot(clip=clip))).convert("L").getpixel((0, 0)) < 128 else "light"

    assert shade() == scheme
    tab.get("theme").click()
    assert shade() == other
    tab.page.reload()
    expect(tab.get("version")).not_to_be_empty()
    assert shade() == other
