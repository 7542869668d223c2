"""One arm of the study of films without truth: train, then score depth, path, motions and flow."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from leadline.data.datasets.registry import get_dataset
from leadline.data.film import Film, FilmSource, open_film
from leadline.data.film_sources import VideoSource
from leadline.data.synthetic.layout import scene_folders
from leadline.data.video_views import HELD_OUT_PART, VideoBatch
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write
from leadline.metrics.trajectory import invert
from leadline.models.video_network import VideoNetwork
from leadline.recipes.studies.self_supervised import LONGEST, PLAN, Folders, Plan, SelfArm, config_of, is_base
from leadline.recipes.studies.self_supervised_scores import (
    Depth,
    clips_at,
    constant_depth,
    every,
    score_depth,
    score_flow,
    score_paths,
    score_refinement,
)
from leadline.recipes.studies.self_supervised_truth import Poses, Shown, film_moves, read_shown, spread
from leadline.training.config import TrainConfig
from leadline.training.predictor import NetworkPredictor

BATCH = 4  # clips that are scored at once


def run_arm(arm: SelfArm, seed: int, folders: Folders, plan: Plan = PLAN) -> Path:
    """Train and score an arm with a seed; return the file of its scores. Nothing is done if that is there.

    Raises:
        LeadlineError: films are missing, or the weights that the arm starts from.
    """
    import torch

    from leadline.models.registry import load_trained
    from leadline.training import train

    path = folders.out / f"{arm.name}.{seed}.json"
    if path.exists():
        return path
    begun = perf_counter()
    config = config_of(arm, seed, folders, plan)
    if arm.base and not Path(config.model.weights).is_file():
        raise LeadlineError(
            f"no weights {config.model.weights} for {arm.name}: expected those of {arm.base} with seed {seed}; run it first, "
            "and remove its scores if its weights are gone"
        )
    started = any((Path(config.run_dir) / "checkpoints").glob("step-*"))
    checkpoint = train(config, resume=started, validation=_no_validation)
    trained = perf_counter()
    torch.set_num_threads(1)
    network, _ = load_trained(checkpoint)
    assert isinstance(network, VideoNetwork)
    record = {
        "arm": arm.name,
        "place": arm.place.name,
        "seed": seed,
        "steps": config.optimiser.steps,
        "batch_size": plan.batch_size,
        "hw": list(arm.place.hw),
        "minutes": {"training": round((trained - begun) / 60, 2)},
        **_scores(network, arm, config, folders, plan),
    }
    record["minutes"]["scoring"] = round((perf_counter() - trained) / 60, 2)
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if not is_base(arm):
        shutil.rmtree(config.run_dir)
    return path


def _scores(network: VideoNetwork, arm: SelfArm, config: TrainConfig, folders: Folders, plan: Plan) -> dict[str, Any]:
    place = arm.place
    root = folders.scored(place)
    names = spread(get_dataset(place.reader).names(root), plan.scored)
    pictures = [read_shown(place.reader, root, name, place.hw, place.focal_px) for name in names]
    depth, metres = _depth(network, place.hw), network.kind == METRIC_DEPTH
    found: dict[str, Any] = {"depth": score_depth(depth, pictures, metres)}
    controls = {"constant": score_depth(constant_depth, pictures)}
    if not arm.base:
        controls["untrained"] = score_depth(_depth(_untrained(config), place.hw), pictures)
    found["controls"] = controls
    if place.real:  # the film that was learnt from, without its truth; its last tenth was not shown
        unseen = _unseen(arm, config, folders)
        found["unseen"] = score_depth(depth, [shown for shown in pictures if shown.name in unseen])
    if arm.views == "stereo":
        return found
    films = list(_films(arm, folders))
    step = max(place.offsets)
    found["paths"] = score_paths(network, [(every(film, step), poses[::step]) for film, poses, _ in films], place.hw)
    if arm.recipe == "ddvo":
        batches = [each for film in films for each in _motions(arm, film, root, max(1, plan.scored // len(films)))]
        found["motions"] = score_refinement(network, batches, config.video.mean_disparity)
    if arm.recipe == "geonet" and config.video.stage == "second":
        found["flow"] = score_flow(network, list(_flows(arm, films, root, max(1, plan.scored // len(films)))))
    return found


def _depth(network: VideoNetwork, hw: tuple[int, int]) -> Depth:
    card = replace(network.card("study"), input_size=max(hw), resize_side="longer")
    predictor = NetworkPredictor(network, card)
    return lambda picture: predictor(picture).depth


def _untrained(config: TrainConfig) -> VideoNetwork:
    """Return the network as the training found it."""
    from leadline.training.train import make_network

    network = make_network(config)
    assert isinstance(network, VideoNetwork)
    network.activation.set_limits(config.video.near, config.video.far)
    network.eval()
    return network


def _unseen(arm: SelfArm, config: TrainConfig, folders: Folders) -> set[str]:
    """Return the names of the frames of a real film that were held out of training."""
    place, how = arm.place, config.data.video
    names = get_dataset(place.reader).names(folders.scored(place))
    film = open_film(_only(folders, arm), Path(config.data.cache), LONGEST, how.least_motion)
    cut = len(film) - len(film) // HELD_OUT_PART
    return set(names[film.numbers[cut] :]) if cut < len(film) else set()


def _films(arm: SelfArm, folders: Folders) -> Iterator[tuple[Film, Poses, Path]]:
    """Yield all frames of the films that are scored, their true poses, and the folder of each."""
    place, root, cache = arm.place, folders.scored(arm.place), folders.runs / "cache"
    dataset = get_dataset(place.reader)
    if place.real:
        poses = [dataset.read(root, name).world_from_camera for name in dataset.names(root)]
        yield open_film(_only(folders, arm), cache, LONGEST, 0.0), _stacked(poses, root), root
        return
    scenes = scene_folders(root)
    for film, scene in zip(VideoSource.parse(str(root)).films(), scenes, strict=True):
        opened = open_film(film, cache, LONGEST, 0.0)
        poses = [dataset.read(root, f"{scene.name}/{number:03d}").world_from_camera for number in opened.numbers]
        yield opened, _stacked(poses, scene), scene


def _only(folders: Folders, arm: SelfArm) -> FilmSource:
    return VideoSource.parse(folders.films(arm.place)).films()[0]


def _stacked(poses: Sequence[Poses | None], where: Path) -> Poses:
    known = [pose for pose in poses if pose is not None]
    if len(known) < len(poses):
        raise LeadlineError(f"{where}: {len(poses) - len(known)} frames have no pose; expected one each to score paths")
    return np.stack(known)


def _targets(film: Film, most: int) -> list[int]:
    """Return up to `most` frames that have a neighbour on either side, evenly spread."""
    return sorted({int(i) for i in np.linspace(1, len(film) - 2, min(most, len(film) - 2)).round()})


def _motions(
    arm: SelfArm, film: tuple[Film, Poses, Path], root: Path, most: int
) -> Iterator[tuple[VideoBatch, Poses, list[DepthMap]]]:
    """Yield clips of a rendered film with the true motions of the frames before and after, and the targets' true depth."""
    opened, poses, scene = film
    hw, reader = arm.place.hw, arm.place.reader
    targets = _targets(opened, most)
    for first in range(0, len(targets), BATCH):
        part = targets[first : first + BATCH]
        true = [[invert(poses[i + offset][None])[0] @ poses[i] for i in part] for offset in (-1, 1)]
        depths = [read_shown(reader, root, f"{scene.name}/{i:03d}", hw).depth for i in part]
        yield clips_at(opened, part, hw), np.array(true), depths


def _flows(
    arm: SelfArm, films: Sequence[tuple[Film, Poses, Path]], root: Path, most: int
) -> Iterator[tuple[VideoBatch, Shown, list[tuple[Poses, dict[int, Poses]]]]]:
    """Yield one target at a time with what `score_flow` compares it with."""
    hw = arm.place.hw
    for film, poses, scene in films:
        moves = film_moves(scene)
        for i in _targets(film, most):
            shown = read_shown(arm.place.reader, root, f"{scene.name}/{i:03d}", hw)
            sources = []
            for j in (i - 1, i + 1):
                moved = {number: each[j] @ invert(each[i][None])[0] for number, each in moves.items()}
                sources.append((invert(poses[j][None])[0], moved))
            yield clips_at(film, [i], hw), shown, sources


def _no_validation(network: object) -> dict[str, float]:
    """Score nothing: the last weights are taken, none are chosen."""
    return {"score": 0.0}
