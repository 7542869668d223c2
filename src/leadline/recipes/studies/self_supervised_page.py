"""The page of the study of films without truth: every score from its files, means over seeds, and what holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.evaluation.report import markdown_table
from leadline.io.atomic import atomic_write
from leadline.recipes.studies.arms import draw_arms
from leadline.recipes.studies.page import spread
from leadline.recipes.studies.self_supervised import (
    ABLATED,
    ARMS,
    DDVO,
    DDVO_REFINED,
    GEONET_FLOW,
    METHODS,
    MONODEPTH2,
    NAME,
    REAL,
    SEMI,
    SelfArm,
)
from leadline.recipes.studies.self_supervised_claims import claims

PUBLISHED = {"baseline": 0.140, "min": 0.122, "auto-mask": 0.124, "full-res": 0.124, "all": 0.115}  # Godard et al., KITTI
_DEPTH = ("", "AbsRel", "RMSE, m", "delta1", "AbsRel, moving", "AbsRel, still", "spread of scales")
_KEYS = (
    ("all", "abs_rel"),
    ("all", "rmse"),
    ("all", "delta1"),
    ("moving", "abs_rel"),
    ("still", "abs_rel"),
    ("scale", "spread"),
)
_MOTIONS = {
    "before": "pose network",
    "after": "refined",
    "rest": "odometry from rest",
    "true_depth": "refined, given the true depth",
    "robust": "refined, robust",
    "robust_true": "refined, robust, given the true depth",
}
_FLOWS = {
    "none": "no flow",
    "rigid": "rigid, the network's",
    "full": "with residual flow",
    "still": "rigid, true depth and motion",
}


class SelfScores:
    """The records of the study by arm and seed.

    Args:
        folder: of its files.

    Raises:
        LeadlineError: there is none.
    """

    def __init__(self, folder: Path) -> None:
        self._found: dict[str, dict[int, dict[str, Any]]] = {}
        for path in sorted(folder.glob("*.json")):
            record = json.loads(path.read_text(encoding="utf-8"))
            self._found.setdefault(record["arm"], {})[int(record["seed"])] = record
        if not any(arm.name in self._found for arm in ARMS):
            raise LeadlineError(f"{folder} has no result: run python -m leadline.recipes.studies run {NAME} first")

    def has(self, arm: SelfArm) -> bool:
        """Whether an arm has results."""
        return arm.name in self._found

    def seeds(self, *arms: SelfArm) -> list[int]:
        """Return the seeds that all of the arms have."""
        return sorted(set.intersection(*(set(self._found.get(arm.name, {})) for arm in arms)))

    def record(self, arm: SelfArm) -> dict[str, Any]:
        """Return the record of an arm's first seed."""
        return self._found[arm.name][self.seeds(arm)[0]]

    def of(self, arm: SelfArm, *keys: str, seeds: Sequence[int] | None = None) -> NDArray[np.float64]:
        """Return (seeds,) numbers under the keys of the records, NaN where there is none; by default of all its seeds."""
        found = []
        for seed in self.seeds(arm) if seeds is None else seeds:
            value: Any = self._found[arm.name][seed]
            for key in keys:
                value = value.get(key, {}) if isinstance(value, dict) else {}
            found.append(float(value) if isinstance(value, int | float) else float("nan"))
        return np.array(found)


def write_page(folder: Path, out: Path) -> Path:
    """Write the page and its plots; return the page's file.

    Args:
        folder: of the scores, and of ``notes.md``, which is put in.
        out: Markdown file; plots go to ``assets/study-self_supervised-PART.png`` beside its folder.

    Raises:
        LeadlineError: there is no result.
    """
    scores = SelfScores(folder)
    assets = out.parent.parent / "assets"
    for part, arms in (("ablation", ABLATED), ("methods", METHODS)):
        there = [arm for arm in arms if scores.has(arm)]
        if there:
            groups = {
                title: [scores.of(arm, "depth", key, "abs_rel") for arm in there]
                for title, key in (("all pixels", "all"), ("moving objects", "moving"), ("still", "still"))
            }
            titles = [arm.title for arm in there]
            draw_arms(titles, groups, "AbsRel after median scaling; a point a seed", assets / f"study-{NAME}-{part}.png")
    notes = folder / "notes.md"
    with atomic_write(out) as temporary:
        temporary.write_text(_text(scores, notes.read_text(encoding="utf-8") if notes.exists() else ""), encoding="utf-8")
    return out


def _text(scores: SelfScores, notes: str) -> str:
    absent = [arm.name for arm in ARMS if not scores.has(arm)]
    parts = [_ablation(scores), _methods(scores), _flow(scores), _motions(scores), _paths(scores), _real(scores)]
    return f"""# Depth from films alone

Networks that learn from films, each for minutes on one core: monodepth2's parts (arXiv 1806.01260), SfMLearner (1704.07813),
DDVO (1712.00175), GeoNet (1803.02276) and Kuznietsov et al. (1702.02706) side by side on a rendered drive in which cars and
people move, and monodepth2 on two real films. No loss but Kuznietsov's sees a truth.

## What holds

{markdown_table(["claim", "measured", "holds"], claims(scores))}

Measured: the error of the first less that of the second (AbsRel unless said otherwise), mean over the seeds that both have ±
standard deviation. A claim holds in a seed whose difference is negative. Of the whole order it is the step that fits it least.

{"".join(part for part in parts if part)}{notes}
## How

{_how(scores)}
{f"Not run: {', '.join(absent)}." if absent else ""}
The scores of every training: docs/results/studies/self-supervised.

```sh
leadline synth drive --fov 80 --count 1200 --video 40 --seed 51 --stereo --size 240 144 --out runs/worlds/self-drive
leadline synth drive --fov 80 --count 240 --video 30 --seed 61 --size 240 144 --out runs/worlds/self-drive-held-out
python -m leadline.recipes.studies run  {NAME} --worlds runs/worlds --data ../shared/data
python -m leadline.recipes.studies page {NAME}
```
"""


def _how(scores: SelfScores) -> str:
    steps: dict[int, list[str]] = {}
    for arm in ARMS:
        if scores.has(arm):
            steps.setdefault(scores.record(arm)["steps"], []).append(arm.name)
    most = max(steps, key=lambda count: len(steps[count]))
    others = "; ".join(f"{count} steps: {', '.join(names)}" for count, names in steps.items() if count != most)
    first = next(scores.record(arm) for arm in ARMS if scores.has(arm))
    h, w = first["hw"]
    but = f" ({others})" if others else ""
    return f"""Each training: {most} steps of {first["batch_size"]} clips of {h} x {w} at 2e-4, one core{but}.
The weights, averaged over the last hundred steps or so, are taken, none are chosen. Objectives and their weights are those of
the recipes but for a few numbers: smoothness of SfMLearner, DDVO and GeoNet, and what keeps GeoNet's flow smooth and alike
both ways, is a 20th, since the published weights, for pictures four times as wide, flatten every map within 100 steps;
Kuznietsov's depth starts at 6 m, since alignment alone finds no way from the recipe's 2 m; and full resolution counts from
the first step (`video.full_resolution_after=0`), as published. All networks are monodepth2's, GeoNet's or Kuznietsov's on an
EfficientNet-Lite0 from ImageNet; in the papers SfMLearner and DDVO have networks of their own, which start from nothing.
SfMLearner is without its explainability mask, as in its released settings. Kuznietsov's arms see the other eye, and the truth
is 1 % of the depth's pixels. What refines or adds to another arm starts from its weights of the same seed, DDVO's at 5e-5.

Films that are scored have other seeds than those learnt from. Truth counts up to 80 m. Each picture's median is brought to its
truth's; the spread of scales is the standard deviation of these factors over their median. Moving: objects that move in the
world, with the whole picture's factor. The constant says one distance everywhere.
"""


def _lines(arms: Sequence[SelfArm], scores: SelfScores) -> list[list[str]]:
    rows = [[arm.title, *(_spread(scores.of(arm, "depth", *keys)) for keys in _KEYS)] for arm in arms if scores.has(arm)]
    judge = next((arm for arm in (MONODEPTH2, *arms) if scores.has(arm) and not arm.base), None)
    for name in ("untrained", "constant") if judge is not None else ():
        assert judge is not None
        rows.append([f"{name} (control)", *(_spread(scores.of(judge, "controls", name, *keys)) for keys in _KEYS)])
    return rows


def _ablation(scores: SelfScores) -> str:
    if not any(scores.has(arm) for arm in ABLATED):
        return ""
    rows = _lines(ABLATED, scores)
    by_title = {arm.title: PUBLISHED[arm.name.removeprefix("monodepth2-")] for arm in ABLATED}
    rows = [[*row, f"{by_title[row[0]]:.3f}" if row[0] in by_title else ""] for row in rows]
    return f"""## The parts of monodepth2

{markdown_table([*_DEPTH, "AbsRel, KITTI (published)"], rows)}

![AbsRel of each part](../assets/study-{NAME}-ablation.png)

"""


def _methods(scores: SelfScores) -> str:
    if not any(scores.has(arm) for arm in METHODS):
        return ""
    metres = [
        [arm.title, *(_spread(scores.of(arm, "depth", "metres", key)) for key in ("abs_rel", "rmse", "delta1"))]
        for arm in METHODS
        if scores.has(arm) and arm.recipe == SEMI.recipe
    ]
    without = f"\nThe same in metres, without scaling:\n\n{markdown_table(_DEPTH[:4], metres)}\n" if metres else ""
    return f"""## Five methods on one drive

{markdown_table(_DEPTH, _lines(METHODS, scores))}

![AbsRel of each method](../assets/study-{NAME}-methods.png)
{without}
"""


def _flow(scores: SelfScores) -> str:
    if not scores.has(GEONET_FLOW):
        return ""
    parts = ("all", "moving", "still")
    rows = [
        [title, *(_spread(scores.of(GEONET_FLOW, "flow", name, part, "epe")) for part in parts)]
        for name, title in _FLOWS.items()
    ]
    return f"""## GeoNet: flow of what moves by itself

{markdown_table(["", "EPE, all", "moving objects", "still"], rows)}

End-point error in pixels of the network's pictures, to the frame before and the frame after, where the true end is in view. The
truth follows from depth, the camera's poses and the objects' motions, which the world is asked for again by its seed.

"""


def _motions(scores: SelfScores) -> str:
    arms = [arm for arm in METHODS if arm.recipe == DDVO.recipe and scores.has(arm)]
    if not arms:
        return ""
    keys = ("ate", "ate_median", "rotation_deg")
    rows = [
        [arm.title if when == "before" else "", said, *(_spread(scores.of(arm, "motions", when, key)) for key in keys)]
        for arm in arms
        for when, said in _MOTIONS.items()
        if np.isfinite(scores.of(arm, "motions", when, "ate")).all()
    ]
    step = scores.of(arms[0], "motions", "before", "step")[0]
    return f"""## DDVO: motion refined by direct odometry

{markdown_table(["", "", "ATE, m", "median ATE, m", "degrees"], rows)}

A step is {step:.2f} m long. ATE of the frames before and after each target, after one scale for the two; degrees that a motion
is turned by mistake. Odometry "from rest" starts with no motion, "given the true depth" with the pose network's. "Robust" has
Huber's norm in place of squares, which is not in the paper; it was scored for the first arm alone.
"{DDVO_REFINED.title}" learnt through the odometry.

"""


def _paths(scores: SelfScores) -> str:
    keys = ("ate", "ate_share", "ate_turned", "rpe", "rpe_rotation_deg")
    rows = []
    for arm in ARMS:
        if scores.has(arm) and "paths" in scores.record(arm):
            rows.append([arm.title, *(_spread(scores.of(arm, "paths", "network", key)) for key in keys)])
    for arm in (MONODEPTH2, *REAL):
        if scores.has(arm):
            straight = [_spread(scores.of(arm, "paths", "straight", key)[:1]) for key in keys]
            rows.append([f"straight on, {arm.place.title[0].lower()}{arm.place.title[1:]} (control)", *straight])
    if not rows:
        return ""
    return f"""## Paths

{markdown_table(["", "ATE, m", "of the path's length", "ATE, turned too, m", "RPE, m", "RPE, degrees"], rows)}

Means over films, after alignment by one scale a film ("turned too": and a rotation and a shift); RPE is from one frame to the
next (of the kitchen every fourth). "Straight on" goes ahead at a steady speed and does
not turn: a car mostly does.

"""


def _real(scores: SelfScores) -> str:
    rows = []
    for arm in REAL:
        if not scores.has(arm):
            continue
        for title, keys in (
            (arm.title, ("depth",)),
            ("its last tenth, not learnt from", ("unseen",)),
            ("untrained (control)", ("controls", "untrained")),
            ("constant (control)", ("controls", "constant")),
        ):
            values = [scores.of(arm, *keys, "all", name) for name in ("abs_rel", "rmse", "delta1")]
            pictures = scores.of(arm, *keys, "all", "pictures")[0]
            spread_of = scores.of(arm, *keys, "scale", "spread")
            shown = f"{pictures:.0f}" if np.isfinite(pictures) else ""
            rows.append([title, shown, *(_spread(each) for each in (*values, spread_of))])
    if not rows:
        return ""
    return f"""## Two real films

{markdown_table(["", "pictures", "AbsRel", "RMSE, m", "delta1", "spread of scales"], rows)}

Against the films' own depth sensors, which no loss saw. The network learnt from the film that it is scored on but for its last
tenth. The kitchen's depth is not registered to its pictures, which costs everyone the same; its clips are four frames apart.

"""


def _spread(values: NDArray[np.float64]) -> str:
    if not values.size or not np.isfinite(values).all():
        return ""
    return spread(values) if values.size > 1 else f"{values[0]:.3f}"
