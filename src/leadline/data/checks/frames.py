"""Pictures that show nothing, and samples that come twice."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.data.checks.finding import Finding, Look

FLAT = 8  # of 256 grey levels


def find(look: Look) -> Iterator[Finding]:
    """Judge the picture of one sample."""
    low, high = int(look.sample.image.min()), int(look.sample.image.max())
    if high - low < FLAT:
        yield Finding(
            "flat picture",
            "error",
            "certain",
            f"all values lie from {low} to {high}",
            "check the file, or leave the sample out",
        )


class Repeated:
    """Samples with the same picture, and different pictures with the same truth."""

    def __init__(self) -> None:
        self._pictures: dict[bytes, list[str]] = {}
        self._maps: dict[bytes, list[tuple[str, bytes]]] = {}
        self._looked = 0

    def see(self, look: Look) -> None:
        """Look at one sample."""
        self._looked += 1
        picture = _digest(look.sample.image)
        self._pictures.setdefault(picture, []).append(look.name)
        depth = look.depth
        if depth is not None and depth.values[depth.valid].min() < depth.values[depth.valid].max():
            self._maps.setdefault(_digest(depth.values), []).append((look.name, picture))

    def findings(self) -> Iterator[Finding]:
        """Yield repeated pictures and repeated truth."""
        again = [names for names in self._pictures.values() if len(names) > 1]
        if again:
            yield Finding(
                "repeated pictures", "warning", "certain",
                f"{again[0][0]} and {again[0][1]} show the same picture, pixel by pixel",
                "leave the copies out: they count twice in a score",
                tuple(name for names in again for name in names[1:]), self._looked,
            )  # fmt: skip
        stale = [maps for maps in self._maps.values() if len({picture for _, picture in maps}) > 1]
        if stale:
            yield Finding(
                "repeated truth", "error", "certain",
                f"{stale[0][0][0]} and {stale[0][1][0]} have the same map, value by value, under different pictures",
                "pair each picture with its own map", tuple(name for maps in stale for name, _ in maps[1:]), self._looked,
            )  # fmt: skip


def _digest(array: NDArray[Any]) -> bytes:
    return blake2b(np.ascontiguousarray(array).tobytes(), digest_size=16).digest()
