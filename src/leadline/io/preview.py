"""Pictures of depth maps for people: near is bright, missing is grey, and a legend says what the colours mean."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth_map import Ambiguity, DepthMap
from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write
from leadline.io.header import header_of
from leadline.io.png import encode_png

if TYPE_CHECKING:
    from PIL import ImageFont

# All but turbo are perceptually uniform; turbo tells more steps apart, at the price of edges that are not in the data.
COLORMAPS = ("inferno", "magma", "plasma", "viridis", "cividis", "turbo", "grey")
UNKNOWN_COLOUR = 118  # a middle grey, which inferno, magma and plasma don't contain
# Half a percent of wild pixels at either end must not use up the colours.
ROBUST_PERCENTILES = (0.5, 99.5)
# Pictures of fewer columns have no room for text.
NARROWEST_LEGEND = 40
# So many pixels give percentiles to within a colour step; sorting all of twelve million would take longer than the rest.
_SAMPLED_PIXELS = 200_000


def robust_range(depth: DepthMap) -> tuple[float, float]:
    """Return the values between which nearly all valid pixels lie, ``low < high``; (0, 1) if there are none."""
    step = max(1, int((depth.values.size / _SAMPLED_PIXELS) ** 0.5))
    values = depth.values[::step, ::step][depth.valid[::step, ::step]]
    if values.size == 0:
        values = depth.values[depth.valid]  # the few valid pixels may lie between the sampled ones
    if values.size == 0:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(values, ROBUST_PERCENTILES))
    return (low, high) if high - low > 1e-6 * abs(low) else (low - (abs(low) or 1) / 2, low + (abs(low) or 1) / 2)


def grey_levels(depth: DepthMap, value_range: tuple[float, float] | None = None) -> NDArray[np.uint8]:
    """Return (h, w) uint8: 255 for the near end of the range, 1 for the far end, 0 where not valid.

    Args:
        depth: the map.
        value_range: (low, high) in the map's own numbers, for pictures that are to be compared; None for `robust_range`.
            Values outside take the colour of the nearer end.

    Raises:
        LeadlineError: the range is empty or not finite.
    """
    import cv2

    low, high = value_range or robust_range(depth)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise LeadlineError(f"value range {low:g} to {high:g}: expected low < high")
    near, far = (high, low) if depth.kind.near_is_large else (low, high)
    gain = 254.0 / (near - far)
    values = depth.values
    if max(-float(values.min(initial=low)), float(values.max(initial=high))) * abs(gain) > 1e9:
        values = np.clip(values, low, high)  # OpenCV rounds to 32-bit integers before it saturates: huge values would wrap
    # addWeighted scales, shifts, rounds and saturates in one pass.
    levels: NDArray[np.uint8] = cv2.addWeighted(values, gain, values, 0, 1 - gain * far, dtype=cv2.CV_8U)  # type: ignore[assignment]
    np.maximum(levels, 1, out=levels)
    np.multiply(levels, depth.valid, out=levels)
    return levels


def colourise(
    depth: DepthMap, *, colormap: str = "inferno", value_range: tuple[float, float] | None = None
) -> NDArray[np.uint8]:
    """Return (h, w, 3) uint8 sRGB: near is bright, pixels without a measurement are grey.

    Colours are linear in the map's own numbers, so that the legend's numbers are evenly spaced.

    Args:
        depth: the map.
        colormap: one of COLORMAPS.
        value_range: see `grey_levels`.

    Raises:
        LeadlineError: an unknown colour map or an empty range.
    """
    import cv2

    table = colour_table(colormap)
    return np.asarray(cv2.applyColorMap(grey_levels(depth, value_range), table[:, None]), dtype=np.uint8)


@cache
def colour_table(colormap: str) -> NDArray[np.uint8]:
    """Return (256, 3) sRGB: row 0 for "no measurement", rows 1 to 255 from far (dark) to near (bright)."""
    import cv2

    if colormap not in COLORMAPS:
        raise LeadlineError(f"unknown colour map {colormap!r}: expected one of {', '.join(COLORMAPS)}")
    ramp = np.arange(256, dtype=np.uint8)
    if colormap == "grey":
        table = np.repeat(ramp[:, None], 3, axis=1)  # 0 stays black, as in 8-bit depth files
    else:
        bgr: Any = cv2.applyColorMap(ramp[:, None], getattr(cv2, f"COLORMAP_{colormap.upper()}"))
        table = bgr[:, 0, ::-1].copy()
        table[0] = UNKNOWN_COLOUR
    table.setflags(write=False)
    return table


def make_preview(
    depth: DepthMap,
    pixels: NDArray[np.uint8] | None = None,
    *,
    colormap: str = "inferno",
    value_range: tuple[float, float] | None = None,
    legend: bool = True,
    max_side: int | None = None,
) -> NDArray[np.uint8]:
    """Return an (H, W, 3) uint8 picture of a map, beside its photo if that is given, above a legend.

    Args:
        depth: the map.
        pixels: (h, w, 3) uint8 photo to put to the left of the map (above it if wider than 2:1), resized to the map's size.
        colormap, value_range: see `colourise`.
        legend: draw a bar with kind, unit and numbers, and a grey patch if pixels are missing.
        max_side: shrink map and photo so that neither is longer than this; None for the map's size.
    """
    import cv2

    low, high = value_range or robust_range(depth)
    picture = colourise(depth, colormap=colormap, value_range=(low, high))
    hw = depth.hw
    if max_side is not None and max(hw) > max_side:
        hw = max(1, round(hw[0] * max_side / max(hw))), max(1, round(hw[1] * max_side / max(hw)))
        picture = np.asarray(cv2.resize(picture, hw[::-1], interpolation=cv2.INTER_AREA), dtype=np.uint8)
    if pixels is not None:
        if pixels.shape[:2] != hw:
            shrinking = pixels.shape[0] > hw[0]
            method = cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC
            pixels = np.asarray(cv2.resize(pixels, hw[::-1], interpolation=method), dtype=np.uint8)
        picture = np.concatenate([pixels, picture], axis=1 if hw[1] <= 2 * hw[0] else 0)
    if not legend or picture.shape[1] < NARROWEST_LEGEND:
        return picture
    bar = _legend(depth, picture.shape[1], hw, (low, high), colormap)
    return np.concatenate([picture, bar], axis=0)


def write_preview(
    path: str | os.PathLike[str],
    depth: DepthMap,
    pixels: NDArray[np.uint8] | None = None,
    *,
    colormap: str = "inferno",
    value_range: tuple[float, float] | None = None,
    legend: bool = True,
    max_side: int | None = None,
) -> None:
    """Write `make_preview` as PNG (with the map's header) or JPEG, whole or not at all.

    A grey map alone, without photo and legend, is written with one channel: the common 8-bit depth picture.

    Raises:
        LeadlineError: a suffix other than .png, .jpg or .jpeg, or the file can't be written.
    """
    import cv2

    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".png", ".jpg", ".jpeg"):
        raise LeadlineError(f"preview {path.name}: expected a name that ends in .png or .jpg")
    low, high = value_range or robust_range(depth)
    picture = make_preview(depth, pixels, colormap=colormap, value_range=(low, high), legend=legend, max_side=max_side)
    if colormap == "grey" and pixels is None and not legend:
        picture = picture[..., 0]
    if suffix == ".png":
        header = header_of(depth, range=f"{low!r} {high!r}", colormap=colormap)
        data = encode_png(np.ascontiguousarray(picture), header)
    else:
        bgr = picture[..., ::-1] if picture.ndim == 3 else picture
        done, encoded = cv2.imencode(".jpg", np.ascontiguousarray(bgr), [cv2.IMWRITE_JPEG_QUALITY, 92])
        if not done:
            raise LeadlineError(f"preview {path.name}: {picture.shape} is too large for JPEG; name it .png")
        data = encoded.tobytes()
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)


def _legend(
    depth: DepthMap, width: int, hw: tuple[int, int], value_range: tuple[float, float], colormap: str
) -> NDArray[np.uint8]:
    """Return (H, width, 3): a bar from near to far with numbers below and a line of text above."""
    from PIL import Image, ImageDraw

    unit = max(10, min(max(hw) // 45, hw[0] // 12, width // 26))  # the text's height in pixels, from which all else follows
    strip = Image.new("RGB", (width, round(5.4 * unit)), (255, 255, 255))
    draw = ImageDraw.Draw(strip)
    text, small = _font(unit), _font(round(0.85 * unit))
    left, right, top = unit, width - unit, round(2.15 * unit)
    ink, faint = (28, 28, 28), (105, 105, 105)

    low, high = value_range
    near, far = (high, low) if depth.kind.near_is_large else (low, high)
    title = (
        f"{depth.kind.quantity.replace('_', ' ')} [{depth.unit}]" if depth.unit else f"{depth.kind.quantity.replace('_', ' ')}"
    )
    draw.text((left, round(0.6 * unit)), title, fill=ink, font=text)
    remark = _REMARKS[depth.kind.ambiguity]
    if draw.textlength(title, text) + draw.textlength(remark, small) + 3 * unit < right - left:
        draw.text((right, round(0.7 * unit)), remark, fill=faint, font=small, anchor="ra")

    has_holes = not depth.valid.all()
    if has_holes:  # a patch for "no measurement" to the right of the bar
        patch = "no data"
        room = round(draw.textlength(patch, small)) + unit
        draw.rectangle((right - room + unit, top, right, top + unit), fill=tuple(int(c) for c in colour_table(colormap)[0]))
        draw.text((right, top + round(1.35 * unit)), patch, fill=faint, font=small, anchor="ra")
        right -= room + unit
    ramp = np.linspace(255, 1, max(2, right - left)).round().astype(np.uint8)
    bar = np.repeat(colour_table(colormap)[ramp][None], unit, axis=0)
    strip.paste(Image.fromarray(bar), (left, top))
    labels = [
        f"near {_number(near)}",
        *(_number(near + (far - near) * share) for share in (0.25, 0.5, 0.75)),
        f"far {_number(far)}",
    ]
    for i, label in enumerate(labels):
        x = left + (right - left) * i / 4
        draw.line((x, top + unit, x, top + 1.25 * unit), fill=faint, width=max(1, unit // 14))
        if i in (0, 4) or right - left > 30 * unit:
            draw.text(
                (x, top + round(1.35 * unit)), label, fill=ink, font=small, anchor="la" if i == 0 else "ra" if i == 4 else "ma"
            )
    return np.array(strip)


_REMARKS = {
    Ambiguity.METRIC: "metric",
    Ambiguity.SCALE_INVARIANT: "up to an unknown scale",
    Ambiguity.AFFINE_INVARIANT: "relative: scale and shift unknown",
    Ambiguity.ORDINAL: "order only",
}


def _number(value: float) -> str:
    """Three significant digits without an exponent where that is short."""
    return f"{value:.3g}" if abs(value) < 1000 or abs(value) >= 1e6 else f"{value:.0f}"


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)
