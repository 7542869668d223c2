"""Classes of pixels that are scored apart: what a mask says, how far away, beside an edge or not.

A class is data, so that it can be part of a protocol and of its fingerprint. "all", every pixel that counts, is always there.
Only pixels whose truth counts are classed (`leadline.evaluation.truth`): the class "sky" is empty where the truth has no sky.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.sample import Sample

Mask = NDArray[np.bool_]
Depth = NDArray[np.float64]

ALL = "all"


@dataclass(frozen=True)
class MaskClass:
    """The pixels where a mask of the sample has one of some values.

    A mask of another size than the truth is read at the nearest pixel. A sample without the mask is refused: to leave its
    pixels out of the class would score fewer images than the result says.

    Attributes:
        name: of the class.
        mask: key into `Sample.masks`.
        values: numbers that belong to the class; a bool mask has 0 and 1.
    """

    name: str
    mask: str
    values: tuple[int, ...]
    rule: Literal["mask"] = "mask"

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))  # JSON gives a list


@dataclass(frozen=True)
class DepthBand:
    """The pixels whose true depth is at least `from_m` and less than `to_m`.

    Where the truth has no unit, metres mean nothing; the band is then a share of the image's own pixels, ordered by true depth:
    0 to 1/3 is the nearest third. Depths that tie at a bound stay together, in the farther band.

    Attributes:
        name: of the class.
        from_m, to_m: metres; None for no bound.
        from_share, to_share: of the pixels that count, 0 to 1.
    """

    name: str
    from_m: float | None
    to_m: float | None
    from_share: float
    to_share: float
    rule: Literal["depth"] = "depth"

    def __post_init__(self) -> None:
        low = 0.0 if self.from_m is None else self.from_m
        if not (low >= 0 and (self.to_m is None or low < self.to_m) and 0 <= self.from_share < self.to_share <= 1):
            raise LeadlineError(
                f"band {self.name!r} from {self.from_m} to {self.to_m} m, share {self.from_share} to {self.to_share}: "
                "expected each to rise, metres from 0, shares within 0 and 1"
            )


@dataclass(frozen=True)
class EdgeClass:
    """The pixels beside a jump of the true depth, or those that are not.

    A pixel jumps where its depth and that of a neighbour above, below, left or right differ by more than `jump`, as a share of
    the nearer one. What lies within `radius_px` of it (in rows and in columns) is beside the edge. A pixel is in neither class
    unless the truth of all its four neighbours counts: without them nobody can tell, so sparse truth (a laser's) has no edges,
    and the picture's rim has none either. Sky, where the sample has such a mask, counts as infinitely far.

    A floor seen at a grazing angle jumps from row to row without an edge; `jump` bounds how far out.

    Attributes:
        name: of the class.
        beside: True for the pixels beside an edge, False for the others.
        jump: share of the nearer depth.
        radius_px: pixels of the truth's grid.
    """

    name: str
    beside: bool = True
    jump: float = 0.1
    radius_px: int = 2
    rule: Literal["edge"] = "edge"

    def __post_init__(self) -> None:
        if not (self.jump > 0 and self.radius_px >= 0):
            raise LeadlineError(
                f"edges of jump {self.jump}, radius {self.radius_px}: expected a positive share and 0 or more pixels"
            )


PixelClass = MaskClass | DepthBand | EdgeClass
_RULES: dict[str, type[MaskClass] | type[DepthBand] | type[EdgeClass]] = {
    "mask": MaskClass,
    "depth": DepthBand,
    "edge": EdgeClass,
}


@dataclass(frozen=True)
class Classes:
    """Which classes a protocol scores, beside "all".

    Attributes:
        members: each with a name of its own; a pixel may be in several, or in none.
    """

    members: tuple[PixelClass, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.names)) < len(self.names):
            raise LeadlineError(f"classes named {', '.join(self.names)}: expected each name once, and {ALL!r} is always there")

    @property
    def names(self) -> tuple[str, ...]:
        """The names, "all" first."""
        return ALL, *(member.name for member in self.members)

    @classmethod
    def parse(cls, text: str) -> Classes:
        """Read names of `CLASSES` with commas between them, for instance ``"material,distance"``; ``""`` is "all" alone.

        Raises:
            LeadlineError: there is no such name.
        """
        members: list[PixelClass] = []
        for name in filter(None, (part.strip() for part in text.split(","))):
            if name not in CLASSES:
                raise LeadlineError(f"classes {name!r}: expected some of {', '.join(CLASSES)}, with commas between them")
            members += CLASSES[name].members
        return cls(tuple(members))

    def to_dict(self) -> dict[str, Any]:
        """Return the classes, JSON-ready."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Classes:
        """Read what `to_dict` wrote, before JSON or after.

        Raises:
            LeadlineError: a rule or an attribute is unknown, or one is missing.
        """
        members: list[PixelClass] = []
        for item in content.get("members", ()):
            rule = _RULES.get(item.get("rule", ""))
            if rule is None or not set(item) <= {field.name for field in fields(rule)}:
                raise LeadlineError(
                    f"a class of pixels {dict(item)}: expected 'rule', one of {', '.join(_RULES)}, and its attributes"
                )
            try:
                members.append(rule(**item))
            except TypeError as error:
                raise LeadlineError(f"a class of pixels {dict(item)}: {error}; write it again with this version") from None
        return cls(tuple(members))

    def masks(
        self,
        sample: Sample,
        truth_hw: tuple[int, int],
        index: NDArray[np.int64],
        depth: Depth,
        *,
        in_metres: bool,
    ) -> dict[str, Mask]:
        """Return the class of every pixel that counts.

        Args:
            sample: with the masks.
            truth_hw: size of the truth's map.
            index: (n,) flat positions in it of the pixels that count, as in `Truth.index`.
            depth: (n,) their true depth, 1 / `Truth.disparity`.
            in_metres: `Truth.in_metres`. The sample alone can't tell: a protocol of stereo pixels has no metres though its
                truth may have a baseline.

        Returns:
            By name, "all" first, (n,) bool.

        Raises:
            LeadlineError: the sample lacks a mask, or `index` and `depth` are not of one length.
        """
        if index.shape != depth.shape or index.ndim != 1:
            raise LeadlineError(f"{index.shape} pixels with {depth.shape} depths: expected the index and depth of one truth")
        found = {ALL: np.ones(index.shape, dtype=bool)}
        for member in self.members:
            if isinstance(member, MaskClass):
                inside = np.isin(_read(sample, member.mask, truth_hw, index), member.values)
            elif isinstance(member, DepthBand):
                inside = _in_band(member, depth, in_metres)
            else:
                inside = _at_edge(member, sample, truth_hw, index, depth)
            found[member.name] = inside
        return found


CLASSES: dict[str, Classes] = {
    # METHODS B.4: Booster's mask_cat; ToM is transparent or mirror.
    "booster": Classes((MaskClass("other", "mask_cat", (0, 1)), MaskClass("tom", "mask_cat", (2, 3)))),
    "material": Classes(
        (
            MaskClass("opaque", "material", (0,)),
            MaskClass("transparent", "material", (1,)),
            MaskClass("mirror", "material", (2,)),
        )
    ),
    # Arm's reach and the rest of a room's furniture; rooms and the next cars; the street.
    "distance": Classes(
        (
            DepthBand("near", None, 3.0, 0.0, 1 / 3),
            DepthBand("mid", 3.0, 15.0, 1 / 3, 2 / 3),
            DepthBand("far", 15.0, None, 2 / 3, 1.0),
        )
    ),
    "edges": Classes((EdgeClass("edges"), EdgeClass("interior", beside=False))),
    "sky": Classes((MaskClass("sky", "sky", (1,)),)),
    # Films of `leadline synth drive` and `walk`: what moves in the world by itself, and what stands.
    "motion": Classes((MaskClass("moving", "moving", (1,)), MaskClass("static", "moving", (0,)))),
}


def _read(sample: Sample, name: str, hw: tuple[int, int], index: NDArray[np.int64]) -> NDArray[np.generic]:
    """Return (n,) the mask at the truth's pixels: the mask's pixel that holds the centre of the truth's."""
    if name not in sample.masks:
        known = ", ".join(sorted(sample.masks)) or "none"
        raise LeadlineError(f"sample {sample.name!r} has no mask {name!r} (it has {known}): score it without that class")
    mask = sample.masks[name]
    if mask.shape == hw:
        return np.asarray(mask.ravel()[index])
    rows, columns = np.divmod(index, hw[1])
    row, column = (2 * rows + 1) * mask.shape[0] // (2 * hw[0]), (2 * columns + 1) * mask.shape[1] // (2 * hw[1])
    return np.asarray(mask[row, column])


def _in_band(band: DepthBand, depth: Depth, in_metres: bool) -> Mask:
    if in_metres:
        low, high = band.from_m, band.to_m
    elif depth.size:
        low = None if band.from_share == 0 else float(np.quantile(depth, band.from_share))
        high = None if band.to_share == 1 else float(np.quantile(depth, band.to_share))
    else:
        return np.zeros(0, dtype=bool)
    return (depth >= (0.0 if low is None else low)) & (depth < (np.inf if high is None else high))


def _at_edge(rule: EdgeClass, sample: Sample, hw: tuple[int, int], index: NDArray[np.int64], depth: Depth) -> Mask:
    import cv2

    disparity = np.zeros(hw)
    known = _sky(sample, hw) if "sky" in sample.masks else np.zeros(hw, dtype=bool)  # the sky is at disparity 0
    disparity.flat[index], known.flat[index] = 1 / depth, True
    around = _neighbours(known)
    classed = known & np.logical_and.reduce(around)
    if not classed.any():  # sparse truth
        return np.zeros(index.shape, dtype=bool)
    jumps = np.zeros(hw, dtype=np.uint8)
    for other in _neighbours(disparity):
        jumps |= classed & (np.maximum(disparity, other) > (1 + rule.jump) * np.minimum(disparity, other))
    side = 2 * rule.radius_px + 1
    beside = cv2.dilate(jumps, np.ones((side, side), np.uint8)).astype(bool)
    return np.asarray((classed & (beside == rule.beside)).ravel()[index])


def _sky(sample: Sample, hw: tuple[int, int]) -> Mask:
    return _read(sample, "sky", hw, np.arange(hw[0] * hw[1])).astype(bool).reshape(hw)


def _neighbours(array: NDArray[Any]) -> Sequence[NDArray[Any]]:
    """Return what lies above, below, left and right of each pixel, 0 beyond the rim."""
    padded = np.pad(array, 1)
    return padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]
