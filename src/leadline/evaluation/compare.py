"""Compare results that were scored alike, image by image, with an interval that says whether the difference could be chance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite, isnan, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.evaluation.bootstrap import (
    CONFIDENCE,
    FEW_IMAGES,
    FEWEST_IMAGES,
    RESAMPLES,
    percentile_interval,
    resampled_differences,
)
from leadline.evaluation.classes import ALL
from leadline.evaluation.direction import arrow, direction_of
from leadline.evaluation.pooled_draws import pooled_draws
from leadline.evaluation.report import markdown_table, number
from leadline.evaluation.result import Result

FORMAT = "leadline-comparison/1"
NO_DIFFERENCE = "no difference shown"
# Fields of a protocol that its fingerprint leaves out or is: none of them makes two protocols differ.
_TOLD = ("title", "datasets", "source", "notes", "fingerprint")


@dataclass(frozen=True)
class Difference:
    """One metric of two results.

    Attributes:
        metric: its name.
        base, other: which results are compared, as places in `Comparison.results`.
        base_mean, other_mean: the metric over the images, as the protocol averages.
        difference: other_mean - base_mean.
        low, high: the ends of its interval, NaN where there is none.
        images: how many have a value in either result; in the others the class of pixels is not seen.
        lopsided: how many of those have a value in one result only. Each mean is over the values that there are.
        better, worse, equal: images that are better, worse, the same in the other result; 0 where no direction is known.
        verdict: in words.
    """

    metric: str
    base: int
    other: int
    base_mean: float
    other_mean: float
    difference: float
    low: float
    high: float
    images: int
    lopsided: int
    better: int
    worse: int
    equal: int
    verdict: str


@dataclass(frozen=True)
class Comparison:
    """Several results against the first one.

    Attributes:
        results: the results.
        names: of their files.
        of: the class of pixels.
        resamples, seed: of the bootstrap.
        differences: by metric, then by result.
    """

    results: tuple[Result, ...]
    names: tuple[str, ...]
    of: str
    resamples: int
    seed: int
    differences: tuple[Difference, ...]

    def to_json(self) -> str:
        """Return one indented JSON object; NaN becomes null."""
        first = self.results[0]
        content = {
            "format": FORMAT,
            "protocol": {"name": first.protocol.get("name", ""), "fingerprint": first.fingerprint},
            "dataset": {"name": first.dataset.name, "version": first.dataset.version},
            "class": self.of,
            "confidence": CONFIDENCE,
            "resamples": self.resamples,
            "seed": self.seed,
            "results": [
                {"file": name, "model": result.model.name, "sha256": result.model.sha256, "counts": result.counts}
                for name, result in zip(self.names, self.results, strict=True)
            ],
            "differences": [
                {k: None if isinstance(v, float) and not isfinite(v) else v for k, v in asdict(d).items()}
                for d in self.differences
            ],
        }
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)

    def __str__(self) -> str:
        first = self.results[0]
        lines = [_line_of(i, name, result) for i, (name, result) in enumerate(zip(self.names, self.results, strict=True))]
        lines.append(
            f"protocol {first.protocol.get('name', '')} {first.fingerprint}, data set {first.dataset.name} "
            f"{first.dataset.version}, class {self.of}, {len(first.scored)} images, {len(first.skipped)} skipped"
        )
        lines.append(
            f"interval: {CONFIDENCE:.0%} of {self.resamples} draws of the images, seed {self.seed}; "
            "images from one video make it too narrow"
        )
        header = ["metric", "base", "other", "difference", f"{CONFIDENCE:.0%} interval", "better / worse images", "verdict"]
        table = markdown_table(header, [self._cells(d) for d in self.differences])
        return "\n".join([*lines, "", table, *_remarks(self.differences, len(first.scored))])

    def _cells(self, d: Difference) -> list[str]:
        interval = "–" if isnan(d.low) else f"{d.low:+.3g} to {d.high:+.3g}"
        turned = "–" if direction_of(d.metric) is None else f"{d.better} / {d.worse}"
        means = [f"{_letter(i)} {number(mean, 4)}" for i, mean in ((d.base, d.base_mean), (d.other, d.other_mean))]
        difference = f"{d.difference:+.3g}" if isfinite(d.difference) else "–"
        return [f"{d.metric} {arrow(d.metric)}".strip(), *means, difference, interval, turned, d.verdict]


def compare(
    results: Sequence[Result],
    names: Sequence[str],
    metrics: Sequence[str] | None = None,
    of: str = ALL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Compare every result with the first, over the same images scored under the same protocol.

    Averaged per image, each draw of images averages the images' differences. Pooled, it adds up the sums and counts of both
    results over the drawn images and finishes each metric from those: the mean of means would weigh pixels wrongly.

    Args:
        results: two or more.
        names: what to call them, their files for instance.
        metrics: which ones; None for all that the results have.
        of: the class of pixels.
        resamples: draws of the images.
        seed: of the draws.

    Raises:
        LeadlineError: fewer than two results; different protocols, data sets, images, skipped images or scored pixels;
            a metric or class that one lacks; fewer than 100 resamples, or a negative seed.
    """
    if len(results) < 2:
        raise LeadlineError(f"{len(results)} result to compare: expected two or more files of leadline evaluate --json")
    if resamples < 100:
        raise LeadlineError(f"{resamples} resamples: expected 100 or more; the default is {RESAMPLES}")
    if seed < 0:
        raise LeadlineError(f"seed {seed}: expected 0 or more")
    for result, name in zip(results[1:], names[1:], strict=True):
        _refuse_unlike(results[0], names[0], result, name)
    chosen = _chosen_metrics(results, names, metrics, of)
    differences = [_difference(results, i, metric, of, resamples, seed) for metric in chosen for i in range(1, len(results))]
    return Comparison(tuple(results), tuple(names), of, resamples, seed, tuple(differences))


def _difference(results: Sequence[Result], other: int, metric: str, of: str, resamples: int, seed: int) -> Difference:
    sides = [results[0].scored, results[other].scored]
    a, b = (np.array([row.metrics.get(of, {}).get(metric, nan) for row in side], dtype=np.float64) for side in sides)
    seen, both = ~(np.isnan(a) & np.isnan(b)), ~(np.isnan(a) | np.isnan(b))
    images = int(np.count_nonzero(seen))
    mean_a, mean_b = (result.mean(metric, of) for result in (results[0], results[other]))
    low = high = nan
    if np.isinf([a, b]).any() or not (isfinite(mean_a) and isfinite(mean_b)):
        verdict = "no verdict: not every value is finite"
    elif images < FEWEST_IMAGES:
        verdict = f"no verdict: {images} images, an interval needs {FEWEST_IMAGES}"
    else:
        if results[0].protocol.get("averaging") == "pooled":
            sums = [[side[i].sums.get(of, {}).get(metric, ()) for i in np.flatnonzero(seen)] for side in sides]
            drawn = [pooled_draws(metric, side, resamples, seed) for side in sums]
            differences = drawn[1] - drawn[0]
        else:
            differences = resampled_differences(a[seen], b[seen], resamples, seed)
        low, high = percentile_interval(differences[np.isfinite(differences)])
        verdict = _verdict(metric, other, low, high)
    better, worse, equal = _turned(metric, b[both] - a[both])
    lopsided = images - int(np.count_nonzero(both))
    return Difference(
        metric, 0, other, mean_a, mean_b, mean_b - mean_a, low, high, images, lopsided, better, worse, equal, verdict
    )


def _turned(metric: str, differences: NDArray[np.float64]) -> tuple[int, int, int]:
    """Return how many images became better, worse and neither."""
    direction = direction_of(metric)
    if direction is None:
        return 0, 0, 0
    lower, higher = int(np.count_nonzero(differences < 0)), int(np.count_nonzero(differences > 0))
    better, worse = (lower, higher) if direction == "lower" else (higher, lower)
    return better, worse, len(differences) - lower - higher


def _verdict(metric: str, other: int, low: float, high: float) -> str:
    if low <= 0 <= high:
        return NO_DIFFERENCE
    direction = direction_of(metric)
    if direction is None:
        return f"{_letter(other)} is {'higher' if low > 0 else 'lower'}"
    return f"{_letter(other)} is {'better' if (low > 0) == (direction == 'higher') else 'worse'}"


def _chosen_metrics(results: Sequence[Result], names: Sequence[str], metrics: Sequence[str] | None, of: str) -> list[str]:
    for result, name in zip(results, names, strict=True):
        if of not in result.classes:
            raise LeadlineError(f"{name} has no class {of!r}: expected one of {', '.join(result.classes) or 'none'}")
        for metric in metrics or ():
            if metric not in result.metric_names:
                raise LeadlineError(f"{name} has no metric {metric!r}: expected some of {', '.join(result.metric_names)}")
    first = results[0]
    chosen = metrics or [name for name in first.metric_names if first.values(name, of)]  # some have a value for "all" alone
    if not chosen:
        raise LeadlineError(f"no image of {names[0]} has a pixel of class {of!r}: expected one of {', '.join(first.classes)}")
    return list(dict.fromkeys(chosen))


def _refuse_unlike(a: Result, a_name: str, b: Result, b_name: str) -> None:
    """Raise LeadlineError with the first thing in which two results differ that must be the same."""
    if a.fingerprint != b.fingerprint:
        fields = _flat(a.protocol), _flat(b.protocol)
        for field in dict.fromkeys([*fields[0], *fields[1]]):
            mine, theirs = (of.get(field, "nothing") for of in fields)
            if field not in _TOLD and mine != theirs:
                raise LeadlineError(
                    f"different protocols: {field} is {mine!r} in {a_name} and {theirs!r} in {b_name}; "
                    "score both under one protocol"
                )
        raise LeadlineError(f"protocol {a.fingerprint} in {a_name}, {b.fingerprint} in {b_name}: score both with one version")
    if a.dataset.name != b.dataset.name:
        raise LeadlineError(f"data set {a.dataset.name!r} in {a_name}, {b.dataset.name!r} in {b_name}: score both on one")
    if a.dataset.version != b.dataset.version:
        raise LeadlineError(
            f"version {a.dataset.version} of {a.dataset.name} in {a_name}, {b.dataset.version} in {b_name}: "
            f"{_first_difference([r.name for r in a.rows], [r.name for r in b.rows])}; score both on the same images"
        )
    if [row.name for row in a.rows] != [row.name for row in b.rows]:
        listed = _first_difference([row.name for row in a.rows], [row.name for row in b.rows])
        raise LeadlineError(f"different images in {a_name} and {b_name}: {listed}; score both on the same images")
    for mine, theirs in zip(a.rows, b.rows, strict=True):
        if bool(mine.skipped) != bool(theirs.skipped):
            where, why = (a_name, mine.skipped) if mine.skipped else (b_name, theirs.skipped)
            raise LeadlineError(f"image {mine.name!r} is skipped in {where} only ({why}): score both on the same truth")
        if a.protocol.get("resized") == "truth":
            continue  # each model is scored at its own size, on as many pixels as that has
        for of in mine.pixels.keys() & theirs.pixels.keys():
            if mine.pixels[of] != theirs.pixels[of]:
                raise LeadlineError(
                    f"image {mine.name!r} has {mine.pixels[of]} scored pixels of class {of} in {a_name} and "
                    f"{theirs.pixels[of]} in {b_name}: the truth has changed; score both again"
                )


def _first_difference(a: Sequence[str], b: Sequence[str]) -> str:
    for i in range(max(len(a), len(b))):
        mine, theirs = (repr(names[i]) if i < len(names) else "none" for names in (a, b))
        if mine != theirs:
            return f"image {i + 1} is {mine} and {theirs}"
    return "the same names all the same"


def _remarks(differences: Sequence[Difference], scored: int) -> list[str]:
    """Return lines about images without a value, and about too few of them."""
    lines = []
    for images in sorted({d.images for d in differences if d.images != scored}):
        metrics = dict.fromkeys(d.metric for d in differences if d.images == images)
        lines.append(f"{', '.join(metrics)}: over the {images} images that have a value")
    if FEWEST_IMAGES <= min(d.images for d in differences) < FEW_IMAGES:
        lines.append(f"fewer than {FEW_IMAGES} images: such intervals hold the truth about 9 times in 10, not 19 in 20")
    for d in differences:
        if d.lopsided:
            lines.append(f"{d.metric}: {d.lopsided} images have a value in {_letter(0)} or {_letter(d.other)} only")
    return lines


def _flat(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested fields by dotted names."""
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        flat.update(_flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value})
    return flat


def _letter(i: int) -> str:
    return chr(ord("A") + i) if i < 26 else f"#{i + 1}"


def _line_of(i: int, name: str, result: Result) -> str:
    failed = len(result.failures)
    remark = f"  {failed} failed images, in the means as the protocol says" if failed else ""
    return f"{_letter(i)}  {result.model.name}  {name}{remark}"
