"""Slow twins of the dense objectives: one image at a time, pixel by pixel in float64, straight from METHODS."""

from __future__ import annotations

from collections.abc import Iterator
from math import hypot, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.reference import ssi_losses

Map = NDArray[Any]
Mask = NDArray[np.bool_]


def pixels(*maps: Map, valid: Mask) -> Iterator[tuple[float, ...]]:
    for y, x in np.argwhere(valid):
        yield tuple(float(values[y, x]) for values in maps)


def l1(pred: Map, target: Map, valid: Mask) -> float:
    terms = [abs(p - t) for p, t in pixels(pred, target, valid=valid)]
    return sum(terms) / max(1, len(terms))


def l2(pred: Map, target: Map, valid: Mask) -> float:
    terms = [(p - t) ** 2 for p, t in pixels(pred, target, valid=valid)]
    return sum(terms) / max(1, len(terms))


def logs(pred: Map, target: Map, valid: Mask) -> tuple[NDArray[np.float64], Mask]:
    counted = valid & (np.where(valid, target, 0) > 0)
    d = np.full(pred.shape, np.nan)
    for y, x in np.argwhere(counted):
        d[y, x] = log(pred[y, x]) - log(target[y, x])
    return d, counted


def log_l1(pred: Map, target: Map, valid: Mask) -> float:
    d, counted = logs(pred, target, valid)
    return float(np.abs(d[counted]).sum()) / max(1, int(counted.sum()))


def eigen_gradient(pred: Map, target: Map, valid: Mask) -> float:
    d, counted = logs(pred, target, valid)
    total = sum(
        (d[v, u] - d[y, x]) ** 2
        for y, x in np.argwhere(counted)
        for v, u in ((y, x + 1), (y + 1, x))
        if v < d.shape[0] and u < d.shape[1] and counted[v, u]
    )
    return float(total) / max(1, int(counted.sum()))


def pairwise_log_error(pred: Map, target: Map, valid: Mask) -> float:
    """1/(2 n^2) sum over all pairs of [(ln y_i - ln y_j) - (ln y*_i - ln y*_j)]^2, the form in which Eigen introduces it."""
    d, counted = logs(pred, target, valid)
    inside = d[counted]
    return float(sum((a - b) ** 2 for a in inside for b in inside)) / max(1, 2 * inside.size**2)


def berhu(pred: Map, target: Map, valid: Mask, c: float) -> float:
    terms = [abs(p - t) for p, t in pixels(pred, target, valid=valid)]
    return sum(x if x <= c else (x * x + c * c) / (2 * c) for x in terms) / max(1, len(terms))


def differences(values: Map, valid: Mask, spacing: int) -> Iterator[tuple[int, int, int, float, float]]:
    """Yield y, x, axis, start and end of every difference whose ends are valid."""
    h, w = valid.shape
    for y, x in np.argwhere(valid):
        for axis, (v, u) in enumerate(((y, x + spacing), (y + spacing, x))):
            if v < h and u < w and valid[v, u]:
                yield int(y), int(x), axis, float(values[y, x]), float(values[v, u])


def nmg(pred: Map, target: Map, valid: Mask, spacings: tuple[int, ...] = (1, 2, 4, 8, 16)) -> float:
    pairs = [
        (pb - pa, tb - ta)
        for k in spacings
        for (*_, pa, pb), (*_, ta, tb) in zip(differences(pred, valid, k), differences(target, valid, k), strict=True)
    ]
    ours, theirs = sum(abs(p) for p, _ in pairs), sum(abs(t) for _, t in pairs)
    if ours == 0 or theirs == 0:
        return 0.0
    return sum(abs(theirs / ours * p - t) for p, t in pairs) / int(valid.sum())


def demon(pred: Map, target: Map, valid: Mask, spacings: tuple[int, ...] = (1, 2, 4, 8, 16)) -> float:
    total = 0.0
    for k in spacings:
        vectors: dict[tuple[int, int], list[float]] = {}
        ends = zip(differences(pred, valid, k), differences(target, valid, k), strict=True)
        for (y, x, axis, pa, pb), (*_, ta, tb) in ends:
            vectors.setdefault((y, x), [0.0, 0.0])[axis] = (pb - pa) / (abs(pb) + abs(pa)) - (tb - ta) / (abs(tb) + abs(ta))
        total += sum(hypot(*vector) for vector in vectors.values())
    return total / max(1, int(valid.sum()))


def fitted(pred: Map, target: Map, valid: Mask) -> NDArray[np.float64]:
    design = np.stack([pred[valid], np.ones(int(valid.sum()))], axis=1)
    s, t = np.linalg.lstsq(design, target[valid], rcond=None)[0]
    return np.asarray(np.where(valid, s * pred + t, 0.0))


def virtual_label(pred: Map, label: Map, valid: Mask) -> float:
    aligned, gradient = fitted(pred, label, valid), ssi_losses.gradient_matching
    raw = gradient(pred, label, valid) + l2(pred, label, valid) / 2
    return l2(aligned, label, valid) / 2 + 0.5 * gradient(aligned, label, valid) + raw


def pseudo_label(pred: Map, label: Map, valid: Mask, share: float = 0.1) -> float:
    p, t = _normalised_maps(pred, label, valid)
    ranked = sorted(np.argwhere(valid).tolist(), key=lambda yx: abs(p[*yx] - t[*yx]))
    kept = np.zeros_like(valid)
    for y, x in ranked[: int(np.floor((1 - share) * len(ranked)))]:
        kept[y, x] = True
    p, t = _normalised_maps(pred, label, kept)
    return l1(p, t, kept) + 2 * ssi_losses.gradient_matching(p, t, kept)


def _normalised_maps(pred: Map, label: Map, valid: Mask) -> tuple[Map, Map]:
    p, t = np.zeros(pred.shape), np.zeros(pred.shape)
    ours, theirs = ssi_losses.normalised(pred, valid), ssi_losses.normalised(label, valid)
    assert ours is not None
    assert theirs is not None
    p[valid], t[valid] = ours, theirs
    return p, t


def cutmix(pred: Map, label: Map, valid: Mask, inside: Mask) -> float:
    total = 0.0
    for region in (inside, ~inside):
        part = valid & region
        ours, theirs = ssi_losses.normalised(pred, part), ssi_losses.normalised(label, part)
        if theirs is not None:
            ours = np.zeros_like(theirs) if ours is None else ours
            total += part.sum() / valid.sum() * float(np.mean([abs(a - b) for a, b in zip(ours, theirs, strict=True)]))
    return total


def normals(depth: Map, valid: Mask, fx: float, fy: float, cx: float, cy: float) -> dict[tuple[int, int], NDArray[np.float64]]:
    """The cross product of the edges of the triangle of each pixel, its right and its lower neighbour, in space."""

    def point(y: int, x: int) -> NDArray[np.float64]:
        return float(depth[y, x]) * np.array([(x + 0.5 - cx) / fx, (y + 0.5 - cy) / fy, 1.0])

    found = {}
    for y in range(depth.shape[0] - 1):
        for x in range(depth.shape[1] - 1):
            if valid[y, x] and valid[y, x + 1] and valid[y + 1, x]:
                normal = np.cross(point(y + 1, x) - point(y, x), point(y, x + 1) - point(y, x))
                found[y, x] = normal / sqrt(float((normal**2).sum()))
    return found


def normal_cosine(pred: Map, target: Map, valid: Mask, *camera: float) -> float:
    ours, theirs = normals(pred, valid, *camera), normals(target, valid, *camera)
    return sum(1 - float(ours[at] @ theirs[at]) for at in ours) / max(1, len(ours))


def consistency(maps: Map, valid: Mask) -> float:
    """Mean of squared differences over all pairs of maps and the pixels valid in both."""
    terms = [
        (p - q) ** 2
        for j in range(len(maps))
        for k in range(j + 1, len(maps))
        for p, q in pixels(maps[j], maps[k], valid=valid[j] & valid[k])
    ]
    return sum(terms) / max(1, len(terms))
