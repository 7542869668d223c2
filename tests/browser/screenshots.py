"""Take the pictures of the docs' tour of the page: python -m tests.browser.screenshots [FOLDER]  (or make screenshots)."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from leadline.server.app import make_app
from leadline.server.settings import Settings
from tests.browser.chromium import launch_chromium
from tests.browser.visit import Visit, expect
from tests.unit.server.job_server import serving

FOLDER = Path(__file__).parents[2] / "docs" / "assets" / "page"
MOST_BYTES = 150_000
DESKTOP = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
STREET_HW, HALL_HW, MIRROR_HW = (653, 870), (480, 640), (192, 256)
MEASURED = (((196, 287), (322, 290)), ((106, 110), (348, 110)))  # between the wheels; both wings of the door
MIRROR = ((60, 0), (129, 14), (168, 8), (162, 130), (148, 126), (147, 88), (131, 88), (130, 143), (100, 150), (80, 172))


def open_sample(tab: Visit, name: str) -> None:
    """Predict a sample picture."""
    tab.get(f"sample-{name}").click()
    expect(tab.get("result-name")).to_have_text(f"{name}.jpg")
    expect(tab.get("busy")).to_be_hidden()


def start(tab: Visit) -> None:
    """Leave the page as it greets."""
    expect(tab.get("sample-mirror").locator("img")).to_be_visible()


def compare(tab: Visit) -> None:
    """Read a value in the street."""
    open_sample(tab, "street")
    tab.page.mouse.move(*tab.place(tab.get("compare-stage"), (560, 420), STREET_HW))


def scene(tab: Visit) -> None:
    """Turn the street."""
    open_sample(tab, "street")
    tab.view("scene")
    canvas = tab.get("scene-canvas")
    expect(canvas).not_to_have_attribute("data-frames", "0")
    for key in ("ArrowLeft",) * 2 + ("ArrowUp",):
        frames = canvas.get_attribute("data-frames")
        canvas.press(key)
        expect(canvas).not_to_have_attribute("data-frames", frames)
    canvas.blur()


def measure(tab: Visit) -> None:
    """Match the sample pair, which is in metres, and measure the wardrobe."""
    tab.get("mode-stereo").click()
    tab.get("stereo-sample").click()
    tab.get("stereo-fill").check()
    tab.get("stereo-run").click()
    expect(tab.get("facts")).to_contain_text("depth/metric")
    tab.view("measure")
    picture = tab.get("measure-picture")
    for line in MEASURED:
        count = tab.get("measure-item").count()
        for pixel in line:
            tab.click_pixel(picture, pixel, HALL_HW)
        expect(tab.get("measure-item")).to_have_count(count + 1)
    tab.page.mouse.move(2, 2)


def known(tab: Visit) -> None:
    """Make the street metric by two distances."""
    open_sample(tab, "street")
    tab.view("measure")
    for pixel, metres in (((500, 600), 3), ((430, 330), 20)):
        tab.click_pixel(tab.get("measure-picture"), pixel, STREET_HW)
        tab.get("measure-known-input").last.fill(str(metres))
        tab.get("measure-known-input").last.press("Enter")
    expect(tab.get("facts")).to_contain_text("disparity/metric")
    tab.page.mouse.move(2, 2)


def refocus(tab: Visit) -> None:
    """Put the focus on the scooter."""
    open_sample(tab, "hall")
    tab.view("refocus")
    tab.set_range("refocus-aperture", 0.04)
    tab.click_pixel(tab.get("refocus-picture"), (228, 326), HALL_HW)
    expect(tab.get("refocus-canvas")).to_have_attribute("data-state", "done")
    tab.page.mouse.move(2, 2)


def glass(tab: Visit) -> None:
    """Outline the folding mirror, fix it, and show the map after."""
    open_sample(tab, "mirror")
    tab.view("glass")
    tab.get("tool-polygon").click()
    for corner in (*MIRROR, MIRROR[0]):
        tab.click_pixel(tab.get("glass-stage"), corner, MIRROR_HW)
    tab.get("glass-fix").click()
    expect(tab.get("glass-after")).to_have_attribute("aria-pressed", "true")


def marked(tab: Visit) -> None:
    """The mirror outlined, before the fix."""
    glass(tab)
    tab.get("glass-mark").click()


SHOTS = {
    "start": (start, ("light", "dark", "phone")),
    "compare": (compare, ("light", "dark", "phone")),
    "scene": (scene, ("light", "dark", "phone")),
    "measure": (measure, ("light", "dark", "phone")),
    "known": (known, ("light", "dark")),
    "refocus": (refocus, ("light", "dark")),
    "glass-marked": (marked, ("light", "dark")),
    "glass-fixed": (glass, ("light", "dark", "phone")),
}


def write_jpeg(png: bytes, path: Path) -> None:
    """Write a picture as the best JPEG that is small enough."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for quality in range(90, 30, -5):
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=quality, optimize=True, progressive=True)
        if len(stream.getvalue()) < MOST_BYTES:
            path.write_bytes(stream.getvalue())
            print(f"{path.name}: {len(stream.getvalue()) // 1000} kB, quality {quality}")
            return
    raise SystemExit(f"{path.name} stays above {MOST_BYTES} bytes")


def main(folder: Path, *names: str) -> None:
    """Take all pictures, or those whose names begin as one of `names`."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as jobs, sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        with serving(make_app(Settings(job_dir=Path(jobs)))) as url:
            for name, (act, looks) in SHOTS.items():
                for look in looks:
                    if names and not f"{name}-{look}".startswith(names):
                        continue
                    options = {**PHONE, "color_scheme": "light"} if look == "phone" else {**DESKTOP, "color_scheme": look}
                    tab = Visit(browser, url, Path(jobs), **options).open()
                    act(tab)
                    tab.page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
                    write_jpeg(tab.page.screenshot(), folder / f"{name}-{look}.jpg")
                    if tab.watch.problems:
                        raise SystemExit("\n".join(tab.watch.problems))
                    tab.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER, *sys.argv[2:])
