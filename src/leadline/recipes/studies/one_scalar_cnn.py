"""The control of the study of one scalar: a network that guesses each picture's own scale from the picture.

The authors of arXiv 2303.07662 report that it does worse than one factor for all. How theirs looks is not known here; this one
is an EfficientNet-Lite0 from ImageNet, all of it trained, whose pooled features say the logarithm of the scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from leadline.models.depth_network import DepthNetwork
from leadline.models.efficientnet_lite import EfficientNetLite
from leadline.recipes.studies.one_scalar import Plan

if TYPE_CHECKING:
    from leadline.recipes.studies.one_scalar_run import Seen

BATCH = 8


class ScaleNetwork(nn.Module):
    """(N, 3, h, w) normalised pictures to (N,) logarithms of the scale, less the training pictures' mean."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = EfficientNetLite(0)
        self.last = nn.Linear(self.encoder.channels[-1], 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        found: Tensor = self.last(self.encoder(image)[-1].mean((2, 3)))[:, 0]
        return found


def guess_scales(
    learnt: Sequence[Seen], asked: Sequence[Seen], network: DepthNetwork, hw: tuple[int, int], plan: Plan, seed: int
) -> list[float]:
    """Return a scale for each picture asked for, by a network that learnt those of the source's films from their truth.

    Args:
        learnt: pictures of the source with their truth.
        asked: pictures of the target; their truth is not looked at.
        network: which normalises pictures.
        hw: of the network's pictures.
        plan: how long.
        seed: of batches and mirrored pictures.
    """
    pictures = _pictures(learnt, hw)
    logs = torch.tensor([float(np.log(np.median(s.pixels.target) / np.median(s.pixels.pred))) for s in learnt])
    middle = logs.mean()
    guess = ScaleNetwork()
    if plan.model.imagenet:
        guess.encoder.load_imagenet()
    groups: list[dict[str, Any]] = [
        {"params": guess.encoder.parameters(), "lr": 1e-4},
        {"params": guess.last.parameters(), "lr": 1e-3},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=1e-2)
    rng = np.random.default_rng([seed, 1])
    for _ in range(plan.scale_steps):
        chosen = rng.choice(len(learnt), min(BATCH, len(learnt)), replace=False)
        batch = pictures[chosen]
        if rng.random() < 0.5:
            batch = batch.flip(2)  # (N, h, w, 3): left to right
        off = guess(network.normalise(batch)) + middle - logs[chosen]
        optimiser.zero_grad()
        off.abs().mean().backward()
        optimiser.step()
    guess.eval()
    with torch.inference_mode():
        wanted = _pictures(asked, hw)
        parts = [guess(network.normalise(wanted[i : i + BATCH])) for i in range(0, len(wanted), BATCH)]
    return [float(value) for value in (torch.cat(parts) + middle).exp()]


def _pictures(seen: Sequence[Seen], hw: tuple[int, int]) -> Tensor:
    """Return (N, h, w, 3) uint8."""
    resized: list[NDArray[Any]] = [cv2.resize(s.picture, hw[::-1], interpolation=cv2.INTER_AREA) for s in seen]
    return torch.from_numpy(np.stack(resized))
