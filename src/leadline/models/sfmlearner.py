"""SfMLearner: a depth network, and a network of motion and explainability on several pictures at once (METHODS D.9)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from leadline.errors import LeadlineError
from leadline.models.blocks.full_precision import in_full_precision
from leadline.models.video_network import MOTION_SCALE, DisparityDepth, VideoNetwork, Views, matrices_of_euler

NEAR, FAR = 1 / 10.01, 100.0  # disparity is 10 sigmoid(x) + 0.01
DEPTH_WIDTHS, DEPTH_KERNELS = (32, 64, 128, 256, 512, 512, 512), (7, 5, 3, 3, 3, 3, 3)
UP_WIDTHS = (16, 32, 64, 128, 256, 512, 512)
POSE_WIDTHS, POSE_KERNELS = (16, 32, 64, 128, 256, 256, 256), (7, 5, 3, 3, 3, 3, 3)
SHARED = 5  # of the pose network's convolutions with the mask's decoder
SCALES = 4


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2)


class DispNet(nn.Module):
    """(N, 3, h, w) to (N, h_s, w_s) logits at strides 1, 2, 4 and 8 (arXiv 1704.07813, figure 4 a, and the released code).

    Seven pairs of convolutions, each halving the size; seven transposed convolutions on the way back, joined with the features
    of their size and, from stride 4 on, with the coarser disparity.
    """

    def __init__(self, shrink: int = 1) -> None:
        super().__init__()
        widths = [max(4, w // shrink) for w in DEPTH_WIDTHS]
        up = [max(4, w // shrink) for w in UP_WIDTHS]
        inputs = [3, *widths[:-1]]
        self.down = nn.ModuleList(
            nn.Sequential(_conv(i, w, k, 2), nn.ReLU(), _conv(w, w, k), nn.ReLU())
            for i, w, k in zip(inputs, widths, DEPTH_KERNELS, strict=True)
        )
        deeper = [*up[1:], widths[-1]]
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(d, u, 3, 2, padding=1, output_padding=1) for d, u in zip(deeper, up, strict=True)
        )
        self.join = nn.ModuleList(
            _conv(u + (widths[level - 1] if level else 0) + (level < SCALES - 1), u, 3) for level, u in enumerate(up)
        )
        self.predict = nn.ModuleList(_conv(up[scale], 1, 3) for scale in range(SCALES))

    def forward(self, image: Tensor, activation: DisparityDepth) -> list[Tensor]:
        """Return the logits, finest first; `activation` is the network's `DisparityDepth`, whose disparity is joined in."""
        x, features = image, []
        for step in self.down:
            x = step(x)
            features.append(x)
        found: list[Tensor] = []
        for level in reversed(range(len(self.up))):
            size = features[level - 1].shape[-2:] if level else image.shape[-2:]
            x = _fitted(self.up[level](x).relu(), size)
            parts = [x, features[level - 1]] if level else [x]
            if level < SCALES - 1:
                coarser: Tensor = activation.disparity(found[0])[:, None]
                parts.append(F.interpolate(coarser, size=size, mode="bilinear", align_corners=False).to(x.dtype))
            x = self.join[level](torch.cat(parts, dim=1)).relu()
            if level < SCALES:
                found.insert(0, in_full_precision(self.predict[level], x).float()[:, 0])
        return found


class PoseExplainability(nn.Module):
    """(N, 3 (1 + S), h, w), the target first, to (N, S, 6) source_from_target and (N, S, h_s, w_s) logits of explainability.

    Seven convolutions of stride 2, a 1 x 1 convolution, the mean over the picture, times 0.01: Euler angles and translation.
    From the fifth a decoder of transposed convolutions says the masks at strides 1, 2, 4 and 8 (figure 4 b).
    """

    def __init__(self, sources: int = 2, shrink: int = 1) -> None:
        super().__init__()
        self.sources, self.with_masks = sources, True
        widths = [max(4, w // shrink) for w in POSE_WIDTHS]
        inputs = [3 * (1 + sources), *widths[:-1]]
        self.down = nn.ModuleList(_conv(i, w, k, 2) for i, w, k in zip(inputs, widths, POSE_KERNELS, strict=True))
        self.pose = nn.Conv2d(widths[-1], 6 * sources, 1)
        up = widths[:SHARED]
        deeper = [*up[1:], widths[SHARED - 1]]
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(d, u, 3, 2, padding=1, output_padding=1) for d, u in zip(deeper, up, strict=True)
        )
        self.predict = nn.ModuleList(_conv(up[scale], sources, 3) for scale in range(SCALES))

    def learn_masks(self, masks: bool) -> None:
        """Say whether masks are wanted; without, `forward` gives none."""
        self.with_masks = masks
        for part in (self.up, self.predict):
            part.requires_grad_(masks)

    def forward(self, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        """See the class; the masks are finest first."""
        x, sizes, shared = pictures, [pictures.shape[-2:]], pictures
        for index, conv in enumerate(self.down):
            x = conv(x).relu()
            if index < SHARED:
                sizes.append(x.shape[-2:])
                shared = x
        motion = MOTION_SCALE * in_full_precision(self.pose, x).float().mean((2, 3)).reshape(-1, self.sources, 6)
        masks: list[Tensor] = []
        for level in reversed(range(SHARED if self.with_masks else 0)):
            shared = _fitted(self.up[level](shared).relu(), sizes[level])
            if level < SCALES:
                masks.insert(0, in_full_precision(self.predict[level], shared).float())
        return motion, masks


class SfmLearner(VideoNetwork):
    """Zhou et al. 2017 (arXiv 1704.07813); nothing in it is pretrained.

    Args:
        sources: pictures beside the target: 2 for films of length 3, 4 for length 5.
        shrink: divides all widths; 1, or more in tests.
    """

    mean = (127.5, 127.5, 127.5)
    std = (127.5, 127.5, 127.5)
    input_size = 416

    def __init__(self, sources: int = 2, shrink: int = 1) -> None:
        super().__init__()
        self.sources = sources
        self.activation.set_limits(NEAR, FAR)
        self.depth = DispNet(shrink)
        self.motion = PoseExplainability(sources, shrink)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.xavier_uniform_(module.weight)
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def logits(self, image: Tensor) -> Tensor:
        """See `DepthNetwork`."""
        found: list[Tensor] = self.depth(image, self.activation)
        return found[0]

    def views(self, target: Tensor, sources: Sequence[Tensor], offsets: Sequence[int]) -> Views:
        """See `VideoNetwork`."""
        logits = self.depth(target, self.activation)
        motion, masks = self.motion(torch.cat([target, *sources], dim=1))
        return Views(tuple(logits), motion, tuple(masks))

    def motion_matrices(self, motion: Float[Tensor, "n s 6"], offsets: Sequence[int]) -> Float[Tensor, "s n 4 4"]:
        """See `VideoNetwork`."""
        return matrices_of_euler(motion)

    def learn(self, *, motion: bool, masks: bool) -> None:
        """See `VideoNetwork`."""
        self.motion.requires_grad_(motion)
        self.motion.learn_masks(motion and masks)

    def freeze(self, stages: int) -> None:
        """See `DepthNetwork`: nothing is pretrained, so nothing is frozen."""

    def load_imagenet(self) -> None:
        """See `DepthNetwork`.

        Raises:
            LeadlineError: always.
        """
        raise LeadlineError("sfmlearner has no pretrained encoder: set model.imagenet=false")

    @property
    def last_layer(self) -> nn.Conv2d:
        """See `DepthNetwork`."""
        last = self.depth.predict[0]
        assert isinstance(last, nn.Conv2d)
        return last


def _fitted(x: Tensor, hw: Sequence[int]) -> Tensor:
    """Return a map at the size of the features that it joins, to which doubling an odd size does not lead."""
    return F.interpolate(x, size=(hw[0], hw[1]), mode="nearest")
