"""Moving one frame's depth into another, written a second time, slowly: one pixel after the other."""

import math

import numpy as np


def moved(depth, valid, camera, pose, other_camera, other_pose):
    """For each pixel with depth: (row, column, x, y, z), where it lands in the other picture (corner convention), how far."""
    into_other = np.linalg.inv(other_pose)
    for row in range(camera.height):
        for column in range(camera.width):
            if not valid[row, column]:
                continue
            z = float(depth[row, column])
            here = [(column + 0.5 - camera.cx) / camera.fx * z, (row + 0.5 - camera.cy) / camera.fy * z, z, 1.0]
            there = into_other @ (pose @ np.array(here))
            if there[2] <= 0:
                continue
            x = other_camera.fx * there[0] / there[2] + other_camera.cx
            y = other_camera.fy * there[1] / there[2] + other_camera.cy
            yield row, column, float(x), float(y), float(there[2])


def depth_between(depth, valid, x, y):
    """Depth at a position, interpolated in disparity; None where a pixel with a share is missing or outside."""
    height, width = depth.shape
    u, v = x - 0.5, y - 0.5
    if not (0 <= u <= width - 1 and 0 <= v <= height - 1):
        return None
    total = 0.0
    for row in (math.floor(v), math.floor(v) + 1):
        for column in (math.floor(u), math.floor(u) + 1):
            share = (1 - abs(u - column)) * (1 - abs(v - row))
            if share == 0:
                continue
            if not valid[row, column]:
                return None
            total += share / float(depth[row, column])
    return 1 / total


def pair(a, b, compared, bounds):
    """`a` and `b` are (depth, valid, camera, world_from_camera)."""
    errors, ratios = [], []
    for row, column, x, y, z in moved(a[0], a[1], a[2], a[3], b[2], b[3]):
        own = depth_between(b[0], b[1], x, y) if compared[row, column] else None
        if own is not None:
            errors.append(abs(z - own) / own)
            ratios.append(max(z / own, own / z))
    return {
        "temporal_abs_rel": math.fsum(errors) / len(errors),
        **{f"temporal_delta_{bound:g}": sum(r < bound for r in ratios) / len(ratios) for bound in bounds},
        "temporal_landed": len(errors) / int(compared.sum()),
    }


def flicker(before, after, still):
    changes = [
        math.log(float(q)) - math.log(float(p)) for p, q, s in zip(before.flat, after.flat, still.flat, strict=True) if s
    ]
    ordered = sorted(changes)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    n = len(changes)
    return {
        "flicker": math.fsum(abs(c) for c in changes) / n,
        "flicker_local": math.fsum(abs(c - middle) for c in changes) / n,
    }
