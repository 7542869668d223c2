"""What published evaluation scripts do, step by step in plain NumPy: slow, one image, independent of leadline.

Each function returns (AbsRel, delta1) of one image. `pred` and `truth` are (h, w) float64; truth is 0 where there is none.
"""

import math

import numpy as np


def abs_rel_delta1(pred, truth):
    ratio = np.maximum(pred / truth, truth / pred)
    return float(np.mean(np.abs(pred - truth) / truth)), float(np.mean(ratio < 1.25))


def least_squares(x, y):
    solution = np.linalg.lstsq(np.stack([x, np.ones_like(x)], axis=1), y, rcond=None)[0]
    return float(solution[0]), float(solution[1])


def midas(disparity, truth, cap):
    mask = (truth > 0) & (truth <= cap)
    scale, shift = least_squares(disparity[mask], 1 / truth[mask])
    aligned = scale * disparity + shift
    aligned[aligned < 1 / cap] = 1 / cap
    return abs_rel_delta1(1 / aligned[mask], truth[mask])


def midas_in_disparity(disparity, truth, cap):
    mask = (truth > 0) & (truth <= cap)
    scale, shift = least_squares(disparity[mask], 1 / truth[mask])
    aligned = np.maximum(scale * disparity[mask] + shift, 1 / cap)
    return abs_rel_delta1(aligned, 1 / truth[mask])


def monodepth2(disparity, truth):
    h, w = truth.shape
    depth = 1 / disparity
    mask = (truth > 1e-3) & (truth < 80)
    crop = np.array([0.40810811 * h, 0.99189189 * h, 0.03594771 * w, 0.96405229 * w]).astype(np.int32)
    inside = np.zeros(mask.shape, bool)
    inside[crop[0] : crop[1], crop[2] : crop[3]] = True
    mask &= inside
    p, t = depth[mask], truth[mask]
    p = p * (np.median(t) / np.median(p))
    return abs_rel_delta1(np.clip(p, 1e-3, 80), t)


def bts_garg(depth, truth):
    h, w = truth.shape
    mask = (truth > 1e-3) & (truth < 80)
    inside = np.zeros(mask.shape, bool)
    inside[int(0.40810811 * h) : int(0.99189189 * h), int(0.03594771 * w) : int(0.96405229 * w)] = True
    mask &= inside
    return abs_rel_delta1(np.clip(depth[mask], 1e-3, 80), truth[mask])


def marigold(depth, truth, nearest, cap):
    mask = (truth > nearest) & (truth < cap)
    scale, shift = least_squares(depth[mask], truth[mask])
    return abs_rel_delta1(np.clip(scale * depth[mask] + shift, nearest, cap), truth[mask])


def unidepth_ssi(depth, truth, cap):
    mask = (truth > 0) & (truth <= cap)
    p, t = depth[mask], truth[mask]
    error = np.abs(p - t)
    kept = error < np.quantile(error, 0.95)
    scale, shift = least_squares(p[kept], t[kept])
    return abs_rel_delta1(np.maximum(scale * p + shift, 1e-3), t)


def grid_of_nearest(mask, side=64):
    """The pixels of MoGe's grid, (row, column) each, cell after cell."""
    h, w = mask.shape
    step_y, step_x = max(1.0, h / side), max(1.0, w / side)
    chosen = []
    for i in range(side):
        for j in range(side):
            y, x = (i + 0.5) / side * h, (j + 0.5) / side * w
            top, left = round(y - step_y / 2), round(x - step_x / 2)  # halves to even, as torch.round
            best = None
            for r in range(top, top + math.ceil(step_y)):
                for c in range(left, left + math.ceil(step_x)):
                    if 0 <= r < h and 0 <= c < w and mask[r, c]:
                        distance = (r + 0.5 - y) ** 2 + (c + 0.5 - x) ** 2
                        if best is None or distance < best[0]:
                            best = distance, r, c
            if best is not None:
                chosen.append(best[1:])
    return chosen


def moge_scale(depth, truth):
    mask = truth > 0
    rows, columns = np.array(grid_of_nearest(mask)).T
    p, t = depth[rows, columns], truth[rows, columns]
    # A best scale of sum |s p - t| / t goes through a point: try them all.
    sums = [np.sum(np.abs(s * p - t) / t) for s in t / p]
    scale = (t / p)[int(np.argmin(sums))]
    return abs_rel_delta1(scale * depth[mask], truth[mask])


def moge_affine_disparity(disparity, truth):
    mask = truth > 0
    scale, shift = least_squares(disparity[mask], 1 / truth[mask])
    floor = 1 / truth[mask].max()
    return abs_rel_delta1(1 / np.maximum(scale * disparity[mask] + shift, floor), truth[mask])


def booster(disparity, truth_m, as_published):
    """Depths in metres; what the clip makes of a negative fitted disparity is the published quirk."""
    mask = (truth_m >= 1e-3) & (truth_m <= 10)
    low, high = disparity.min(), disparity.max()
    unit = (disparity - low) / (high - low)
    scale, shift = least_squares(unit[mask], 1 / truth_m[mask])
    with np.errstate(divide="ignore"):
        depth = 1 / (scale * unit[mask] + shift)
    depth[np.isinf(depth)] = 10
    if not as_published:
        depth[depth < 0] = 10
    return abs_rel_delta1(np.clip(depth, 1e-3, 10), truth_m[mask])
