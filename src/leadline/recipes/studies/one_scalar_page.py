"""The page of the study of one scalar: every score from its files, means over seeds, and what holds."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.evaluation.report import markdown_table
from leadline.io.atomic import atomic_write
from leadline.recipes.studies.one_scalar import ARMS, NAME, PAIRS, Pair, ScalarArm
from leadline.recipes.studies.page import spread
from leadline.scale.estimators import DEFAULT, ESTIMATORS

# What the issue asks for.
LINEAR, CLOSE, PRICE = 0.9, 0.10, 0.03
DOMAINS = ("source", "target")
_LINES = (
    "", "domain", "focal, px", "R2", "to 30 m", "of 1 / depth", "R2 through 0", "R2 of a picture", "slope", "factor",
    "spread of ratios",
)  # fmt: skip
_GAPS = ("", "gap of the slopes, %", "of Theil-Sen factors, %", "of pooled medians, %", "focal lengths alone, %")
_R2 = ("r2", "r2_near", "r2_disparity", "r2_origin", "image_r2")
_COLOURS = {"source": "#4c72b0", "target": "#c44e52"}


class ScalarScores:
    """The records of the study by arm and seed.

    Args:
        folder: of its files.

    Raises:
        LeadlineError: there is none, or arms of a pair share no seed.
    """

    def __init__(self, folder: Path) -> None:
        self._found: dict[str, dict[int, dict[str, Any]]] = {}
        for path in sorted(folder.glob("*.json")):
            record = json.loads(path.read_text(encoding="utf-8"))
            self._found.setdefault(record["arm"], {})[int(record["seed"])] = record
        if not any(arm.name in self._found for arm in ARMS):
            raise LeadlineError(f"{folder} has no result: run python -m leadline.recipes.studies run {NAME} first")

    def arms(self, pair: Pair) -> list[ScalarArm]:
        """Return a pair's arms that have results."""
        return [arm for arm in ARMS if arm.pair == pair and arm.name in self._found]

    def seeds(self, pair: Pair) -> list[int]:
        """Return the seeds that all of these arms have, those that are run with a few seeds alone left aside."""
        compared = [arm for arm in self.arms(pair) if not arm.seeds] or self.arms(pair)
        kept = set.intersection(*(set(self._found[arm.name]) for arm in compared))
        if not kept:
            raise LeadlineError(f"no seed that all of {', '.join(arm.name for arm in compared)} have; run the study on")
        return sorted(kept)

    def records(self, arm: ScalarArm) -> list[dict[str, Any]]:
        """Return the record of each of these seeds that the arm has."""
        return [self._found[arm.name][seed] for seed in self.seeds(arm.pair) if seed in self._found[arm.name]]

    def of(self, arm: ScalarArm, *keys: str) -> NDArray[np.float64]:
        """Return (seeds,) numbers under the keys of the records."""
        found = []
        for record in self.records(arm):
            value: Any = record
            for key in keys:
                value = value[key]
            found.append(float(value))
        return np.array(found)


def write_page(folder: Path, out: Path) -> Path:
    """Write the page and its plots; return the page's file.

    Args:
        folder: of the scores, and of ``notes.md``, which is put in.
        out: Markdown file; plots go to ``assets/study-one_scalar-PAIR.png`` beside its folder.

    Raises:
        LeadlineError: there is no result.
    """
    scores = ScalarScores(folder)
    parts = []
    for pair in PAIRS:
        if scores.arms(pair):
            plot = out.parent.parent / "assets" / f"study-{NAME}-{pair.name}.png"
            _draw(pair, scores, plot)
            parts.append(_section(pair, scores, plot.name))
    notes = folder / "notes.md"
    written = notes.read_text(encoding="utf-8") if notes.exists() else ""
    with atomic_write(out) as temporary:
        temporary.write_text(_text(scores, parts, written), encoding="utf-8")
    return out


def _text(scores: ScalarScores, parts: Iterable[str], notes: str) -> str:
    arm = next(arm for arm in ARMS for pair in PAIRS if arm in scores.arms(pair))
    record = scores.records(arm)[0]
    absent = [arm.name for arm in ARMS if arm not in scores.arms(arm.pair)]
    return f"""# One scalar: metres for a camera that has no truth

"One Scalar Is All You Need" (arXiv 2303.07662) learns depth from films of two cameras in one network, fits one factor where
there is a truth, the source, and multiplies the other camera's maps, the target's, by it. It asks for one field of view for
both. Here are its claims, with the control that each camera keeps its own, on small networks that learn for minutes. No loss
sees a truth but that of the bound.

{"".join(parts)}{notes}
## How

Each training: monodepth2, {record["steps"]} steps of {record["batch_size"]} clips, half of them the target's (all the
source's where it is alone), one core. A clip is a picture and those {_offsets(record)}. The bound is
leadline-s with a head for metres, taught as many pictures of the target with their truth. The last, averaged weights are taken,
none are chosen. The factor is fitted on held-out scenes of the source, and scored on held-out scenes of the target, in the
window that the network learnt with; truth counts from 0.1 to 80 m. R2 and slope are of one line for 2000 pixels of every
picture. "Per-picture" brings the median of each target picture to its truth's, and needs that. "A network" is an
EfficientNet-Lite0 that learns each source picture's scale from its truth and guesses that of the target's pictures. "No map"
says the median distance of each picture everywhere.
{f"Not run: {', '.join(absent)}." if absent else ""}
The scores of every training: docs/results/studies/{NAME}.

```sh
how="--video 60 --samples 8 --out runs/worlds"
leadline synth drive --camera-height 1.5 --fov 90 --count 600 --seed 1  --size 256 128 $how/rig-90
leadline synth drive --camera-height 1.5 --fov 50 --count 600 --seed 2  --size 160 80  $how/rig-50
leadline synth drive --camera-height 1.5 --fov 90 --count 180 --seed 11 --size 256 128 $how/rig-90-held-out
leadline synth drive --camera-height 1.5 --fov 50 --count 180 --seed 12 --size 160 80  $how/rig-50-held-out
leadline synth drive --fov 90 --count 600 --seed 1  --size 256 128 $how/drive-90
leadline synth drive --fov 90 --count 180 --seed 11 --size 256 128 $how/drive-90-held-out
python -m leadline.recipes.studies run  {NAME} --worlds runs/worlds --data ../shared/data
python -m leadline.recipes.studies page {NAME}
```
"""


def _offsets(record: dict[str, Any]) -> str:
    earlier, later = min(record["offsets"]), max(record["offsets"])
    return f"{-earlier} frames before and {later} after"


def _section(pair: Pair, scores: ScalarScores, plot: str) -> str:
    arms = scores.arms(pair)
    images = scores.records(arms[0])[0]["domains"]
    counts = ", ".join(
        f"{images[domain]['images']} of the {domain} ({images[domain]['failed']} without enough truth)" for domain in DOMAINS
    )
    errors = ["", *map(_said, ESTIMATORS), "per-picture", "target's own factor", "a network", "no map"]
    return f"""## {pair.title}

Source: {pair.source.title}. Target: {pair.target.title}. Network's pictures: {pair.hw[0]} x {pair.hw[1]}.
Scored pictures: {counts}.

{markdown_table(_LINES, _lines(arms, scores))}

Mean over seeds {", ".join(map(str, scores.seeds(pair)))} ± standard deviation between seeds; without ±, of one seed. Factor:
metres a unit of depth, by Theil-Sen. Spread of ratios: standard deviation over mean of the pictures' own factors.

![Depth and truth of each arm](../assets/{plot})

{markdown_table(_GAPS, _gaps(arms, scores))}

How much larger the target's slope, or own factor, is than the source's. The slope is that of a line with a shift, by least
squares; the factors are Theil-Sen's and the pooled median of ratios. The last column is what follows if a network takes an
object of more pixels for a nearer one, and nothing else.

AbsRel of the target with the source's factor:

{markdown_table(errors, _errors(arms, scores))}

{_verdicts(arms, scores)}

"""


def _lines(arms: list[ScalarArm], scores: ScalarScores) -> list[list[str]]:
    rows = []
    for arm in arms:
        for domain in DOMAINS:
            fits = [_spread(scores.of(arm, "domains", domain, key)) for key in _R2]
            slope = scores.of(arm, "domains", domain, "slope")
            factor = scores.of(arm, "domains", domain, "factors", DEFAULT, "scale")
            ratios = scores.of(arm, "domains", domain, "ratio_spread")
            focal = f"{scores.of(arm, 'domains', domain, 'focal_px').mean():.1f}"
            lines = (_digits(slope), _digits(factor), _spread(ratios))
            rows.append([arm.title if domain == "source" else "", domain, focal, *fits, *lines])
    return rows


def _gaps(arms: list[ScalarArm], scores: ScalarScores) -> list[list[str]]:
    rows = []
    for arm in arms:
        focals = scores.of(arm, "domains", "target", "focal_px") / scores.of(arm, "domains", "source", "focal_px") - 1
        pooled = scores.of(arm, "transfer", "pooled_median", "gap")
        gaps = map(_percent, (_slope_gap(scores, arm), _factor_gap(scores, arm), pooled))
        rows.append([arm.title, *gaps, f"{100 * focals.mean():+.1f}"])
    return rows


def _slope_gap(scores: ScalarScores, arm: ScalarArm) -> NDArray[np.float64]:
    return scores.of(arm, "domains", "target", "slope") / scores.of(arm, "domains", "source", "slope") - 1


def _factor_gap(scores: ScalarScores, arm: ScalarArm) -> NDArray[np.float64]:
    return scores.of(arm, "transfer", DEFAULT, "gap")


def _errors(arms: list[ScalarArm], scores: ScalarScores) -> list[list[str]]:
    rows = []
    for arm in arms:
        moved = [scores.of(arm, "transfer", name, "abs_rel") for name in ESTIMATORS]
        rest = [scores.of(arm, "transfer", DEFAULT, key) for key in ("per_image", "own")]
        constant = scores.of(arm, "transfer", DEFAULT, "constant")
        rows.append([arm.title, *map(_spread, (*moved, *rest, scores.of(arm, "cnn", "abs_rel"), constant))])
    return rows


def _verdicts(arms: list[ScalarArm], scores: ScalarScores) -> str:
    """Return what the issue asks for beside what was measured; "yes" needs every seed."""
    by = {(arm.mixed, arm.aligned): arm for arm in arms if arm.longer == 1}
    rows = []
    mixed, control = by.get((True, True)), by.get((True, False))
    if mixed is not None:
        r2 = np.array([scores.of(mixed, "domains", domain, "r2") for domain in DOMAINS])
        rows.append([f"(a) R2 of {LINEAR:g} or more in both domains", f"{r2.min():.3f} at least", _yes(r2 >= LINEAR)])
        for what, gap_of in (("slopes", _slope_gap), ("Theil-Sen factors", _factor_gap)):
            gap = np.abs(gap_of(scores, mixed))
            close = f"(b) {what} within {100 * CLOSE:g} %, aligned"
            rows.append([close, f"{100 * gap.max():.1f} % at most", _yes(gap <= CLOSE)])
            if control is not None:
                wide = np.abs(gap_of(scores, control))
                rows.append([f"(b) {what} farther apart without", f"{100 * wide.min():.1f} % at least", _yes(wide > gap)])
        moved, best = (scores.of(mixed, "transfer", DEFAULT, key) for key in ("abs_rel", "per_image"))
        rows.append(
            [
                f"(c) AbsRel within {PRICE:g} of per-picture scaling",
                f"{(moved - best).max():+.3f} at most",
                _yes(moved - best <= PRICE),
            ]
        )
        guess = scores.of(mixed, "cnn", "abs_rel")
        rows.append(["(d) a network's scale is no better", f"{(guess - moved).min():+.3f} at least", _yes(guess >= moved)])
    return markdown_table(["asked for", "measured", "holds"], rows)


def _yes(each: NDArray[np.bool_]) -> str:
    return "yes" if each.all() else "no" if not each.any() else f"in {int(each.sum())} of {each.size} cases"


def _said(name: str) -> str:
    return {"theil_sen": "Theil-Sen", "ransac": "RANSAC"}.get(name, name.replace("_", " "))


def _spread(values: NDArray[np.float64]) -> str:
    if not np.isfinite(values).all():
        return f"none in {int((~np.isfinite(values)).sum())} of {values.size} seeds"
    return spread(values) if values.size > 1 else f"{values[0]:.3f}"


def _digits(values: NDArray[np.float64]) -> str:
    """Return mean and spread to three digits of the mean."""
    if not np.isfinite(values).all():
        return _spread(values)
    decimals = max(0, 2 - int(np.floor(np.log10(max(abs(values.mean()), 1e-3)))))
    between = f" ± {values.std(ddof=1):.{decimals}f}" if values.size > 1 else ""
    return f"{values.mean():.{decimals}f}{between}"


def _percent(values: NDArray[np.float64]) -> str:
    if not np.isfinite(values).all():
        return f"no factor in {int((~np.isfinite(values)).sum())} of {values.size} seeds"
    between = f" ± {100 * values.std(ddof=1):.1f}" if values.size > 1 else ""
    return f"{100 * values.mean():+.1f}{between}"


def _draw(pair: Pair, scores: ScalarScores, out: Path) -> None:
    """Write the plot: pixels of both domains and their lines, and the pictures' own factors, of each arm's first seed.

    Longer trainings are left to the tables: more columns are too small to read.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    arms = [arm for arm in scores.arms(pair) if arm.longer == 1]
    figure, axes = pyplot.subplots(2, len(arms), figsize=(1 + 3.6 * len(arms), 6.4), squeeze=False)
    for column, arm in enumerate(arms):
        record = scores.records(arm)[0]
        upper, lower = axes[0][column], axes[1][column]
        for domain in DOMAINS:
            about = record["domains"][domain]
            pred, target = np.array(about["pixels"])
            upper.scatter(pred, target, s=5, alpha=0.4, color=_COLOURS[domain], linewidths=0)
            ends = np.array([0, pred.max()])
            upper.plot(ends, about["factors"][DEFAULT]["scale"] * ends, color=_COLOURS[domain], label=domain)
            lower.hist(np.log2(about["ratios"]), bins=20, alpha=0.6, color=_COLOURS[domain])
        upper.set_title(arm.title, fontsize=8)
        upper.set_xlabel("depth, the network's unit")
        lower.set_xlabel("log2 of each picture's own factor")
    axes[0][0].set_ylabel("true depth, m")
    axes[1][0].set_ylabel("pictures")
    axes[0][0].legend(fontsize=8)
    figure.tight_layout()
    with atomic_write(out) as temporary:
        figure.savefig(temporary, dpi=110)
    pyplot.close(figure)
