"""Masks whose numbers are not the classes that they should be."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from leadline.data.checks.finding import Finding, Look

# What each mask may hold, and in words.
EXPECTED = {
    "material": ({0, 1, 2}, "0 opaque, 1 transparent, 2 mirror"),
    "sky": ({0, 1}, "false and true, or 0 and 1"),
}
SKY_WITH_DEPTH = 0.05  # of the sky's pixels; its rim overlaps roofs and leaves


def find(look: Look) -> Iterator[Finding]:
    """Judge the masks of one sample."""
    for name, mask in look.sample.masks.items():
        if mask.shape[:2] != look.hw:
            yield Finding(
                f"size of the mask {name!r}", "error", "certain",
                f"a mask of {mask.shape[1]} x {mask.shape[0]} beside a picture of {look.hw[1]} x {look.hw[0]}",
                "resize the mask to the picture (nearest neighbour)",
            )  # fmt: skip
        numbers = set(np.unique(mask).tolist())
        if name in EXPECTED and (extra := sorted(numbers - EXPECTED[name][0])):
            hint = "a 0/255 mask taken for classes: compare it with > 0" if numbers <= {0, 255} else "map the numbers to these"
            yield Finding(
                f"classes of the mask {name!r}", "error", "certain",
                f"it holds {', '.join(map(str, extra[:5]))}; expected {EXPECTED[name][1]}", hint,
            )  # fmt: skip
        elif name == "instance" and numbers == {0, 255}:
            yield Finding(
                "classes of the mask 'instance'", "warning", "possible", "its only object has the number 255",
                "if it is a 0/255 mask it doesn't tell objects apart: number them (cv2.connectedComponents)",
            )  # fmt: skip
    yield from _sky_with_depth(look)


def _sky_with_depth(look: Look) -> Iterator[Finding]:
    sky, depth = look.sample.masks.get("sky"), look.depth
    if sky is None or depth is None or sky.shape != depth.hw or not (where := sky.astype(bool)).any():
        return
    share = float(depth.valid[where].mean())
    if share > SKY_WITH_DEPTH:
        yield Finding(
            "sky with a distance", "warning", "likely",
            f"{share:.0%} of the sky is valid, with a median of {float(np.median(depth.values[where & depth.valid])):g}"
            f"{' ' + depth.unit if depth.unit else ''}",
            "mark the sky as invalid, or check whether the mask is inverted",
        )  # fmt: skip
