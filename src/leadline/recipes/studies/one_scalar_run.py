"""One arm of the study of one scalar: train, read off how linear its maps are, carry the source's factor to the target."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.registry import get_dataset
from leadline.data.film_sources import VideoSource
from leadline.data.film_windows import common_fov, crop_map, network_focal, window_of
from leadline.depth_map import Quantity
from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write
from leadline.recipes.studies.one_scalar import ARMS, PLAN, SHARE, Domain, Folders, Plan, ScalarArm, config_of
from leadline.runtime.sizing import resize_map
from leadline.scale.estimators import ESTIMATORS
from leadline.scale.linearity import Linearity, analyse, r_squared, transfer
from leadline.scale.observations import Observations
from leadline.training.predictor import NetworkPredictor

NEAREST_M, FARTHEST_M = 0.1, 80.0  # of the truth that counts
NEAR_M = 30.0  # up to which R2 is said apart
FEWEST = 100  # pixels of a picture
SHOWN = 300  # pixels of each domain that the page's plot has


class Seen(NamedTuple):
    """A picture as the network gets it, with its truth.

    Attributes:
        name: of the sample.
        picture: (h, w, 3) uint8, the window.
        pixels: the network's depth beside the true one, where there is one.
        focal_px: in the network's pixels.
    """

    name: str
    picture: NDArray[np.uint8]
    pixels: Observations
    focal_px: float


def run_arm(arm: ScalarArm, seed: int, folders: Folders, plan: Plan = PLAN) -> Path:
    """Train and score an arm with a seed; return the file of its scores. Nothing is done if that is there.

    Raises:
        LeadlineError: films or scenes are missing, or nothing of a domain can be scored.
    """
    import torch

    from leadline.models.registry import load_trained
    from leadline.recipes.studies.one_scalar_cnn import guess_scales
    from leadline.training import train

    path = folders.out / f"{arm.name}.{seed}.json"
    if path.exists():
        return path
    begun = perf_counter()
    fov_deg = shared_fov(arm, folders) if arm.aligned else None
    config = config_of(arm, seed, folders, fov_deg, plan)
    started = any((Path(config.run_dir) / "checkpoints").glob("step-*"))
    checkpoint = train(config, resume=started, validation=_no_validation)
    trained = perf_counter()
    torch.set_num_threads(1)
    network, name = load_trained(checkpoint)
    predictor = NetworkPredictor(network, replace(network.card(name), input_size=max(arm.pair.hw), resize_side="longer"))
    source, target = (score_domain(predictor, d, arm, folders, fov_deg, plan) for d in (arm.pair.source, arm.pair.target))
    learnt = list(_seen(predictor, [("leadline", folders.worlds / arm.pair.source.films)], arm, fov_deg, plan.scale_pictures))
    guessed = guess_scales([seen for seen in learnt if seen is not None], target.seen, network, arm.pair.hw, plan, seed)
    record = {
        "arm": arm.name,
        "pair": arm.pair.name,
        "seed": seed,
        "steps": config.optimiser.steps,
        "batch_size": plan.batch_size,
        "offsets": list(plan.offsets),
        "fov_deg": fov_deg,
        "minutes": {"training": round((trained - begun) / 60, 2), "scoring": round((perf_counter() - trained) / 60, 2)},
        "domains": {"source": _summary(source), "target": _summary(target)},
        "transfer": _transfers(source, target),
        "cnn": _transfer_of_each(target.seen, guessed),
    }
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(config.run_dir)
    return path


def shared_fov(arm: ScalarArm, folders: Folders) -> float:
    """Return the field of view, in degrees, of all films and scenes of an arm's pair, also those it does not train on."""
    cameras: list[Camera] = []
    for domain in (arm.pair.source, arm.pair.target):
        for film in VideoSource.parse(folders.films(domain)).films():
            first = next(iter(film.frames()))
            if first.camera is None:
                raise LeadlineError(f"{film.name} has no intrinsics: expected a K.txt or a camera.json beside its frames")
            cameras.append(first.camera)
        for scenes in domain.scored:
            root, dataset = folders.scenes(scenes), get_dataset(scenes.reader)
            cameras += [c for name in _spread(dataset.names(root), 8) if (c := dataset.read(root, name).camera) is not None]
    return SHARE * common_fov(cameras, arm.pair.hw)


class Scored(NamedTuple):
    """What a domain's scenes say of a network.

    Attributes:
        seen: pictures with enough truth.
        failed: pictures without.
        line: how linear the maps are in the truth.
    """

    seen: list[Seen]
    failed: int
    line: Linearity


def score_domain(
    predictor: NetworkPredictor, domain: Domain, arm: ScalarArm, folders: Folders, fov_deg: float | None, plan: Plan
) -> Scored:
    """Ask a network for a domain's scenes, each in the window that it learnt with.

    Raises:
        LeadlineError: no picture has enough truth.
    """
    places = [(scenes.reader, folders.scenes(scenes)) for scenes in domain.scored]
    found = list(_seen(predictor, places, arm, fov_deg, plan.scored))
    seen = [each for each in found if each is not None]
    if not seen:
        raise LeadlineError(
            f"no picture of {', '.join(str(root) for _, root in places)} has {FEWEST} pixels of truth between {NEAREST_M:g} "
            f"and {FARTHEST_M:g} m: expected scenes of {domain.title}"
        )
    return Scored(seen, len(found) - len(seen), analyse([(each.name, each.pixels) for each in seen], tuple(ESTIMATORS)))


def missing(seeds: Sequence[int], out: Path) -> list[tuple[ScalarArm, int]]:
    """Return what is still to be trained, seed by seed, so that a study that is cut short has whole seeds."""
    return [
        (arm, seed)
        for seed in seeds
        for arm in ARMS
        if (not arm.seeds or seed in arm.seeds) and not (out / f"{arm.name}.{seed}.json").exists()
    ]


def _seen(
    predictor: NetworkPredictor, places: Sequence[tuple[str, Path]], arm: ScalarArm, fov_deg: float | None, most: int
) -> Iterator[Seen | None]:
    """Yield pictures of data sets as the network sees them, evenly spread; None for one without enough truth or a camera."""
    for reader, root in places:
        dataset = get_dataset(reader)
        for name in _spread(dataset.names(root), most // len(places)):
            sample = dataset.read(root, name)
            if sample.camera is None or sample.depth is None:
                yield None
                continue
            window = window_of(sample.camera, arm.pair.hw, fov_deg)
            picture = np.ascontiguousarray(window.crop(sample.image))
            truth = crop_map(sample.depth.to_depth(), window, sample.camera.hw)
            found = resize_map(predictor(picture).depth.values, truth.hw).astype(np.float64)
            actual = truth.values.astype(np.float64)
            valid = truth.valid & (actual > NEAREST_M) & (actual < FARTHEST_M) & (found > 0)
            if valid.sum() < FEWEST:
                yield None
                continue
            pixels = Observations(found[valid], actual[valid], np.zeros(int(valid.sum()), np.int64), Quantity.DEPTH)
            focal = network_focal(sample.camera, window, arm.pair.hw)[0]
            yield Seen(f"{reader}/{name}", picture, pixels, focal)


def _summary(scored: Scored) -> dict[str, Any]:
    line = scored.line
    near = line.seen.target < NEAR_M
    drawn = np.random.default_rng(0).choice(line.seen.pred.size, min(SHOWN, line.seen.pred.size), replace=False)
    return {
        "images": len(scored.seen),
        "failed": scored.failed,
        "focal_px": median(each.focal_px for each in scored.seen),
        "r2": line.r2,
        "r2_origin": line.r2_origin,
        "r2_near": r_squared(line.seen.pred[near], line.seen.target[near]),
        "r2_disparity": r_squared(1 / line.seen.pred, 1 / line.seen.target),
        "image_r2": median(each.r2 for each in line.images),
        "slope": line.slope,
        "shift": line.shift,
        "ratio_spread": line.ratio_spread,
        "ratios": [round(each.ratio, 5) for each in line.images],
        "factors": {
            name: {"scale": scale, "interval": list(interval.scale) if interval else None}
            for name, (scale, interval) in line.factors.items()
        },
        "pixels": np.round([line.seen.pred[drawn], line.seen.target[drawn]], 4).tolist(),
    }


def _transfers(source: Scored, target: Scored) -> dict[str, dict[str, float]]:
    """Return the score on the target of the source's factor, and of the target's own for comparison, by estimator.

    A factor that is not positive has no gap to another: an untrained network's maps may fall as the truth grows.
    """
    images = [(each.name, each.pixels) for each in target.seen]
    found = {}
    for name in ESTIMATORS:
        scale, own = source.line.factors[name][0], target.line.factors[name][0]
        moved = transfer(images, scale)
        found[name] = {
            "abs_rel": moved.abs_rel,
            "per_image": moved.per_image,
            "constant": moved.constant,
            "own": transfer(images, own).abs_rel,
            "gap": own / scale - 1 if scale > 0 and own > 0 else float("nan"),
        }
    return found


def _transfer_of_each(seen: Sequence[Seen], scales: Sequence[float]) -> dict[str, float]:
    """Return AbsRel with a scale of each picture's own, as a network guesses it."""
    rows = [
        float((np.abs(scale * each.pixels.pred - each.pixels.target) / each.pixels.target).mean())
        for each, scale in zip(seen, scales, strict=True)
    ]
    return {"abs_rel": float(np.mean(rows)), "spread": float(np.std(scales) / np.mean(scales))}


def _spread(names: Sequence[str], most: int) -> list[str]:
    if len(names) <= most:
        return list(names)
    return [names[i] for i in np.linspace(0, len(names) - 1, max(1, most)).astype(int)]


def _no_validation(network: object) -> dict[str, float]:
    """Score nothing: the last weights are taken, none are chosen."""
    return {"score": 0.0}
