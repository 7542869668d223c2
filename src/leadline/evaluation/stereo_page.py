"""Regenerate ``docs/results/stereo.md``: semi-global matching and a stereo network on real Middlebury pairs.

    python -m leadline.evaluation.stereo_page --model FILE.onnx --data ../shared/data --out docs/results/stereo.md

``--model`` may be left out, or given several times.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np

from leadline.data.datasets.registry import get_dataset
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.errors import LeadlineError
from leadline.evaluation.report import markdown_table
from leadline.io.atomic import atomic_write
from leadline.metrics.stereo import stereo_metrics
from leadline.runtime.semi_global import SemiGlobalMatching
from leadline.runtime.stereo import StereoPredictor, load_stereo_predictor

SETS = (("middlebury2003", "dev/middlebury2003"), ("middlebury2005", "dev/middlebury2005"))
NAMES = ("bad_1", "bad_2", "bad_4", "epe", "missing")
FILLED = "semi-global matching, filled"
CLASSICAL = ("semi-global matching", FILLED)
TITLES = ("bad 1", "bad 2", "bad 4", "EPE, px", "without a match", "bad 2 of matched", "EPE of matched", "seconds")


class Score(NamedTuple):
    """What a matcher scores on a pair: the metrics by `TITLES`, all but the last two over every pixel with truth."""

    pair: str
    values: tuple[float, ...]


def score(matcher: StereoPredictor, root: Path) -> list[Score]:
    """Score a matcher on every pair.

    A pixel without a match is wrong at any threshold, and counts as disparity 0 in the end-point error.

    Raises:
        LeadlineError: a set is missing.
    """
    found = []
    for name, folder in SETS:
        if not (root / folder).is_dir():
            raise LeadlineError(f"no folder {root / folder}: expected the real samples; check --data")
        for sample in get_dataset(name).iter_samples(root / folder):
            assert isinstance(sample, StereoPair)
            assert sample.right is not None
            assert sample.depth is not None
            begun = perf_counter()
            predicted = matcher(sample.image, sample.right, sample.camera).depth
            seconds = perf_counter() - begun
            truth = sample.depth
            whole = stereo_metrics(predicted.values, truth.values, truth.valid, predicted.valid)
            matched = truth.valid & predicted.valid
            part = stereo_metrics(predicted.values, truth.values, matched) if matched.any() else None
            rest = (np.nan, np.nan) if part is None else (part["bad_2"].value, part["epe"].value)
            values = (*(float(whole[metric].value) for metric in NAMES), *map(float, rest), seconds)
            found.append(Score(sample.name, values))
    return found


def page(found: dict[str, list[Score]]) -> str:
    """Return the page's text."""
    rows = []
    means = {
        title: Score("mean", tuple(np.mean([s.values for s in scores], axis=0).tolist())) for title, scores in found.items()
    }
    for title, scores in found.items():
        for each in [*scores, means[title]]:
            rows.append([f"{title}, {each.pair}", *(f"{value:.3f}" for value in each.values)])
    verdicts = "".join(_verdict(title, mean, means[FILLED]) for title, mean in means.items() if title not in CLASSICAL)
    return f"""# Stereo matching on real pairs

Four pairs of Middlebury 2003 and 2005, a third or a quarter of their full size, pixel_disparity compared as it is. Every pixel
with truth counts, those that one camera alone sees too. A pixel without a match is wrong at any threshold and counts as
disparity 0 in EPE; the columns "of matched" leave it out.

{markdown_table(["", *TITLES], rows)}

{verdicts}"Filled" gives what has no match the disparity of the background beside it.
No matcher was tuned on these pairs. Seconds are of one run on a machine that did other work too: they say no more
than the order of magnitude.

    python -m leadline.evaluation.stereo_page --model FILE.onnx --data ../shared/data --out docs/results/stereo.md
"""


def _verdict(title: str, mean: Score, bar: Score) -> str:
    """Return a paragraph that says whether a network beats what needs no training."""
    names = ("bad 2", "EPE, px")
    at = [TITLES.index(name) for name in names]
    numbers = ", ".join(f"{name} {mean.values[i]:.3f} against {bar.values[i]:.3f}" for name, i in zip(names, at, strict=True))
    beaten = all(mean.values[i] < bar.values[i] for i in at)
    says = "beats filled semi-global matching" if beaten else "does not beat filled semi-global matching, so it does not ship"
    return f"**`{title}` {says}**:\n{numbers}.\n\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m leadline.evaluation.stereo_page", description=__doc__)
    parser.add_argument("--model", action="append", default=[], help="a stereo network's ONNX file")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with real samples")
    parser.add_argument("--out", type=Path, default=Path("docs/results/stereo.md"))
    given = parser.parse_args(arguments)
    matchers: dict[str, StereoPredictor] = {
        CLASSICAL[0]: SemiGlobalMatching(),
        FILLED: SemiGlobalMatching(fill=True),
    }
    for name in given.model:
        matcher = load_stereo_predictor(name)
        matchers[matcher.card.name] = matcher
    text = page({title: score(matcher, given.data) for title, matcher in matchers.items()})
    with atomic_write(given.out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(given.out)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LeadlineError as error:
        sys.exit(f"error: {error}")
