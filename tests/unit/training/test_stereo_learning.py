"""A stereo network learns to match within seconds, on pairs that are drawn anew each time."""

from __future__ import annotations

import numpy as np
import torch

from leadline.data.stereo_layers import layered_pair
from leadline.data.stereo_views import StereoBatch, collate_pairs
from leadline.models.stereo.registry import make_stereo_model
from leadline.training.stereo_settings import StereoSettings
from leadline.training.tasks.stereo import StereoTask


def batch(seed: int) -> StereoBatch:
    rng = np.random.default_rng(seed)
    return collate_pairs([layered_pair(rng, (32, 64), 12) for _ in range(2)])


def test_a_network_that_starts_at_a_match_learns_to_match_pairs_it_has_not_seen() -> None:
    torch.manual_seed(0)
    network = make_stereo_model("leadline-stereo-s")
    task = StereoTask(network, StereoSettings(iterations=1), torch.device("cpu"))
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3)

    def error() -> float:
        network.eval()
        with torch.no_grad():
            found = [float(task.step(batch(10_000 + n), 0).parts["epe"]) for n in range(2)]
        network.train()
        return float(np.mean(found))

    before = error()
    for number in range(12):
        loss = task.step(batch(number), number).loss
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
    assert error() < 0.6 * before
