"""What every task that learns from films does: pictures to tensors, motions to matrices, sources to the target's place."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from leadline.data.clips import PARTNER
from leadline.data.video_views import VideoBatch
from leadline.geometry.inverse_warp import Padding, inverse_warp
from leadline.geometry.pyramid import resize_image, resize_intrinsics
from leadline.models.video_network import Views


class Clips(NamedTuple):
    """A batch on the network's device; pictures are (..., 3, h, w) in 0..1, as they are.

    Attributes:
        target: (N, 3, h, w).
        sources: (S, N, 3, h, w).
        intrinsics: (N, 3, 3). source_intrinsics: (S, N, 3, 3).
        partner_from_target: (N, 4, 4), metres.
        offsets: of the sources.
    """

    target: Tensor
    sources: Tensor
    intrinsics: Tensor
    source_intrinsics: Tensor
    partner_from_target: Tensor
    offsets: tuple[int, ...]

    @property
    def moving(self) -> tuple[int, ...]:
        """The offsets of the sources whose motion is not known."""
        return tuple(offset for offset in self.offsets if offset != PARTNER)

    def resized(self, hw: tuple[int, int]) -> Clips:
        """Return the clips at another size, with their intrinsics."""
        before = (self.target.shape[-2], self.target.shape[-1])
        if before == hw:
            return self
        sources = resize_image(self.sources.flatten(0, 1), hw)
        return self._replace(
            target=resize_image(self.target, hw),
            sources=sources.reshape(*self.sources.shape[:-2], *hw),
            intrinsics=resize_intrinsics(self.intrinsics, before, hw),
            source_intrinsics=resize_intrinsics(self.source_intrinsics, before, hw),
        )


class Synthesised(NamedTuple):
    """The sources as the target's camera would see them.

    Attributes:
        pictures: (S, N, 3, h, w).
        valid: (S, N, h, w) bool, where a source shows the point.
    """

    pictures: Float[Tensor, "s n 3 h w"]
    valid: Bool[Tensor, "s n h w"]


def clips_of(batch: VideoBatch, device: torch.device) -> Clips:
    """Return a batch as tensors."""
    return Clips(
        _pictures(batch.target, device),
        _pictures(batch.sources, device),
        torch.from_numpy(batch.intrinsics).to(device),
        torch.from_numpy(batch.source_intrinsics).to(device),
        torch.from_numpy(batch.partner_from_target).to(device),
        batch.offsets,
    )


def ask(network: nn.Module, batch: VideoBatch, device: torch.device) -> tuple[Views, Tensor]:
    """Return what a network says of a batch, and (S, N, 4, 4) source_from_target of all sources; the other eye's is known.

    Args:
        network: a `leadline.models.video_network.VideoNetwork`, also as Fabric wraps it.
        batch: the networks get its `seen` pictures.
        device: of the network.
    """
    own: Any = network
    target = own.normalise(torch.from_numpy(batch.seen_target).to(device))
    moving = [i for i, offset in enumerate(batch.offsets) if offset != PARTNER]
    sources = [own.normalise(torch.from_numpy(batch.seen_sources[i]).to(device)) for i in moving]
    offsets = tuple(batch.offsets[i] for i in moving)
    views: Views = own.views(target, sources, offsets)
    with torch.autocast(device.type, enabled=False):  # rounded to bfloat16, motions end up pixels away
        learnt = own.motion_matrices(views.motion.float(), offsets)
    partner = torch.from_numpy(batch.partner_from_target).to(device)
    found = [partner if offset == PARTNER else learnt[offsets.index(offset)] for offset in batch.offsets]
    return views, torch.stack(found)


def synthesise(clips: Clips, depth: Float[Tensor, "n h w"], source_from_target: Tensor, padding: Padding) -> Synthesised:
    """Return all sources warped into the target by its depth, at the depth's size, which is that of the clips."""
    s, n = clips.sources.shape[:2]
    with torch.autocast(depth.device.type, enabled=False):
        warped = inverse_warp(
            clips.sources.flatten(0, 1),
            depth.expand(s, *depth.shape).flatten(0, 1),
            clips.intrinsics.expand(s, *clips.intrinsics.shape).flatten(0, 1),
            source_from_target.flatten(0, 1),
            clips.source_intrinsics.flatten(0, 1),
            padding,
        )
    image, valid = warped.image, warped.projection.valid
    return Synthesised(image.reshape(s, n, *image.shape[1:]), valid.reshape(s, n, *valid.shape[1:]))


def enlarged(values: Float[Tensor, "n h w"], hw: tuple[int, int]) -> Tensor:
    """Return (N, *hw) values between those of a smaller map."""
    if tuple(values.shape[-2:]) == hw:
        return values
    return interpolate(values[:, None], size=hw, mode="bilinear", align_corners=False)[:, 0]


def _pictures(pixels: NDArray[np.uint8], device: torch.device) -> Tensor:
    return torch.from_numpy(pixels).to(device).movedim(-1, -3).float() / 255
