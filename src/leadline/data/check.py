"""``leadline data check``: find the classic mistakes of depth data sets before they cost a training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.registry import get_dataset
from leadline.depth_map import Ambiguity, DepthMap, Quantity
from leadline.errors import LeadlineError
from leadline.sample import Sample

MOST_SAMPLES = 64  # read at most so many, spread evenly
SMALLEST_VALID_SHARE = 0.002  # a projected laser scan covers 4 %, a single object on a table 1 %
# Median distances outside this are no picture that a person takes; the usual wrong factor is 1000 or 256.
PLAUSIBLE_MEDIAN_M = (0.1, 100.0)
# Lenses outside this are no pinhole, or their focal length belongs to another size of the picture.
PLAUSIBLE_FOV_DEG = (12.0, 130.0)
LARGEST_CENTRE_OFFSET = 0.2  # of the side: beyond it the principal point belongs to another crop or size


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes:
        root: the folder.
        dataset: its layout.
        samples: how many there are.
        read: how many of them were looked at.
        facts: what was measured, in words, by subject.
        problems: one line each; empty if all is well.
    """

    root: str
    dataset: str
    samples: int
    read: int
    facts: dict[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the report as indented JSON."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False)

    def __str__(self) -> str:
        lines = [f"{self.root}: {self.samples} samples of {self.dataset}, {self.read} looked at"]
        lines += [f"  {subject}: {text}" for subject, text in self.facts.items()]
        lines += [f"  PROBLEM {problem}" for problem in self.problems] or ["  no problem found"]
        return "\n".join(lines)


def check(root: Path | str, dataset: str = "leadline") -> Report:
    """Look at a data set's files, sizes, units, masks and cameras.

    Args:
        root: the data set's folder.
        dataset: its registered name; "leadline" is what `leadline synth` writes, whose files are also checked for completeness.

    Raises:
        LeadlineError: the name is unknown, or `root` is no folder; or it holds no sample of another layout than leadline's.
    """
    reader = get_dataset(dataset)
    problems = _layout_problems(Path(root)) if dataset == "leadline" and Path(root).is_dir() else []
    if problems and not reader.list_names(Path(root)):
        return Report(str(root), dataset, 0, 0, {}, tuple(problems))
    names = reader.names(root)
    chosen = names[:: -(-len(names) // MOST_SAMPLES)]
    samples: list[_Facts] = []
    for name in chosen:
        try:
            sample = reader.read(root, name)
        except LeadlineError as error:
            problems.append(f"{name}: {error}")
            continue
        samples.append(_facts_of(sample))
        problems += [f"{name}: {problem}" for find in _FINDERS for problem in find(sample)]
    if samples and all(facts.median_m is not None for facts in samples):
        problems += _unit_problem([facts.median_m for facts in samples if facts.median_m is not None])
    return Report(str(root), dataset, len(names), len(chosen), _summary(samples, reader.info.licence), tuple(problems))


@dataclass(frozen=True)
class _Facts:
    """The numbers of one sample that the report sums up."""

    hw: tuple[int, int]
    kind: str
    share_valid: float
    low: float
    high: float
    median_m: float | None
    camera: Camera | None
    masks: tuple[str, ...]


def _facts_of(sample: Sample) -> _Facts:
    depth = sample.depth
    values = depth.values[depth.valid] if depth is not None else np.zeros(0, np.float32)
    low, high = (float(x) for x in np.percentile(values, (1, 99))) if values.size else (0.0, 0.0)
    in_metres = depth is not None and values.size and depth.unit == "m"
    return _Facts(
        hw=(sample.image.shape[0], sample.image.shape[1]),
        kind=str(depth.kind) if depth is not None else "no depth",
        share_valid=float(depth.valid.mean()) if depth is not None else 0.0,
        low=low,
        high=high,
        median_m=float(np.median(values)) if in_metres else None,
        camera=sample.camera,
        masks=tuple(sorted(sample.masks)),
    )


def _summary(samples: list[_Facts], licence: str) -> dict[str, str]:
    if not samples:
        return {"licence": licence}
    sizes = sorted({f"{w} x {h}" for h, w in (facts.hw for facts in samples)})
    shares = [facts.share_valid for facts in samples]
    fovs = [facts.camera.fov_deg[0] for facts in samples if facts.camera is not None]
    return {
        "licence": licence,
        "picture sizes": ", ".join(sizes[:5]) + (f" and {len(sizes) - 5} more" if len(sizes) > 5 else ""),
        "kind": ", ".join(sorted({facts.kind for facts in samples})),
        "range (1 % to 99 %)": f"{min(facts.low for facts in samples):.4g} to {max(facts.high for facts in samples):.4g}",
        "share valid": f"{min(shares):.1%} to {max(shares):.1%}",
        "horizontal field of view": f"{min(fovs):.1f} to {max(fovs):.1f} degrees" if fovs else "no camera",
        "masks": ", ".join(sorted({mask for facts in samples for mask in facts.masks})) or "none",
    }


def _depth_problems(sample: Sample) -> Iterator[str]:
    depth = sample.depth
    if depth is None:
        yield "no depth"
        return
    if depth.hw != sample.image.shape[:2]:
        yield f"depth of {depth.hw} beside a picture of {sample.image.shape[:2]} (height, width)"
    share = float(depth.valid.mean())
    if share < SMALLEST_VALID_SHARE:
        yield f"only {share:.2%} of the depth is valid: is the invalid marker right?"
        return
    values = depth.values[depth.valid]
    if values.min() == values.max():
        yield f"depth is {values[0]:g} everywhere"
    if values.min() <= 0 and depth.kind.ambiguity in (Ambiguity.METRIC, Ambiguity.SCALE_INVARIANT):
        yield f"valid {depth.kind.quantity} of {values.min():g}: expected positive numbers"
    yield from _ceiling_problem(depth, values)


def _ceiling_problem(depth: DepthMap, values: NDArray[np.float32]) -> Iterator[str]:
    """A marker of "no measurement" that was taken for a distance shows as one far value that many pixels share."""
    if depth.kind.quantity is not Quantity.DEPTH:
        return
    top = values.max()
    share = float(np.mean(values == top))
    rest = values[values < top]
    if share > 0.02 and rest.size and top > 3 * np.percentile(rest, 99):
        yield f"{share:.1%} of the valid depth is exactly {top:g}, far beyond the rest: an invalid marker taken for a distance?"


def _mask_problems(sample: Sample) -> Iterator[str]:
    for name, mask in sample.masks.items():
        if mask.shape[:2] != sample.image.shape[:2]:
            yield f"mask {name!r} of {mask.shape[:2]} beside a picture of {sample.image.shape[:2]} (height, width)"
    if (material := sample.masks.get("material")) is not None and (
        extra := sorted(set(np.unique(material).tolist()) - {0, 1, 2})
    ):
        hint = ": a 0/255 mask taken for classes?" if 255 in extra else ""
        yield f"material holds {extra[:5]}; expected 0 opaque, 1 transparent, 2 mirror{hint}"
    if (
        (sky := sample.masks.get("sky")) is not None
        and sky.dtype != np.bool_
        and (extra := sorted(set(np.unique(sky).tolist()) - {0, 1}))
    ):
        yield f"sky holds {extra[:5]}; expected true and false, or 0 and 1"


def _picture_problems(sample: Sample) -> Iterator[str]:
    low, high = int(sample.image.min()), int(sample.image.max())
    if high - low < 8:
        yield f"the picture is flat (values {low} to {high})"


def _camera_problems(sample: Sample) -> Iterator[str]:
    camera = sample.camera
    if camera is None:
        return
    height, width = sample.image.shape[:2]
    if camera.hw != (height, width):
        yield f"a camera of {camera.width} x {camera.height} for a picture of {width} x {height}: resize the intrinsics with it"
    for fov, axis in zip(camera.fov_deg, ("horizontal", "vertical"), strict=True):
        if not PLAUSIBLE_FOV_DEG[0] / 2 <= fov <= PLAUSIBLE_FOV_DEG[1]:
            yield f"{axis} field of view of {fov:.0f} degrees: is the focal length in pixels of this picture's size?"
    for centre, side, axis in ((camera.cx, camera.width, "cx"), (camera.cy, camera.height, "cy")):
        if abs(centre / side - 0.5) > LARGEST_CENTRE_OFFSET:
            yield f"{axis} = {centre:.1f} of {side} pixels: was the picture cropped or resized without its camera?"
    if not 0.8 < camera.fx / camera.fy < 1.25:
        yield f"fx / fy = {camera.fx / camera.fy:.2f}: was the picture squashed?"


_FINDERS: tuple[Callable[[Sample], Iterator[str]], ...] = (_picture_problems, _depth_problems, _mask_problems, _camera_problems)


def _unit_problem(medians: list[float]) -> list[str]:
    """Guess a wrong unit from the median distance over all samples."""
    typical = float(np.median(medians))
    low, high = PLAUSIBLE_MEDIAN_M
    if low <= typical <= high:
        return []
    factor_of = {"millimetres": 1000.0, "centimetres": 100.0, "1/256 m": 256.0, "1/5000 m": 5000.0}
    if typical > high:
        fits = [f"{unit} (divide by {factor:g})" for unit, factor in factor_of.items() if low <= typical / factor <= high]
    else:
        fits = [
            f"{unit} divided once too often (multiply by {factor:g})"
            for unit, factor in factor_of.items()
            if low <= typical * factor <= high
        ]
    return [f"a typical distance of {typical:.4g} m: wrong unit?{' Plausible: ' + ' or '.join(fits) if fits else ''}"]


def _layout_problems(root: Path) -> list[str]:
    from leadline.data.synthetic.layout import check_folder

    return list(check_folder(root))
