"""RAFT-Stereo and CREStereo straight from the names of their published checkpoints, in float64 NumPy, one pair at a time.

Both return the disparity of the left picture, (h, w); the state is {name: array} as the authors saved it, without "module.".
"""

import numpy as np
from tests.reference.midas_large import conv


def raft_stereo(state, left, right, iterations, levels=3, slow_fast=False):
    """Return the (h, w) disparity of two (3, h, w) pictures in -1..1."""
    w = {name: np.asarray(tensor, dtype=np.float64) for name, tensor in state.items()}
    shared = "conv2.1.weight" in w
    factor = round(np.sqrt(len(w["update_block.mask.2.weight"]) / 9))
    strides = (2 if factor > 4 else 1, 1, 2 if factor > 2 else 1, 2 if factor > 1 else 1)
    norm = "batch" if "cnet.norm1.running_mean" in w else "instance"

    def c(x, name, stride=1):
        return conv2(x, w[f"{name}.weight"], w[f"{name}.bias"], stride)

    trunk = [raft_trunk(w, view, "cnet", norm, strides) for view in (left, right)]
    if shared:
        features = [c(residual(w, t, "conv2.0", "instance"), "conv2.1") for t in trunk]
    else:
        features = [
            conv2(raft_trunk(w, view, "fnet", "instance", strides), w["fnet.conv2.weight"], w["fnet.conv2.bias"])
            for view in (left, right)
        ]
    net, bias = [], []
    x = trunk[0]
    for level, name in enumerate(("08", "16", "32")[:levels]):
        if level:
            x = residual(w, residual(w, x, f"cnet.layer{3 + level}.0", norm, 2), f"cnet.layer{3 + level}.1", norm)
        heads = []
        for head in (0, 1):
            where = f"cnet.outputs{name}.{head}"
            heads.append(c(x, where) if level == 2 else c(residual(w, x, f"{where}.0", norm), f"{where}.1"))
        net.append(np.tanh(heads[0]))
        bias.append(np.split(c(np.maximum(heads[1], 0), f"context_zqr_convs.{level}"), 3))

    channels, h, wd = features[0].shape
    volume = np.einsum("cyx,cyz->yxz", *features) / np.sqrt(channels)
    pyramid = [volume]
    for _ in range(3):
        last = pyramid[-1]
        pyramid.append(last[..., : last.shape[-1] // 2 * 2].reshape(h, wd, -1, 2).mean(-1))

    def gru(level, *inputs):
        name = f"update_block.gru{('08', '16', '32')[level]}"
        x, before = np.concatenate(inputs), net[level]
        z = sigmoid(c(np.concatenate([before, x]), f"{name}.convz") + bias[level][0])
        r = sigmoid(c(np.concatenate([before, x]), f"{name}.convr") + bias[level][1])
        q = np.tanh(c(np.concatenate([r * before, x]), f"{name}.convq") + bias[level][2])
        net[level] = (1 - z) * before + z * q

    def coarse(level):
        inputs = [pool3(net[level - 1])]
        if level + 1 < levels:
            inputs.append(stretch(net[level + 1], net[level].shape[1:]))
        gru(level, *inputs)

    flow = np.zeros((h, wd))
    for _ in range(iterations):
        seen = []
        for level, volume in enumerate(pyramid):
            for step in range(-4, 5):
                seen.append(along_rows(volume, (np.arange(wd) + flow) / 2**level + step))
        if slow_fast:
            for level in [2] * (levels == 3) + list(range(levels - 1, 0, -1)):
                coarse(level)
        for level in range(levels - 1, 0, -1):
            coarse(level)
        both = np.stack([flow, np.zeros_like(flow)])
        inputs = [motion(c, both, np.stack(seen))]
        if levels > 1:
            inputs.append(stretch(net[1], net[0].shape[1:]))
        gru(0, *inputs)
        change, mask = head_pair(c, net[0])
        flow = flow + change[0]
    return upsample(-flow[None], mask, factor)[0]


def crestereo(state, left, right, iterations, heads, start=None):
    """Return the (2, h, w) disparity and vertical offset of two (3, h, w) pictures in -1..1, as the released code does.

    `start` is the same of another size, from which the finest level alone goes on.
    """
    w = {name: np.asarray(tensor, dtype=np.float64) for name, tensor in state.items()}
    w = {name: value.ravel() if name.endswith(".bias") else value for name, value in w.items()}

    def c(x, name, stride=1):
        return conv2(x, w[f"{name}.weight"], w[f"{name}.bias"], stride)

    fine = []
    for view in (left, right):
        x = np.maximum(normed(w, c(view, "fnet.conv1", 2), "fnet.norm1", "instance"), 0)
        for layer, stride in ((1, 1), (2, 2), (3, 1)):
            x = residual(w, x, f"fnet.layer{layer}.0", "instance", stride)
            x = residual(w, x, f"fnet.layer{layer}.1", "instance")
        fine.append(c(x, "fnet.conv2"))
    net, context = np.split(fine[0], 2)
    net, context = np.tanh(net), np.maximum(context, 0)

    def step(hidden, about, correlation, flow):
        x = np.concatenate([about, motion(c, flow, correlation)])
        for n in (1, 2):
            z = sigmoid(c(np.concatenate([hidden, x]), f"update_block.gru.convz{n}"))
            r = sigmoid(c(np.concatenate([hidden, x]), f"update_block.gru.convr{n}"))
            q = np.tanh(c(np.concatenate([r * hidden, x]), f"update_block.gru.convq{n}"))
            hidden = (1 - z) * hidden + z * q
        change, mask = head_pair(c, hidden)
        return hidden, flow + change, mask

    if start is not None:
        flow = -start_scale(start, fine[0].shape[1:])
    else:
        flow = None
        for shrink in (4, 2):
            small = [shrunk(view, shrink) for view in fine]
            offsets = (sigmoid(c(small[0], f"conv_offset_{4 * shrink}")) - 0.5) * 2
            if shrink == 4:
                small = attend(w, small, heads)
                flow = np.zeros((2, *small[0].shape[1:]))
            hidden, about = shrunk(net, shrink), shrunk(context, shrink)
            for number in range(iterations // 2):
                found = correlate(*small, flow, number % 2 == 1, offsets)
                hidden, flow, mask = step(hidden, about, found, flow)
            next_hw = [n // (shrink // 2) for n in fine[0].shape[1:]]
            flow = -start_scale(upsample(flow, mask, 4), next_hw)  # negated, as released
    hidden = net
    for number in range(iterations):
        hidden, flow, mask = step(hidden, context, correlate(*fine, flow, number % 2 == 1, None), flow)
    return -upsample(flow, mask, 4)


def correlate(left, right, flow, square, offsets):
    """Return (36, h, w) means of products; each of four groups of channels searches nine places."""
    places = [(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1)] if square else [(x, 0) for x in range(-4, 5)]
    _, h, wd = left.shape
    x0, y0 = np.arange(wd)[None] + flow[0], np.arange(h)[:, None] + flow[1]
    found = np.zeros((4, 9, h, wd))
    warped = bilinear(right, x0, y0)
    for k, (dx, dy) in enumerate(places):
        if offsets is None:
            rows, columns = np.clip(np.arange(h) + dy, 0, h - 1), np.clip(np.arange(wd) + dx, 0, wd - 1)
            there = warped[:, rows][:, :, columns]
        else:
            there = bilinear(right, x0 + dx + offsets[2 * k], y0 + dy + offsets[2 * k + 1])
        found[:, k] = (left * there).reshape(4, -1, h, wd).mean(1)
    return found.reshape(36, h, wd)


def attend(w, views, heads):
    c, h, wd = views[0].shape
    code = np.zeros((c, h, wd))
    for k in range(c // 4):
        f = np.exp(-2.0 * k)  # the published slip
        x, y = np.arange(1, wd + 1)[None] * f, np.arange(1, h + 1)[:, None] * f
        code[4 * k], code[4 * k + 1], code[4 * k + 2], code[4 * k + 3] = np.sin(x), np.cos(x), np.sin(y), np.cos(y)
    one, other = ((view + code).reshape(c, -1).T for view in views)

    def layer(x, source, name):
        def linear(t, part):
            return t @ w[f"{name}.{part}.weight"].T

        def layer_norm(t, part):
            t = (t - t.mean(1, keepdims=True)) / np.sqrt(t.var(1, keepdims=True) + 1e-5)
            return t * w[f"{name}.{part}.weight"] + w[f"{name}.{part}.bias"]

        answer = []
        for head in range(heads):
            part = slice(head * c // heads, (head + 1) * c // heads)
            q, k, v = linear(x, "q_proj")[:, part], linear(source, "k_proj")[:, part], linear(source, "v_proj")[:, part]
            q, k = np.where(q > 0, q, np.expm1(np.minimum(q, 0))) + 1, np.where(k > 0, k, np.expm1(np.minimum(k, 0))) + 1
            weights = q @ k.T  # what linear attention sums without forming it
            answer.append(weights @ v / (weights.sum(1, keepdims=True) + 1e-6))
        message = layer_norm(linear(np.concatenate(answer, 1), "merge"), "norm1")
        message = np.maximum(linear(np.concatenate([x, message], 1), "mlp.0"), 0)
        return x + layer_norm(linear(message, "mlp.2"), "norm2")

    mine, cross = "self_att_fn.layers.0", "cross_att_fn.layers.0"
    one, other = layer(one, one, mine), layer(other, other, mine)
    one = layer(one, other, cross)
    other = layer(other, one, cross)
    return [view.T.reshape(c, h, wd) for view in (one, other)]


def raft_trunk(w, view, name, norm, strides):
    x = conv2(view, w[f"{name}.conv1.weight"], w[f"{name}.conv1.bias"], strides[0])
    x = np.maximum(normed(w, x, f"{name}.norm1", norm), 0)
    for layer, stride in zip((1, 2, 3), strides[1:], strict=True):
        x = residual(w, residual(w, x, f"{name}.layer{layer}.0", norm, stride), f"{name}.layer{layer}.1", norm)
    return x


def residual(w, x, name, norm, stride=1):
    y = conv2(x, w[f"{name}.conv1.weight"], w[f"{name}.conv1.bias"], stride)
    y = np.maximum(normed(w, y, f"{name}.norm1", norm), 0)
    y = np.maximum(normed(w, conv2(y, w[f"{name}.conv2.weight"], w[f"{name}.conv2.bias"]), f"{name}.norm2", norm), 0)
    if f"{name}.downsample.0.weight" in w:
        x = conv2(x, w[f"{name}.downsample.0.weight"], w[f"{name}.downsample.0.bias"], stride)
        x = normed(w, x, f"{name}.downsample.1", norm)
    return np.maximum(x + y, 0)


def normed(w, x, name, norm):
    if norm == "instance":
        return (x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-5)
    scale = w[f"{name}.weight"] / np.sqrt(w[f"{name}.running_var"] + 1e-5)
    return x * scale[:, None, None] + (w[f"{name}.bias"] - w[f"{name}.running_mean"] * scale)[:, None, None]


def motion(c, flow, correlation):
    seen = np.maximum(c(np.maximum(c(correlation, "update_block.encoder.convc1"), 0), "update_block.encoder.convc2"), 0)
    moved = np.maximum(c(np.maximum(c(flow, "update_block.encoder.convf1"), 0), "update_block.encoder.convf2"), 0)
    return np.concatenate([np.maximum(c(np.concatenate([seen, moved]), "update_block.encoder.conv"), 0), flow])


def head_pair(c, hidden):
    change = c(np.maximum(c(hidden, "update_block.flow_head.conv1"), 0), "update_block.flow_head.conv2")
    return change, 0.25 * c(np.maximum(c(hidden, "update_block.mask.0"), 0), "update_block.mask.2")


def upsample(flow, mask, factor):
    """Return (C, h f, w f), pixel by pixel."""
    channels, h, wd = flow.shape
    logits = mask.reshape(9, factor, factor, h, wd)
    share = np.exp(logits - logits.max(0))
    share /= share.sum(0)
    around = np.pad(factor * flow, ((0, 0), (1, 1), (1, 1)))
    out = np.zeros((channels, h * factor, wd * factor))
    for y in range(h):
        for x in range(wd):
            window = around[:, y : y + 3, x : x + 3].reshape(channels, 9)
            block = np.einsum("ck,kij->cij", window, share[..., y, x])
            out[:, y * factor : (y + 1) * factor, x * factor : (x + 1) * factor] = block
    return out


def along_rows(volume, at):
    """Return (h, w) linear samples of (h, w, n) at (h, w) places, 0 outside."""
    n = volume.shape[-1]
    padded = np.pad(volume, ((0, 0), (0, 0), (1, 1)))
    low = np.floor(at).astype(int)

    def take(i):
        return np.take_along_axis(padded, np.clip(i + 1, 0, n + 1)[..., None], -1)[..., 0]

    return (1 - (at - low)) * take(low) + (at - low) * take(low + 1)


def bilinear(x, column, row):
    """Return (C, h, w) samples at columns and rows, 0 outside."""
    _, h, wd = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    left, top = np.floor(column).astype(int), np.floor(row).astype(int)
    out = 0.0
    for dy in (0, 1):
        for dx in (0, 1):
            share = (1 - np.abs(column - left - dx)) * (1 - np.abs(row - top - dy))
            out = out + share * padded[:, np.clip(top + dy + 1, 0, h + 1), np.clip(left + dx + 1, 0, wd + 1)]
    return out


def conv2(x, kernel, bias=None, stride=1):
    """Convolve with kernels of any odd sides."""
    if kernel.shape[2] == kernel.shape[3]:
        return conv(x, kernel, bias, stride)
    up, side = kernel.shape[2] // 2, kernel.shape[3] // 2
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(x, ((0, 0), (up, up), (side, side))), kernel.shape[2:], axis=(1, 2)
    )
    return np.einsum("chwij,ocij->ohw", windows, kernel) + bias[:, None, None]


def pool3(x):
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (1, 1), (1, 1))), (3, 3), axis=(1, 2))
    return windows[:, ::2, ::2].mean((-1, -2))


def shrunk(x, factor):
    c, h, wd = x.shape
    return x.reshape(c, h // factor, factor, wd // factor, factor).mean((2, 4))


def stretch(x, hw):
    """Return (C, *hw), bilinear, corners on corners."""
    for axis, size in ((1, hw[0]), (2, hw[1])):
        n = x.shape[axis]
        at = np.arange(size) * (n - 1) / (size - 1)
        low = np.minimum(np.floor(at).astype(int), n - 1)
        share = (at - low).reshape(-1, 1) if axis == 1 else at - low
        x = np.take(x, low, axis) * (1 - share) + np.take(x, np.minimum(low + 1, n - 1), axis) * share
    return x


def start_scale(flow, hw):
    return hw[0] / flow.shape[1] * stretch(flow, hw)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))
