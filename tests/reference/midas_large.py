"""MiDaS v2.1 large straight from a released checkpoint's names, in float64 NumPy, one picture at a time.

Follows the released code's order of operations, its ReLU in place included: what a residual unit adds is what that ReLU left.
"""

import numpy as np


def predict(state, image, groups):
    """Return the (h, w) map of a (3, h, w) picture whose sides are multiples of 32."""
    w = {name: np.asarray(tensor, dtype=np.float64) for name, tensor in state.items()}

    def norm(x, name):
        scale = w[f"{name}.weight"] / np.sqrt(w[f"{name}.running_var"] + 1e-5)
        return x * scale[:, None, None] + (w[f"{name}.bias"] - w[f"{name}.running_mean"] * scale)[:, None, None]

    def bottleneck(x, name, stride):
        y = np.maximum(norm(conv(x, w[f"{name}.conv1.weight"]), f"{name}.bn1"), 0)
        y = np.maximum(norm(conv(y, w[f"{name}.conv2.weight"], stride=stride, groups=groups), f"{name}.bn2"), 0)
        y = norm(conv(y, w[f"{name}.conv3.weight"]), f"{name}.bn3")
        if f"{name}.downsample.0.weight" in w:
            x = norm(conv(x, w[f"{name}.downsample.0.weight"], stride=stride), f"{name}.downsample.1")
        return np.maximum(y + x, 0)

    def unit(x, name):
        np.maximum(x, 0, out=x)  # in place
        y = np.maximum(conv(x, w[f"{name}.conv1.weight"], w[f"{name}.conv1.bias"]), 0)
        return conv(y, w[f"{name}.conv2.weight"], w[f"{name}.conv2.bias"]) + x

    x = max_pool(np.maximum(norm(conv(image, w["pretrained.layer1.0.weight"], stride=2), "pretrained.layer1.1"), 0))
    levels = []
    for stage, prefix in enumerate(("pretrained.layer1.4", "pretrained.layer2", "pretrained.layer3", "pretrained.layer4")):
        block = 0
        while f"{prefix}.{block}.conv1.weight" in w:
            x = bottleneck(x, f"{prefix}.{block}", 2 if stage and not block else 1)
            block += 1
        levels.append(conv(x, w[f"scratch.layer{stage + 1}_rn.weight"]))
    path = None
    for level in (4, 3, 2, 1):
        feature = levels[level - 1]
        path = feature if path is None else path + unit(feature, f"scratch.refinenet{level}.resConfUnit1")
        path = double(unit(path, f"scratch.refinenet{level}.resConfUnit2"), align_corners=True)
    x = conv(path, w["scratch.output_conv.0.weight"], w["scratch.output_conv.0.bias"])
    x = double(x, align_corners=False)
    x = np.maximum(conv(x, w["scratch.output_conv.2.weight"], w["scratch.output_conv.2.bias"]), 0)
    return np.maximum(conv(x, w["scratch.output_conv.4.weight"], w["scratch.output_conv.4.bias"]), 0)[0]


def conv(x, kernel, bias=None, stride=1, groups=1):
    """Convolve (C, h, w) with (O, C / groups, k, k), zeros around, as many as keep the size at stride 1."""
    pad = kernel.shape[-1] // 2
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[2:], axis=(1, 2))[:, ::stride, ::stride]
    size = len(kernel) // groups, len(x) // groups
    parts = [
        np.einsum("chwij,ocij->ohw", windows[g * size[1] : (g + 1) * size[1]], kernel[g * size[0] : (g + 1) * size[0]])
        for g in range(groups)
    ]
    y = np.concatenate(parts)
    return y if bias is None else y + bias[:, None, None]


def max_pool(x):
    """Return the maximum of 3 x 3 at stride 2."""
    x = np.pad(x, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))[:, ::2, ::2].max((-1, -2))


def double(x, align_corners):
    """Return (C, h, w) at twice the size, bilinear, separably."""
    for axis in (1, 2):
        n = x.shape[axis]
        at = (
            np.arange(2 * n) * (n - 1) / (2 * n - 1) if align_corners else np.clip((np.arange(2 * n) + 0.5) / 2 - 0.5, 0, n - 1)
        )
        low = np.minimum(np.floor(at).astype(int), n - 1)
        high = np.minimum(low + 1, n - 1)
        share = (at - low).reshape(-1, 1) if axis == 1 else at - low
        x = np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share
    return x
