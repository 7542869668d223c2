"""The left-right check and the filling of holes, pixel by pixel."""

import math

import numpy as np


def agrees(left, right, left_valid, right_valid, largest):
    h, w = left.shape
    found = np.zeros((h, w), bool)
    for y in range(h):
        for x in range(w):
            if not left_valid[y, x]:
                continue
            there = round(float(x - left[y, x]))  # to even, as NumPy
            if 0 <= there < w and right_valid[y, there]:
                found[y, x] = abs(float(left[y, x]) - float(right[y, there])) <= largest
    return found


def fill(values, valid):
    h, w = values.shape
    rows = [y for y in range(h) if valid[y].any()]
    out = np.zeros((h, w))
    for y in range(h):
        if not rows:
            continue
        source = min(rows, key=lambda r, y=y: (abs(r - y), r))
        for x in range(w):
            if valid[source, x]:
                out[y, x] = values[source, x]
                continue
            before = next((values[source, i] for i in range(x, -1, -1) if valid[source, i]), math.inf)
            after = next((values[source, i] for i in range(x, w) if valid[source, i]), math.inf)
            out[y, x] = min(before, after)
    return out
