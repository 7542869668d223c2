"""A map that says what its numbers mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.errors import LeadlineError


class Quantity(StrEnum):
    """What is measured along the viewing ray of a pixel."""

    DEPTH = "depth"  # z: distance to the camera plane, not to the camera's centre
    RAY_DISTANCE = "ray_distance"  # Euclidean distance to the camera's centre
    DISPARITY = "disparity"  # inverse depth, 1/z
    PIXEL_DISPARITY = "pixel_disparity"  # stereo: focal_px * baseline_m / z


class Ambiguity(StrEnum):
    """Up to what the numbers are known."""

    METRIC = "metric"
    SCALE_INVARIANT = "scale_invariant"  # true up to one unknown positive factor
    AFFINE_INVARIANT = "affine_invariant"  # true up to an unknown positive factor and an unknown shift
    ORDINAL = "ordinal"  # only the order is meant


_UNITS = {
    Quantity.DEPTH: "m",
    Quantity.RAY_DISTANCE: "m",
    Quantity.DISPARITY: "1/m",
    Quantity.PIXEL_DISPARITY: "px",
}


class Kind(NamedTuple):
    """What a map's numbers are, written ``"disparity/affine_invariant"``."""

    quantity: Quantity
    ambiguity: Ambiguity

    @classmethod
    def parse(cls, text: str) -> Kind:
        """Read ``"quantity/ambiguity"``.

        Raises:
            LeadlineError: `text` is not one of the kinds.
        """
        quantity, _, ambiguity = text.partition("/")
        try:
            return cls(Quantity(quantity), Ambiguity(ambiguity))
        except ValueError:
            raise LeadlineError(
                f"unknown kind {text!r}: expected QUANTITY/AMBIGUITY with QUANTITY one of "
                f"{', '.join(Quantity)} and AMBIGUITY one of {', '.join(Ambiguity)}"
            ) from None

    @property
    def unit(self) -> str:
        """``"m"``, ``"1/m"`` or ``"px"`` of a metric map, ``""`` of any other."""
        return _UNITS[self.quantity] if self.ambiguity is Ambiguity.METRIC else ""

    @property
    def near_is_large(self) -> bool:
        """Whether larger numbers are closer to the camera."""
        return self.quantity in (Quantity.DISPARITY, Quantity.PIXEL_DISPARITY)

    def __str__(self) -> str:
        return f"{self.quantity}/{self.ambiguity}"


METRIC_DEPTH = Kind(Quantity.DEPTH, Ambiguity.METRIC)
METRIC_DISPARITY = Kind(Quantity.DISPARITY, Ambiguity.METRIC)
PIXEL_DISPARITY = Kind(Quantity.PIXEL_DISPARITY, Ambiguity.METRIC)
RELATIVE_DISPARITY = Kind(Quantity.DISPARITY, Ambiguity.AFFINE_INVARIANT)


@dataclass(frozen=True, eq=False)
class DepthMap:
    """Depth, distance or disparity of every pixel, with what it means.

    Attributes:
        values: (h, w) float32; 0 where not valid.
        valid: (h, w) bool; False where there is no measurement.
        kind: what the numbers are.
        camera: the camera of the picture that the map belongs to, at the map's own size; None if unknown.
        source: who made it, for instance ``"leadline-s.v1"``; travels in file headers.

    Torch tensors are accepted and copied to NumPy. NaN and infinite values become invalid.

    Raises:
        LeadlineError: the values are not a 2-D array, or `valid` or `camera` have another size.
    """

    values: NDArray[np.float32]
    valid: NDArray[np.bool_]
    kind: Kind
    camera: Camera | None = None
    source: str = ""

    def __init__(
        self,
        values: Any,
        valid: Any | None = None,
        kind: Kind | str = METRIC_DEPTH,
        camera: Camera | None = None,
        source: str = "",
    ) -> None:
        with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite, hence invalid
            numbers = as_numpy(values).astype(np.float32)  # a copy: the map is frozen, the caller's array is not
        if numbers.ndim != 2:
            raise LeadlineError(f"a depth map of shape {numbers.shape}: expected two dimensions (height, width)")
        mask = np.isfinite(numbers)
        if valid is not None:
            given = as_numpy(valid).astype(bool, copy=False)
            if given.shape != numbers.shape:
                raise LeadlineError(f"a valid mask of shape {given.shape}: expected that of the values, {numbers.shape}")
            mask &= given
        if camera is not None and camera.hw != numbers.shape:
            raise LeadlineError(
                f"a camera of size {camera.hw} for a map of size {numbers.shape}: resize or crop the camera with it"
            )
        bits = numbers.view(np.uint32)
        bits *= mask  # numbers[~mask] = 0, several times as fast; NaN times 0 would be NaN
        numbers.setflags(write=False)
        mask.setflags(write=False)
        for name, value in (
            ("values", numbers),
            ("valid", mask),
            ("kind", Kind.parse(kind) if isinstance(kind, str) else kind),
            ("camera", camera),
            ("source", source),
        ):
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return DepthMap, (self.values, self.valid, self.kind, self.camera, self.source)  # NumPy's pickles forget read-only

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width."""
        return self.values.shape[0], self.values.shape[1]

    @property
    def unit(self) -> str:
        """The unit of a metric map, ``""`` of any other."""
        return self.kind.unit

    def nearness(self) -> NDArray[np.float32]:
        """Return (h, w) numbers that grow towards the camera, for pictures and ordering: disparity, or minus the depth.

        Pixels that are not valid get the farthest value of those that are (0 if none is).
        """
        near = self.values if self.kind.near_is_large else -self.values
        farthest = near[self.valid].min() if self.valid.any() else np.float32(0)
        return np.where(self.valid, near, farthest).astype(np.float32)

    def to_depth(self, baseline_m: float | None = None) -> DepthMap:
        """Return the map as z-depth.

        Args:
            baseline_m: distance between the two cameras in metres; needed for pixel_disparity alone.

        Raises:
            LeadlineError: as `to_disparity`.
        """
        match self.kind.quantity:
            case Quantity.DEPTH:
                return self
            case Quantity.DISPARITY:
                return self._inverted(Quantity.DEPTH)
            case Quantity.RAY_DISTANCE:
                self._refuse_unknown_shift("a ray distance plus a constant is no multiple of a depth")
                lengths = self._needed_camera("turn a ray distance into depth").ray_lengths()
                return self._with(self.values / lengths, self.valid, Quantity.DEPTH)
            case Quantity.PIXEL_DISPARITY:
                return self.to_disparity(baseline_m)._inverted(Quantity.DEPTH)

    def to_disparity(self, baseline_m: float | None = None) -> DepthMap:
        """Return the map as inverse depth.

        Args:
            baseline_m: distance between the two cameras in metres; needed for pixel_disparity alone.

        Raises:
            LeadlineError: the map has an unknown shift (its inverse would be of no known kind), or the camera or baseline
                that the conversion needs is missing.
        """
        match self.kind.quantity:
            case Quantity.DISPARITY:
                return self
            case Quantity.PIXEL_DISPARITY:
                if self.kind.ambiguity is not Ambiguity.METRIC:
                    return self._with(self.values, self.valid, Quantity.DISPARITY)
                if baseline_m is None:
                    raise LeadlineError("a pixel_disparity has no distance without a baseline: give baseline_m")
                camera = self._needed_camera("turn a pixel_disparity into distance")
                return self._with(self.values / (camera.fx * baseline_m), self.valid, Quantity.DISPARITY)
            case Quantity.DEPTH | Quantity.RAY_DISTANCE:
                return self.to_depth()._inverted(Quantity.DISPARITY)

    def aligned(self, scale: float, shift: float, ambiguity: Ambiguity = Ambiguity.METRIC) -> DepthMap:
        """Return ``scale * values + shift`` with the ambiguity that the fit has resolved (metric by default)."""
        return replace_map(self, values=scale * self.values + shift, kind=Kind(self.kind.quantity, ambiguity))

    def _needed_camera(self, purpose: str) -> Camera:
        if self.camera is None:
            raise LeadlineError(f"no camera to {purpose}: give the focal length (--focal-px or --fov-deg)")
        return self.camera

    def _refuse_unknown_shift(self, why: str) -> None:
        if self.kind.ambiguity in (Ambiguity.AFFINE_INVARIANT, Ambiguity.ORDINAL):
            raise LeadlineError(
                f"can't convert a {self.kind} map, whose shift is unknown: {why}; "
                "fit scale and shift in the map's own space first (leadline.alignment), then convert"
            )

    def _inverted(self, quantity: Quantity) -> DepthMap:
        self._refuse_unknown_shift(f"1/value is no {quantity}")
        positive = self.valid & (self.values > 0)
        with np.errstate(over="ignore"):  # closer to zero than float32 can invert: infinite, hence invalid
            return self._with(1.0 / np.where(positive, self.values, 1.0), positive, quantity)

    def _with(self, values: NDArray[Any], valid: NDArray[np.bool_], quantity: Quantity) -> DepthMap:
        return replace_map(self, values=values, valid=valid, kind=Kind(quantity, self.kind.ambiguity))


def replace_map(depth: DepthMap, **changes: Any) -> DepthMap:
    """Return a copy of `depth` with some attributes changed, checked like a new map."""
    return replace(depth, **changes)


def as_numpy(array: Any) -> NDArray[Any]:
    """Return `array` as NumPy; torch tensors are detached and copied from their device, without importing torch."""
    if hasattr(array, "detach"):
        array = array.detach().cpu()
        # NumPy has no bfloat16; half floats gain nothing from staying half.
        array = (array.float() if array.is_floating_point() and array.element_size() < 4 else array).numpy()
    return np.asarray(array)
