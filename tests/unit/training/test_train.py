from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from leadline.data.synthetic.layout import StoredView, write_scene
from leadline.data.views import held_out
from leadline.errors import LeadlineError
from leadline.recipes import load_recipe
from leadline.training import override, train
from leadline.training.config import TrainConfig
from leadline.training.train import make_network


def write_world(root: Path) -> None:
    """Slanted floors under skies, at least one of them held out."""
    h, w = 48, 64
    names = [f"s{i}" for i in range(200)]
    chosen = [*names[:4], next(n for n in names[4:] if held_out(f"{root.name}/{n}"))]
    zeros = np.zeros((h, w), np.uint8)
    for name in chosen:
        depth = np.broadcast_to(60.0 / np.arange(1, h + 1)[:, None], (h, w)).astype(np.float32).copy()
        depth[:10] = 0
        image = np.repeat(np.where(depth > 0, 255 / (1 + depth), 200)[..., None], 3, axis=2).astype(np.uint8)
        flat = np.zeros((h, w, 3), np.float32)
        write_scene(
            root, name, [StoredView(image, depth, flat, zeros, zeros.astype(np.uint16), depth == 0, np.eye(3), np.eye(4))]
        )


def small_run(folder: Path, *changes: str) -> TrainConfig:
    write_world(folder / "floors")
    return override(
        load_recipe("default"),
        [
            f"data.sources={folder / 'floors'}", f"data.cache={folder / 'cache'}", f"run_dir={folder / 'run'}",
            "model.architecture=leadline-tiny", "model.imagenet=false", "data.shapes=32x64,64x32", "data.batch_size=2",
            "optimiser.steps=3", "trainer.validate_every=2", "trainer.threads=1", "trainer.accelerator=cpu", "data.longest=64",
            *changes,
        ],
    )  # fmt: skip


def test_a_recipe_trains_on_a_folder_end_to_end(tmp_path: Path) -> None:
    config = small_run(tmp_path)
    before = torch.get_num_threads()
    try:
        best = train(config)
    finally:
        torch.set_num_threads(before)
    assert best == tmp_path / "run" / "checkpoints" / "best"
    assert (best / "weights.safetensors").stat().st_size > 1000
    assert "validation/delta1" in (tmp_path / "run" / "log.jsonl").read_text()


def test_two_processes_train_together_and_resume(tmp_path: Path) -> None:
    changes = "trainer.devices=2", "trainer.precision=32-true", "data.ingest_every_s=0", "trainer.log_every=1"
    best = train(small_run(tmp_path, *changes))
    assert (best / "weights.safetensors").stat().st_size > 1000
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "train/loss" in line] == [1, 2, 3]  # each step once: one process logs
    with pytest.raises(LeadlineError, match="already holds a run"):
        train(small_run(tmp_path, *changes))
    shutil.rmtree(best)
    train(small_run(tmp_path, *changes, "optimiser.steps=4"), resume=True)
    assert (tmp_path / "run" / "checkpoints" / "step-00000004").is_dir()


def test_an_error_in_a_process_is_one_line(tmp_path: Path) -> None:
    config = small_run(tmp_path, "trainer.devices=2", "data.ingest_every_s=0")
    shutil.rmtree(tmp_path / "floors")
    with pytest.raises(LeadlineError, match=r"^no folder .*floors of training views: render one"):
        train(config)


def test_the_same_seed_starts_from_the_same_network() -> None:
    config = override(load_recipe("default"), ["model.architecture=leadline-tiny", "model.imagenet=false"])
    one, two, other = (make_network(override(config, [f"seed={seed}"])).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert not all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(
    ("assignment", "message"), [("seed=0", "data.sources is empty"), ("data.sources=nowhere", "no folder nowhere")]
)
def test_a_run_without_views_says_what_to_set(tmp_path: Path, assignment: str, message: str) -> None:
    with pytest.raises(LeadlineError) as caught:
        train(override(load_recipe("default"), [assignment, f"data.cache={tmp_path}", f"run_dir={tmp_path / 'run'}"]))
    assert message in str(caught.value)


def test_shapes_that_the_network_can_not_take_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="multiples of 32"):
        train(
            override(load_recipe("default"), [f"data.sources={tmp_path}", f"run_dir={tmp_path / 'run'}", "data.shapes=250x256"])
        )
