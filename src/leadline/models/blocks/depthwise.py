"""Depthwise convolution whose bfloat16 backward pass is fast on CPUs."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

# Pixels of a map up to which sums of shifted maps are faster than oneDNN's kernels, by kernel size: three times at 3 x 5
# against float32, 20 times at 2 x 3 against bfloat16.
_SMALL_MAPS = {5: 64, 3: 8}


def depthwise_conv2d(x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int) -> Tensor:
    """Return F.conv2d with one group a channel.

    Under bfloat16 autocast on a CPU the gradients go through float32 where oneDNN 3.12 has no fast bfloat16 kernel: the data
    gradient of stride 2 and the weight gradient of 5 x 5 kernels (5 to 20 times faster; more than half of a training step).
    """
    if x.device.type == "cpu" and torch.is_autocast_enabled("cpu") and torch.is_grad_enabled():
        low = torch.get_autocast_dtype("cpu")
        tensors = x.to(low), weight.to(low), bias.to(low)
        out: Tensor = _DepthwiseConv.apply(*tensors, stride, padding)  # type: ignore[no-untyped-call]
        return out
    return F.conv2d(x, weight, bias, stride, padding, 1, weight.shape[0])


def _by_shifts(grad: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """Return the weight gradient of a convolution: for each place in the kernel, the shifted input times `grad`."""
    rows, columns = weight.shape[-2:]
    height, width = (stride * (side - 1) + 1 for side in grad.shape[-2:])
    there = grad.permute(0, 2, 3, 1)
    padded = F.pad(x, (padding,) * 4).permute(0, 2, 3, 1)
    sums = [
        (padded[:, i : i + height : stride, j : j + width : stride] * there).sum((0, 1, 2), dtype=torch.float32)
        for i in range(rows)
        for j in range(columns)
    ]
    return torch.stack(sums, dim=1).view(weight.shape)


class _DepthwiseConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, bias, stride, padding, 1, weight.shape[0])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        grad = grads[0]
        strided, large = ctx.stride > 1, weight.shape[-1] > 3
        wide = [t.float() for t in (grad, x, weight)] if strided or large else [grad, x, weight]

        def gradients(tensors: list[Tensor], mask: list[bool]) -> tuple[Tensor, Tensor, Tensor]:
            both = (ctx.stride,) * 2, (ctx.padding,) * 2
            out: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.convolution_backward(
                *tensors, None, *both, (1, 1), False, (0, 0), weight.shape[0], mask
            )
            return out

        of_data = (
            gradients(wide if strided else [grad, x, weight], [True, False, False])[0] if ctx.needs_input_grad[0] else None
        )
        of_weight = None
        if ctx.needs_input_grad[1]:
            if grad.shape[-2:].numel() <= _SMALL_MAPS.get(weight.shape[-1], 0):
                of_weight = _by_shifts(grad, x, weight, ctx.stride, ctx.padding)
            else:
                of_weight = gradients(wide, [False, True, False])[1]
        of_bias = grad.sum((0, 2, 3), dtype=torch.float32) if ctx.needs_input_grad[2] else None
        return (
            None if of_data is None else of_data.to(x.dtype),
            None if of_weight is None else of_weight.to(weight.dtype),
            None if of_bias is None else of_bias.to(weight.dtype),
            None,
            None,
        )
