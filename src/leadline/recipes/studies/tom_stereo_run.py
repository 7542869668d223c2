"""One arm of the stereo study of virtual labels: label, train, score."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from leadline.data.synthetic.layout import StoredView, iter_views
from leadline.depth_map import PIXEL_DISPARITY, DepthMap
from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write
from leadline.io.depth import read_depth, write_depth
from leadline.labels.stereo_merge import merge_stereo
from leadline.labels.virtual import virtual_depth
from leadline.metrics.stereo import stereo_metrics
from leadline.recipes.studies.tom_stereo import ARMS, BASE, HELD_OUT, MONOCULAR, PLAIN, SGM, TOM, Folders, StereoArm, config_of
from leadline.runtime.predictor import load_predictor
from leadline.runtime.stereo import StereoPredictor

TAUS_PX = (1.0, 2.0, 4.0, 6.0, 8.0)


def run_arm(arm: StereoArm, seed: int, folders: Folders) -> Path:
    """Label, train and score an arm with a seed; return the file of its scores. Nothing is done if that is there.

    Args:
        arm, seed: what to train.
        folders: where everything lies.

    Raises:
        LeadlineError: the base of this seed is not trained yet, or a world is missing.
    """
    from leadline.training import train

    path = folders.out / f"{arm.name}.{seed}.json"
    if path.exists():
        return path
    begun, extra = perf_counter(), dict[str, Any]()
    if arm.network != SGM:
        config = config_of(arm, seed, folders)
        if arm.role != BASE:
            extra = write_labels(arm, seed, folders)
        started = any((Path(config.run_dir) / "checkpoints").glob("step-*"))
        _keep(train(config, resume=started, validation=_no_validation), folders.network(arm, seed))
        shutil.rmtree(config.run_dir)
        shutil.rmtree(folders.labels(arm, seed), ignore_errors=True)
        extra["steps"] = config.optimiser.steps
    trained = perf_counter()
    record = {
        "arm": arm.name,
        "seed": seed,
        **extra,
        "minutes": {"training": round((trained - begun) / 60, 2)},
        "scores": score(_matcher(arm, seed, folders), folders.worlds / HELD_OUT),
    }
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return path


def write_virtual(folders: Folders) -> int:
    """Write virtual depth of all left pictures that show glass or mirrors, once; return how many there are."""
    monocular, count = load_predictor(MONOCULAR), 0
    for view in _views(folders.worlds / TOM):
        path = _label_path(folders.virtual, view)
        if not (view.material > 0).any():
            continue
        count += 1
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            name = f"{view.scene}/{view.index:03d}"
            write_depth(path, virtual_depth(monocular, view.image, view.material, name=name).depth)
    return count


def write_labels(arm: StereoArm, seed: int, folders: Folders) -> dict[str, Any]:
    """Write the labels that an arm is fine-tuned on; return how many there are, merged and refused.

    A pair whose merge is refused (too few opaque pixels, a fit that turns near and far round) has no label and is not trained
    on. Pairs without glass keep the base's disparity.
    """
    base, out = _network(StereoArm(arm.network, "base"), seed, folders), folders.labels(arm, seed)
    counts = {"labels": 0, "merged": 0, "refused": 0}
    for view in _views(folders.worlds / TOM):
        assert view.right is not None
        label = base(view.image, view.right).depth
        # A network answers everywhere; 0 or less means nothing to it.
        label = DepthMap(label.values, label.valid & (label.values > 0), PIXEL_DISPARITY, None, label.source)
        virtual = _label_path(folders.virtual, view)
        if arm.role != PLAIN and (view.material > 0).any():
            if not virtual.exists():
                raise LeadlineError(f"no virtual depth {virtual}: run the study's preparation first (run, not one)")
            try:
                label = merge_stereo(label, read_depth(virtual), view.material).depth
            except LeadlineError:
                counts["refused"] += 1
                continue
            counts["merged"] += 1
        path = _label_path(out, view)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_depth(path, label)
        counts["labels"] += 1
    return counts


def score(matcher: StereoPredictor, world: Path) -> dict[str, dict[str, float]]:
    """Return every metric of each class of pixels, means over the pictures that have such pixels.

    "tom" are transparent and mirror surfaces, "other" the rest. Pixels that the right camera does not see count too.
    """
    found: dict[str, list[dict[str, float]]] = {"all": [], "tom": [], "other": []}
    for view in _views(world):
        assert view.right is not None
        assert view.pixel_disparity is not None
        predicted = matcher(view.image, view.right).depth
        known = (view.pixel_disparity > 0) | view.sky
        for of, inside in (("all", known), ("tom", known & (view.material > 0)), ("other", known & (view.material == 0))):
            if inside.any():
                tallies = stereo_metrics(
                    predicted.values, view.pixel_disparity, inside, predicted.valid, taus_px=TAUS_PX
                )  # fmt: skip
                found[of].append({name: float(tally.value) for name, tally in tallies.items()})
    return {of: _means(rows) for of, rows in found.items()}


def missing(seeds: Sequence[int], out: Path) -> list[list[tuple[StereoArm, int]]]:
    """Return what is still to be done: bases, then what starts from them."""
    todo = [
        (arm, seed)
        for seed in seeds
        for arm in ARMS
        if not arm.extra and not (arm.network == SGM and seed != seeds[0]) and not (out / f"{arm.name}.{seed}.json").exists()
    ]
    return [[item for item in todo if item[0].role == BASE], [item for item in todo if item[0].role != BASE]]


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    if not rows:
        return {}
    return {"pictures": float(len(rows)), **{name: round(float(np.mean([row[name] for row in rows])), 6) for name in rows[0]}}


def _matcher(arm: StereoArm, seed: int, folders: Folders) -> StereoPredictor:
    if arm.network == SGM:
        from leadline.runtime.semi_global import SemiGlobalMatching

        return SemiGlobalMatching(fill=True)
    return _network(arm, seed, folders)


def _network(arm: StereoArm, seed: int, folders: Folders) -> StereoPredictor:
    import torch

    from leadline.models.stereo.registry import load_trained_stereo
    from leadline.training.stereo_predictor import NetworkStereoPredictor

    folder = folders.network(arm, seed)
    if not (folder / "weights.safetensors").exists():
        raise LeadlineError(f"no network in {folder}: expected the base of this seed, run it first")
    torch.set_num_threads(1)
    network, name = load_trained_stereo(folder)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return NetworkStereoPredictor(network, network.card(name))


def _views(world: Path) -> Iterator[StoredView]:
    if not world.is_dir():
        raise LeadlineError(f"no folder {world}: render it with leadline synth --stereo (docs/results/tom-stereo.md)")
    for view in iter_views(world):
        if view.right is None:
            raise LeadlineError(f"{world / view.scene} has no right eye: render it with leadline synth --stereo")
        yield view


def _label_path(folder: Path, view: StoredView) -> Path:
    return folder / view.scene / f"{view.index:03d}.npz"


def _keep(checkpoint: Path, out: Path) -> None:
    """Copy what a network can be loaded from, the weights last."""
    out.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "weights.safetensors"):
        with atomic_write(out / name) as temporary:
            shutil.copyfile(checkpoint / name, temporary)


def _no_validation(network: object) -> dict[str, float]:
    """Score nothing: the last weights are taken, none are chosen."""
    return {"score": 0.0}
