"""The page of the study of distillation: means over seeds with their spread, the teacher beside them, and what holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.evaluation.report import markdown_table
from leadline.io.atomic import atomic_write
from leadline.recipes.studies.arms import draw_arms
from leadline.recipes.studies.distillation import (
    PHOTO_SIDE,
    SURFACES,
    TEACHER,
    TEACHER_INPUT,
    TEACHER_SHAPES,
    DistillationStudy,
)
from leadline.recipes.studies.distillation_run import CLASS
from leadline.recipes.studies.page import METRICS, Scores, metric_title, signed, spread
from leadline.recipes.studies.study import HELD_OUT_VIEWS, INPUT_SIZE, SHAPES, Arm
from leadline.recipes.studies.thin_structures import NEARER, WIDTH_PX

CLASSES = {"tom": "glass and mirrors", "other": "the rest", "thin": "thin things", "edges": "beside edges"}
JUDGED = ("real samples", CLASSES["tom"], CLASSES["thin"])
# What the papers found (METHODS C.1, C.2): the first arm beats the second.
CLAIMS = (
    ("V2: synthetic + pseudo beats synthetic only", "synthetic-pseudo", "synthetic"),
    ("V2: pseudo only beats synthetic only", "pseudo", "synthetic"),
    ("V2: pseudo only beats synthetic + pseudo", "pseudo", "synthetic-pseudo"),
    ("V2: ignoring the worst tenth helps", "pseudo", "pseudo-all"),
    ("V1: synthetic + pseudo beats synthetic only", "v1", "labelled"),
    ("V1: strong perturbation helps", "v1", "v1-weak"),
    ("V1 without it beats synthetic only (the paper: it does not)", "v1-weak", "labelled"),
    ("V1: a margin of 0.85 beats 1.00", "v1", "v1-margin-1"),
)


def write_page(study: DistillationStudy, folder: Path, out: Path) -> Path:
    """Write the page and its plot; return the page's file.

    Args:
        study: which.
        folder: of its scores, and of ``notes.md``, which is taken into the page.
        out: Markdown file; the plot goes to ``assets/study-distillation.png`` beside its folder.

    Raises:
        LeadlineError: an arm, or the teacher, has no result.
    """
    scores, teacher = Scores(study, folder), _teacher(study, folder)
    judged = {title: names for title, names in groups(scores).items() if title in JUDGED}
    draw_arms(
        [arm.title for arm in study.arms],
        {title: [scores.means(arm, "delta1", names) for arm in study.arms] for title, names in judged.items()},
        "delta1; a point a seed",
        out.parent.parent / "assets" / f"study-{study.name}.png",
    )
    notes = folder / "notes.md"
    text = _text(study, scores, teacher, notes.read_text(encoding="utf-8") if notes.exists() else "")
    with atomic_write(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return out


def groups(scores: Scores) -> dict[str, list[str]]:
    """Return the sets whose scores are averaged, by title; classes of pixels that no view has are left out."""
    found = {"real samples": scores.real, "rendered worlds": scores.worlds}
    return found | {title: [f"{CLASS}{of}"] for of, title in CLASSES.items() if f"{CLASS}{of}" in scores.sets}


def _teacher(study: DistillationStudy, folder: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads((folder / f"{TEACHER}.0.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LeadlineError(
            f"{folder} has no result of the {TEACHER}: run python -m leadline.recipes.studies run {study.name} first"
        ) from None
    return record


def _text(study: DistillationStudy, scores: Scores, teacher: dict[str, Any], notes: str) -> str:
    return f"""# Teacher to student

Depth Anything V1 (arXiv 2401.10891) and V2 (arXiv 2406.09414) train a large teacher, let it label millions of photos and
train a student on these. Their findings, tried at the scale of minutes: a `{study.teacher}` that saw rendered worlds alone
labels {_labelled(teacher)} photos once, and `{study.student}` students of every kind see
{study.steps * study.batch_size:,} pictures.

{_table(study, scores, teacher)}

Mean over seeds {", ".join(map(str, scores.seeds))} ± standard deviation between seeds; the teacher was trained once.
AbsRel: less is better; delta1: more. All after a fit of scale and shift in disparity to each picture.

![delta1 of every arm](../assets/study-{study.name}.png)

## What holds

{_claims(study, scores)}

Differences of the first from the second, same seed, mean ± standard deviation. "Yes" needs every seed and both metrics.

{notes}
## How

{_how(study, teacher)}
"""


def _labelled(teacher: dict[str, Any]) -> str:
    return f"{teacher['labels'].get('labelled', 0):,}"


def _table(study: DistillationStudy, scores: Scores, teacher: dict[str, Any]) -> str:
    columns = [(title, sets, metric) for title, sets in groups(scores).items() for metric in METRICS]
    head = ["", *(f"{metric_title(metric)}, {title}" for title, _, metric in columns)]
    alone = [float(np.mean([teacher["scores"][name][metric] for name in sets])) for _, sets, metric in columns]
    rows = [[f"teacher (`{study.teacher}`)", *(f"{value:.3f}" for value in alone)]]
    for arm in study.arms:
        rows.append([arm.title, *(spread(scores.means(arm, metric, sets)) for _, sets, metric in columns)])
    return markdown_table(head, rows)


def _claims(study: DistillationStudy, scores: Scores) -> str:
    sets = {title: names for title, names in groups(scores).items() if title in JUDGED}
    head = ["claim", *(text for title in sets for text in (f"AbsRel, {title}", f"delta1, {title}", "holds"))]
    rows = []
    for text, better, worse in CLAIMS:
        row = [text]
        for names in sets.values():
            rel, delta = (_difference(scores, study.arm(better), study.arm(worse), metric, names) for metric in METRICS)
            row += [signed(rel), signed(delta), _verdict(np.array([-rel, delta]))]
        rows.append(row)
    return markdown_table(head, rows)


def _difference(scores: Scores, better: Arm, worse: Arm, metric: str, names: list[str]) -> NDArray[np.float64]:
    return scores.means(better, metric, names) - scores.means(worse, metric, names)


def _verdict(gains: NDArray[np.float64]) -> str:
    return "yes" if (gains > 0).all() else "no, the reverse" if (gains < 0).all() else "not in every seed and metric"


def _how(study: DistillationStudy, teacher: dict[str, Any]) -> str:
    shapes, large = (", ".join(f"{h} x {w}" for h, w in sizes) for sizes in (SHAPES, TEACHER_SHAPES))
    sky = f", the sky found by `{teacher['sky']}` set to disparity 0" if teacher["sky"] else ""
    counts = ", ".join(f"{number} {state}" for state, number in sorted(teacher["labels"].items()))
    worlds = ", ".join(f"`{name}`" for name in study.sources)
    return f"""Teacher: {study.teacher_steps} steps of 8 pictures of {large} from {worlds},
{teacher["minutes"]:.0f} minutes on one core, encoder from ImageNet. It labels photos of at most {PHOTO_SIDE} pixels
at {TEACHER_INPUT} by the label job ({counts}){sky}.

Students: {study.steps} steps of {study.batch_size} pictures of {shapes}, one core, encoder from ImageNet. "Synthetic" are the
teacher's own worlds, "pseudo" the photos with its labels, both together 1 : 2 in every batch. V2's loss: mean absolute error
without median and deviation, gradient matching twice, of labels the worst tenth of the pixels ignored. V1's loss: the former
alone. Pictures with truth have strong changes of colour everywhere; those with labels are jittered and blurred, in V1 also
mixed (CutMix), after they were labelled, and nothing of this in "without strong perturbation". Features are held to those of
the encoder's start, at stride 16. The last, averaged weights are scored, none are chosen.

Held out: {HELD_OUT_VIEWS} views each of four worlds with other seeds than those trained on; the real samples of
docs/results/default-model.md (a light subset); and `{SURFACES}` by class of pixels. Thin is what is nearer by more than
{100 * NEARER:.0f} % than its surroundings and narrower than {WIDTH_PX} pixels. All at {INPUT_SIZE} pixels. The scores of every
training: docs/results/studies/{study.name}.

```sh
python -m leadline.recipes.studies run  {study.name} --worlds runs/worlds --data ../shared/data --photos photos
python -m leadline.recipes.studies page {study.name}
```"""
