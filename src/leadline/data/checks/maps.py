"""Truth that is missing, of the wrong size, empty, flat or not positive."""

from __future__ import annotations

from collections.abc import Iterator

from leadline.data.checks.finding import Finding, Look
from leadline.depth_map import Ambiguity

SMALLEST_VALID_SHARE = 0.002  # a projected laser scan covers 4 %, a single object on a table 1 %


def find(look: Look) -> Iterator[Finding]:
    """Judge the truth of one sample."""
    depth = look.sample.depth
    if depth is None:
        return
    if depth.hw != look.hw:
        yield Finding(
            "map size", "error", "certain",
            f"a map of {depth.hw[1]} x {depth.hw[0]} beside a picture of {look.hw[1]} x {look.hw[0]}",
            "resize the map to the picture (nearest neighbour, not bilinear), and the camera with it",
        )  # fmt: skip
    share = float(depth.valid.mean())
    if share < SMALLEST_VALID_SHARE:
        yield Finding(
            "empty map", "error", "certain", f"only {share:.2%} of the pixels are valid",
            "correct the marker of invalid pixels, or leave the sample out",
        )  # fmt: skip
        return
    values = depth.values[depth.valid]
    if values.min() == values.max():
        yield Finding(
            "constant map", "error", "certain", f"{depth.kind} is {values[0]:g} in all {values.size} valid pixels",
            "check that the file was written and read as what it is, or leave the sample out",
        )  # fmt: skip
    if values.min() <= 0 and depth.kind.ambiguity in (Ambiguity.METRIC, Ambiguity.SCALE_INVARIANT):
        yield Finding(
            "values that are not positive", "error", "certain",
            f"{float((values <= 0).mean()):.1%} of the valid {depth.kind.quantity} is 0 or below, down to {values.min():g}",
            "mark these pixels as invalid",
        )  # fmt: skip


class SomeTruth:
    """Whether there is any truth at all: a set without is for looking at, a set with gaps has lost files."""

    def __init__(self) -> None:
        self._without: list[str] = []
        self._looked = 0

    def see(self, look: Look) -> None:
        """Look at one sample."""
        self._looked += 1
        # Pairs of points that are nearer and farther are a truth too (DIW, DA-2K), and so are masks alone (Trans10K).
        has_other = getattr(look.sample, "xy_a", None) is not None or bool(look.sample.masks)
        if look.sample.depth is None and not has_other:
            self._without.append(look.name)

    def findings(self) -> Iterator[Finding]:
        """Yield the samples without truth."""
        if self._without:
            yield Finding(
                "no truth", "error", "certain", "no depth, no pairs of points, no masks",
                "check that all files of the data set are there", tuple(self._without), self._looked,
            )  # fmt: skip
