"""What a network that learnt from films is worth: its depth, its path, its motions, and the flow of what moves by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from leadline.data.clips import VideoData, fit_clip, read_clip
from leadline.data.film import Film
from leadline.data.film_windows import window_of
from leadline.data.video_views import VideoBatch, collate_clips
from leadline.depth_map import DepthMap
from leadline.metrics.depth import depth_metrics
from leadline.metrics.trajectory import from_first, invert, path_errors, relative_errors
from leadline.models.video_network import VideoNetwork
from leadline.recipes.studies.self_supervised_truth import Poses, Shown, true_flow
from leadline.runtime.sizing import resize_map
from leadline.training.odometry import film_path
from leadline.training.tasks.ddvo import normalised, refine_all
from leadline.training.tasks.geonet import directions, residual_flow
from leadline.training.video_truth import FARTHEST_M, FEWEST, NEAREST_M
from leadline.training.view_synthesis import ask, clips_of, enlarged

METRICS = ("abs_rel", "rmse", "delta1")
HUBER = 1.0  # standard deviations, of robust odometry
Depth = Callable[[NDArray[np.uint8]], DepthMap]
Numbers = dict[str, float]
_CPU = torch.device("cpu")


def constant_depth(picture: NDArray[np.uint8]) -> DepthMap:
    """Say one distance everywhere: what median scaling alone is worth."""
    from leadline.models.video_network import DEPTH_UP_TO_SCALE

    return DepthMap(np.ones(picture.shape[:2], np.float32), None, DEPTH_UP_TO_SCALE)


def score_depth(depth: Depth, pictures: Sequence[Shown], metres: bool = False) -> dict[str, Numbers]:
    """Return means over pictures after each picture's median is brought to the truth's.

    "all" pixels, and where it is known what moves, "moving" and "still" ones, with the scale of the whole picture. "scale" has
    the median of the scales and their standard deviation over it, "spread". "metres", if asked for, is without scaling.

    Args:
        depth: picture to depth.
        pictures: with their truth; those with fewer than 100 pixels of it don't count.
        metres: whether the depth is in metres.
    """
    found: dict[str, list[Numbers]] = {"all": [], "moving": [], "still": [], "metres": []}
    scales = []
    for shown in pictures:
        predicted = resize_map(depth(shown.picture).values, shown.depth.hw).astype(np.float64)
        actual = np.where(shown.depth.valid, shown.depth.values, 0.0).astype(np.float64)
        valid = (actual > NEAREST_M) & (actual < FARTHEST_M) & (predicted > 0)
        if valid.sum() < FEWEST:
            continue
        scale = float(np.median(actual[valid]) / np.median(predicted[valid]))
        scales.append(scale)
        parts = {"all": valid}
        if shown.moving is not None:
            parts |= {"moving": valid & shown.moving, "still": valid & ~shown.moving}
        for part, counted in parts.items():
            if counted.sum() >= FEWEST:
                found[part].append(_compared(scale * predicted, actual, counted))
        if metres:
            found["metres"].append(_compared(predicted, actual, valid))
    means = {part: _means(rows) for part, rows in found.items() if rows}
    if scales:
        middle = float(np.median(scales))
        means["scale"] = {"median": middle, "spread": float(np.std(np.array(scales) / middle))}
    return means


def score_paths(network: VideoNetwork, films: Sequence[tuple[Film, Poses]], hw: tuple[int, int]) -> dict[str, Numbers]:
    """Return the errors of a network's paths through films, means over films, after alignment by a scale alone ("ate_turned":
    turned and moved onto the truth, too).

    "straight" is the control: a camera that goes straight on at a steady speed. Places are in metres; "length" is of the path.

    Args:
        network: in evaluation mode.
        films: all frames, or every n-th, with their (F, 4, 4) true poses.
        hw: of the network's pictures.
    """
    found: dict[str, list[Numbers]] = {"network": [], "straight": []}
    for film, poses in films:
        true = from_first(poses)
        ahead = np.tile(np.eye(4), (len(true), 1, 1))
        ahead[:, 2, 3] = np.arange(len(true))
        length = float(np.linalg.norm(np.diff(true[:, :3, 3], axis=0), axis=1).sum())
        for name, path in (("network", film_path(network, film, hw)), ("straight", ahead)):
            errors = path_errors(path, true, "scale")
            found[name].append(
                {
                    "ate": errors.ate_rmse,
                    "ate_share": errors.ate_rmse / length,
                    "ate_turned": path_errors(path, true, "similarity").ate_rmse,
                    "rpe": errors.rpe_rmse,
                    "rpe_rotation_deg": errors.rpe_rotation_rmse_deg,
                    "length": length,
                }
            )
    return {name: _means(rows, "films") for name, rows in found.items() if rows}


def clips_at(film: Film, indices: Sequence[int], hw: tuple[int, int]) -> VideoBatch:
    """Return targets of a film with the frames before and after, as they are."""
    how = VideoData()
    clips = [read_clip(film, index, how) for index in indices]
    return collate_clips([fit_clip(clip, window_of(clip.cameras[0], hw, None), hw) for clip in clips], how.sources)


def score_refinement(
    network: VideoNetwork, batches: Sequence[tuple[VideoBatch, Poses, Sequence[DepthMap]]], mean_disparity: float
) -> dict[str, Numbers]:
    """Return errors of the pose network's motions "before" and "after" direct odometry on the network's own depth.

    "ate" is of the places of the two neighbours around each target, metres, after one scale for the two (Zhou et al. 2017,
    section 4.3, on three frames); "rotation_deg" of each motion. Two controls: "rest" is odometry on the same depth that starts
    with no motion, "true_depth" odometry that starts with the pose network's motion and is given the true depth. "robust" and
    "robust_true" are "after" and "true_depth" with Huber's norm.

    Args:
        network: in evaluation mode.
        batches: clips with (S, N, 4, 4) true source_from_target and each target's true depth.
        mean_disparity: that maps of disparity are brought to, as in training.
    """
    rows: dict[str, list[Numbers]] = {name: [] for name in ("before", "after", "rest", "true_depth", "robust", "robust_true")}
    for batch, true, depths in batches:
        hw = batch.target.shape[1:3]
        actual = torch.stack([torch.from_numpy(_disparity(depth, hw)) for depth in depths])
        with torch.no_grad():
            clips = clips_of(batch, _CPU)
            views, motion = ask(network, batch, _CPU)
            own = enlarged(network.activation.disparity(views.logits[0].float()), hw)
            found = {"before": motion}
            for name, disparity, start, huber in (
                ("after", own, motion, 0.0),
                ("rest", own, torch.eye(4).expand_as(motion), 0.0),
                ("true_depth", actual, motion, 0.0),
                ("robust", own, motion, HUBER),
                ("robust_true", actual, motion, HUBER),
            ):
                depth = 1 / normalised(disparity, mean_disparity)
                found[name] = refine_all(clips, depth, start, huber).source_from_target
        for name, motions in found.items():
            rows[name] += snippet_errors(motions.numpy().astype(np.float64), true)
    return {
        name: {**_means(each, "clips"), "ate_median": float(np.median([row["ate"] for row in each]))}
        for name, each in rows.items()
    }


def _disparity(depth: DepthMap, hw: tuple[int, int]) -> NDArray[np.float32]:
    """Return (*hw,) 1 / depth; where there is none, as in the sky, that of `FARTHEST_M`."""
    near = np.where(depth.valid, np.clip(depth.values, NEAREST_M, FARTHEST_M), FARTHEST_M)
    return np.asarray(resize_map((1 / near).astype(np.float32), hw), np.float32)


def snippet_errors(pred: Poses, true: Poses) -> list[Numbers]:
    """Return the errors of the motions of each target, see `score_refinement`.

    Args:
        pred, true: (S, N, 4, 4) source_from_target.
    """
    rows = []
    for found, actual in zip(pred.swapaxes(0, 1), true.swapaxes(0, 1), strict=True):
        target_from_pred, target_from_true = invert(found), invert(actual)
        x, y = target_from_pred[:, :3, 3], target_from_true[:, :3, 3]
        scale = float((x * y).sum() / max(float((x * x).sum()), 1e-12))
        # Relative errors are of motions from a first pose, here the target's: one pair for each source.
        turned = [
            relative_errors(np.stack([np.eye(4), a]), np.stack([np.eye(4), b]))[1][0]
            for a, b in zip(target_from_pred, target_from_true, strict=True)
        ]
        off = float(np.sqrt(((scale * x - y) ** 2).sum(1).mean()))
        rows.append({"ate": off, "rotation_deg": float(np.mean(turned)), "step": float(np.linalg.norm(y, axis=1).mean())})
    return rows


def score_flow(
    network: VideoNetwork, clips: Sequence[tuple[VideoBatch, Shown, Sequence[tuple[Poses, Mapping[int, Poses]]]]]
) -> dict[str, dict[str, Numbers]]:
    """Return end-point errors in network pixels of flow to both neighbours, means over pictures.

    "rigid" follows from the network's depth and motion, "full" adds the residual flow; "none" says that nothing moves,
    "still" is the rigid flow of the true depth and motion. Each of "all" pixels whose true end is in view, of "moving" and of
    "still" ones.

    Args:
        network: a GeoNet in evaluation mode.
        clips: one target each, its truth, and for each source its source_from_world and the objects' motions, see `true_flow`.
    """
    rows: dict[str, dict[str, list[float]]] = {}
    for batch, shown, sources in clips:
        with torch.no_grad():
            pairs = directions(network, batch, _CPU)
            rigid = pairs.rigid[0][: len(sources)]
            full = rigid + residual_flow(network, pairs)[0][: len(sources)]
        hw = batch.target.shape[1:3]
        assert shown.moving is not None
        for index, (source_from_world, moved) in enumerate(sources):
            actual, known = true_flow(shown, source_from_world, moved)
            still, _ = true_flow(shown, source_from_world, {})
            flows = {"rigid": _enlarged(rigid[index], shown.camera.hw), "full": _enlarged(full[index], shown.camera.hw)}
            flows |= {"none": np.zeros_like(actual), "still": still}
            pixel = np.array([hw[1] / shown.camera.width, hw[0] / shown.camera.height])
            parts = {"all": known, "moving": known & shown.moving, "still": known & ~shown.moving}
            for name, flow in flows.items():
                off = np.linalg.norm((flow - actual) * pixel, axis=-1)
                for part, counted in parts.items():
                    if counted.sum() >= FEWEST:
                        rows.setdefault(name, {}).setdefault(part, []).append(float(off[counted].mean()))
    return {
        name: {part: {"epe": float(np.mean(values)), "pictures": float(len(values))} for part, values in parts.items()}
        for name, parts in rows.items()
    }


def every(film: Film, step: int) -> Film:
    """Return a film of each `step`-th frame."""
    return replace(film, pictures=film.pictures[::step], cameras=film.cameras[::step], numbers=film.numbers[::step])


def _enlarged(flow: torch.Tensor, hw: tuple[int, int]) -> NDArray[np.float64]:
    """Return (*hw, 2) a (2, h, w) flow between its pixels, in pixels of `hw`."""
    pixels = flow.permute(1, 2, 0).numpy()
    wide = np.asarray(cv2.resize(pixels, hw[::-1], interpolation=cv2.INTER_LINEAR), np.float64)
    return np.asarray(wide * np.array([hw[1] / pixels.shape[1], hw[0] / pixels.shape[0]]))


def _compared(pred: NDArray[np.float64], actual: NDArray[np.float64], counted: NDArray[np.bool_]) -> Numbers:
    tallies: Mapping[str, Any] = depth_metrics(np.clip(pred, NEAREST_M, FARTHEST_M), actual, counted)
    return {name: float(tallies[name].value) for name in METRICS}


def _means(rows: Sequence[Numbers], of: str = "pictures") -> Numbers:
    if not rows:
        return {}
    return {of: float(len(rows)), **{name: float(np.mean([row[name] for row in rows])) for name in rows[0]}}
