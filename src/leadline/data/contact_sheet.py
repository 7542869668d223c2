"""Many small pictures on one, in rows, each with a line of text."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write
from leadline.io.png import encode_png

TILE_HW = (210, 280)
TEXT_HEIGHT = 18
MARGIN = 4  # between neighbours
PAPER, INK = 24, (222, 222, 222)


class Tile(NamedTuple):
    """A picture, (h, w, 3) uint8 of any size or None for an empty place, and the text below it."""

    picture: NDArray[np.uint8] | None
    text: str = ""


def compose(rows: Sequence[Sequence[Tile]], tile_hw: tuple[int, int] = TILE_HW) -> NDArray[np.uint8]:
    """Return one (H, W, 3) uint8 picture; each tile is shrunk or grown to fit `tile_hw`, its proportions kept.

    Raises:
        LeadlineError: there is no tile.
    """
    if not any(rows):
        raise LeadlineError("a contact sheet without pictures: expected at least one")
    columns = max(len(row) for row in rows)
    return np.concatenate([_strip(row, columns, tile_hw) for row in rows])


def write_sheet(path: str | PathLike[str], rows: Sequence[Sequence[Tile]], tile_hw: tuple[int, int] = TILE_HW) -> None:
    """Write `compose` as PNG, whole or not at all.

    Raises:
        LeadlineError: there is no tile, or the file can't be written.
    """
    data = encode_png(compose(rows, tile_hw), level=6)
    with atomic_write(Path(path)) as temporary:
        temporary.write_bytes(data)


def _strip(row: Sequence[Tile], columns: int, tile_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """Return one row, no higher than its highest picture needs."""
    sizes = [_fitted(tile.picture.shape[:2], tile_hw)[0] for tile in row if tile.picture is not None]
    height = max(sizes, default=0)
    empty = [Tile(None)] * (columns - len(row))
    return np.concatenate([_rendered(tile, (height, tile_hw[1])) for tile in [*row, *empty]], axis=1)


def _fitted(hw: tuple[int, ...], tile_hw: tuple[int, int]) -> tuple[int, int]:
    """Return the largest (height, width) of the same proportions that fits, with a margin on the right and below."""
    scale = min((tile_hw[0] - MARGIN) / hw[0], (tile_hw[1] - MARGIN) / hw[1])
    return max(1, round(hw[0] * scale)), max(1, round(hw[1] * scale))


def _rendered(tile: Tile, tile_hw: tuple[int, int]) -> NDArray[np.uint8]:
    from PIL import Image, ImageDraw, ImageFont

    height, width = tile_hw
    canvas = Image.new("RGB", (width, height + TEXT_HEIGHT), (PAPER, PAPER, PAPER))
    if tile.picture is not None:
        rows, columns = _fitted(tile.picture.shape[:2], (height + MARGIN, width))
        # BOX averages when shrinking, as an area filter; growing a small map must not invent in-between values.
        picture = Image.fromarray(tile.picture).resize((columns, rows), Image.Resampling.BOX)
        canvas.paste(picture, ((width - columns) // 2, (height - rows) // 2))
    font = ImageFont.load_default(11)
    draw, text = ImageDraw.Draw(canvas), tile.text
    while draw.textlength(text, font) > width - MARGIN:
        text = text.removesuffix("…")[:-1] + "…"
    draw.text((width / 2, height + TEXT_HEIGHT / 2), text, fill=INK, font=font, anchor="mm")
    return np.array(canvas)
