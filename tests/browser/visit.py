"""One browser tab at the page, with the steps that many tests share."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.browser.watch import Watch

pytest.importorskip("fastapi", reason="no FastAPI: pip install 'leadline[serve]' to test the page")
expect = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install playwright to test the page").expect

PATIENCE_MS = 30_000  # a busy machine
expect.set_options(timeout=PATIENCE_MS)
VIEWS = ("compare", "scene", "measure", "refocus", "glass")
SAMPLES = Path(__file__).parents[2] / "src" / "leadline" / "server" / "page" / "samples"


class Visit:
    """A tab; `watch` fails its test if the page does what it must not."""

    def __init__(self, browser, url: str, folder: Path, **options) -> None:
        self.url, self._folder = url, folder
        options = {"viewport": {"width": 1100, "height": 760}, "accept_downloads": True, **options}
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(PATIENCE_MS)
        self.page = self.context.new_page()
        self.watch = Watch(self.page, url)

    def open(self):
        """Go to the page and wait until it knows its server."""
        self.page.goto(self.url)
        expect(self.get("version")).not_to_be_empty()
        return self

    def get(self, testid: str):
        return self.page.get_by_test_id(testid)

    def choose_photo(self, photo: Path | dict, wait: bool = True) -> None:
        """Open a photo of this machine by the file dialog's own input."""
        self.get("photo-file").set_input_files(photo)
        if wait:
            name = photo["name"] if isinstance(photo, dict) else photo.name
            expect(self.get("result-name")).to_have_text(name)
            expect(self.get("busy")).to_be_hidden()

    def view(self, name: str) -> None:
        """Open one of the views of a result."""
        self.get(f"tab-{name}").click()
        expect(self.page.locator(f"#panel-{name} > *").first).to_be_visible()

    def place(self, locator, pixel: tuple[int, int], hw: tuple[int, int]) -> tuple[float, float]:
        """Return where on the screen the middle of a map's pixel (column, row) lies."""
        locator.scroll_into_view_if_needed()
        box = locator.bounding_box()
        column, row = pixel
        return box["x"] + (column + 0.5) / hw[1] * box["width"], box["y"] + (row + 0.5) / hw[0] * box["height"]

    def click_pixel(self, locator, pixel: tuple[int, int], hw: tuple[int, int]) -> None:
        self.page.mouse.click(*self.place(locator, pixel, hw))

    def download(self, output: str) -> Path:
        """Press a download button; return the file under the name that the page gives it."""
        with self.page.expect_download() as downloading:
            self.get(f"download-{output}").click()
        path = self._folder / downloading.value.suggested_filename
        downloading.value.save_as(path)
        return path

    def set_range(self, testid: str, value: float) -> None:
        """Move a slider as a person would end up: its value, then the events of letting go."""
        self.get(testid).fill(str(value))

    def focused(self) -> str:
        """Return the test id, or failing that the words, of what has the focus."""
        return self.page.evaluate(
            "(({dataset, textContent, tagName}) => dataset.testid ?? (tagName === 'BODY' ? tagName : textContent.trim()))"
            "(document.activeElement)"
        )

    def close(self) -> None:
        if os.environ.get("BROWSER_SHOTS"):
            name = re.sub(r"\W+", "_", os.environ["PYTEST_CURRENT_TEST"].split("::")[-1])
            self.page.screenshot(path=Path(os.environ["BROWSER_SHOTS"]) / f"{name}.png")
        self.context.close()
