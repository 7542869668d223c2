"""Procedural textures: (n, n, 3) uint8 sRGB pictures of surfaces, drawn from a generator in a few milliseconds each.

Every painter is ``painter(rng, n) -> image``. `random_texture` draws one of a category, `surface` returns it as a `Look` with
its natural size. Materials tile at their borders; pictures, pages, labels and screens do not (stretch them once with `fit_uv`).
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.data.synthetic.scene import Look, LookKind

Image = NDArray[np.uint8]
Values = NDArray[np.float32]
Rgb = tuple[float, float, float]
Painter = Callable[[np.random.Generator, int], Image]
Mood = Literal["any", "pale", "earth", "vivid", "grey", "dark", "green", "wood"]

# --- colours ---------------------------------------------------------------------------------------------------------

_HSV: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "pale": ((0.02, 0.65), (0.0, 0.22), (0.72, 0.98)),
    "earth": ((0.02, 0.14), (0.15, 0.6), (0.2, 0.75)),
    "vivid": ((0.0, 1.0), (0.55, 1.0), (0.45, 1.0)),
    "grey": ((0.0, 1.0), (0.0, 0.07), (0.15, 0.92)),
    "dark": ((0.0, 1.0), (0.0, 0.5), (0.04, 0.25)),
    "green": ((0.17, 0.36), (0.3, 0.75), (0.2, 0.65)),
    "wood": ((0.04, 0.11), (0.25, 0.65), (0.22, 0.85)),
}


def random_colour(rng: np.random.Generator, mood: Mood = "any") -> Rgb:
    """Return an sRGB colour in 0..255. "any" favours the greys and browns that fill real photos."""
    if mood == "any":
        names: list[Mood] = ["pale", "earth", "vivid", "grey", "dark", "green", "wood"]
        mood = names[rng.choice(7, p=[0.22, 0.17, 0.2, 0.17, 0.09, 0.06, 0.09])]
    h, s, v = (float(rng.uniform(*span)) for span in _HSV[mood])
    r, g, b = colorsys.hsv_to_rgb(h, s, v)
    return 255 * r, 255 * g, 255 * b


def linear(colour: Sequence[float]) -> Rgb:
    """Return linear-light 0..1 RGB of an sRGB colour in 0..255 (IEC 61966-2-1), as `Look.colour` wants it."""
    c = np.asarray(colour, np.float64) / 255
    r, g, b = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return float(r), float(g), float(b)


def _near(rng: np.random.Generator, colour: Sequence[float] | NDArray[np.float64], spread: float) -> Rgb:
    """Return a colour beside another: brighter or darker, a little warmer or colder."""
    shift = rng.normal(0, spread) + rng.normal(0, spread / 4, 3)
    r, g, b = np.clip(np.asarray(colour) + shift, 0, 255)
    return float(r), float(g), float(b)


def _ramp(values: Values, colours: Sequence[Sequence[float] | NDArray[np.float64]]) -> Image:
    """Return the picture of values 0..1 under evenly spaced colours."""
    at = np.linspace(0, 255, len(colours))
    table = np.stack([np.interp(np.arange(256), at, [c[k] for c in colours]) for k in range(3)], 1).astype(np.uint8)
    index = np.clip(values * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(cv2.merge([index] * 3), table.reshape(256, 1, 3)), np.uint8)


def _shade(image: Image, factor: Values) -> Image:
    """Return the picture multiplied by a brightness around 1."""
    return np.asarray(cv2.multiply(image, cv2.merge([factor.astype(np.float32)] * 3), dtype=cv2.CV_8U), np.uint8)


def _flat(colour: Sequence[float], n: int) -> Image:
    return np.full((n, n, 3), np.asarray(colour).astype(np.uint8), np.uint8)


def _mix(below: Image, above: Image, weight: Values) -> Image:
    """Return `above` laid over `below` with weight 0..1."""
    w = cv2.merge([np.clip(weight, 0, 1).astype(np.float32)] * 3)
    return np.asarray(below + (above.astype(np.float32) - below) * w, np.uint8)


# --- noise -----------------------------------------------------------------------------------------------------------


def noise(rng: np.random.Generator, n: int, cells: tuple[int, int], octaves: int = 4, keep: float = 0.5) -> Values:
    """Return (n, n) tiling fractal noise in 0..1, from `cells` (rows, columns) doubled at each octave.

    Each octave is one of a few fixed layers, rolled to a random place: as varied to the eye as fresh noise, and much faster.
    """
    total = np.zeros((n, n), np.float32)
    rows, cols = cells
    weight = 1.0
    for _ in range(octaves):
        if max(rows, cols) > n:
            break
        down, right, which = (int(k) for k in rng.integers(0, (n, n, 3)))
        _add_rolled(total, _layer(n, rows, cols, which), down, right, weight)
        rows, cols, weight = rows * 2, cols * 2, weight * keep
    low, high = float(total.min()), float(total.max())
    total -= low
    total *= 1 / max(high - low, 1e-6)
    return total


@lru_cache(maxsize=256)
def _layer(n: int, rows: int, cols: int, which: int) -> Values:
    """Return one octave, (n, n) of 0..1: a wrapped lattice of random values under cubic interpolation."""
    pad = 2
    grid = np.pad(np.random.default_rng((rows, cols, which)).random((rows, cols), np.float32), pad, mode="wrap")
    fx, fy = n / cols, n / rows
    warp = np.array([[fx, 0, -pad * fx], [0, fy, -pad * fy]], np.float32)
    return np.asarray(cv2.warpAffine(grid, warp, (n, n), flags=cv2.INTER_CUBIC if fx > 4 else cv2.INTER_LINEAR), np.float32)


def _add_rolled(total: Values, layer: Values, down: int, right: int, weight: float) -> None:
    """Add a layer, rolled by (down, right) and weighted, in place and without copies."""
    n = len(total)
    for rows, from_rows in ((slice(down, n), slice(0, n - down)), (slice(0, down), slice(n - down, n))):
        for cols, from_cols in ((slice(right, n), slice(0, n - right)), (slice(0, right), slice(n - right, n))):
            total[rows, cols] += weight * layer[from_rows, from_cols]


def _grain(rng: np.random.Generator, n: int, sigma: float) -> Values:
    """Return pixel noise around 1."""
    out = np.ones((n, n), np.float32)
    down, right = (int(k) for k in rng.integers(0, n, 2))
    _add_rolled(out, _white(n), down, right, sigma)
    return out


@lru_cache(maxsize=4)
def _white(n: int) -> Values:
    return np.random.default_rng(n).standard_normal((n, n), np.float32)


def _cells(rng: np.random.Generator, n: int, count: int) -> tuple[Values, NDArray[np.int32], NDArray[np.bool_]]:
    """Return a tiling Voronoi pattern: distance to the seed (pixels), index of the seed, and whether a border is here."""
    pad = max(8, int(2.5 * n / np.sqrt(count)))
    pad = min(pad, n)
    seeds = rng.integers(0, n, (count, 2))
    index = np.zeros((n, n), np.int32)
    index[seeds[:, 0], seeds[:, 1]] = np.arange(1, count + 1)
    wide = np.pad(index, pad, mode="wrap")
    distance, label = cv2.distanceTransformWithLabels(
        (wide == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.zeros(int(label.max()) + 1, np.int32)
    at = wide > 0
    owner[label[at]] = wide[at]
    inner = slice(pad, pad + n)
    cell = owner[label[inner, inner]]
    border = (cell != np.roll(cell, 1, 0)) | (cell != np.roll(cell, 1, 1))
    return np.asarray(distance[inner, inner], np.float32), cell, border


def _xy(n: int) -> tuple[Values, Values]:
    """Return pixel coordinates (x, y) in 0..1 as (1, n) and (n, 1)."""
    t = np.asarray((np.arange(n, dtype=np.float32) + 0.5) / n, np.float32)
    return t[None], t[:, None]


# --- masonry and floors ----------------------------------------------------------------------------------------------


def _bond(n: int, rows: int, cols: int, shift: float) -> tuple[NDArray[np.int64], NDArray[np.int64], Values, Values]:
    """Return row, column and the place (x, y in 0..1) inside the block of each pixel, odd rows shifted by a part of a block."""
    x, y = _xy(n)
    row = np.floor(y * rows).astype(np.int64)
    across = x * cols + (row % 2) * shift
    col = np.floor(across).astype(np.int64) % cols
    shape = (n, n)
    return (
        np.broadcast_to(row, shape),
        col,
        np.asarray(across - np.floor(across), np.float32),
        np.asarray(np.broadcast_to(y * rows - row, shape), np.float32),
    )


def brick(rng: np.random.Generator, n: int) -> Image:
    """Courses of bricks or stone blocks in mortar."""
    rows, cols = 2 * int(rng.integers(3, 7)), int(rng.integers(2, 5))
    row, col, fx, fy = _bond(n, rows, cols, rng.choice([0.5, 0.5, 0.33]))
    base = random_colour(rng, "earth") if rng.random() < 0.6 else random_colour(rng, "any")
    spread = rng.uniform(3, 22)
    table = np.array([[_near(rng, base, spread) for _ in range(cols)] for _ in range(rows)]).astype(np.uint8)
    gap = rng.uniform(0.02, 0.07)
    wobble = (noise(rng, n, (rows * 2, rows * 2), 2) - 0.5) * gap
    edge = np.minimum(np.minimum(fx, 1 - fx) * rows / cols * 1.2, np.minimum(fy, 1 - fy)) + wobble
    mortar = _flat(random_colour(rng, "grey"), n)
    image = _mix(mortar, table[row, col], np.asarray((edge - gap) / 0.03, np.float32))
    return _shade(image, (0.75 + 0.5 * noise(rng, n, (16, 16), 4, 0.8)) * _grain(rng, n, 0.03))


def tiles(rng: np.random.Generator, n: int) -> Image:
    """Ceramic tiles: plain, two-coloured, patterned or veined, with grout."""
    count = 2 * int(rng.integers(1, 5))
    tall = int(rng.choice([1, 1, 1, 2, 3]))
    row, col, fx, fy = _bond(n, count * tall if tall < 3 else count * 2, count, 0.5 if tall > 1 and rng.random() < 0.6 else 0.0)
    first = random_colour(rng, "pale" if rng.random() < 0.5 else "any")
    second = random_colour(rng) if rng.random() < 0.35 else _near(rng, first, 6)
    rows = int(row.max()) + 1
    table = np.array(
        [[_near(rng, second if (r + c) % 2 else first, rng.choice([1, 5])) for c in range(count)] for r in range(rows)]
    )
    image = np.asarray(table.astype(np.uint8)[row, col], np.uint8)
    style = rng.random()
    if style < 0.3:  # a printed motif, the same on each tile
        motif = _mirrored(noise(rng, 64, (3, 3), 2))
        drawn = motif[(fy * 63).astype(np.int32), (fx * 63).astype(np.int32)]
        image = _mix(
            image, _flat(random_colour(rng), n), (np.abs(drawn - 0.5) < rng.uniform(0.05, 0.2)).astype(np.float32) * 0.9
        )
    elif style < 0.55:
        image = _shade(image, 0.85 + 0.3 * noise(rng, n, (4, 4), 5, 0.65))
    grout = rng.uniform(0.008, 0.03)
    edge = np.minimum(np.minimum(fx, 1 - fx), np.minimum(fy, 1 - fy) / max(tall, 1))
    return _mix(_flat(random_colour(rng, "grey"), n), image, np.asarray((edge - grout) / 0.01, np.float32))


def wood(rng: np.random.Generator, n: int) -> Image:
    """Wood grain running along x."""
    base = np.array(random_colour(rng, "wood"))
    rings = noise(rng, n, (int(rng.integers(2, 6)), 1), 4, 0.5)
    figure = 0.5 + 0.5 * np.sin(rings * rng.uniform(10, 50))
    fine = noise(rng, n, (n // 4, 4), 2, 0.7)
    value = rng.uniform(0.2, 0.6) * figure + 0.5 * fine
    contrast = rng.uniform(0.5, 0.85)
    return _ramp(np.asarray(value / value.max(), np.float32), [base * contrast, base * 0.95, np.minimum(base * 1.12, 255)])


def planks(rng: np.random.Generator, n: int) -> Image:
    """Boards laid along x with staggered ends: floors, fences, table tops."""
    grain = wood(rng, n)
    rows = int(rng.integers(3, 11))
    x, y = _xy(n)
    row = np.minimum((y * rows).astype(np.int64), rows - 1)[:, 0]
    ends = rng.random((rows, 1))
    per_row = int(rng.choice([1, 1, 2]))
    place = (x - ends[row]) * per_row
    board = (np.floor(place).astype(np.int64) % per_row) + row[:, None] * per_row
    spread = rng.uniform(0.02, 0.14)
    tone = rng.normal(1, spread, rows * per_row)[board].astype(np.float32)
    rolled = np.empty_like(grain)
    for r in range(rows):
        pick = row == r
        rolled[pick] = np.roll(grain, int(rng.integers(n)), axis=1)[np.roll(pick, int(rng.integers(n)))]
    fy = y * rows - row[:, None]
    fx = place - np.floor(place)
    gap = rng.uniform(0.01, 0.05)
    seam = np.minimum(np.minimum(fy, 1 - fy), np.minimum(fx, 1 - fx) * rows / per_row)
    return _shade(rolled, tone * np.where(seam < gap, rng.uniform(0.3, 0.8), 1.0).astype(np.float32))


def parquet(rng: np.random.Generator, n: int) -> Image:
    """Basket-weave or chequered parquet."""
    count, strips = 2 * int(rng.integers(1, 4)), int(rng.integers(2, 6))
    row, col, fx, fy = _bond(n, count, count, 0.0)
    grain = wood(rng, n)
    turned = (row + col) % 2 == 1
    place = np.where(turned, fx, fy) * strips
    strip = np.floor(place).astype(np.int64) % strips
    tone = rng.normal(1, 0.09, (count, count, strips))[row, col, strip].astype(np.float32)
    inner = place - np.floor(place)
    edge = np.minimum(np.minimum(inner, 1 - inner) / strips, np.minimum(np.minimum(fx, 1 - fx), np.minimum(fy, 1 - fy)))
    image = np.where(turned[..., None], grain.transpose(1, 0, 2), grain).astype(np.uint8)
    return _shade(image, tone * np.where(edge < 0.012, 0.55, 1.0).astype(np.float32))


def marble(rng: np.random.Generator, n: int) -> Image:
    """Veined stone."""
    base = random_colour(rng, "pale" if rng.random() < 0.6 else "any")
    vein = random_colour(rng, "grey" if rng.random() < 0.5 else "earth")
    cloud = noise(rng, n, (3, 3), 6, 0.6)
    ridge = 1 - np.abs(2 * noise(rng, n, (2, 2), 6, 0.55) - 1)
    strong = np.clip((ridge - rng.uniform(0.86, 0.93)) * 12, 0, 1)
    return _mix(
        _ramp(cloud, [_near(rng, base, 14), base]), _flat(vein, n), np.asarray(strong * rng.uniform(0.3, 0.8), np.float32)
    )


def granite(rng: np.random.Generator, n: int) -> Image:
    """Speckled stone, terrazzo."""
    colours = [random_colour(rng, "grey"), random_colour(rng, "earth"), random_colour(rng, "pale"), random_colour(rng, "dark")]
    _, cell, _ = _cells(rng, n, int(rng.choice([300, 1200, 4000])))
    table = np.array(colours)[rng.choice(4, int(cell.max()) + 1, p=rng.dirichlet([1, 1, 1, 1]))].astype(np.uint8)
    return _shade(table[cell], 0.9 + 0.2 * noise(rng, n, (32, 32), 3))


def plaster(rng: np.random.Generator, n: int) -> Image:
    """A painted wall: nearly plain, with a little relief and stain."""
    base = random_colour(rng, "pale" if rng.random() < 0.75 else "any")
    relief = noise(rng, n, (int(rng.choice([8, 24, 64])),) * 2, 4, 0.8)
    strength = rng.uniform(0.02, 0.2)
    return _shade(_flat(base, n), (1 - strength / 2 + strength * relief) * _grain(rng, n, 0.01))


def concrete(rng: np.random.Generator, n: int) -> Image:
    """Grey cast concrete with blotches, pores and sometimes joints."""
    value = 0.6 * noise(rng, n, (3, 3), 6, 0.6) + 0.4 * noise(rng, n, (40, 40), 3, 0.8)
    grey = random_colour(rng, "grey")
    image = _shade(_ramp(value, [_near(rng, grey, 20), grey, _near(rng, grey, 20)]), _grain(rng, n, 0.03))
    if rng.random() < 0.3:
        image[:: n // 2, :] = image[:: n // 2, :] // 2
        image[:, :: n // 2] = image[:, :: n // 2] // 2
    return image


def facade(rng: np.random.Generator, n: int) -> Image:
    """A grid of windows on a wall, one storey for each row."""
    image = brick(rng, n) if rng.random() < 0.4 else (plaster(rng, n) if rng.random() < 0.6 else concrete(rng, n))
    rows, cols = int(rng.integers(2, 6)), int(rng.integers(2, 7))
    wide, tall = rng.uniform(0.3, 0.85), rng.uniform(0.35, 0.8)
    frame, glass = random_colour(rng, "pale" if rng.random() < 0.6 else "dark"), np.array(random_colour(rng, "dark"))
    panes, bars = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    for r in range(rows):
        if rng.random() < 0.1:
            cv2.rectangle(image, (0, int(r * n / rows)), (n, int((r + 0.06) * n / rows)), frame, -1)
        for c in range(cols):
            x0, y0 = int((c + (1 - wide) / 2) * n / cols), int((r + (1 - tall) / 2) * n / rows)
            x1, y1 = int(x0 + wide * n / cols), int(y0 + tall * n / rows)
            lit = rng.random()
            pane = np.array((230, 200, 130)) if lit < 0.08 else (glass + rng.uniform(0, 90) if lit < 0.5 else glass)
            cv2.rectangle(image, (x0 - 2, y0 - 2), (x1 + 2, y1 + 2), frame, -1)
            cv2.rectangle(image, (x0, y0), (x1, y1), tuple(map(float, np.clip(pane, 0, 255))), -1)
            if rng.random() < 0.3:
                cv2.rectangle(
                    image, (x0, y0), (x1, y0 + int((y1 - y0) * rng.uniform(0.1, 0.8))), random_colour(rng, "pale"), -1
                )
            for k in range(1, panes):
                xk = x0 + (x1 - x0) * k // panes
                cv2.line(image, (xk, y0), (xk, y1), frame, 2)
            for k in range(1, bars):
                yk = y0 + (y1 - y0) * k // bars
                cv2.line(image, (x0, yk), (x1, yk), frame, 2)
    return image


# --- cloth and patterns ----------------------------------------------------------------------------------------------


def weave(rng: np.random.Generator, n: int) -> Image:
    """Woven cloth: two threads crossing."""
    threads = int(rng.choice([24, 48, 64]))
    x, y = _xy(n)
    over = np.sin(2 * np.pi * threads * x) * np.sin(2 * np.pi * threads * y)
    warp = random_colour(rng)
    weft = _near(rng, warp, 18) if rng.random() < 0.7 else random_colour(rng)
    value = 0.5 + 0.5 * over * 0.8 + 0.3 * (noise(rng, n, (4, threads), 2) - 0.5)
    return _shade(_ramp(np.asarray(value, np.float32), [warp, weft]), _grain(rng, n, 0.05))


def carpet(rng: np.random.Generator, n: int) -> Image:
    """Pile carpet: speckle of one or two colours."""
    base = random_colour(rng)
    other = _near(rng, base, 30) if rng.random() < 0.7 else random_colour(rng)
    speckle = cv2.GaussianBlur(rng.random((n, n), np.float32), (0, 0), rng.uniform(0.8, 2.2))
    speckle = (speckle - speckle.mean()) / (speckle.std() + 1e-6) * 0.3 + 0.5
    return _shade(_ramp(np.asarray(speckle, np.float32), [base, other]), 0.9 + 0.2 * noise(rng, n, (3, 3), 3))


def stripes(rng: np.random.Generator, n: int) -> Image:
    """Parallel stripes of random widths, along x or y."""
    line = _stripe_line(rng, n, int(rng.integers(2, 6)), int(rng.integers(1, 9)))
    image = np.broadcast_to(line[None], (n, n, 3))
    if rng.random() < 0.4:
        image = image.transpose(1, 0, 2)
    return _shade(np.ascontiguousarray(image), _grain(rng, n, 0.03))


def plaid(rng: np.random.Generator, n: int) -> Image:
    """Checks: gingham, tartan."""
    line = _stripe_line(rng, n, int(rng.integers(2, 5)), int(rng.integers(1, 6))).astype(np.float32)
    return _shade(((line[None] + line[:, None]) / 2).astype(np.uint8), _grain(rng, n, 0.04))


def checks(rng: np.random.Generator, n: int) -> Image:
    """A chessboard of two colours."""
    row, col, _, _ = _bond(n, k := 2 * int(rng.integers(1, 6)), k, 0.0)
    one, two = random_colour(rng), random_colour(rng)
    return _shade(np.array([one, two]).astype(np.uint8)[(row + col) % 2], 0.93 + 0.14 * noise(rng, n, (8, 8), 4))


def dots(rng: np.random.Generator, n: int) -> Image:
    """Dots, rings or flowers on a lattice: wallpaper, cloth."""
    image = _flat(random_colour(rng), n)
    k = 2 * int(rng.integers(1, 6))
    step = n / k
    petals, size = int(rng.integers(0, 8)), rng.uniform(0.15, 0.45)
    colours = [random_colour(rng) for _ in range(int(rng.integers(1, 4)))]
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    shape = 1 + (rng.uniform(0.1, 0.6) * np.cos(petals * t) if petals > 1 else 0 * t)
    outline = np.stack([shape * np.cos(t), shape * np.sin(t)], 1) * size * step
    heart = random_colour(rng) if rng.random() < 0.5 else None
    for i in range(-1, k + 1):
        for j in range(-1, k + 1):
            centre = np.array([(j + 0.5 * (i % 2) + 0.25) * step, (i + 0.5) * step])
            cv2.fillPoly(
                image, [(16 * (centre + outline)).astype(np.int32)], colours[(i * 7 + j) % len(colours)], cv2.LINE_AA, shift=4
            )
            if heart:
                cv2.circle(
                    image, tuple((16 * centre).astype(int).tolist()), int(4 * size * step), heart, -1, cv2.LINE_AA, shift=4
                )
    return _shade(image, _grain(rng, n, 0.02))


def damask(rng: np.random.Generator, n: int) -> Image:
    """A symmetrical ornament, repeated: wallpaper, rugs, cushions."""
    k = int(rng.integers(1, 4))
    half = _mirrored(noise(rng, max(n // (2 * k), 16), (3, 3), 3, 0.6))
    field = cv2.resize(np.tile(half, (k, k)), (n, n), interpolation=cv2.INTER_LINEAR)
    levels = int(rng.integers(2, 5))
    base = random_colour(rng)
    colours = [_near(rng, base, 25) if rng.random() < 0.5 else random_colour(rng) for _ in range(levels)]
    steps = np.clip((field * levels).astype(np.int32), 0, levels - 1)
    return _shade(np.array(colours).astype(np.uint8)[steps], _grain(rng, n, 0.03))


def rug(rng: np.random.Generator, n: int) -> Image:
    """A woven rug with a field, medallion and borders; it does not tile."""
    image = (damask if rng.random() < 0.6 else dots)(rng, n)
    margin = 0
    for _ in range(int(rng.integers(1, 5))):
        width = int(rng.uniform(0.02, 0.08) * n)
        colour = random_colour(rng)
        cv2.rectangle(image, (margin, margin), (n - 1 - margin, n - 1 - margin), colour, width)
        margin += width + int(rng.integers(0, 8))
    if rng.random() < 0.5:
        for scale in (0.3, 0.22, 0.12):
            cv2.ellipse(
                image, (n // 2, n // 2), (int(scale * n), int(scale * n)), 0, 0, 360, random_colour(rng), -1, cv2.LINE_AA
            )
    return _shade(image, _grain(rng, n, 0.08))


def leather(rng: np.random.Generator, n: int) -> Image:
    """Grained leather."""
    _, _, border = _cells(rng, n, int(rng.choice([900, 2500])))
    crease = cv2.GaussianBlur(border.astype(np.float32), (0, 0), 1.2)
    base = random_colour(rng, "earth" if rng.random() < 0.5 else "any")
    return _shade(_flat(base, n), (1 - 0.5 * crease) * (0.85 + 0.3 * noise(rng, n, (4, 4), 3)))


def _stripe_line(rng: np.random.Generator, n: int, colours: int, repeats: int) -> Image:
    palette = np.array([random_colour(rng) for _ in range(colours)])
    widths = rng.dirichlet(np.full(2 * colours, 1.0))
    order = rng.integers(0, colours, 2 * colours)
    place = np.linspace(0, repeats, n, endpoint=False) % 1
    return np.asarray(palette[order[np.searchsorted(np.cumsum(widths)[:-1], place)]], np.uint8)


def _mirrored(values: Values) -> Values:
    half = np.concatenate([values, values[:, ::-1]], 1)
    return np.concatenate([half, half[::-1]], 0)


# --- ground and plants -----------------------------------------------------------------------------------------------


def grass(rng: np.random.Generator, n: int) -> Image:
    """A lawn or meadow seen from above: blades over soil."""
    base = np.array(random_colour(rng, "green"))
    image = _ramp(noise(rng, n, (6, 6), 5, 0.7), [base * 0.35, base * 0.8, base])
    for tone in (0.6, 0.85, 1.1, 1.3):
        root = rng.uniform(0, n, (450, 1, 2))
        blade = rng.normal(0, n / 50, (450, 1, 2))
        blades = list(np.concatenate([root, root + blade], 1).astype(np.int32))
        cv2.polylines(image, blades, False, _near(rng, base * tone, 8), 1)
    return image


def gravel(rng: np.random.Generator, n: int) -> Image:
    """Pebbles, or crazy paving when the cells are large."""
    _distance, cell, border = _cells(rng, n, int(rng.choice([60, 400, 1500])))
    base = random_colour(rng, "grey" if rng.random() < 0.6 else "earth")
    table = np.array([_near(rng, base, 25) for _ in range(64)]).astype(np.uint8)
    edge = cv2.GaussianBlur(border.astype(np.float32), (0, 0), 1.5)
    return _shade(table[cell % 64], np.clip(1 - 1.2 * edge, 0.2, 1) * (0.8 + 0.4 * noise(rng, n, (32, 32), 3, 0.8)))


def asphalt(rng: np.random.Generator, n: int) -> Image:
    """Dark fine aggregate, worn."""
    grey = np.array(random_colour(rng, "grey")) * 0.6
    return _shade(_ramp(noise(rng, n, (3, 3), 5, 0.6), [grey * 0.75, grey * 1.1]), _grain(rng, n, rng.uniform(0.08, 0.25)))


def soil(rng: np.random.Generator, n: int) -> Image:
    """Earth, sand, or a mossy floor."""
    base = np.array(random_colour(rng, "earth"))
    top = base * 1.15 if rng.random() < 0.7 else np.array(random_colour(rng, "green"))
    return _shade(_ramp(noise(rng, n, (4, 4), 7, 0.75), [base * 0.45, base, np.minimum(top, 255)]), _grain(rng, n, 0.1))


def bark(rng: np.random.Generator, n: int) -> Image:
    """Tree bark, its ridges running along v."""
    ridge = np.abs(2 * noise(rng, n, (3, int(rng.choice([10, 20]))), 4, 0.6) - 1)
    base = np.array(random_colour(rng, "earth" if rng.random() < 0.7 else "grey"))
    return _shade(_ramp(ridge, [base * 0.3, base * 0.9, base]), _grain(rng, n, 0.08))


def leaf(rng: np.random.Generator, n: int) -> Image:
    """A leaf's surface: green, veined or mottled."""
    base = np.array(random_colour(rng, "green" if rng.random() < 0.85 else "vivid"))
    image = _ramp(noise(rng, n, (4, 4), 4), [base * 0.7, base * 1.1])
    vein = tuple(np.clip(base * 1.35 + 15, 0, 255).tolist())
    for k in np.linspace(0, 1, int(rng.integers(5, 14))):
        y = int(k * n)
        cv2.line(image, (n // 2, y), (0, y - n // 5), vein, 1, cv2.LINE_AA)
        cv2.line(image, (n // 2, y), (n, y - n // 5), vein, 1, cv2.LINE_AA)
    cv2.line(image, (n // 2, 0), (n // 2, n), vein, max(n // 80, 1), cv2.LINE_AA)
    return image


def brushed(rng: np.random.Generator, n: int) -> Image:
    """Brushed or stained metal."""
    grey = np.array(random_colour(rng, "grey"))
    lines = noise(rng, n, (n, 2), 1)
    return _shade(_ramp(noise(rng, n, (2, 2), 4), [grey * 0.85, np.minimum(grey * 1.1, 255)]), 0.85 + 0.3 * lines)


# --- pictures and print ----------------------------------------------------------------------------------------------


def landscape(rng: np.random.Generator, n: int) -> Image:
    """A photo-like view: sky, ridges, sometimes a sun, trees or water."""
    sky = [random_colour(rng, "pale"), random_colour(rng, "any")]
    image = _ramp(np.repeat(_xy(n)[1], n, 1), [sky[1], sky[0], sky[0]])
    image = _mix(image, _flat((250, 248, 245), n), np.clip(noise(rng, n, (4, 3), 5) * 2 - 1.1, 0, 0.8))
    if rng.random() < 0.4:
        cv2.circle(
            image,
            (int(rng.integers(n)), int(n * rng.uniform(0.1, 0.5))),
            int(n * rng.uniform(0.02, 0.1)),
            (255, 245, 210),
            -1,
            cv2.LINE_AA,
        )
    far, near = np.array(random_colour(rng, "grey")), np.array(random_colour(rng, "green" if rng.random() < 0.6 else "earth"))
    ridges = int(rng.integers(2, 6))
    x = np.arange(n)
    for k in range(ridges):
        height = n * (0.35 + 0.55 * (k + 1) / ridges)
        rough = np.interp(x, np.linspace(0, n, 24), np.cumsum(rng.normal(0, n * 0.02, 24)))
        outline = np.r_[np.c_[x, height + rough], [[n, n], [0, n]]].astype(np.int32)
        t = (k + 1) / ridges
        cv2.fillPoly(image, [outline], tuple((far * (1 - t) + near * t).tolist()))
    return _shade(image, 0.8 + 0.4 * noise(rng, n, (16, 16), 4, 0.7))


def abstract(rng: np.random.Generator, n: int) -> Image:
    """A composition of shapes on a ground."""
    image = _ramp(noise(rng, n, (2, 2), int(rng.integers(1, 6))), [random_colour(rng) for _ in range(int(rng.integers(2, 5)))])
    for _ in range(int(rng.integers(0, 16))):
        colour, kind = random_colour(rng), rng.random()
        c, r = rng.integers(0, n, 2), int(rng.uniform(0.03, 0.3) * n)
        if kind < 0.3:
            cv2.circle(image, tuple(c.tolist()), r, colour, -1 if rng.random() < 0.7 else 4, cv2.LINE_AA)
        elif kind < 0.6:
            cv2.fillPoly(image, [(c + rng.normal(0, r, (int(rng.integers(3, 6)), 2))).astype(np.int32)], colour, cv2.LINE_AA)
        elif kind < 0.8:
            cv2.rectangle(image, tuple(c.tolist()), tuple((c + rng.integers(-r, r + 1, 2)).tolist()), colour, -1)
        else:
            cv2.line(
                image, tuple(c.tolist()), tuple(rng.integers(0, n, 2).tolist()), colour, int(rng.integers(1, 12)), cv2.LINE_AA
            )
    return image


def portrait(rng: np.random.Generator, n: int) -> Image:
    """A head and shoulders before a soft background."""
    image = cv2.GaussianBlur(abstract(rng, n), (0, 0), n / 30)
    skin = np.array((225, 185, 155)) * rng.uniform(0.35, 1.05)
    x, y, r = int(n * rng.uniform(0.35, 0.65)), int(n * rng.uniform(0.35, 0.5)), int(n * rng.uniform(0.12, 0.22))
    hair = random_colour(rng, "dark" if rng.random() < 0.6 else "wood")
    cv2.ellipse(image, (x, n), (int(2.1 * r), int(n - y - 1.2 * r)), 0, 180, 360, random_colour(rng), -1, cv2.LINE_AA)
    cv2.circle(image, (x, y - r // 4), int(1.15 * r), hair, -1, cv2.LINE_AA)
    cv2.ellipse(image, (x, y), (int(0.8 * r), r), 0, 0, 360, tuple(np.minimum(skin, 255).tolist()), -1, cv2.LINE_AA)
    for s in (-1, 1):
        cv2.circle(image, (x + s * r // 3, y - r // 8), max(r // 10, 1), (40, 30, 25), -1, cv2.LINE_AA)
    cv2.ellipse(image, (x, y + r // 2), (r // 4, r // 12), 0, 0, 360, (150, 70, 70), -1, cv2.LINE_AA)
    return _shade(np.asarray(image, np.uint8), 0.85 + 0.3 * noise(rng, n, (6, 6), 4))


def picture(rng: np.random.Generator, n: int) -> Image:
    """A framed picture's content: landscape, portrait or abstract."""
    return (landscape, abstract, abstract, portrait)[rng.integers(4)](rng, n)


def page(rng: np.random.Generator, n: int) -> Image:
    """A printed page: headings, columns of words, sometimes a picture."""
    paper = random_colour(rng, "pale")
    image, ink = _flat(paper, n), random_colour(rng, "dark")
    columns = int(rng.integers(1, 4))
    margin, line = int(n * 0.07), int(rng.integers(6, 14)) * n // 512 + 2
    if rng.random() < 0.6:
        _write(rng, image, margin, int(n * 0.14), n / 260, ink)
    top = int(n * 0.2)
    width = (n - 2 * margin) // columns
    shown = rng.random() < 0.4
    if shown:
        h = int(n * rng.uniform(0.15, 0.4))
        image[top : top + h, margin : n - margin] = cv2.resize(
            picture(rng, 128), (n - 2 * margin, h), interpolation=cv2.INTER_AREA
        )
        top += h + line
    for c in range(columns):
        for y in range(top, n - margin, 2 * line):
            x, end = margin + c * width, margin + (c + 1) * width - line
            if rng.random() < 0.12:
                end -= int(rng.uniform(0.1, 0.8) * width)
            for word in rng.integers(line, 6 * line, 40):
                if x + word > end:
                    break
                cv2.rectangle(image, (x, y), (x + int(word), y + line * 2 // 3), ink, -1)
                x += int(word) + line
    return image


def cover(rng: np.random.Generator, n: int) -> Image:
    """A book's cover, packet front or poster: a ground, a picture or shapes, large letters."""
    image = (
        picture(rng, n) if rng.random() < 0.4 else _ramp(np.repeat(_xy(n)[1], n, 1), [random_colour(rng), random_colour(rng)])
    )
    if rng.random() < 0.5:
        x0, y0 = (rng.uniform(0.05, 0.35, 2) * n).astype(int)
        x1, y1 = (rng.uniform(0.55, 0.95, 2) * n).astype(int)
        image[y0:y1, x0:x1] = cv2.resize(picture(rng, 128), (int(x1 - x0), int(y1 - y0)), interpolation=cv2.INTER_LINEAR)
    for _ in range(int(rng.integers(1, 5))):
        _write(
            rng,
            image,
            int(n * rng.uniform(0.03, 0.3)),
            int(n * rng.uniform(0.12, 0.95)),
            n * rng.uniform(0.001, 0.006),
            random_colour(rng),
        )
    return image


def label(rng: np.random.Generator, n: int) -> Image:
    """A wrap-around label: bands and letters."""
    image = np.ascontiguousarray(np.broadcast_to(_stripe_line(rng, n, 3, 1)[:, None], (n, n, 3)))
    for _ in range(int(rng.integers(1, 4))):
        _write(
            rng,
            image,
            int(n * rng.uniform(0, 0.4)),
            int(n * rng.uniform(0.2, 0.9)),
            n * rng.uniform(0.002, 0.007),
            random_colour(rng),
        )
    return image


def screen(rng: np.random.Generator, n: int) -> Image:
    """A monitor's content: panels, text, pictures."""
    image = picture(rng, n) if rng.random() < 0.5 else _flat(random_colour(rng), n)
    for _ in range(int(rng.integers(1, 4))):
        x0, y0 = (rng.uniform(0, 0.6, 2) * n).astype(int)
        w, h = (rng.uniform(0.25, 0.4, 2) * n).astype(int)
        image[y0 : y0 + h, x0 : x0 + w] = cv2.resize(page(rng, 256), (int(w), int(h)), interpolation=cv2.INTER_AREA)
        cv2.rectangle(image, (int(x0), int(y0)), (int(x0 + w), int(y0 + n // 40)), random_colour(rng), -1)
    cv2.rectangle(image, (0, n - n // 20), (n, n), random_colour(rng, "dark"), -1)
    return image


def _write(rng: np.random.Generator, image: Image, x: int, y: int, size: float, colour: Rgb) -> None:
    letters = "".join(chr(c) for c in rng.integers(ord("A"), ord("Z") + 1, int(rng.integers(3, 10))))
    if rng.random() < 0.5:
        letters = letters[0] + letters[1:].lower()
    cv2.putText(image, letters, (x, y), int(rng.integers(0, 5)), size, colour, max(int(size * 2.5), 1), cv2.LINE_AA)


# --- choosing --------------------------------------------------------------------------------------------------------


class Surface(NamedTuple):
    """A look with its natural size: `repeats_per_metre` is what `shapes.scale_uv` wants for a mesh in metres."""

    look: Look
    repeats_per_metre: float


# painter: (metres that one repeat covers: low, high), kind of look, its roughness
_NATURE: dict[Painter, tuple[float, float, LookKind, float]] = {
    brick: (0.6, 1.4, "diffuse", 0.5),
    tiles: (0.4, 1.8, "plastic", 0.08),
    wood: (0.5, 1.5, "plastic", 0.2),
    planks: (0.6, 1.8, "plastic", 0.2),
    parquet: (0.5, 1.4, "plastic", 0.15),
    marble: (0.8, 2.5, "plastic", 0.06),
    granite: (0.2, 0.8, "plastic", 0.08),
    plaster: (0.8, 3.0, "diffuse", 0.5),
    concrete: (1.0, 3.0, "diffuse", 0.5),
    facade: (6.0, 18.0, "diffuse", 0.5),
    weave: (0.08, 0.3, "diffuse", 0.5),
    carpet: (0.2, 0.8, "diffuse", 0.5),
    stripes: (0.2, 1.0, "diffuse", 0.5),
    plaid: (0.15, 0.8, "diffuse", 0.5),
    checks: (0.2, 1.2, "diffuse", 0.3),
    dots: (0.2, 1.0, "diffuse", 0.5),
    damask: (0.3, 1.2, "diffuse", 0.5),
    rug: (1.5, 2.5, "diffuse", 0.5),
    leather: (0.15, 0.5, "plastic", 0.25),
    grass: (0.5, 2.0, "diffuse", 0.5),
    gravel: (0.5, 2.0, "diffuse", 0.5),
    asphalt: (1.0, 4.0, "diffuse", 0.5),
    soil: (1.0, 4.0, "diffuse", 0.5),
    bark: (0.3, 1.0, "diffuse", 0.5),
    leaf: (0.1, 0.3, "plastic", 0.3),
    brushed: (0.3, 1.0, "metal", 0.25),
    picture: (0.5, 1.0, "diffuse", 0.5),
    page: (0.2, 0.4, "diffuse", 0.5),
    cover: (0.2, 0.5, "plastic", 0.2),
    label: (0.1, 0.3, "plastic", 0.2),
    screen: (0.4, 0.8, "plastic", 0.05),
}

CATEGORIES: dict[str, tuple[Painter, ...]] = {
    "wall": (plaster, plaster, plaster, plaster, stripes, dots, damask, tiles, brick, concrete, planks, plaid, marble),
    "floor": (planks, planks, planks, parquet, parquet, tiles, tiles, carpet, carpet, marble, concrete, granite, checks),
    "ceiling": (plaster, plaster, plaster, plaster, plaster, planks, concrete, tiles),
    "tiles": (tiles, tiles, checks, marble),
    "brick": (brick,),
    "wood": (wood, wood, planks),
    "furniture": (wood, wood, wood, planks, plaster, leather, weave, brushed),
    "counter": (wood, marble, granite, granite, tiles, planks, concrete, brushed),
    "stone": (marble, granite, concrete),
    "fabric": (weave, weave, stripes, plaid, checks, dots, damask, carpet),
    "carpet": (carpet, carpet, damask, stripes, weave),
    "rug": (rug,),
    "leather": (leather,),
    "picture": (picture,),
    "page": (page,),
    "cover": (cover, cover, page),
    "label": (label, cover),
    "screen": (screen,),
    "metal": (brushed,),
    "ground": (grass, gravel, soil, asphalt),
    "grass": (grass,),
    "gravel": (gravel,),
    "paving": (gravel, tiles, brick, concrete, asphalt),
    "asphalt": (asphalt,),
    "soil": (soil,),
    "bark": (bark,),
    "leaf": (leaf,),
    "facade": (facade,),
    "facade_wall": (brick, brick, plaster, concrete, planks, tiles),
    "concrete": (concrete,),
}


def random_texture(rng: np.random.Generator, category: str | None = None, n: int = 256) -> Image:
    """Return an (n, n, 3) uint8 sRGB texture of a category in `CATEGORIES`, or of any.

    Raises:
        KeyError: no such category.
    """
    return _pick(rng, category)(rng, n)


def surface(rng: np.random.Generator, category: str | None = None, n: int = 256) -> Surface:
    """Return a textured look of a category with a plausible size; roughness and gloss vary."""
    painter = _pick(rng, category)
    low, high, kind, roughness = _NATURE[painter]
    if kind == "plastic" and rng.random() < 0.35:
        kind = "diffuse"
    gloss = float(np.clip(roughness * rng.uniform(0.6, 1.8), 0.03, 0.5))
    return Surface(Look(kind, texture=painter(rng, n), roughness=gloss), 1 / float(rng.uniform(low, high)))


def _pick(rng: np.random.Generator, category: str | None) -> Painter:
    painters = list(_NATURE) if category is None else CATEGORIES[category]
    return painters[int(rng.integers(len(painters)))]
