"""Slow twins of the losses between features: one image, one place at a time (METHODS C.1, D.15)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def feature_alignment(features: NDArray[Any], frozen: NDArray[Any], valid: NDArray[np.bool_], margin: float) -> float:
    total = 0.0
    for place in zip(*np.nonzero(valid), strict=True):
        a, b = features[:, *place], frozen[:, *place]
        cosine = float(a @ b) / float(np.linalg.norm(a) * np.linalg.norm(b))
        total += 0.0 if cosine > margin else 1 - cosine
    return total / max(1, int(valid.sum()))


def content_congruency(adapted: NDArray[Any], source: NDArray[Any], valid: NDArray[np.bool_]) -> float:
    costs = [np.abs(adapted[:, *place] - source[:, *place]).mean() for place in zip(*np.nonzero(valid), strict=True)]
    return float(np.mean(costs)) if costs else 0.0


def least_squares_game(source_scores: NDArray[Any], target_scores: NDArray[Any]) -> tuple[float, float]:
    """Return what the discriminator and what the adapted network minimise."""
    discriminator = np.mean([(s - 1) ** 2 for s in source_scores.ravel()]) + np.mean([t**2 for t in target_scores.ravel()])
    return float(discriminator / 2), float(np.mean([(t - 1) ** 2 for t in target_scores.ravel()]) / 2)


def cross_entropy_game(source_scores: NDArray[Any], target_scores: NDArray[Any]) -> tuple[float, float]:
    """Return what the discriminator and what the adapted network minimise, from logits."""
    real, fake = 1 / (1 + np.exp(-source_scores.ravel())), 1 / (1 + np.exp(-target_scores.ravel()))
    return float(-np.log(real).mean() - np.log(1 - fake).mean()), float(-np.log(fake).mean())
