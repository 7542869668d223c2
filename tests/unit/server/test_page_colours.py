"""The page's colours are the library's."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from leadline.io.preview import COLORMAPS, colour_table

TABLES = Path(__file__).parents[3] / "web" / "src" / "colour_tables.ts"


def test_the_page_has_the_colour_tables_of_preview_files() -> None:
    found = dict(re.findall(r'  (\w+):\n    "([A-Za-z0-9+/=]+)",', TABLES.read_text()))

    assert list(found) == list(COLORMAPS)
    for name, text in found.items():
        assert base64.b64decode(text) == colour_table(name).tobytes(), f"{name}: run python web/tools/colour_tables.py"
