"""Write src/colour_tables.ts from leadline's own colour tables, so that page and preview files agree."""

import base64
from pathlib import Path

from leadline.io.preview import COLORMAPS, colour_table

HEAD = """// Written by web/tools/colour_tables.py from leadline's colour tables; don't edit.

/** 256 sRGB triples each, base64: row 0 for no value, rows 1 to 255 from far (dark) to near (bright). */
export const TABLES: Readonly<Record<string, string>> = {
"""


def text() -> str:
    """Return the module's text."""
    rows = (f'  {name}:\n    "{base64.b64encode(colour_table(name).tobytes()).decode()}",\n' for name in COLORMAPS)
    return HEAD + "".join(rows) + "};\n"


if __name__ == "__main__":
    (Path(__file__).resolve().parent.parent / "src" / "colour_tables.ts").write_text(text())
