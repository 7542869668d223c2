"""What depth learnt from films is worth, where frames have a truth: each picture's median is brought to the truth's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadline.data.film_windows import crop_map, window_of
from leadline.data.video_views import VideoViews
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.models.video_network import VideoNetwork
from leadline.runtime.sizing import resize_map
from leadline.training.predictor import NetworkPredictor

NEAREST_M, FARTHEST_M = 1e-3, 80.0  # of the truth that counts, and of what is said there (KITTI's protocol)
FEWEST = 100  # pixels


@dataclass(frozen=True, eq=False)
class FilmTruth:
    """A held-out picture with its depth.

    Attributes:
        picture: (h, w, 3) uint8.
        depth: its truth, at a size of its own.
    """

    picture: NDArray[np.uint8]
    depth: DepthMap


def film_truth(views: VideoViews, most: int) -> list[FilmTruth]:
    """Return the truth of up to `most` held-out targets, those that have one. Nothing is learnt from it.

    Where films share a field of view, it is that of the windows: elsewhere the network says another scale.
    """
    found = []
    hw = views.shapes[0]
    for _, film, index in views.held_out(most):
        depth = film.read_depth(film.numbers[index]) if film.read_depth is not None else None
        if depth is not None and depth.kind == METRIC_DEPTH:
            camera, picture = film.cameras[index], np.asarray(film.pictures[index])
            if hw in views.fov_deg:
                window = window_of(camera, hw, views.fov_deg[hw])
                picture, depth = window.crop(picture), crop_map(depth, window, camera.hw)
            found.append(FilmTruth(picture, depth))
    return found


def score_depth(network: VideoNetwork, truth: Sequence[FilmTruth]) -> dict[str, float]:
    """Return scores of a network in evaluation mode, averaged over pictures; none without a truth.

    "abs_rel" and "delta1" after median scaling, as methods without metres are scored (METHODS 0); "scale" is the median of the
    factors, "scale_spread" the standard deviation of the factors over it; of a network that says metres also "abs_rel_metres".
    """
    predictor = NetworkPredictor(network, network.card("validation"))
    rows: list[tuple[float, float, float, float]] = []
    for each in truth:
        hw = each.depth.hw
        predicted = resize_map(predictor(each.picture).depth.values, hw).astype(np.float64)
        actual = each.depth.values.astype(np.float64)
        valid = each.depth.valid & (actual > NEAREST_M) & (actual < FARTHEST_M) & (predicted > 0)
        if valid.sum() < FEWEST:
            continue
        p, z = predicted[valid], actual[valid]
        factor = float(np.median(z) / np.median(p))
        scaled = np.clip(factor * p, NEAREST_M, FARTHEST_M)
        close = np.maximum(scaled / z, z / scaled) < 1.25
        as_it_is = np.abs(np.clip(p, NEAREST_M, FARTHEST_M) - z) / z
        rows.append((float((np.abs(scaled - z) / z).mean()), float(close.mean()), factor, float(as_it_is.mean())))
    if not rows:
        return {}
    abs_rel, delta1, _, metres = (float(value) for value in np.mean(rows, axis=0))
    factors = np.array(rows)[:, 2]
    scale = float(np.median(factors))
    found = {"abs_rel": abs_rel, "delta1": delta1, "scale": scale, "scale_spread": float(np.std(factors / scale))}
    return {**found, "abs_rel_metres": metres} if network.kind == METRIC_DEPTH else found
