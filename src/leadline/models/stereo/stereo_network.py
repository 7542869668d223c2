"""What training, export and prediction ask of every stereo network."""

from __future__ import annotations

from torch import Tensor, nn

from leadline.depth_map import PIXEL_DISPARITY
from leadline.errors import LeadlineError
from leadline.predictor import ModelCard


class StereoNetwork(nn.Module):
    """Two (N, 3, h, w) normalised rectified pictures to the (N, h, w) pixel_disparity of the left one.

    A point at x in the left picture is at ``x - disparity`` in the right one. The networks refine an estimate step by step:
    `steps` gives all estimates, for a loss on each of them, and calling the network gives the last one.

    Attributes:
        stride: heights and widths must be multiples of it.
        least: smallest height and width.
        iterations: refinement steps of a call; more cost time and rarely harm.
        mean, std: of the input, in 0..255 units: (rgb - mean) / std, so that pictures lie in -1..1.
        input_size: pictures with a longer side are better shrunk to it.
    """

    stride: int = 32
    least: int = 64
    iterations: int = 12
    mean: tuple[float, float, float] = (127.5, 127.5, 127.5)
    std: tuple[float, float, float] = (127.5, 127.5, 127.5)
    input_size: int = 1280

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Return the (N, h, w) disparity in pixels.

        Raises:
            LeadlineError: see `check`.
        """
        return self.steps(left, right, self.iterations)[-1][:, 0]

    def steps(self, left: Tensor, right: Tensor, iterations: int) -> list[Tensor]:
        """Return every estimate, first to last, each (N, 2, h, w): the disparity, and a vertical offset that should be 0."""
        raise NotImplementedError

    def check(self, left: Tensor, right: Tensor) -> None:
        """Refuse pictures that don't fit.

        Raises:
            LeadlineError: other shapes than two equal (N, 3, h, w), or sides that are too small or no multiples of `stride`.
        """
        if left.ndim != 4 or left.shape[1] != 3 or left.shape != right.shape:
            raise LeadlineError(
                f"pictures of shapes {tuple(left.shape)} and {tuple(right.shape)}: expected two of (N, 3, h, w)"
            )
        h, w = left.shape[-2:]
        if h % self.stride or w % self.stride or min(h, w) < self.least:
            raise LeadlineError(
                f"pictures of {w} x {h}: expected multiples of {self.stride}, at least {self.least}; pad both alike, crop back"
            )

    def normalise(self, pixels: Tensor) -> Tensor:
        """Return the (N, 3, h, w) float32 input of (N, h, w, 3) uint8 sRGB pixels."""
        return (pixels.permute(0, 3, 1, 2).float() - self.mean[0]) / self.std[0]

    def card(self, name: str) -> ModelCard:
        """Return the card of this network under a name."""
        return ModelCard(
            name,
            PIXEL_DISPARITY,
            mean=self.mean,
            std=self.std,
            size_multiple=self.stride,
            input_size=self.input_size,
            resize_side="longer",
        )
