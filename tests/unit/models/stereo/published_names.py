"""Names and shapes of the published checkpoints, written out from the released code, at any width."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


def _conv(shapes: Shapes, name: str, outputs: int, inputs: int, *size: int) -> None:
    sides = size * 2 if len(size) == 1 else size
    shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (outputs, inputs, *sides), (outputs,)


def _norm(shapes: Shapes, name: str, channels: int) -> None:
    shapes.update({f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")})
    shapes[f"{name}.num_batches_tracked"] = ()


def _block(shapes: Shapes, name: str, outputs: int, inputs: int, batch: bool, down: bool) -> None:
    _conv(shapes, f"{name}.conv1", outputs, inputs, 3)
    _conv(shapes, f"{name}.conv2", outputs, outputs, 3)
    if batch:
        _norm(shapes, f"{name}.norm1", outputs)
        _norm(shapes, f"{name}.norm2", outputs)
    if down:
        _conv(shapes, f"{name}.downsample.0", outputs, inputs, 1)
        if batch:
            _norm(shapes, f"{name}.norm3", outputs)
            _norm(shapes, f"{name}.downsample.1", outputs)


def _encoder(
    shapes: Shapes, name: str, widths: tuple[int, int, int], batch: bool, strides: tuple[int, ...], always: bool
) -> None:
    _conv(shapes, f"{name}.conv1", widths[0], 3, 7)
    if batch:
        _norm(shapes, f"{name}.norm1", widths[0])
    inputs = widths[0]
    for layer, (width, stride) in enumerate(zip(widths, strides, strict=True), 1):
        _block(shapes, f"{name}.layer{layer}.0", width, inputs, batch, always or stride > 1 or width != inputs)
        _block(shapes, f"{name}.layer{layer}.1", width, width, batch, always)
        inputs = width


def raft_stereo(
    widths: tuple[int, int, int] = (64, 96, 128), hidden: int = 128, features: int = 256, head: int = 256,
    motion: tuple[int, int, int] = (64, 64, 128), downsample: int = 2, levels: int = 3, shared: bool = False,
    batch: bool = True,
) -> Shapes:  # fmt: skip
    shapes: Shapes = {}
    strides = (1, 2 if downsample > 1 else 1, 2)
    _encoder(shapes, "cnet", widths, batch, strides, always=False)
    for layer in (4, 5):
        _block(shapes, f"cnet.layer{layer}.0", widths[2], widths[2], batch, down=True)
        _block(shapes, f"cnet.layer{layer}.1", widths[2], widths[2], batch, down=False)
    for part in (0, 1):
        for level in ("08", "16"):
            _block(shapes, f"cnet.outputs{level}.{part}.0", widths[2], widths[2], batch, down=False)
            _conv(shapes, f"cnet.outputs{level}.{part}.1", hidden, widths[2], 3)
        _conv(shapes, f"cnet.outputs32.{part}", hidden, widths[2], 3)
    if shared:
        _block(shapes, "conv2.0", widths[2], widths[2], False, down=False)
        _conv(shapes, "conv2.1", features, widths[2], 3)
    else:
        _encoder(shapes, "fnet", widths, False, strides, always=False)
        _conv(shapes, "fnet.conv2", features, widths[2], 1)
    for level in range(levels):
        _conv(shapes, f"context_zqr_convs.{level}", 3 * hidden, hidden, 3)
    corr, flow, out = motion
    _conv(shapes, "update_block.encoder.convc1", corr, 36, 1)
    _conv(shapes, "update_block.encoder.convc2", corr, corr, 3)
    _conv(shapes, "update_block.encoder.convf1", flow, 2, 7)
    _conv(shapes, "update_block.encoder.convf2", flow, flow, 3)
    _conv(shapes, "update_block.encoder.conv", out - 2, corr + flow, 3)
    inputs = {"08": out + hidden * (levels > 1), "16": hidden * (levels == 3) + hidden, "32": hidden}
    for level, width in inputs.items():
        for gate in "zrq":
            _conv(shapes, f"update_block.gru{level}.conv{gate}", hidden, hidden + width, 3)
    _heads(shapes, hidden, head, 2**downsample)
    return {f"module.{name}": shape for name, shape in shapes.items()}


def crestereo(
    widths: tuple[int, int, int] = (64, 96, 128), hidden: int = 128, head: int = 256,
    motion: tuple[int, int, int, int, int] = (256, 192, 128, 64, 128),
) -> Shapes:  # fmt: skip
    shapes: Shapes = {}
    _encoder(shapes, "fnet", widths, False, (1, 2, 1), always=True)
    channels = 2 * hidden
    _conv(shapes, "fnet.conv2", channels, widths[2], 1)
    c1, c2, f1, f2, out = motion
    _conv(shapes, "update_block.encoder.convc1", c1, 36, 1)
    _conv(shapes, "update_block.encoder.convc2", c2, c1, 3)
    _conv(shapes, "update_block.encoder.convf1", f1, 2, 7)
    _conv(shapes, "update_block.encoder.convf2", f2, f1, 3)
    _conv(shapes, "update_block.encoder.conv", out - 2, c2 + f2, 3)
    for gate in "zrq":
        _conv(shapes, f"update_block.gru.conv{gate}1", hidden, 2 * hidden + out, 1, 5)
        _conv(shapes, f"update_block.gru.conv{gate}2", hidden, 2 * hidden + out, 5, 1)
    _heads(shapes, hidden, head, 4)
    for kind in ("self", "cross"):
        name = f"{kind}_att_fn.layers.0"
        shapes.update({f"{name}.{part}.weight": (channels, channels) for part in ("q_proj", "k_proj", "v_proj", "merge")})
        shapes[f"{name}.mlp.0.weight"], shapes[f"{name}.mlp.2.weight"] = (2 * channels,) * 2, (channels, 2 * channels)
        for norm in ("norm1", "norm2"):
            shapes[f"{name}.{norm}.weight"] = shapes[f"{name}.{norm}.bias"] = (channels,)
    for size in (16, 8):
        _conv(shapes, f"conv_offset_{size}", 18, channels, 3)
    return shapes


def _heads(shapes: Shapes, hidden: int, head: int, factor: int) -> None:
    _conv(shapes, "update_block.flow_head.conv1", head, hidden, 3)
    _conv(shapes, "update_block.flow_head.conv2", 2, head, 3)
    _conv(shapes, "update_block.mask.0", head, hidden, 3)
    _conv(shapes, "update_block.mask.2", 9 * factor**2, head, 1)


def random_state(shapes: Shapes, seed: int = 0) -> dict[str, Tensor]:
    """Return tensors of these shapes; "norm3" is the same tensor as "downsample.1", as in the released code."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(7)
        elif name.endswith("running_var"):
            state[name] = torch.rand(shape, generator=generator) + 0.5
        elif len(shape) > 1:
            state[name] = torch.randn(shape, generator=generator) * float(1.4 / np.sqrt(np.prod(shape[1:])))
        else:
            state[name] = torch.randn(shape, generator=generator) * 0.1 + (0.6 if name.endswith("weight") else 0.0)
    for name in state:
        if ".norm3." in name:
            state[name] = state[name.replace(".norm3.", ".downsample.1.")]
    return state
