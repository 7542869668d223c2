"""Fine-tuning on virtual labels: the objective in the task, the recipe, and the networks that it works on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.unit.models.small_configs import depth_anything, dpt, enliven

from leadline.data.mixing import Batch
from leadline.depth_map import RELATIVE_DISPARITY, DepthMap
from leadline.errors import LeadlineError
from leadline.labels.label_files import write_label
from leadline.losses.depth4tom import virtual_label_loss
from leadline.models.hf_trainable import load_hf_trainable
from leadline.models.registry import make_model
from leadline.recipes import load_recipe
from leadline.training import override, train
from leadline.training.config import LossConfig
from leadline.training.tasks.supervised import SupervisedTask

CPU = torch.device("cpu")
CONFIG = LossConfig(objective="virtual_label", stride=1)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small networks are slower on several threads, and far slower where these wait for each other's cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def hf(config: Any) -> torch.nn.Module:
    network = load_hf_trainable(config)
    enliven(network)
    return network


NETWORKS: dict[str, Callable[[], torch.nn.Module]] = {
    "leadline": lambda: make_model("leadline-tiny"),
    "MiDaS": lambda: make_model("midas-tiny"),
    "DPT": lambda: hf(dpt()),
    "Depth Anything": lambda: hf(depth_anything()),
}


def batch_for(network: torch.nn.Module, seed: int = 0) -> Batch:
    """Pictures whose label is a slope in the network's unit."""
    side = 2 * int(network.stride)  # type: ignore[arg-type]
    image = np.random.default_rng(seed).integers(0, 255, (2, side, side, 3), dtype=np.uint8)
    label = np.broadcast_to(np.linspace(0.5, 3, side, dtype=np.float32), (2, side, side)).copy()
    return Batch(image, label, np.ones(label.shape, bool))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_few_steps_bring_a_network_closer_to_its_labels(name: str) -> None:
    torch.manual_seed(0)
    network: Any = NETWORKS[name]().eval()
    network.last_layer.bias.data.fill_(1.0)  # a random network behind a ReLU may say nothing but 0
    given = batch_for(network)
    task = SupervisedTask(network, CONFIG, CPU)
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=2e-3)
    losses = []
    for number in range(8):
        loss = task.step(given, number).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.97 * losses[0]


def test_the_loss_is_depth4toms_without_an_anchor_of_scale() -> None:
    network = make_model("leadline-tiny").eval()
    given = batch_for(network)
    with torch.no_grad():
        pred = network(network.normalise(torch.from_numpy(given.image)))
    expected = virtual_label_loss(pred, torch.from_numpy(given.disparity)).mean()
    heavy = LossConfig(objective="virtual_label", stride=1, anchor_weight=100.0)
    torch.testing.assert_close(SupervisedTask(network, heavy, CPU).step(given, 0).loss.detach(), expected)


def test_a_stride_is_refused() -> None:
    with pytest.raises(LeadlineError, match="stride=2 with virtual labels: expected 1"):
        SupervisedTask(make_model("leadline-tiny"), LossConfig(objective="virtual_label", stride=2), CPU)


def write_folders(root: Path) -> None:
    for number in range(4):
        for folder in ("photos", "labels"):
            (root / folder).mkdir(exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 255, (32, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / "photos" / f"{number}.png")
        values = np.broadcast_to(np.linspace(1, 2, 64, dtype=np.float32), (32, 64))
        write_label([root / "labels" / f"{number}.npz"], DepthMap(values, None, RELATIVE_DISPARITY), None)


def settings(root: Path) -> list[str]:
    return [
        f"data.cache={root / 'cache'}", f"run_dir={root / 'run'}", "model.weights=", "model.architecture=leadline-tiny",
        "model.imagenet=false", "data.shapes=32x64", "data.batch_size=2", "optimiser.steps=2", "trainer.threads=1",
        "trainer.accelerator=cpu", "trainer.trackers=jsonl",
    ]  # fmt: skip


def test_the_recipe_trains_on_photos_and_labels(tmp_path: Path) -> None:
    write_folders(tmp_path)
    config = override(
        load_recipe("tom_finetune"),
        [*settings(tmp_path), f"data.root={tmp_path / 'photos'}", f"data.labels={tmp_path / 'labels'}"],
    )
    best = train(config)
    assert (best / "weights.safetensors").is_file()


def test_labels_without_photos_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match=r"without photos: expected data\.root=FOLDER"):
        train(override(load_recipe("tom_finetune"), [*settings(tmp_path), "data.labels=labels"]))


def test_the_rate_falls_by_a_twentieth_in_each_of_twenty_parts() -> None:
    from leadline.training.checkpoint import Progress
    from leadline.training.schedule import learning_share

    config = load_recipe("tom_finetune").optimiser
    shares = [learning_share(Progress(step=step), config) for step in (100, 399)]
    assert shares == pytest.approx([0.95**5, 0.95**19])
