"""What a report draws without a plotting library: histograms as SVG, colour bars, pictures as data URIs."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from functools import cache
from html import escape
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from leadline.evaluation.spread import Spread, spread_of

WIDTH, HEIGHT = 360, 150  # of a histogram, in its own units; the page scales it
_LEFT, _RIGHT, _TOP, _BOTTOM = 8, 8, 8, 24
# Beyond this many interquartile ranges from the quartiles, values are gathered in a bar at the end: one failed image must not
# squeeze all others into one bar.
_AXIS_REACH = 3.0
_FEWEST_BARS, _MOST_BARS = 6, 40
# CIELAB ends and middle of the signed colours: equal lightness at both ends, so that neither sign looks larger.
_BLUE, _MIDDLE, _RED = (38.0, 8.0, -52.0), (96.0, 0.0, 0.0), (38.0, 56.0, 40.0)


def histogram_svg(values: Sequence[float], label: str) -> str:
    """Return an SVG histogram with the median and the middle half marked; its colours come from the page's style.

    Args:
        values: one or more finite numbers.
        label: what they are, for people who can't see it.
    """
    spread = spread_of(values)
    counts, edges, (below, above) = histogram(values)
    low, high = float(edges[0]), float(edges[-1])
    tallest = max(*counts.tolist(), below, above, 1)
    floor, room = HEIGHT - _BOTTOM, HEIGHT - _BOTTOM - _TOP
    gutter = 16 if below or above else 0  # for the bars of what lies beyond the axis
    left, right = _LEFT + gutter, WIDTH - _RIGHT - gutter

    def x(value: float) -> float:
        return left + (min(max(value, low), high) - low) / (high - low) * (right - left)

    bars = [
        _bar(x(a) + 0.5, x(b) - 0.5, floor - room * count / tallest, floor, f"{_short(a)} to {_short(b)}: {count}")
        for a, b, count in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
        if count
    ]
    for count, start, what in ((below, _LEFT, f"below {_short(low)}"), (above, WIDTH - _RIGHT - 10, f"above {_short(high)}")):
        if count:
            bars.append(_bar(start, start + 10, floor - room * count / tallest, floor, f"{what}: {count}", "beyond"))
    marks = _marks(spread, x, floor)
    ticks = "".join(
        f'<text class="tick" x="{x(value):.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{_short(value)}</text>'
        for value, anchor in ((low, "start"), ((low + high) / 2, "middle"), (high, "end"))
    )
    described = f"{label}: median {_short(spread.median)}, middle half {_short(spread.q1)} to {_short(spread.q3)}"
    return (
        f'<svg class="histogram" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(described)}">'
        f'{marks[0]}{"".join(bars)}<line class="axis" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{floor}" y2="{floor}"/>'
        f"{marks[1]}{ticks}</svg>"
    )


def histogram(values: Sequence[float]) -> tuple[NDArray[np.int64], NDArray[np.float64], tuple[int, int]]:
    """Return (n,) counts, (n + 1,) edges, and how many values lie below and above them: 3 interquartile ranges out or more.

    Bars are as wide as Freedman and Diaconis 1981 have it, but there are 6 to 40.
    """
    numbers = np.asarray(values, dtype=np.float64)
    spread = spread_of(values)
    reach = _AXIS_REACH * (spread.q3 - spread.q1)
    inside = numbers[(numbers >= spread.q1 - reach) & (numbers <= spread.q3 + reach)]
    low, high = float(inside.min()), float(inside.max())
    if not high - low > 1e-5 * max(abs(low), abs(high)):  # else all three ticks would read the same
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    bar = 2 * (spread.q3 - spread.q1) / len(numbers) ** (1 / 3)
    wanted = (high - low) / bar if bar * _MOST_BARS > high - low else _MOST_BARS if bar else _FEWEST_BARS
    counts, edges = np.histogram(inside, max(round(wanted), _FEWEST_BARS), (low, high))
    return counts.astype(np.int64), edges, (int(np.count_nonzero(numbers < low)), int(np.count_nonzero(numbers > high)))


@cache
def signed_colours() -> NDArray[np.uint8]:
    """Return (255, 3) sRGB from blue (row 0) over near-white (row 127) to red (row 254).

    Straight lines in CIELAB, whose steps look about equal (Moreland 2009 argues for such maps, in a bent space).
    """
    import cv2

    share = np.abs(np.linspace(-1, 1, 255))[:, None]
    ends = np.where(np.arange(255)[:, None] < 127, np.array(_BLUE), np.array(_RED))
    lab = (np.array(_MIDDLE) * (1 - share) + ends * share).astype(np.float32)
    rgb = cv2.cvtColor(lab[None], cv2.COLOR_Lab2RGB)[0]
    table: NDArray[np.uint8] = np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)
    table.setflags(write=False)
    return table


def colour_bar(table: NDArray[np.uint8], labels: Sequence[str]) -> str:
    """Return an HTML bar of the colours, first row left, above evenly spaced labels."""
    stops = [table[round(i * (len(table) - 1) / 16)] for i in range(17)]
    gradient = ",".join(f"#{r:02x}{g:02x}{b:02x}" for r, g, b in stops)
    texts = "".join(f"<span>{escape(label)}</span>" for label in labels)
    return f'<div class="bar" style="background:linear-gradient(90deg,{gradient})"></div><div class="bar-labels">{texts}</div>'


def photo_uri(pixels: NDArray[np.uint8]) -> str:
    """Return an (h, w, 3) sRGB photo as the data URI of a JPEG."""
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=82)
    return _uri("jpeg", buffer.getvalue())


def map_uri(levels: NDArray[np.uint8], table: NDArray[np.uint8]) -> str:
    """Return (h, w) levels, drawn in the colours of an (n, 3) table, as the data URI of a PNG with that palette.

    A palette loses nothing and is a third of the size of full colours; JPEG would blur red into blue.
    """
    from PIL import Image

    image = Image.fromarray(levels)
    image.putpalette(table.tobytes())
    buffer = BytesIO()
    image.save(buffer, "PNG", compress_level=6)
    return _uri("png", buffer.getvalue())


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _bar(left: float, right: float, top: float, bottom: float, title: str, style: str = "count") -> str:
    width, height = max(right - left, 1.0), max(bottom - top, 1.5)
    return (
        f'<rect class="{style}" x="{left:.1f}" y="{bottom - height:.1f}" width="{width:.1f}" height="{height:.1f}">'
        f"<title>{escape(title)}</title></rect>"
    )


def _marks(spread: Spread, x: Callable[[float], float], floor: int) -> tuple[str, str]:
    """Return the band of the middle half, to lie behind the bars, and the line of the median, to lie before them."""
    q1, median, q3 = x(spread.q1), x(spread.median), x(spread.q3)
    band = f'<rect class="half" x="{q1:.1f}" y="{_TOP}" width="{max(q3 - q1, 1.0):.1f}" height="{floor - _TOP}"/>'
    return band, f'<line class="median" x1="{median:.1f}" x2="{median:.1f}" y1="{_TOP}" y2="{floor}"/>'


def _short(value: float) -> str:
    return f"{value:.3g}"
