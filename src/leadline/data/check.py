"""``leadline data check``: find the classic mistakes of depth data sets before they cost a training."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from leadline.camera import Camera
from leadline.data.checks import frames, intrinsics, maps, markers, masks, poses, times
from leadline.data.checks.enlargement import Enlargement
from leadline.data.checks.finding import Check, EachSample, Finding, Look
from leadline.data.checks.focal import RightAngles
from leadline.data.checks.reading import Readings
from leadline.data.checks.registration import Registration
from leadline.data.checks.scale import Scale
from leadline.data.checks.stereo import Stereo
from leadline.data.datasets.ordinal_sample import OrdinalSample
from leadline.data.datasets.registry import get_dataset
from leadline.errors import LeadlineError
from leadline.sample import Sample

MOST_SAMPLES = 64  # looked at unless all are asked for
# Of a long set neighbours are looked at, because only they show a repeated frame and a wrong pose.
NEIGHBOURS = (0, 1, 6)

_CHECKS: tuple[Callable[[], Check], ...] = (
    lambda: EachSample(frames.find),
    maps.SomeTruth,
    lambda: EachSample(maps.find),
    lambda: EachSample(markers.find),
    markers.RangeLimit,
    Scale,
    Readings,
    lambda: EachSample(masks.find),
    lambda: EachSample(intrinsics.find),
    Stereo,
    RightAngles,
    Registration,
    Enlargement,
    lambda: EachSample(poses.find_not_rigid),
    poses.Poses,
    frames.Repeated,
)


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes:
        root: the folder.
        dataset: its layout.
        samples: how many there are.
        read: how many of them were looked at.
        facts: what was measured, in words, by subject.
        findings: errors first; empty if all is well.
    """

    root: str
    dataset: str
    samples: int
    read: int
    facts: dict[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that make numbers wrong, without the warnings."""
        return tuple(finding for finding in self.findings if finding.level == "error")

    def to_json(self) -> str:
        """Return the report as indented JSON."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False)

    def __str__(self) -> str:
        lines = [f"{self.root}: {self.samples} samples of {self.dataset}, {self.read} looked at"]
        lines += [f"  {subject}: {text}" for subject, text in self.facts.items()]
        lines += [f"  {finding}" for finding in self.findings] or ["  nothing wrong found"]
        return "\n".join(lines)


def check(root: Path | str, dataset: str = "leadline", most: int | None = MOST_SAMPLES) -> Report:
    """Look at a data set's files, sizes, units, masks, cameras, poses, and at how truth and picture fit together.

    Args:
        root: the data set's folder.
        dataset: its registered name; "leadline" is what `leadline synth` writes, whose files are also checked for completeness.
        most: how many samples are looked at, spread over the set in groups of neighbours; None for all.

    Raises:
        LeadlineError: the name is unknown, `most` is below 1, or `root` is no folder; or it holds no sample of another layout
            than leadline's.
    """
    if most is not None and most < 1:
        raise LeadlineError(f"{most} samples: expected at least 1, or none for all of them")
    root, reader = Path(root), get_dataset(dataset)
    findings = [*times.find(root)] if root.is_dir() else []
    if dataset == "leadline" and root.is_dir():
        findings += _layout_findings(root)
        if findings and not reader.list_names(root):
            return Report(str(root), dataset, 0, 0, {}, tuple(findings))
    names = reader.names(root)
    chosen = spread(names, most)
    checks, facts, broken = [make() for make in _CHECKS], [], {}
    for name in chosen:
        try:
            sample = reader.read(root, name)
        except LeadlineError as error:
            broken[name] = str(error)
            continue
        look = Look(sample)
        facts.append(_facts_of(sample))
        for each in checks:
            each.see(look)
    if broken:
        first = next(iter(broken.values()))
        findings.append(
            Finding("unreadable samples", "error", "certain", first, "mend or remove the files", tuple(broken), len(chosen))
        )
    findings += [finding for each in checks for finding in each.findings()]
    findings.sort(key=lambda finding: finding.level != "error")
    return Report(str(root), dataset, len(names), len(chosen), _summary(facts, reader.info.licence), tuple(findings))


def spread(names: Sequence[str], most: int | None) -> list[str]:
    """Return at most so many names in their order: all, or groups of neighbours at even distances."""
    if most is None or len(names) <= most:
        return list(names)
    groups = max(1, most // len(NEIGHBOURS))
    room = len(names) - 1 - NEIGHBOURS[-1]
    starts = np.linspace(0, max(room, 0), groups).astype(int)
    chosen = sorted({min(int(start) + step, len(names) - 1) for start in starts for step in NEIGHBOURS})
    return [names[i] for i in chosen[:most]]


@dataclass(frozen=True)
class _Facts:
    """The numbers of one sample that the report sums up; what has no truth of pixels has no range of values."""

    hw: tuple[int, int]
    kind: str
    share_valid: float | None
    low_high: tuple[float, float] | None
    pairs: int
    camera: Camera | None
    masks: tuple[str, ...]


def _facts_of(sample: Sample) -> _Facts:
    depth = sample.depth
    values = depth.values[depth.valid] if depth is not None else np.zeros(0, np.float32)
    return _Facts(
        hw=(sample.image.shape[0], sample.image.shape[1]),
        kind=str(depth.kind) if depth is not None else "no depth",
        share_valid=float(depth.valid.mean()) if depth is not None else None,
        low_high=(float(np.percentile(values, 1)), float(np.percentile(values, 99))) if values.size else None,
        pairs=len(sample.relation) if isinstance(sample, OrdinalSample) else 0,
        camera=sample.camera,
        masks=tuple(sorted(sample.masks)),
    )


def _summary(samples: list[_Facts], licence: str) -> dict[str, str]:
    if not samples:
        return {"licence": licence}
    sizes = sorted({f"{w} x {h}" for h, w in (facts.hw for facts in samples)})
    ranges = [facts.low_high for facts in samples if facts.low_high is not None]
    shares = [facts.share_valid for facts in samples if facts.share_valid is not None]
    pairs = sum(facts.pairs for facts in samples)
    fovs = [facts.camera.fov_deg[0] for facts in samples if facts.camera is not None]
    summary = {
        "licence": licence,
        "picture sizes": ", ".join(sizes[:5]) + (f" and {len(sizes) - 5} more" if len(sizes) > 5 else ""),
        "kind": ", ".join(sorted({facts.kind for facts in samples})),
    }
    if ranges:
        summary["range (1 % to 99 %)"] = f"{min(low for low, _ in ranges):.4g} to {max(high for _, high in ranges):.4g}"
    if shares:
        summary["share valid"] = f"{min(shares):.1%} to {max(shares):.1%}"
    if pairs:
        summary["pairs of points"] = str(pairs)
    return summary | {
        "horizontal field of view": f"{min(fovs):.1f} to {max(fovs):.1f} degrees" if fovs else "no camera",
        "masks": ", ".join(sorted({mask for facts in samples for mask in facts.masks})) or "none",
    }


def _layout_findings(root: Path) -> list[Finding]:
    from leadline.data.synthetic.layout import check_folder

    problems = check_folder(root)
    if not problems:
        return []
    more = f" (and {len(problems) - 1} more like it or other)" if len(problems) > 1 else ""
    remedy = "remove the scene's folder and run leadline synth again"
    return [Finding("incomplete folder", "error", "certain", problems[0] + more, remedy)]
