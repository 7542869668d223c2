"""What a check says, and what it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Protocol

import numpy as np

from leadline.camera import Camera
from leadline.data.checks.planes import Reading, Support, plane_supports
from leadline.depth_map import Ambiguity, DepthMap
from leadline.sample import Sample

NAMED = 3  # samples that a line names


@dataclass(frozen=True)
class Finding:
    """One mistake.

    Attributes:
        mistake: its name, the same for the same mistake in all data sets.
        level: an error makes numbers wrong; a warning may be as its makers meant it.
        sure: "certain" is read off the files; "likely" was measured, with a margin; "possible" is a hint.
        evidence: what was measured, with numbers.
        remedy: what to do.
        names: of the samples that show it, in order; empty if it concerns the set as a whole.
        looked: how many samples were looked at.
    """

    mistake: str
    level: Literal["error", "warning"]
    sure: Literal["certain", "likely", "possible"]
    evidence: str
    remedy: str
    names: tuple[str, ...] = ()
    looked: int = 0

    def __str__(self) -> str:
        where = ""
        if self.names:
            more = f" and {len(self.names) - NAMED} more" if len(self.names) > NAMED else ""
            where = f" [{len(self.names)} of {self.looked}: {', '.join(self.names[:NAMED])}{more}]"
        return f"{self.level.upper()} {self.mistake} ({self.sure}): {self.evidence}; {self.remedy}{where}"


class Look:
    """A sample, and what several checks need to know about it, worked out once."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample

    @property
    def name(self) -> str:
        """Of the sample."""
        return self.sample.name

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width of the picture."""
        return self.sample.image.shape[0], self.sample.image.shape[1]

    @property
    def depth(self) -> DepthMap | None:
        """The truth, or None if there is none with a valid pixel."""
        depth = self.sample.depth
        return depth if depth is not None and bool(depth.valid.any()) else None

    @property
    def metric_depth(self) -> DepthMap | None:
        """The truth if it is in metres."""
        return self.depth if self.depth is not None and self.depth.unit == "m" else None

    @property
    def depth_camera(self) -> Camera | None:
        """The camera of the truth; where the map has none, the picture's, if both are of one size."""
        depth, camera = self.sample.depth, self.sample.camera
        if depth is None or depth.camera is not None:
            return depth.camera if depth is not None else None
        return camera if camera is not None and camera.hw == depth.hw else None

    @cached_property
    def supports(self) -> dict[Reading, Support]:
        """How much of the truth lies on planes under each reading of its numbers; empty where that can't be told."""
        if self.depth is None or self.depth.kind.ambiguity not in (Ambiguity.METRIC, Ambiguity.SCALE_INVARIANT):
            return {}  # the inverse of a number with an unknown shift is of no known kind
        return plane_supports(self.depth, self.depth_camera, np.random.default_rng(0))


class Check(Protocol):
    """Sees the samples one after another and then says what it found."""

    def see(self, look: Look) -> None:
        """Look at one sample."""
        ...

    def findings(self) -> Iterator[Finding]:
        """Yield what was found in all samples seen."""
        ...


class EachSample:
    """A check that judges each sample by itself; what is found in several samples becomes one finding that names them."""

    def __init__(self, find: Callable[[Look], Iterator[Finding]]) -> None:
        self._find = find
        self._found: dict[str, Finding] = {}
        self._looked = 0

    def see(self, look: Look) -> None:
        """Look at one sample."""
        self._looked += 1
        for finding in self._find(look):
            first = self._found.get(finding.mistake, finding)
            names = first.names if look.name in first.names else (*first.names, look.name)
            self._found[finding.mistake] = replace(first, names=names)

    def findings(self) -> Iterator[Finding]:
        """Yield one finding a mistake, with the evidence of the first sample that shows it."""
        for finding in self._found.values():
            yield replace(finding, looked=self._looked)
