"""Finding a Chromium, and starting it so that it draws WebGL without a graphics card and reaches no other host."""

from __future__ import annotations

import os
import shutil

import pytest

INSTALL = "no Chromium found: apt install chromium (or name one with the variable CHROMIUM) to run the page's tests"
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """Return the browser's path: the variable CHROMIUM, else the first of the usual names."""
    named = os.environ.get("CHROMIUM")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, _NAMES)), None)


def launch_chromium(playwright):
    """Return a running browser, or skip the test with a sentence that says what to install."""
    path = find_chromium()
    if path is None:
        pytest.skip(INSTALL)
    arguments = [
        "--no-sandbox",  # tests often run as root or in a container, and open no page but ours
        "--disable-gpu",  # the page itself is drawn plainly, at half the processor time
        "--enable-unsafe-swiftshader",  # WebGL alone by software
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--disable-background-networking",
        "--use-fake-device-for-media-stream",  # a camera that shows a test picture
        "--use-fake-ui-for-media-stream",  # and may be used without asking
    ]
    return playwright.chromium.launch(executable_path=path, args=arguments)
