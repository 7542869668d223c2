"""Regenerate ``docs/results/tom-colours.md``: which colours virtual depth needs, and how many (Depth4ToM, METHODS B.1).

leadline synth tom-held-out --count 160 --size 256 192 --samples 8 --seed 1 --out runs/worlds/tom-held-out
python -m leadline.evaluation.tom_colours --worlds runs/worlds/tom-held-out --out docs/results/tom-colours.md

Every copy of a view is predicted once a seed: fewer colours are the first ones of more, and the ways to align copies share
them, so that the tables cost little more than their most expensive lines.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from leadline.data.datasets.registry import get_dataset
from leadline.errors import LeadlineError
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.remembered import Remembered, remember
from leadline.evaluation.surface_scores import PROTOCOL, Scorer, SurfaceScore, rank_correlation
from leadline.io.atomic import atomic_write
from leadline.labels.tom_predictor import TomPredictor
from leadline.labels.virtual import VirtualOptions, virtual_depth
from leadline.predictor import ModelCard, Predictor
from leadline.runtime.predictor import load_predictor
from leadline.sample import Sample

COUNTS = (1, 5, 10, 20)
USUAL = 5
SEEDS = (0, 1, 2)
# A view whose glass and mirrors cover less or more of it tells little about them, or has little left to fit on.
SHARE = (0.01, 0.8)
PLAIN, MERGED = "plain prediction", "5 random colours, laid into the plain prediction"
TIMED_VIEWS = 3


@dataclass(frozen=True)
class Way:
    """A line of a table.

    Attributes:
        title: of the line.
        options: how virtual depth is made; None for the plain prediction.
        merged: lay it into the plain prediction, as `leadline predict --tom-mask` does.
        plain_mask: the mask says where glass and mirrors are, but not which thing.
    """

    title: str
    options: VirtualOptions | None = None
    merged: bool = False
    plain_mask: bool = False

    @property
    def is_seeded(self) -> bool:
        """Whether another seed gives another map."""
        return self.options is not None and self.options.fill in ("random", "greys")


def counted(title: str, options: VirtualOptions) -> tuple[Way, ...]:
    """Return a way of painting with each number of colours."""
    return tuple(Way(f"{title}, N = {count}", replace(options, colours=count)) for count in COUNTS)


SERIES: dict[str, tuple[Way, ...]] = {
    "one random colour for all": counted("one random colour for all", VirtualOptions()),
    "a random colour for each thing": counted("a random colour for each thing", VirtualOptions(alike="instance")),
    "random greys": counted("random greys", VirtualOptions(fill="greys")),
}
SINGLE = (
    Way(PLAIN),
    Way("grey (128), one copy", VirtualOptions(fill="grey")),
    Way("filled from the surroundings, one copy", VirtualOptions(fill="surroundings")),
)
VARIED = (
    Way("a random colour for each patch of a plain mask", VirtualOptions(USUAL, alike="component"), plain_mask=True),
    Way("copies aligned by least squares", VirtualOptions(USUAL, align="least_squares")),
    Way("copies aligned by least absolute differences", VirtualOptions(USUAL, align="robust")),
    Way("mask grown by 2 px", VirtualOptions(USUAL, dilate_px=2)),
    Way("mask grown by 4 px", VirtualOptions(USUAL, dilate_px=4)),
    Way(MERGED, VirtualOptions(USUAL), merged=True),
)
WAYS = (*SINGLE, *(way for ways in SERIES.values() for way in ways), *VARIED)


@dataclass(frozen=True)
class Line:
    """What came of one way: (seeds, views) of each number, one seed where no colour is drawn."""

    way: Way
    values: dict[str, Any]

    def means(self, metric: str) -> list[float]:
        """Return the mean over views for each seed; NaN where no view has the number."""
        found = np.asarray(self.values[metric], dtype=np.float64)
        return [float(np.nanmean(row)) if np.isfinite(row).any() else float("nan") for row in found]


@dataclass(frozen=True)
class Ablation:
    """All lines of one network.

    Attributes:
        card: of the network.
        lines: by title.
        views: names of the views.
        passed_over: how many other views there were, with too little glass or too much.
        between: way -> over views, rank correlation of a view's mean spread and its mean error, a number for each seed.
        times: way -> its processor time over that of a plain prediction, measured in turns on the first views.
        plain_seconds: of a plain prediction.
    """

    card: ModelCard
    lines: dict[str, Line]
    views: list[str]
    passed_over: int
    between: dict[str, list[float]]
    times: dict[str, float]
    plain_seconds: float


def iter_views(worlds: Path, limit: int | None, protocol: Protocol = PROTOCOL) -> Iterator[tuple[Sample, Scorer] | None]:
    """Yield the views that count, in a shuffled order that is always the same, and None for each one that is passed over."""
    dataset = get_dataset("leadline")
    names = dataset.names(worlds)
    taken = 0
    # Neighbours show one room: a few views of a shuffled list show many rooms.
    for index in np.random.default_rng(0).permutation(len(names)):
        if limit is not None and taken >= limit:
            return
        sample = dataset.read(worlds, names[int(index)])
        share = float((np.asarray(sample.masks["material"]) > 0).mean())
        try:
            if not SHARE[0] <= share <= SHARE[1]:
                yield None
                continue
            scorer = Scorer(sample, protocol)
        except LeadlineError:
            yield None
            continue
        taken += 1
        yield sample, scorer


def ablate(
    predictor: Predictor,
    worlds: Path,
    limit: int | None = None,
    seeds: Sequence[int] = SEEDS,
    ways: Sequence[Way] = WAYS,
    say: Callable[[str], None] | None = None,
) -> Ablation:
    """Score every way on every view with every seed.

    Args:
        predictor: of disparity.
        worlds: what ``leadline synth tom`` or ``tom-held-out`` has written.
        limit: at most so many views.
        seeds: of the colours.
        ways: the lines.
        say: told about each view.

    Raises:
        LeadlineError: no view has glass or mirrors, or the predictor fails on one.
    """
    known = remember(predictor)
    found: dict[str, list[list[SurfaceScore]]] = {
        way.title: [[] for _ in (seeds if way.is_seeded else seeds[:1])] for way in ways
    }
    times: dict[str, list[float]] = {way.title: [] for way in ways}
    views: list[str] = []
    passed_over = 0
    for item in iter_views(worlds, limit):
        if item is None:
            passed_over += 1
            continue
        sample, scorer = item
        for way in ways:
            for number, per_view in enumerate(found[way.title]):
                per_view.append(scorer(*_label(known, sample, way, seeds[number])))
        known.forget()
        if len(views) < TIMED_VIEWS:
            for title, seconds in _timed(predictor, sample, ways).items():
                times[title].append(seconds)
        views.append(sample.name)
        if say is not None:
            say(f"{len(views)}: {sample.name}")
    if not views:
        raise LeadlineError(f"no view in {worlds} has glass or mirrors on 1 to 80 % of it: expected a tom world")
    plain = np.array(times.get(PLAIN, [np.nan]))
    lines = {way.title: Line(way, _columns(found[way.title])) for way in ways}
    between = {
        title: [rank_correlation(np.array(s), np.array(e)) for s, e in zip(v["spread"], v["error"], strict=True)]
        for title, v in ((title, line.values) for title, line in lines.items())
    }
    ratios = {title: float(np.median(np.array(seconds) / plain)) for title, seconds in times.items()}
    return Ablation(predictor.card, lines, views, passed_over, between, ratios, float(np.median(plain)))


def _label(predictor: Remembered, sample: Sample, way: Way, seed: int) -> tuple[Any, Any]:
    """Return the map and its spread, or None for it."""
    if way.options is None:
        return predictor(sample.image, sample.camera).depth, None
    options, mask = replace(way.options, seed=seed), marked(sample)
    mask = mask > 0 if way.plain_mask else mask
    if way.merged:
        prediction = TomPredictor(predictor, options=options)(sample.image, sample.camera, mask=mask, name=sample.name)
        return prediction.depth, prediction.uncertainty
    label = virtual_depth(predictor, sample.image, mask, sample.camera, name=sample.name, options=options)
    return label.depth, label.spread


def marked(sample: Sample) -> Any:
    """Return (h, w) numbers of the things of glass and mirror, 0 elsewhere."""
    material = np.asarray(sample.masks["material"])
    instance = np.asarray(sample.masks["instance"]).astype(np.int64) if "instance" in sample.masks else material
    return np.where(material > 0, instance + 1, 0)


def _columns(scores: Sequence[Sequence[SurfaceScore]]) -> dict[str, Any]:
    """Return (seeds, views) of each number, by name."""
    first = scores[0][0]
    picks: dict[str, Callable[[SurfaceScore], float]] = {
        "spread": lambda s: s.spread,
        "error": lambda s: s.error,
        "rank": lambda s: s.rank,
    }
    columns = {name: [[pick(s) for s in row] for row in scores] for name, pick in picks.items()}
    for of in ("tom", "other"):
        for metric in getattr(first, of):
            columns[f"{of} {metric}"] = [[getattr(s, of)[metric] for s in row] for row in scores]
    return columns


def _timed(predictor: Predictor, sample: Sample, ways: Sequence[Way]) -> dict[str, float]:
    """Return the seconds of processor time that each way takes on a view with nothing remembered."""
    seconds = {}
    for way in ways:
        fresh = remember(predictor)
        start = process_time()
        _label(fresh, sample, way, 0)
        seconds[way.title] = process_time() - start
    return seconds


def record(ablations: Sequence[Ablation], worlds: Path, seeds: Sequence[int]) -> str:
    """Return what the page says as JSON: a mean over views for each seed."""
    content = [
        {
            "model": a.card.name,
            "sha256": a.card.sha256,
            "worlds": worlds.name,
            "seeds": list(seeds),
            "protocol": PROTOCOL.record(),
            "views": a.views,
            "passed_over": a.passed_over,
            "plain_seconds": a.plain_seconds,
            "lines": {
                title: {
                    **{metric: line.means(metric) for metric in line.values},
                    "between": a.between[title],
                    "times_plain": a.times[title],
                }
                for title, line in a.lines.items()
            },
        }
        for a in ablations
    ]
    return json.dumps(_without_nan(content), indent=1) + "\n"


def _without_nan(content: Any) -> Any:
    """Return the same with None for NaN, which JSON does not have."""
    if isinstance(content, dict):
        return {name: _without_nan(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and not np.isfinite(content) else content


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    from leadline.evaluation.tom_colours_page import draw, render

    parser = argparse.ArgumentParser(
        prog="python -m leadline.evaluation.tom_colours", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--model", default="leadline-s", help="a network's name or an ONNX file")
    parser.add_argument("--model2", help="another one, beside it")
    parser.add_argument("--worlds", type=Path, required=True, help="what leadline synth tom-held-out has written")
    parser.add_argument("--out", type=Path, required=True, help="the Markdown file; the plot goes to ../assets from there")
    parser.add_argument("--views", type=int, default=60, help="score at most so many views")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), help="of the colours")
    given = parser.parse_args(arguments)
    try:
        if given.views < 1:
            raise LeadlineError(f"--views {given.views}: expected at least 1")
        ablations = [
            ablate(load_predictor(name), given.worlds, given.views, given.seeds, say=lambda text: print(text, file=sys.stderr))
            for name in filter(None, (given.model, given.model2))
        ]
        plot = given.out.parent.parent / "assets" / f"{given.out.stem}.png"
        draw(ablations, plot)
        second = f" --model2 {given.model2}" if given.model2 else ""
        command = (
            f"python -m leadline.evaluation.tom_colours --model {given.model}{second} --worlds {given.worlds} --out {given.out}"
        )
        command += f" --views {given.views}" if given.views != parser.get_default("views") else ""
        command += f" --seeds {' '.join(map(str, given.seeds))}" if given.seeds != list(SEEDS) else ""
        page = render(ablations, given.worlds, given.seeds, f"../assets/{plot.name}", command)
        for path, text in ((given.out, page), (given.out.with_suffix(".json"), record(ablations, given.worlds, given.seeds))):
            with atomic_write(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
    except LeadlineError as error:
        print(error, file=sys.stderr)
        return 1
    print(given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
