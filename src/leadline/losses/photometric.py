"""Photometric error of warped views: SSIM and absolute difference, best source, pixels that don't move (METHODS D.10).

Godard et al. 2019 (monodepth2, arXiv 1806.01260). Images are (N, C, h, w) in 0..1; errors are (N, h, w), one a pixel, and
`photometric_loss` gives (N,), one a target picture. Published code fills what lies outside a source with its border and has no
masks; here such pixels are not valid. With everything valid the numbers are the published ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from leadline.errors import LeadlineError
from leadline.losses.masked import mean_over

SSIM_SHARE = 0.85
C1, C2 = 0.01**2, 0.03**2
TIE_NOISE = 1e-5  # of identity errors, so that a static picture's ties fall to either side


def ssim_map(
    first: Float[Tensor, "n c h w"], second: Float[Tensor, "n c h w"], valid: Bool[Tensor, "n h w"] | None = None
) -> Float[Tensor, "n c h w"]:
    """Return (N, C, h, w) SSIM of 3 x 3 windows of equal weights, pictures mirrored at their rims.

    The rim pixel is not repeated. Windows take their valid pixels only; a window without one gives 1.

    Args:
        first, second: (N, C, h, w), 0..1.
        valid: (N, h, w) bool; None means everywhere.

    Raises:
        LeadlineError: a picture has fewer than 2 rows or columns, so that nothing can be mirrored.
    """
    if min(first.shape[-2:]) < 2:
        height, width = first.shape[-2:]
        raise LeadlineError(f"pictures of {width} x {height}: SSIM mirrors rims, expected 2 x 2 or more")
    if valid is None:
        return _Ssim.apply(first, second, None)  # type: ignore[no-any-return, no-untyped-call]
    share = _window_mean(valid[:, None].to(first.dtype))
    first, second = torch.where(valid[:, None], first, 0.0), torch.where(valid[:, None], second, 0.0)
    return _Ssim.apply(first, second, torch.where(share > 0, share, 1.0))  # type: ignore[no-any-return, no-untyped-call]


class _Moments(NamedTuple):
    """Means of windows, and the factors of SSIM = (above * across) / (below * around)."""

    a: Tensor
    b: Tensor
    above: Tensor
    across: Tensor
    below: Tensor
    around: Tensor


class _Ssim(torch.autograd.Function):
    """SSIM of pictures that are 0 where a window's `share` of valid pixels leaves them out; None for a share of 1.

    Its derivative is written out: half of a training step of monodepth2 on a CPU went through what autograd made of it.
    """

    @staticmethod
    def forward(ctx: Any, first: Tensor, second: Tensor, share: Tensor | None) -> Tensor:
        ctx.save_for_backward(first, second, share)
        m = _moments(first, second, share)
        return m.above.mul_(m.across).div_(m.below.mul_(m.around))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        first, second, share = ctx.saved_tensors
        m = _moments(first, second, share)
        each = grad / (m.below * m.around)
        of_product = 2 * each * m.above  # d / d mean(first * second)
        similar = each * (m.above * m.across)
        of_square = -similar / m.around  # d / d mean(first^2), and of the second
        of_mean = 2 * each * (m.across - m.above)  # d / d mean(first) is this times the other's mean, and ...
        of_own = -2 * (similar / m.below + of_square)  # ... this times its own
        shared = _window_mean_transposed(of_product, share)
        squared = 2 * _window_mean_transposed(of_square, share)
        found: list[Tensor | None] = [None, None]
        for i, (own, other, mean, other_mean) in enumerate(((first, second, m.a, m.b), (second, first, m.b, m.a))):
            if ctx.needs_input_grad[i]:
                of_pixel = _window_mean_transposed(of_mean * other_mean + of_own * mean, share)
                found[i] = of_pixel.addcmul_(squared, own).addcmul_(shared, other)
        return found[0], found[1], None


def _moments(first: Tensor, second: Tensor, share: Tensor | None) -> _Moments:
    a, b = _window_mean(first, share), _window_mean(second, share)
    product, squares = a * b, a.square().addcmul_(b, b)
    across = _window_mean(first * second, share).sub_(product).mul_(2).add_(C2)
    around = _window_mean(first.square().addcmul_(second, second), share).sub_(squares).add_(C2)
    return _Moments(a, b, product.mul_(2).add_(C1), across, squares.add_(C1), around)


def photometric_error(
    first: Float[Tensor, "n c h w"],
    second: Float[Tensor, "n c h w"],
    valid: Bool[Tensor, "n h w"] | None = None,
    ssim_share: float = SSIM_SHARE,
) -> Float[Tensor, "n h w"]:
    """Return (N, h, w) ssim_share * (1 - SSIM) / 2 + (1 - ssim_share) * |first - second|; 0 where not valid.

    It is a mean over channels. (1 - SSIM) / 2 is clamped to 0..1, as published.

    Raises:
        LeadlineError: as `ssim_map`.
    """
    if valid is not None:
        first, second = torch.where(valid[:, None], first, 0.0), torch.where(valid[:, None], second, 0.0)
    dissimilar = ((1 - ssim_map(first, second, valid)) / 2).clamp(0, 1)
    error = (ssim_share * dissimilar + (1 - ssim_share) * (first - second).abs()).mean(1)
    return error if valid is None else torch.where(valid, error, 0.0)


class Reprojection(NamedTuple):
    """The smallest error of each pixel.

    Attributes:
        error: (N, h, w); 0 where not valid.
        valid: (N, h, w) bool: some source sees the pixel.
        source: (N, h, w) index of the source that the error is of.
    """

    error: Tensor
    valid: Tensor
    source: Tensor


def minimum_reprojection(errors: Float[Tensor, "s n h w"], valid: Bool[Tensor, "s n h w"] | None = None) -> Reprojection:
    """Return the smallest error over the sources that see a pixel: one of them usually sees what is occluded in another.

    The mean, which methods before took, blames the right depth of a pixel that one source can't see.

    Args:
        errors: (S, N, h, w), one for each source.
        valid: (S, N, h, w) bool; None means everywhere.
    """
    if valid is None:
        valid = torch.ones_like(errors, dtype=torch.bool)
    error, seen = torch.where(valid[0], errors[0], 0.0), valid[0]
    source = torch.zeros_like(seen, dtype=torch.int64)
    for index in range(1, len(errors)):  # a few comparisons are faster than one argmin over few
        better = valid[index] & (~seen | (errors[index] < error))
        error, seen = torch.where(better, errors[index], error), seen | valid[index]
        source = torch.where(better, index, source)
    return Reprojection(error, seen, source)


def moving_pixels(
    reprojection: Float[Tensor, "n h w"],
    identity: Float[Tensor, "n h w"],
    generator: torch.Generator | None = None,
    noise: float = TIE_NOISE,
) -> Bool[Tensor, "n h w"]:
    """Return (N, h, w) bool, monodepth2's auto-mask: warping explains the pixel better than the source as it is.

    False in a frame in which nothing moves, and on things that move with the camera, whose depth would come out infinite.

    Args:
        reprojection: (N, h, w) smallest error of the warped sources.
        identity: (N, h, w) smallest error of the sources as they are.
        generator: draws the noise that decides ties; None leaves ties out of the mask.
        noise: its standard deviation.
    """
    if generator is None:
        return reprojection < identity
    drawn = torch.randn(identity.shape, generator=generator, device=generator.device, dtype=identity.dtype)
    return reprojection < identity + noise * drawn.to(identity.device)


def photometric_loss(
    target: Float[Tensor, "n c h w"],
    warped: Float[Tensor, "s n c h w"],
    valid: Bool[Tensor, "s n h w"] | None = None,
    sources: Float[Tensor, "s n c h w"] | None = None,
    generator: torch.Generator | None = None,
    ssim_share: float = SSIM_SHARE,
) -> Float[Tensor, " n"]:
    """Return (N,) the mean over pixels of the smallest photometric error, auto-masked where `sources` are given.

    The divisor is the number of pixels that a source sees: auto-masked ones count 0 in it, so that gradients are the published
    ones (there their constant identity error is part of the value).

    Args:
        target: (N, C, h, w) pictures, 0..1.
        warped: (S, N, C, h, w) each source's picture as the target's camera would see it, by the predicted depth.
        valid: (S, N, h, w) bool, where a source has something to sample; None means everywhere.
        sources: (S, N, C, h, w) the sources as they are, to mask pixels that don't move; None masks nothing.
        generator: see `moving_pixels`.
        ssim_share: share of SSIM.

    Raises:
        LeadlineError: as `ssim_map`.
    """
    best = minimum_reprojection(_errors(target, warped, valid, ssim_share), valid)
    counted = best.valid
    if sources is not None:
        with torch.no_grad():
            identity = _errors(target, sources, None, ssim_share).amin(0)
        counted = counted & moving_pixels(best.error.detach(), identity, generator)
    return mean_over(torch.where(counted, best.error, 0.0), best.valid)


def _errors(target: Tensor, views: Tensor, valid: Tensor | None, ssim_share: float) -> Tensor:
    s, n = views.shape[:2]
    repeated = target.expand(s, *target.shape).flatten(0, 1)
    error = photometric_error(repeated, views.flatten(0, 1), None if valid is None else valid.flatten(0, 1), ssim_share)
    return error.view(s, n, *error.shape[1:])


def _window_mean(values: Tensor, share: Tensor | None = None) -> Tensor:
    """Return the mean over 3 x 3 pixels, mirrored at the rims, of those `share` that are valid."""
    mean = _window_sum(pad(values, (1, 1, 1, 1), mode="reflect")).mul_(1 / 9)
    return mean if share is None else mean.div_(share)


def _window_mean_transposed(grad: Tensor, share: Tensor | None) -> Tensor:
    """Return the gradient of what `_window_mean` was given."""
    wide = _window_sum(pad(grad if share is None else grad / share, (2, 2, 2, 2))).mul_(1 / 9)
    wide[..., 2, :] += wide[..., 0, :]  # the mirrored rim goes back to where it came from
    wide[..., -3, :] += wide[..., -1, :]
    wide[..., 2] += wide[..., 0]
    wide[..., -3] += wide[..., -1]
    return wide[..., 1:-1, 1:-1]


def _window_sum(values: Tensor) -> Tensor:
    """Return sums of 3 x 3 pixels, two rows and columns fewer; faster than `avg_pool2d` on a CPU."""
    rows = (values[..., :-2, :] + values[..., 1:-1, :]).add_(values[..., 2:, :])
    return (rows[..., :-2] + rows[..., 1:-1]).add_(rows[..., 2:])
