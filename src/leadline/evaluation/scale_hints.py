"""Regenerate ``docs/results/scale-hints.md``: what a few measured points are worth in metres, on real samples.

python -m leadline.evaluation.scale_hints --data ../shared/data --out docs/results/scale-hints.md
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.alignment import Fit
from leadline.depth_map import Ambiguity, DepthMap, Quantity
from leadline.errors import LeadlineError
from leadline.evaluation.real_sets import REAL_SETS, RealSet
from leadline.evaluation.report import markdown_table, number
from leadline.evaluation.resampling import resampled
from leadline.evaluation.truth import Truth, truth_of
from leadline.io.atomic import atomic_write
from leadline.predictor import Predictor
from leadline.sample import Sample
from leadline.scale.estimators import DEFAULT, estimate, held_out
from leadline.scale.hints import FEW_POINTS
from leadline.scale.observations import Observations, metres_of
from leadline.scale.points import MetricPoints, observe

Numbers = NDArray[np.float64]

COUNTS = (1, 2, 5, 20)
# Title -> (standard deviation of the distance as a share of it, misplacement in pixels).
NOISES = {"exact": (0.0, 0.0), "5 %": (0.05, 0.0), "2 px": (0.0, 2.0), "5 %, 2 px": (0.05, 2.0)}
FULL, SPREAD, ZERO, NO_MAP = (
    "scale and shift, random points", "scale and shift, near to far", "shift taken for zero", "no map: the points' median"
)  # fmt: skip
WORST = "5 %, 2 px"
DRAWS = 20
IMAGES = 4  # of each set; neighbours of a video say the same
_SCORED = 4000  # pixels of an image; the whole picture's AbsRel moves by less than 0.005 then
_UNLUCKY = 90  # percentile of the draws


@dataclass(eq=False)
class Image:
    """One picture's errors.

    Attributes:
        title: of its set.
        abs_rel, mae_m: (draws,) by (method, count, noise). A refused draw has the errors of the points' median distance,
            which is all that is left then.
        refused: share of the draws of random points by count.
        bound: AbsRel and MAE of scale and shift fitted to all of the truth by least squares.
        held: (AbsRel held out, AbsRel of the picture, whether the map was said not to help, and whether it did not) by count.
    """

    title: str
    abs_rel: dict[tuple[str, int, str], Numbers] = field(default_factory=dict)
    mae_m: dict[tuple[str, int, str], Numbers] = field(default_factory=dict)
    bound: tuple[float, float] = (nan, nan)
    refused: dict[int, float] = field(default_factory=dict)
    held: dict[int, list[tuple[float, float, bool, bool]]] = field(default_factory=dict)


def iter_images(root: Path) -> Iterator[tuple[RealSet, Sample]]:
    """Yield up to four samples of each real set that counts, evenly spread.

    Raises:
        LeadlineError: none is below `root`.
    """
    present = [real for real in REAL_SETS if real.in_mean and real.is_at(root)]
    if not present:
        raise LeadlineError(f"no real samples in {root}: expected folders such as {REAL_SETS[0].parts[0][1]} below it")
    for real in present:
        samples = list(real.iter_samples(root, light=True))
        chosen = sorted({round(i * (len(samples) - 1) / max(IMAGES - 1, 1)) for i in range(min(IMAGES, len(samples)))})
        for index in chosen:
            yield real, samples[index]


def measure(predictor: Predictor, real: RealSet, sample: Sample, seed: int) -> Image | None:
    """Fit a picture's map to random points of its truth, again and again; None without a truth in metres."""
    truth = truth_of(sample, real.protocol)
    if not truth.in_metres or truth.depth.size < 1000:
        return None
    depth = resampled(predictor(sample.image, sample.camera).depth, truth.hw, "bilinear")
    rng = np.random.default_rng(seed)
    scored = rng.choice(truth.depth.size, min(_SCORED, truth.depth.size), replace=False)
    pred, z = depth.values.flat[truth.index[scored]].astype(np.float64), truth.depth[scored]
    image = Image(real.title)
    every, shift, _ = observe(depth, _points(truth, np.arange(truth.depth.size), (0, 0), rng))
    image.bound = _errors(_metres(estimate(every, "least_squares", shift=shift), pred, real.cap_m), z)
    far = np.argsort(truth.depth)
    for count in COUNTS:
        drawn = [rng.choice(truth.depth.size, count, replace=False) for _ in range(DRAWS)]
        # One in the nearest n-th of the pixels, one in the next ...
        spread = [far[((np.arange(count) + rng.random(count)) / count * far.size).astype(int)] for _ in range(DRAWS)]
        for noise, (relative, pixels) in NOISES.items():
            found: dict[str, list[tuple[float, float]]] = {FULL: [], SPREAD: [], ZERO: [], NO_MAP: []}
            lost = 0
            for picked, apart in zip(drawn, spread, strict=True):
                points = _points(truth, picked, (relative, pixels), rng)
                constant = _errors(np.full(z.size, np.median(points.distance_m)), z)
                seen, shift, _ = observe(depth, points)
                errors = _fit_errors(seen, shift, pred, z, real.cap_m)
                lost += errors is None
                found[NO_MAP].append(constant)
                found[FULL].append(errors or constant)
                found[ZERO].append(_zero_shift_errors(depth, points, pred, z, real.cap_m) or constant)
                points = _points(truth, apart, (relative, pixels), rng)
                others = np.full(z.size, np.median(points.distance_m))
                found[SPREAD].append(_fit_errors(observe(depth, points)[0], shift, pred, z, real.cap_m) or _errors(others, z))
                if noise == WORST and count > 2 and errors and (out := held_out(seen, DEFAULT, shift=shift)):
                    said = out.abs_rel >= out.constant_abs_rel
                    image.held.setdefault(count, []).append((out.abs_rel, errors[0], said, not errors[0] < constant[0]))
            if noise == WORST:
                image.refused[count] = lost / DRAWS
            for method, rows in found.items():
                table = np.array(rows)
                image.abs_rel[method, count, noise], image.mae_m[method, count, noise] = table[:, 0], table[:, 1]
    return image


def _points(truth: Truth, picked: NDArray[np.intp], noise: tuple[float, float], rng: np.random.Generator) -> MetricPoints:
    """Return points of the truth, misread by a share of their distance and by so many pixels in any direction."""
    height, width = truth.hw
    rows, columns = np.divmod(truth.index[picked], width)
    angle = rng.uniform(0, 2 * np.pi, picked.size)
    xy = np.stack([columns, rows], axis=1) + 0.5 + noise[1] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    xy = np.clip(xy, 0, np.array([width, height]) - 0.5)
    factor = np.maximum(1 + noise[0] * rng.standard_normal(picked.size), 0.5)
    return MetricPoints(xy, truth.depth[picked] * factor, False, "drawn points")


def _fit_errors(seen: Observations, shift: bool, pred: Numbers, z: Numbers, cap_m: float) -> tuple[float, float] | None:
    """Return AbsRel and MAE of a fit; None for what `leadline.scale.hints.fit_points` refuses."""
    if shift and seen.pred.size < 2:
        return None
    fit = estimate(seen, DEFAULT if shift else FEW_POINTS, shift=shift)
    if fit.degenerate:
        return None
    return _errors(_metres(fit, pred, cap_m) if shift else np.clip(fit.apply(pred), 0, cap_m), z)


def _zero_shift_errors(
    depth: DepthMap, points: MetricPoints, pred: Numbers, z: Numbers, cap_m: float
) -> tuple[float, float] | None:
    """Do what `_fit_errors` does with the shift taken for zero; None too where no point has a positive disparity."""
    try:
        seen, _, _ = observe(depth, points, zero_shift=True)
    except LeadlineError:
        return None
    return _fit_errors(seen, False, metres_of(pred, Quantity.DISPARITY), z, cap_m)


def _metres(fit: Fit, disparity: Numbers, cap_m: float) -> Numbers:
    return np.asarray(1 / np.maximum(fit.apply(disparity), 1 / cap_m), dtype=np.float64)


def _errors(found: Numbers, z: Numbers) -> tuple[float, float]:
    off = np.abs(found - z)
    return float((off / z).mean()), float(off.mean())


def typical(images: Sequence[Image], key: tuple[str, int, str], what: str = "abs_rel", percentile: float = 50) -> float:
    """Return the mean over sets of the mean over images of a percentile over draws."""
    means = []
    for title in dict.fromkeys(image.title for image in images):
        values = [getattr(image, what)[key] for image in images if image.title == title]
        means.append(np.mean([np.percentile(draws, percentile) for draws in values]))
    return float(np.mean(means))


def render(images: Sequence[Image], model: str, picture: str, command: str) -> str:
    """Return the page."""
    titles = list(dict.fromkeys(image.title for image in images))
    rows = []
    for method in (FULL, SPREAD, ZERO, NO_MAP):
        for count in COUNTS:
            if method in (FULL, SPREAD) and count == 1:
                rows.append([method, "1", *["refused"] * len(NOISES), "refused"])
                continue
            medians = [number(typical(images, (method, count, noise))) for noise in NOISES]
            unlucky = number(typical(images, (method, count, WORST), percentile=_UNLUCKY))
            rows.append([method, str(count), *medians, unlucky])
    bound = np.mean([np.mean([image.bound[0] for image in images if image.title == title]) for title in titles])
    rows.append(["all of the truth, least squares", "all", number(float(bound)), *["–"] * len(NOISES)])
    table = markdown_table(["method", "points", *NOISES, "unlucky tenth (5 %, 2 px)"], rows)
    by_set = []
    for title in titles:
        some = [image for image in images if image.title == title]
        cells = [title, str(len(some))]
        for method, count in ((NO_MAP, 5), (ZERO, 1), (FULL, 2), (FULL, 5), (FULL, 20)):
            key = (method, count, WORST)
            cells.append(f"{number(typical(some, key))}, {number(typical(some, key, 'mae_m'), 2)} m")
        cells.append(f"{np.mean([i.bound[0] for i in some]):.3f}, {np.mean([i.bound[1] for i in some]):.2f} m")
        by_set.append(cells)
    header = ["set", "images", "no map, 5", "zero shift, 1", *(f"scale and shift, {n}" for n in COUNTS[1:]), "all of the truth"]
    refused = ", ".join(f"{np.mean([image.refused[count] for image in images]):.0%} with {count}" for count in COUNTS[1:])
    best_zero, no_map = typical(images, (ZERO, 20, WORST)), typical(images, (NO_MAP, 20, WORST))
    verdict = "worse than" if best_zero > no_map else "beside"
    return f"""# Metres from a few measured points

{model} gives disparity up to scale and shift. A user who knows the distance of a few places gets metres by
`leadline scale fit --point X,Y=METRES` ([how to](../how-to/scale.md)). How good are they? {len(images)} real pictures of {
        len(titles)
    } sets
with a truth in metres, {
        DRAWS
    } random draws of points each. AbsRel over the whole picture, median over draws, then mean over images
and sets; lower is better. *5 %*: distances misread by 5 % (standard deviation). *2 px*: points clicked 2 pixels off.

{table}

![AbsRel against the number of points]({picture})

* **One point can't do it**: it is refused. `--assume-zero-shift` takes one and warns; here that guess is {
        verdict
    } no map at all
  (AbsRel {number(best_zero)} and {number(no_map)} with 20 points).
* **Two points are a gamble**: drawn at random they are often at nearly one distance, and the shift is then anything. One
  near and one far are better ({number(typical(images, (SPREAD, 2, WORST)))} instead of {
        number(typical(images, (FULL, 2, WORST)))
    }); with five, even
  the unlucky tenth beats no map.
* **The number of points matters, their noise hardly**: both sorts of noise change AbsRel with 5 points from
  {number(typical(images, (FULL, 5, "exact")))} to {number(typical(images, (FULL, 5, WORST)))}, while 20 points reach {
        number(typical(images, (FULL, 20, WORST)))
    }; all of the truth gives {bound:.3f}. The rest is the
  network's own error.
* Refused, because random points turn the map upside down: {refused} points.

## Every set

Points with both sorts of noise; AbsRel and mean error in metres.

{markdown_table(header, by_set)}

## Does it know when it does not help?

`leadline scale fit` leaves out each point in turn and says so where the map does no better than the other points' median
distance. Against the truth of the whole picture, points with both sorts of noise:

{_held_table(images)}

With five points the warning is a weak hint: five say little of a whole picture. The correlation is that of held-out and real
AbsRel in logarithms.

## How

* Points are drawn evenly over the pixels with truth; a user would choose better ones. Scale and shift: Theil-Sen in disparity;
  zero shift: median of ratios in depth. Disparity is clamped from below at 1/cap (the caps of [the default model's
  table](default-model.md)), zero-shift depth at the cap.
* After a refused draw the points' median distance is scored: no more is left then. *Unlucky tenth*: 90th percentile of the
  draws. {_SCORED} random pixels of each picture are scored.
* Sets: those of the default model's table with a unit, up to {
        IMAGES
    } pictures each. They are few, and neighbours in a video are alike.

Regenerate: `{command}`
"""


def _held_table(images: Sequence[Image]) -> str:
    rows = []
    for count in sorted({count for image in images for count in image.held}):
        draws = [row for image in images for row in image.held.get(count, []) if np.isfinite(row[1])]
        table = np.array(draws, dtype=np.float64)
        said, true = table[:, 2] > 0, table[:, 3] > 0
        correlation = np.corrcoef(np.log(table[:, :2] + 1e-6).T)[0, 1]
        rows.append([
            str(count), f"{said.mean():.0%}", f"{true.mean():.0%}", f"{_share(true[said])}", f"{_share(true[~said])}",
            number(float(correlation), 2),
        ])  # fmt: skip
    header = ["points", "warned", "really no help", "of the warned", "of the others", "correlation"]
    return markdown_table(header, rows)


def _share(flags: NDArray[np.bool_]) -> str:
    return f"{flags.mean():.0%}" if flags.size else "–"


def draw(images: Sequence[Image], path: Path) -> None:
    """Write the plot: the mean over sets on the left, every set on the right."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), facecolor="white", sharey=True)
    for noise, dashes in zip(NOISES, ("o-", "s--", "^:", "D-."), strict=True):
        curve = [typical(images, (FULL, count, noise)) for count in COUNTS[1:]]
        left.plot(COUNTS[1:], curve, dashes, color="#2f5fd0", alpha=1 if noise == WORST else 0.5, label=f"{FULL}, {noise}")
    for method, counts, colour in ((SPREAD, COUNTS[1:], "#2a9d5c"), (ZERO, COUNTS, "#d9822b"), (NO_MAP, COUNTS, "#7f8a94")):
        curve = [typical(images, (method, count, WORST)) for count in counts]
        left.plot(counts, curve, "o-", color=colour, label=f"{method}, {WORST}")
    titles = list(dict.fromkeys(image.title for image in images))
    for place, title in enumerate(titles):
        some = [image for image in images if image.title == title]
        tint = pyplot.get_cmap("tab20")(place % 20)
        right.plot(COUNTS[1:], [typical(some, (FULL, n, WORST)) for n in COUNTS[1:]], "o-", color=tint, label=title)
        right.plot([30], [np.mean([image.bound[0] for image in some])], "*", color=tint, markersize=9)
    bound = np.mean([np.mean([i.bound[0] for i in images if i.title == title]) for title in titles])
    left.axhline(float(bound), color="#1c2024", linewidth=1, label="all of the truth")
    left.set_title("mean over sets")
    right.set_title("every set, scale and shift, 5 %, 2 px (star: all of the truth)")
    for axis in (left, right):
        axis.set_xscale("log")
        axis.set_xticks([1, 2, 5, 20], ["1", "2", "5", "20"])
        axis.minorticks_off()
        axis.set_xlabel("measured points")
        axis.set_ylim(0, None)
        axis.grid(alpha=0.25)
        axis.legend(fontsize=7, frameon=False, loc="upper right", bbox_to_anchor=(1, 0.87))
    left.set_ylabel("AbsRel, median over draws")
    figure.tight_layout()
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png", metadata={"Software": None})
    pyplot.close(figure)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m leadline.evaluation.scale_hints", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--model", default="leadline-s", help="a network's name or an ONNX file")
    parser.add_argument("--data", type=Path, required=True, help="the folder with dev/ below it")
    parser.add_argument("--out", type=Path, required=True, help="the Markdown file; its plot goes to ../assets from there")
    given = parser.parse_args(arguments)
    try:
        _run(given)
    except LeadlineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run(given: argparse.Namespace) -> None:
    from leadline.runtime.predictor import load_predictor

    predictor = load_predictor(given.model)
    _refuse_other_kinds(predictor)
    found = (measure(predictor, real, sample, seed) for seed, (real, sample) in enumerate(iter_images(given.data)))
    images = [image for image in found if image is not None]
    assets = given.out.parent.parent / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    draw(images, assets / f"{given.out.stem}.png")
    command = f"python -m leadline.evaluation.scale_hints --data {given.data} --out {given.out}"
    page = render(images, predictor.card.name, f"../assets/{given.out.stem}.png", command)
    with atomic_write(given.out) as temporary:
        temporary.write_text(page, encoding="utf-8")
    print(page.split("## How")[0].strip())


def _refuse_other_kinds(predictor: Predictor) -> None:
    kind = predictor.card.kind
    if kind.ambiguity is not Ambiguity.AFFINE_INVARIANT or not kind.near_is_large:
        raise LeadlineError(f"{predictor.card.name} gives {kind}: this page is about disparity/affine_invariant networks")


if __name__ == "__main__":
    sys.exit(main())
