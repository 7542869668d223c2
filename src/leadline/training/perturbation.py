"""Strong changes of pictures whose labels were made from the clean ones (Depth Anything V1, arXiv 2401.10891, section 3.2).

All on tensors, on the network's device. Random numbers are torch's own, which the loop seeds for each step and process.
The paper names colour jitter, Gaussian blur and CutMix with probability 0.5; the strengths here are recalled from UniMatch
(arXiv 2208.09910), by some of the same authors.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

JITTERED, GREYED, BLURRED = 0.8, 0.2, 0.5  # shares of the pictures
BRIGHTNESS, CONTRAST, SATURATION = 0.5, 0.5, 0.5  # factors 1 - x to 1 + x
HUE_TURN = 0.25  # largest turn of the colour circle, either way, in whole turns
SIGMA_PX = (0.1, 2.0)
_REACH = 6  # pixels to which a blur extends: three times the largest sigma
_LUMA = (0.299, 0.587, 0.114)


class Mixed(NamedTuple):
    """Pictures with pieces of others, their labels, and which pixels are of the pieces; see `cutmix`."""

    pixels: Tensor
    label: Tensor
    valid: Tensor
    inside: Tensor


def perturb(pixels: Tensor) -> Tensor:
    """Return (N, h, w, 3) uint8 pictures with jittered colours, some grey, some blurred: the same layout."""
    planes = pixels.permute(0, 3, 1, 2).float()
    planes = blur(jitter_colours(planes))
    return planes.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def jitter_colours(planes: Tensor) -> Tensor:
    """Return (N, 3, h, w) pictures, 0..255, each with a random brightness, contrast, saturation and turn of hue, or grey."""
    n, device = len(planes), planes.device
    jittered = torch.rand(n) < JITTERED
    brightness, contrast, saturation = (
        torch.where(jittered, 1 + reach * _signed(n), 1.0) for reach in (BRIGHTNESS, CONTRAST, SATURATION)
    )
    turn = torch.where(jittered, 2 * torch.pi * HUE_TURN * _signed(n), 0.0)
    saturation = torch.where(torch.rand(n) < GREYED, 0.0, saturation)
    matrix = (brightness[:, None, None] * _colour_matrix(saturation, turn)).to(device)
    coloured = torch.einsum("nij,njhw->nihw", matrix, planes).clamp(0, 255)
    mean = torch.einsum("j,njhw->n", torch.tensor(_LUMA, device=device), coloured) / coloured[0, 0].numel()
    middle = mean[:, None, None, None]
    return ((coloured - middle) * contrast.to(device)[:, None, None, None] + middle).clamp(0, 255)


def blur(planes: Tensor) -> Tensor:
    """Return (N, 3, h, w) pictures, some of them through a Gaussian of random width."""
    n, channels = planes.shape[:2]
    sigma = torch.empty(n).uniform_(*SIGMA_PX)
    chosen = torch.rand(n) < BLURRED
    reach = min(_REACH, min(planes.shape[-2:]) - 1)
    at = torch.arange(-reach, reach + 1)
    kernel = torch.where(chosen[:, None], torch.exp(-0.5 * (at / sigma[:, None]).square()), (at == 0).float())
    kernel = (kernel / kernel.sum(1, keepdim=True)).to(planes).repeat_interleave(channels, 0)
    flat = planes.reshape(1, n * channels, *planes.shape[-2:])
    flat = F.conv2d(F.pad(flat, (reach, reach, 0, 0), "reflect"), kernel[:, None, None, :], groups=n * channels)
    flat = F.conv2d(F.pad(flat, (0, 0, reach, reach), "reflect"), kernel[:, None, :, None], groups=n * channels)
    return flat.view_as(planes)


def cutmix(pixels: Tensor, label: Tensor, valid: Tensor, probability: float) -> Mixed:
    """Return pictures into which, with that probability, a rectangle of another one of the batch is pasted, with its label.

    u_ab = u_a B + u_b (1 - B). The rectangle covers a share of the picture that is uniform in 0..1 before it is cut off at the
    picture's edges, and has the picture's shape (CutMix, arXiv 1905.04899, section 3.1).

    Args:
        pixels: (N, h, w, 3).
        label: (N, h, w).
        valid: (N, h, w) bool.
        probability: of each picture.

    Returns:
        The same, and B: (N, h, w) bool, True everywhere in a picture that is left as it was.
    """
    n, h, w = label.shape
    chosen = torch.rand(n) < probability
    share, x, y = torch.rand(3, n)
    if n < 2:
        return Mixed(pixels, label, valid, torch.ones_like(valid))
    half = share.sqrt() / 2
    columns, rows = ((torch.arange(side) + 0.5) / side for side in (w, h))
    inside = ((columns - x[:, None]).abs() < half[:, None])[:, None, :] & ((rows - y[:, None]).abs() < half[:, None])[
        :, :, None
    ]
    inside = (inside & chosen[:, None, None]).to(label.device)
    other = torch.roll(torch.arange(n), int(torch.randint(1, n, ()))).to(label.device)
    return Mixed(
        torch.where(inside[..., None], pixels[other], pixels),
        torch.where(inside, label[other], label),
        torch.where(inside, valid[other], valid),
        inside | ~inside.any(2).any(1)[:, None, None],
    )


def _signed(n: int) -> Tensor:
    return 2 * torch.rand(n) - 1


def _colour_matrix(saturation: Tensor, turn: Tensor) -> Tensor:
    """Return (N, 3, 3): a saturation, 0 for grey, and then a turn about the grey axis (Rodrigues), under which greys stay."""
    grey = torch.tensor(_LUMA).expand(3, 3)
    factor = saturation[:, None, None]
    saturate = factor * torch.eye(3) + (1 - factor) * grey
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / 3**0.5
    cos, sin = turn.cos()[:, None, None], turn.sin()[:, None, None]
    rotate = cos * torch.eye(3) + sin * cross + (1 - cos) / 3
    return saturate @ rotate
