"""What self-supervised training asks of a network that learns depth and the camera's motion together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from leadline.depth_map import METRIC_DEPTH, Ambiguity, Kind, Quantity
from leadline.geometry.se3 import inverse, rigid, rotation_from_axis_angle, rotation_from_euler
from leadline.models.depth_network import DepthNetwork
from leadline.predictor import ModelCard

DEPTH_UP_TO_SCALE = Kind(Quantity.DEPTH, Ambiguity.SCALE_INVARIANT)
SCALE_NOTE = (
    "Learnt from films alone: depth up to one scale, nearly the same for all pictures of that camera. `leadline scale` finds "
    "it and says how steady it is."
)
METRIC_NOTE = (
    "Learnt from stereo films of a known baseline: depth in metres for that camera. With another field of view the metres are "
    "wrong by the ratio of the focal lengths in network pixels."
)
MOTION_SCALE = 0.01  # of what pose networks say (monodepth2's and SfMLearner's code): the first motions are small


class Views(NamedTuple):
    """What a network says of a target picture and its sources.

    Attributes:
        logits: (N, h_s, w_s) of the disparity at each scale, finest first; `VideoNetwork.activation` makes them depth.
        motion: (N, S, 6) rotation and translation of each source whose motion is unknown; see `VideoNetwork.motion_matrices`.
        masks: (N, S, h_s, w_s) logits of explainability at each scale; empty if the network has none.
        source_logits: (S, N, h_s, w_s) of the sources' disparity at each scale; empty if the network doesn't say it.
    """

    logits: tuple[Tensor, ...]
    motion: Tensor
    masks: tuple[Tensor, ...] = ()
    source_logits: tuple[Tensor, ...] = ()


class DisparityDepth(nn.Module):
    """Depth from logits: ``1 / (1 / far + (1 / near - 1 / far) sigmoid(logits))`` (monodepth2's code).

    Near and far are stored with the weights, since these mean nothing without them.
    """

    def __init__(self, near: float = 0.1, far: float = 100.0) -> None:
        super().__init__()
        self.register_buffer("limits", torch.tensor([near, far]))
        self.limits: Tensor

    def set_limits(self, near: float, far: float) -> None:
        """Set the nearest and the farthest depth."""
        self.limits.copy_(torch.tensor([near, far]))

    def disparity(self, logits: Tensor) -> Tensor:
        """Return disparity, 1 / depth, of the shape of the logits."""
        near, far = self.limits
        found: Tensor = 1 / far + (1 / near - 1 / far) * torch.sigmoid(logits)
        return found

    def forward(self, logits: Tensor) -> Tensor:
        """Return depth of the shape of the logits."""
        return 1 / self.disparity(logits)


class VideoNetwork(DepthNetwork):
    """A depth network with what it needs to learn from video: disparities at several scales, and the camera's motion.

    For everything but training it is a depth network: `forward` gives (N, h, w) depth, and an exported file holds no more than
    that takes. Depth is up to scale; trained with a stereo partner of known baseline, it is in metres (`in_metres`).

    Attributes:
        fov_deg: horizontal and vertical field of view of all pictures that it learnt from, degrees, where that was one.
        sources: how many sources of unknown motion `views` takes at once; None for any number.
    """

    kind: Kind = DEPTH_UP_TO_SCALE
    activation: DisparityDepth
    fov_deg: tuple[float, ...] = ()
    sources: int | None = None

    def __init__(self) -> None:
        super().__init__()
        self.activation = DisparityDepth()

    def views(self, target: Tensor, sources: Sequence[Tensor], offsets: Sequence[int]) -> Views:
        """Return what the network says of normalised pictures, in one call, so that any number of devices can train it.

        Args:
            target: (N, 3, h, w).
            sources: (N, 3, h, w) each, those whose motion is unknown.
            offsets: of the sources in the film, negative for earlier ones.
        """
        raise NotImplementedError

    def motion_matrices(self, motion: Float[Tensor, "n s 6"], offsets: Sequence[int]) -> Float[Tensor, "s n 4 4"]:
        """Return (S, N, 4, 4) source_from_target of `Views.motion`."""
        raise NotImplementedError

    def learn(self, *, motion: bool, masks: bool) -> None:
        """Say what the objective needs; what it doesn't is not trained, so that several devices wait for no gradient of it.

        Args:
            motion: of sources whose motion is unknown.
            masks: explainability.
        """
        raise NotImplementedError

    def in_metres(self, metric: bool) -> None:
        """Say whether the depth is in metres."""
        self.kind = METRIC_DEPTH if metric else DEPTH_UP_TO_SCALE

    def card(self, name: str) -> ModelCard:
        """See `DepthNetwork`."""
        notes = METRIC_NOTE if self.kind == METRIC_DEPTH else SCALE_NOTE
        return replace(super().card(name), notes=notes, fov_deg=self.fov_deg)

    def description(self) -> dict[str, str]:
        """See `DepthNetwork`."""
        return {**super().description(), "kind": str(self.kind), "fov_deg": " ".join(map(str, self.fov_deg))}

    def describe(self, description: Mapping[str, str]) -> None:
        """See `DepthNetwork`."""
        super().describe(description)
        if "kind" in description:
            self.in_metres(Kind.parse(description["kind"]) == METRIC_DEPTH)
        self.fov_deg = tuple(map(float, description.get("fov_deg", "").split()))


def matrices_in_film_order(motion: Float[Tensor, "n s 6"], offsets: Sequence[int]) -> Float[Tensor, "s n 4 4"]:
    """Return (S, N, 4, 4) source_from_target where a network says axis, angle and translation of later_from_earlier.

    One motion is then learnt, that of a camera that goes on, whichever of the two frames is the target (monodepth2's code).
    """
    found = []
    for index, offset in enumerate(offsets):
        later_from_earlier = rigid(rotation_from_axis_angle(motion[:, index, :3]), motion[:, index, 3:])
        found.append(inverse(later_from_earlier) if offset < 0 else later_from_earlier)
    return torch.stack(found) if found else motion.new_zeros((0, len(motion), 4, 4))


def matrices_of_euler(motion: Float[Tensor, "n s 6"]) -> Float[Tensor, "s n 4 4"]:
    """Return (S, N, 4, 4) source_from_target where a network says Euler angles and translation of just that (SfMLearner)."""
    return rigid(rotation_from_euler(motion[..., :3]), motion[..., 3:]).transpose(0, 1)
