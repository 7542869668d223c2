"""What a study is, and one training of it from start to score."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from leadline.recipes.studies.arms import find_arm
from leadline.training.config import DataConfig, LossConfig, OptimiserConfig, TrainConfig, TrainerConfig, override

SEEDS = (0, 1, 2)
# Small pictures: a seed takes minutes on a core, and what is compared has the same handicap.
SHAPES = ((128, 160), (160, 128), (128, 128), (96, 192))
LONGEST = 256
INPUT_SIZE = 192
# Worlds rendered with other seeds than those trained on: the held-out test of each kind of scene.
HELD_OUT = ("rooms", "tabletop-c", "street", "terrain")
HELD_OUT_VIEWS = 60


@dataclass(frozen=True)
class Arm:
    """One way to train.

    Attributes:
        name: in file names.
        title: in tables.
        changes: of the study's configuration, as ``--set`` takes them; sources without their folder of worlds.
    """

    name: str
    title: str
    changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Study:
    """Arms that are compared.

    Attributes:
        name: of the study, its page and its folder of results.
        arms: what is compared; the first is what the others are measured against.
        sources: of every arm that does not change them, folders below that of the worlds.
        steps: of each training.
        batch_size: views a step.
    """

    name: str
    arms: tuple[Arm, ...]
    sources: tuple[str, ...]
    steps: int = 1000
    batch_size: int = 8

    def arm(self, name: str) -> Arm:
        """Return an arm by name.

        Raises:
            LeadlineError: there is none.
        """
        return find_arm(self.arms, name, self.name)

    def config(self, arm: Arm, seed: int, worlds: Path, runs: Path) -> TrainConfig:
        """Return the training of an arm with a seed.

        Args:
            arm: one of `arms`.
            seed: of everything random.
            worlds: folder of rendered worlds.
            runs: folder of runs; a cache of decoded views lies in it.
        """
        config = TrainConfig(
            name=f"leadline-s.{self.name}-{arm.name}-{seed}",
            run_dir=str(runs / f"{self.name}-{arm.name}-{seed}"),
            seed=seed,
            data=DataConfig(
                sources=self.sources,
                mixing="equal",
                cache=str(runs / "cache"),
                shapes=SHAPES,
                batch_size=self.batch_size,
                longest=LONGEST,
                ingest_every_s=0,
                validation_views=8,
            ),
            loss=LossConfig(stride=1),
            optimiser=OptimiserConfig(
                steps=self.steps, lr=9e-4, encoder_lr=2e-4, warmup_steps=50, betas=(0.9, 0.99), ema_decay=0.99
            ),
            trainer=TrainerConfig(
                accelerator="cpu", threads=1, log_every=100, validate_every=10**6, checkpoint_every=200, keep=1
            ),
        )
        config = override(config, arm.changes)
        sources = tuple(str(worlds / source) for source in config.data.sources)
        return replace(config, data=replace(config.data, sources=sources))


def run_one(study: Study, arm: Arm, seed: int, worlds: Path, data: Path, runs: Path, out: Path) -> Path:
    """Train an arm with a seed, score it and return the file of its scores; nothing is done if that is there.

    Args:
        study, arm, seed: what to train.
        worlds: folder of rendered worlds.
        data: folder with real samples, ``dev/`` below it.
        runs: where checkpoints go; they are removed when the scores are written.
        out: folder of the scores.
    """
    import torch

    from leadline.io.atomic import atomic_write
    from leadline.training import train

    path = out / f"{arm.name}.{seed}.json"
    if path.exists():
        return path
    config = study.config(arm, seed, worlds, runs)
    run_dir = Path(config.run_dir)
    started = any((run_dir / "checkpoints").glob("step-*"))
    checkpoint = train(config, resume=started, validation=_no_validation)
    torch.set_num_threads(1)
    scores = score(checkpoint, config, worlds, data)
    record = {"arm": arm.name, "seed": seed, "changes": list(arm.changes), "steps": study.steps, "scores": scores}
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(run_dir)
    return path


def score(checkpoint: Path, config: TrainConfig, worlds: Path, data: Path) -> dict[str, dict[str, float]]:
    """Return abs_rel and delta1 of a checkpoint's averaged weights on each held-out world and each set of real samples."""
    import torch

    from leadline.data.folder import Source
    from leadline.depth_map import RELATIVE_DISPARITY
    from leadline.evaluation.zero_shot import make_zero_shot_validation
    from leadline.models.registry import load_weights, make_model
    from leadline.predictor import ModelCard
    from leadline.training.predictor import NetworkPredictor
    from leadline.training.validation import held_out_validation

    network = make_model(config.model.architecture)
    load_weights(network, checkpoint / "weights.safetensors")
    network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    found: dict[str, dict[str, float]] = {}
    for name in HELD_OUT:
        source = Source.parse(str(worlds / name))
        store = source.open_store(Path(config.data.cache), LONGEST)
        source.ingest(store, LONGEST)
        places = sorted(store.train + store.validation)
        views = [store.view(place) for place in places[:: max(1, len(places) // HELD_OUT_VIEWS)][:HELD_OUT_VIEWS]]
        scores = held_out_validation(views, INPUT_SIZE)(network)
        found[f"world {name.partition('-')[0]}"] = {metric: scores[metric] for metric in ("abs_rel", "delta1")}
    card = ModelCard("leadline.study", RELATIVE_DISPARITY, input_size=INPUT_SIZE)
    real = make_zero_shot_validation(data)(NetworkPredictor(network, card))
    for key, value in real.items():
        metric, slash, title = key.partition("/")
        if slash and title != "mean":
            found.setdefault(title, {})[metric] = value
    return found


def _no_validation(network: object) -> dict[str, float]:
    """Score nothing: the last weights are taken, none are chosen."""
    return {"score": 0.0}


def missing(study: Study, seeds: Sequence[int], out: Path) -> list[tuple[Arm, int]]:
    """Return what is still to be trained, seed by seed, so that a study that is cut short has whole seeds."""
    return [(arm, seed) for seed in seeds for arm in study.arms if not (out / f"{arm.name}.{seed}.json").exists()]
