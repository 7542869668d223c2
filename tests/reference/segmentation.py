"""Slow twins of the losses and scores of class maps, pixel by pixel in float64."""

from __future__ import annotations

import math
from typing import Any


def softmax(numbers: Any) -> list[float]:
    top = max(float(n) for n in numbers)
    powers = [math.exp(float(n) - top) for n in numbers]
    return [p / sum(powers) for p in powers]


def cross_entropy(logits: Any, target: Any, valid: Any, weights: Any) -> float:
    """Of one (K, h, w) map."""
    losses = [
        -weights[target[y][x]] * math.log(softmax(logits[:, y, x])[target[y][x]])
        for y in range(len(target))
        for x in range(len(target[0]))
        if valid[y][x]
    ]
    return sum(losses) / len(losses) if losses else 0.0


def dice(logits: Any, target: Any, valid: Any, classes: Any) -> float:
    """Of a (N, K, h, w) batch."""
    places = [
        (n, y, x) for n in range(len(target)) for y in range(len(target[0])) for x in range(len(target[0][0])) if valid[n][y][x]
    ]
    losses = []
    for index in classes:
        true = [float(target[n][y][x] == index) for n, y, x in places]
        if not sum(true):
            continue
        said = [softmax(logits[n, :, y, x])[index] for n, y, x in places]
        overlap = sum(t * s for t, s in zip(true, said, strict=True))
        losses.append(1 - (2 * overlap + 1) / (sum(true) + sum(said) + 1))
    return sum(losses) / len(losses) if losses else 0.0


def scores(pred: Any, target: Any, valid: Any, index: int) -> tuple[float, float, float]:
    """IoU, precision and recall of a class that occurs in both."""
    places = [(y, x) for y in range(len(target)) for x in range(len(target[0])) if valid[y][x]]
    said = {place for place in places if pred[place[0]][place[1]] == index}
    true = {place for place in places if target[place[0]][place[1]] == index}
    both = len(said & true)
    return both / len(said | true), both / len(said), both / len(true)
