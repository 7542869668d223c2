"""The numbers that turn a map into metres, how they were found, and a JSON file that keeps both."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from math import isfinite
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from leadline.alignment import depth_from_disparity
from leadline.depth_map import METRIC_DEPTH, Ambiguity, DepthMap, Kind, Quantity, replace_map
from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write
from leadline.io.header import software
from leadline.scale.estimators import HeldOut, Interval
from leadline.scale.observations import in_space

_FORMAT = "leadline.scale 1"
# The scale of a network's depth goes with the focal length (arXiv 2303.07662): half a tenth more moves metres as much.
_SAME_VIEW = 0.05


@dataclass(frozen=True)
class Factor:
    """``metres = scale * depth``, or ``1/metres = scale * disparity + shift`` where the map's shift was unknown.

    Attributes:
        scale, shift: in `space`; the shift is 0 where the map is known up to scale.
        space: the quantity that is multiplied: depth, disparity or ray_distance.
        kind: of the maps that it was fitted on; apply it to no other.
        method: what was known ("points", "camera height", ...) and the estimator.
        observations, groups: how many pixels it rests on, and how many independent groups of them (points, images, tiles).
        images: the names of the maps.
        source: the model that made them.
        focal_share: focal length over the longer side of the maps, or None if it is unknown or differs.
        interval: 95 % bootstrap interval, or None from fewer than six groups.
        held_out: errors on what was left out, or None where nothing can be.
        zero_shift: whether an unknown shift was taken for zero.
        notes: what the user should know, in sentences.
        doubts: why it may not help, in sentences; empty if there is no reason.
    """

    scale: float
    shift: float
    space: Quantity
    kind: Kind
    method: str
    observations: int
    groups: int
    images: tuple[str, ...] = ()
    source: str = ""
    focal_share: float | None = None
    interval: Interval | None = None
    held_out: HeldOut | None = None
    zero_shift: bool = False
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def apply(self, depth: DepthMap, cap_m: float | None = None) -> DepthMap:
        """Return a map as depth in metres.

        Args:
            depth: a map of the factor's kind.
            cap_m: the farthest distance: what is farther, or at infinity, gets it. None leaves pixels whose disparity is not
                positive without a value.

        Raises:
            LeadlineError: the map is of another kind, or the cap is not positive.
        """
        if depth.kind != self.kind:
            raise LeadlineError(f"a factor for {self.kind} maps can't be applied to a {depth.kind} one: fit one for it")
        if cap_m is not None and not cap_m > 0:
            raise LeadlineError(f"cap {cap_m} m: expected a positive distance")
        prepared, _ = in_space(depth, self.zero_shift)
        metric = prepared.aligned(self.scale, self.shift)
        if metric.kind.quantity is Quantity.DISPARITY and cap_m is not None:
            return depth_from_disparity(metric, cap_m)
        found = metric.to_depth()
        if cap_m is not None:
            found = replace_map(found, values=np.minimum(found.values, cap_m))
        return replace_map(found, valid=found.valid & (found.values > 0), kind=METRIC_DEPTH)

    def cautions(self, depth: DepthMap, name: str = "") -> list[str]:
        """Return why the factor may be wrong for a map, in sentences: another model, another field of view, another picture."""
        found = []
        if self.source and depth.source and depth.source != self.source:
            found.append(f"the factor was fitted on maps of {self.source}, this one is of {depth.source}")
        if self.kind.ambiguity is Ambiguity.AFFINE_INVARIANT and name and self.images and name not in self.images:
            found.append(
                f"scale and shift of a {self.kind} map are its own: a factor fitted on {self.images[0]} is a guess for {name}"
            )
        share = focal_share(depth)
        if share and self.focal_share and abs(share / self.focal_share - 1) > _SAME_VIEW:
            found.append(
                f"the factor was fitted at a focal length of {self.focal_share:.2f} picture sides, this is {share:.2f}: "
                "networks scale with the field of view; crop to the same one"
            )
        return found

    def __str__(self) -> str:
        """Say it in a few lines, for people."""
        unit = "1/m" if self.space is Quantity.DISPARITY else "m"
        ends = self.interval
        lines = [
            f"scale {self.scale:.6g} {unit} per unit of {self.space}" + (f" (95 %: {_ends(ends.scale)})" if ends else ""),
            f"shift {self.shift:.6g} {unit}" + (f" (95 %: {_ends(ends.shift)})" if ends and self.shift else ""),
            f"from {self.method}: {self.observations} observations in {self.groups} groups",
        ]
        if self.held_out:
            out = self.held_out
            lines.append(
                f"held out: AbsRel {out.abs_rel:.3f} (median {out.median_abs_rel:.3f}), {out.mae_m:.3g} m; "
                f"without the map {out.constant_abs_rel:.3f}"
            )
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes), *(f"DOUBT: {doubt}" for doubt in self.doubts)])

    def to_json(self) -> str:
        """Return all fields as indented JSON."""
        return json.dumps(
            {"format": _FORMAT, "software": software(), **asdict(self), "kind": str(self.kind)}, indent=2, ensure_ascii=False
        )

    @classmethod
    def from_json(cls, text: str) -> Factor:
        """Read what `to_json` wrote.

        Raises:
            LeadlineError: not a factor.
        """
        try:
            data: dict[str, Any] = json.loads(text)
            if data.pop("format") != _FORMAT:
                raise KeyError("format")
            data.pop("software", None)
            interval, out = data["interval"], data["held_out"]
            found = cls(**{
                **data,
                "scale": float(data["scale"]),
                "shift": float(data["shift"]),
                "space": Quantity(data["space"]),
                "kind": Kind.parse(data["kind"]),
                "interval": interval and Interval(tuple(interval["scale"]), tuple(interval["shift"])),
                "held_out": out and HeldOut(**out),
                **{name: tuple(data[name]) for name in ("images", "notes", "doubts")},
            })  # fmt: skip
        except (json.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise LeadlineError(f"not a factor ({reason}): expected JSON that `leadline scale fit` wrote") from None
        if not (isfinite(found.scale) and found.scale > 0 and isfinite(found.shift)):
            raise LeadlineError(
                f"a factor of scale {found.scale}, shift {found.shift}: expected a positive scale; fit it again"
            )
        return found


def write_factor(path: str | PathLike[str], factor: Factor) -> None:
    """Write a factor as JSON, whole or not at all.

    Raises:
        LeadlineError: the file can't be written.
    """
    with atomic_write(path) as temporary:
        temporary.write_text(factor.to_json() + "\n", encoding="utf-8")


def read_factor(path: str | PathLike[str]) -> Factor:
    """Read what `write_factor` wrote.

    Raises:
        LeadlineError: the file can't be read, or is no factor.
    """
    try:
        return Factor.from_json(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise LeadlineError(f"can't read the factor {str(path)!r} ({error}): expected what leadline scale fit wrote") from None
    except LeadlineError as error:
        raise LeadlineError(f"{path}: {error}") from None


def focal_share(depth: DepthMap) -> float | None:
    """Return the focal length over the longer side of a map with a camera: of what the network saw, as its valid part tells.

    A network that learnt one field of view says nothing outside a window of that (`leadline.runtime.window`).
    """
    if depth.camera is None or not depth.valid.any():
        return None
    sides = (np.flatnonzero(depth.valid.any(axis)) for axis in (0, 1))
    return depth.camera.fx / max(int(side[-1] - side[0] + 1) for side in sides)


def _ends(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.4g} to {interval[1]:.4g}"
