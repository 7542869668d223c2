"""The page of a study: every score from its files, means over seeds with their spread, and what holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.evaluation.real_sets import REAL_SETS
from leadline.evaluation.report import markdown_table
from leadline.io.atomic import atomic_write
from leadline.recipes.studies.arms import draw_arms
from leadline.recipes.studies.study import HELD_OUT_VIEWS, SHAPES, Arm, Study

METRICS = ("abs_rel", "delta1")
WORLD = "world "


class Scores:
    """The scores of a study, seeds x sets for each arm and metric.

    Args:
        study: which.
        folder: of its files.

    Raises:
        LeadlineError: an arm has no result.
    """

    def __init__(self, study: Study, folder: Path) -> None:
        found: dict[str, dict[int, dict[str, dict[str, float]]]] = {arm.name: {} for arm in study.arms}
        for path in sorted(folder.glob("*.json")):
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["arm"] in found:
                found[record["arm"]][record["seed"]] = record["scores"]
        for name, seeds in found.items():
            if not seeds:
                raise LeadlineError(
                    f"{folder} has no result of {name}: run python -m leadline.recipes.studies run {study.name} first"
                )
        # Only seeds that every arm has: the arms of a seed share their batches and their start.
        self.seeds = sorted(set.intersection(*(set(seeds) for seeds in found.values())))
        self._found = found
        sets = list(next(iter(found[study.arms[0].name].values())))
        counting = {real.title for real in REAL_SETS if real.in_mean}
        self.sets = sets
        self.worlds = [name for name in sets if name.startswith(WORLD)]
        self.real = [name for name in sets if name in counting]

    def of(self, arm: Arm, metric: str, sets: Sequence[str]) -> NDArray[np.float64]:
        """Return (seeds, sets)."""
        return np.array([[self._found[arm.name][seed][name][metric] for name in sets] for seed in self.seeds])

    def means(self, arm: Arm, metric: str, sets: Sequence[str]) -> NDArray[np.float64]:
        """Return (seeds,) means over sets."""
        return np.asarray(self.of(arm, metric, sets).mean(1))


def write_page(study: Study, folder: Path, out: Path) -> Path:
    """Write the page and its plot; return the page's file.

    Args:
        study: which.
        folder: of its scores.
        out: Markdown file; the plot goes to ``assets/study-NAME.png`` beside its folder.

    Raises:
        LeadlineError: an arm has no result.
    """
    scores = Scores(study, folder)
    plot = out.parent.parent / "assets" / f"study-{study.name}.png"
    groups = {"real samples": scores.real, "rendered worlds": scores.worlds}
    draw_arms(
        [arm.title for arm in study.arms],
        {title: [scores.means(arm, "delta1", sets) for arm in study.arms] for title, sets in groups.items()},
        "delta1, mean over sets; a point a seed",
        plot,
    )
    text = _TEXTS[study.name](study, scores)
    with atomic_write(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return out


def _tables(study: Study, scores: Scores) -> str:
    both = [("rendered worlds", scores.worlds), ("real samples", scores.real), ("all", scores.worlds + scores.real)]
    head = ["", *(f"{metric_title(metric)}, {title}" for title, _ in both for metric in METRICS)]
    rows = []
    for arm in study.arms:
        row = [arm.title]
        for _, sets in both:
            row += [spread(scores.means(arm, metric, sets)) for metric in METRICS]
        rows.append(row)
    each = [
        [arm.title, *(f"{mean:.3f}" for mean in scores.of(arm, "delta1", scores.worlds + scores.real).mean(0))]
        for arm in study.arms
    ]
    names = [name.removeprefix(WORLD) if name in scores.worlds else name for name in scores.worlds + scores.real]
    return f"""{markdown_table(head, rows)}

Mean over seeds {", ".join(map(str, scores.seeds))} ± standard deviation between seeds. AbsRel: less is better; delta1: more.

![delta1 of every arm](../assets/study-{study.name}.png)

delta1 of each held-out set, mean over seeds (the first {len(scores.worlds)} are rendered worlds, the others real):

{markdown_table(["", *names], each)}
"""


def _how(study: Study, scores: Scores) -> str:
    shapes = ", ".join(f"{h} x {w}" for h, w in SHAPES)
    return f"""Each training: `leadline-s`, {study.steps} steps of {study.batch_size} pictures of {shapes}, equal parts of
the sources {", ".join(f"`{source}`" for source in study.sources)} (the word behind # is how the truth was degraded,
`leadline.data.degrade`), one core; encoder from ImageNet unless said otherwise. The averaged weights of the last step are
scored, none are chosen. Held out: {HELD_OUT_VIEWS} views each of four worlds with other seeds than those trained on, and the
real samples of docs/results/default-model.md (a light subset, {len(scores.real)} sets). Scale and shift are fitted per
picture in disparity (MiDaS's protocol). The scores of every training: docs/results/studies/{study.name}.

```sh
python -m leadline.recipes.studies run  {study.name} --worlds runs/worlds --data ../shared/data
python -m leadline.recipes.studies page {study.name}
```
"""


def _losses_text(study: Study, scores: Scores) -> str:
    sets = scores.worlds + scores.real
    order = sorted(study.arms, key=lambda arm: -scores.means(arm, "delta1", sets).mean())
    by_rel = sorted(study.arms, key=lambda arm: scores.means(arm, "abs_rel", sets).mean())
    return f"""# Which objective trains a network on mixed, imperfect data

MiDaS's ablation (arXiv 1907.01341, figure 3) orders the objectives: ordinal worst, then scale-invariant log, then those that
forgive scale and shift, the trimmed one best. The same question here, at the scale of minutes, on sources whose truth was made
wrong in four ways.

{_tables(study, scores)}
Order by delta1, best first: {", ".join(arm.title for arm in order)}.
By AbsRel: {", ".join(arm.title for arm in by_rel)}.

## What holds

{
        _claims(
            scores,
            [
                ("ordinal below scale-invariant log", study.arm("silog"), study.arm("ranking")),
                ("scale-invariant log below SSI-MSE", study.arm("ssi-mse"), study.arm("silog")),
                ("SSI-MSE below SSI-MAE", study.arm("ssi-mae"), study.arm("ssi-mse")),
                ("SSI-MAE below its trimmed form", study.arm("ssi-trim"), study.arm("ssi-mae")),
                ("gradient matching helps trimming", study.arm("ssi-trim-gradient"), study.arm("ssi-trim")),
                ("MiDaS's whole objective beats SSI-MAE", study.arm("ssi-trim-gradient"), study.arm("ssi-mae")),
                ("MiDaS's whole objective beats the normalised gradient", study.arm("ssi-trim-gradient"), study.arm("nmg")),
            ],
        )
    }
{_read_notes(study)}
## How

{_how(study, scores)}"""


def _mixing_text(study: Study, scores: Scores) -> str:
    sets = scores.worlds + scores.real
    singles = study.arms[2:7]
    best = max(singles, key=lambda arm: scores.means(arm, "delta1", sets).mean())
    return f"""# Mixing data sets: single sources, naive and Pareto

MiDaS (arXiv 1907.01341, tables 2 and 3, figure 5) found that mixing beats every single set, that Pareto mixing (MGDA) beats
the naive mix from three sets on, and that a pretrained encoder matters more than either. The same at the scale of minutes.

{_tables(study, scores)}
The best single source is "{best.title}".

## What holds

{
        _claims(
            scores,
            [
                ("the naive mix beats the best single source", study.arm("naive"), best),
                ("the Pareto mix beats the best single source", study.arm("pareto"), best),
                ("Pareto beats naive", study.arm("pareto"), study.arm("naive")),
                ("a pretrained encoder beats a random one", study.arm("naive"), study.arm("naive-random")),
            ],
        )
    }
{_read_notes(study)}
## How

{_how(study, scores)}"""


_TEXTS: dict[str, Callable[[Study, Scores], str]] = {"losses": _losses_text, "mixing": _mixing_text}


def _claims(scores: Scores, claims: Sequence[tuple[str, Arm, Arm]]) -> str:
    """Return a table of differences; a claim is called shown only where every seed agrees in both metrics."""
    rows = []
    for text, better, worse in claims:
        row, agree = [text], []
        for sets in (scores.worlds, scores.real):
            for metric, sign in (("abs_rel", -1), ("delta1", 1)):
                difference = scores.means(better, metric, sets) - scores.means(worse, metric, sets)
                row.append(signed(difference))
                agree.append(sign * difference)
        seeds = np.array(agree)
        row.append("yes" if (seeds > 0).all() else "no, the reverse" if (seeds < 0).all() else "not in every seed and metric")
        rows.append(row)
    head = ["claim", "AbsRel, worlds", "delta1, worlds", "AbsRel, real", "delta1, real", "holds"]
    return f"""{markdown_table(head, rows)}

Differences of the first from the second, same seed, mean ± standard deviation. "Yes" needs every seed, both metrics, and both
worlds and real samples.
"""


def _read_notes(study: Study) -> str:
    """Return what people wrote about the result, kept beside its scores so that the page can be made again."""
    path = Path("docs/results/studies") / study.name / "notes.md"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def metric_title(metric: str) -> str:
    """Return a metric's name in tables."""
    return {"abs_rel": "AbsRel", "delta1": "delta1"}[metric]


def spread(values: NDArray[np.float64]) -> str:
    """Return mean and standard deviation between seeds, as tables show them."""
    return f"{values.mean():.3f} ± {values.std(ddof=1) if values.size > 1 else 0:.3f}"


def signed(values: NDArray[np.float64]) -> str:
    """Return mean and standard deviation between seeds of a difference."""
    return f"{values.mean():+.3f} ± {values.std(ddof=1) if values.size > 1 else 0:.3f}"
