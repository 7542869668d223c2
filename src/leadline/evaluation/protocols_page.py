"""Regenerate ``docs/results/protocols.md``: the same predictions under every protocol that applies.

python -m leadline.evaluation.protocols_page --data ../shared/data
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import fsum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.alignment import fit_scale_shift
from leadline.camera import Camera
from leadline.depth_map import METRIC_DISPARITY, RELATIVE_DISPARITY, Ambiguity, DepthMap, Kind, Quantity, replace_map
from leadline.errors import LeadlineError
from leadline.evaluation.default_model import load
from leadline.evaluation.fitting import reason_to_refuse
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.protocols.general import disparity_scale_shift
from leadline.evaluation.protocols.registry import all_protocols
from leadline.evaluation.real_sets import REAL_SETS, RealSet
from leadline.evaluation.report import markdown_table, number
from leadline.evaluation.runner import evaluate
from leadline.evaluation.truth import truth_of
from leadline.io.atomic import atomic_write
from leadline.predictor import ModelCard, Prediction, Predictor
from leadline.sample import Sample

METRICS = ("abs_rel", "delta1")
NO_SHIFT = Kind(Quantity.DISPARITY, Ambiguity.SCALE_INVARIANT)


class Group(NamedTuple):
    """Sets that the same protocols are meant for.

    Attributes:
        title: of the panel.
        sets: titles in `REAL_SETS`.
        families: how the names of their data sets begin, in a protocol.
        cap_m: of the fit that gives metres.
    """

    title: str
    sets: tuple[str, ...]
    families: tuple[str, ...]
    cap_m: float


GROUPS = (
    Group("Streets", ("KITTI object", "KITTI semi-dense"), ("kitti_",), 80.0),
    Group(
        "Rooms",
        ("TUM", "SUN RGB-D", "NYU", "7-Scenes kitchen", "Habitat", "ClearGrasp real", "ClearGrasp synthetic", "Home", "Table"),
        ("nyu", "tum", "scannet", "sun", "seven_scenes", "cleargrasp"),
        10.0,
    ),
)
READINGS = {
    "relative": "disparity up to scale and shift, as the card says",
    "no shift": "as if the shift were 0, so that the inverse is depth up to scale: a common mistake",
    "metres": "one scale and shift for all pictures of a set, fitted to its truth in disparity, then taken for metres",
}
KINDS = {"relative": RELATIVE_DISPARITY, "no shift": NO_SHIFT, "metres": METRIC_DISPARITY}
# What is changed from MiDaS's protocol, one field at a time.
CHANGES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("as it is", {}),
    ("cap half as far", {}),
    ("Garg crop", {"crop": ("garg",)}),
    ("Eigen's KITTI crop", {"crop": ("eigen_kitti",)}),
    ("KITTI benchmark crop", {"crop": ("kitti_benchmark",)}),
    ("compared in disparity", {"compared": "disparity"}),
    ("exact L1 instead of least squares", {"solver": "robust_scale_shift"}),
    ("fitted on MoGe's 64 x 64 pixels", {"fit_on": "grid_64"}),
    ("pixels weighed by 1/z in the fit", {"fit_weight": "inverse_depth"}),
    ("aligned disparity at least that of the farthest true pixel", {"clamp": "disparity_floor_farthest_truth"}),
    ("a negative disparity becomes the nearest depth", {"clamp": "range_published"}),
    ("truth shrunk to 192 x 256", {"score_hw": (192, 256)}),
    ("pooled over pixels of a set", {"averaging": "pooled"}),
)


@dataclass(frozen=True)
class Remembered:
    """A predictor that gives stored maps under a kind of one's choice."""

    maps: dict[int, DepthMap]
    card: ModelCard

    def __call__(self, image: NDArray[np.uint8], camera: Camera | None = None) -> Prediction:
        """Return the map of a picture that was predicted before."""
        return Prediction(self.maps[id(image)])


@dataclass(frozen=True)
class Line:
    """The score of one reading under protocols that are the same for these metrics: the mean over the sets of a group."""

    protocols: tuple[Protocol, ...]
    reading: str
    means: dict[str, float]
    failed: int

    @property
    def name(self) -> str:
        """The names of the protocols."""
        return ", ".join(protocol.name for protocol in self.protocols)


@dataclass(frozen=True)
class Table:
    """A group's lines.

    Attributes:
        group: the sets.
        images: how many pictures.
        lines: one a protocol and reading.
        refused: why protocols can't be applied to these pictures -> their names.
        changes: what is changed in MiDaS's protocol -> the means, or why it can't be applied.
    """

    group: Group
    images: int
    lines: tuple[Line, ...]
    refused: dict[str, list[str]]
    changes: dict[str, dict[str, float] | str]


def score(predictor: Predictor, root: Path, say: Callable[[str], None] = lambda text: None) -> list[Table]:
    """Score one predictor on the real sets under all protocols.

    Raises:
        LeadlineError: a set is missing, or the predictor gives something else than a relative disparity.
    """
    if predictor.card.kind != RELATIVE_DISPARITY:
        raise LeadlineError(f"{predictor.card.name} gives {predictor.card.kind}: this page is about {RELATIVE_DISPARITY}")
    tables = []
    for group in GROUPS:
        chosen = [real for real in REAL_SETS if real.title in group.sets]
        tables.append(_score_group(predictor, root, group, chosen))
        say(f"{group.title}: {tables[-1].images} images, {len(tables[-1].lines)} lines")
    return tables


def _score_group(predictor: Predictor, root: Path, group: Group, chosen: Sequence[RealSet]) -> Table:
    samples = {real.title: list(real.iter_samples(root)) for real in chosen}
    images = sum(map(len, samples.values()))
    readings = {title: _readings(predictor, found, group.cap_m) for title, found in samples.items()}
    merged: dict[tuple[str, Protocol], list[Protocol]] = {}
    for protocol in all_protocols():
        takes_relative = not reason_to_refuse(RELATIVE_DISPARITY, protocol)
        for reading, kind in KINDS.items():
            # A fit of scale and shift in disparity gives the same for all readings.
            if (
                _is_meant_for(protocol, group)
                and not reason_to_refuse(kind, protocol)
                and takes_relative == (reading == "relative")
            ):
                merged.setdefault((reading, _bare(protocol)), []).append(protocol)

    def means(reading: str, protocol: Protocol) -> tuple[dict[str, float], int]:
        results = [evaluate(readings[title][reading], samples[title], protocol, title, workers=1) for title in samples]
        averages = {metric: fsum(result.mean(metric) for result in results) / len(results) for metric in METRICS}
        return averages, sum(len(result.failures) for result in results)

    lines: list[Line] = []
    refused: dict[str, list[str]] = {}
    for (reading, bare), protocols in merged.items():
        try:
            lines.append(Line(tuple(protocols), reading, *means(reading, bare)))
        except LeadlineError as error:
            refused.setdefault(str(error), []).extend(protocol.name for protocol in protocols)
    changes: dict[str, dict[str, float] | str] = {}
    for what, change in CHANGES:
        cap_m = group.cap_m / (2 if what.startswith("cap half") else 1)
        try:
            changes[what] = means("relative", replace(_bare(disparity_scale_shift(cap_m)), **change))[0]
        except LeadlineError as error:
            changes[what] = str(error)
    return Table(group, images, tuple(lines), refused, changes)


def _bare(protocol: Protocol) -> Protocol:
    """Return a protocol without what makes no difference to the two metrics of this page."""
    return replace(protocol, name="bare", title="", datasets=(), source="", notes="", classes=None, metrics=METRICS)


def _is_meant_for(protocol: Protocol, group: Group) -> bool:
    if not set(METRICS) <= set(protocol.metrics) or protocol.name == "essay-ssim":
        return False
    return not protocol.datasets or any(name.startswith(group.families) for name in protocol.datasets)


def _readings(predictor: Predictor, samples: Sequence[Sample], cap_m: float) -> dict[str, Predictor]:
    """Predict once; return the same maps under the three kinds."""
    maps = {id(sample.image): predictor(sample.image, sample.camera).depth for sample in samples}
    scale, shift = _one_fit([maps[id(sample.image)] for sample in samples], samples, cap_m)
    no_shift = {key: replace_map(depth, kind=NO_SHIFT) for key, depth in maps.items()}
    metres = {
        key: replace_map(depth, values=scale * depth.values + shift, kind=METRIC_DISPARITY) for key, depth in maps.items()
    }
    card = predictor.card
    return {
        "relative": Remembered(maps, card),
        "no shift": Remembered(no_shift, replace(card, kind=NO_SHIFT)),
        "metres": Remembered(metres, replace(card, kind=METRIC_DISPARITY)),
    }


def _one_fit(maps: Sequence[DepthMap], samples: Sequence[Sample], cap_m: float) -> tuple[float, float]:
    """Return scale and shift by least squares over the pixels of all pictures, each picture weighing the same."""
    protocol = disparity_scale_shift(cap_m)
    pred, target, weight = [], [], []
    for depth, sample in zip(maps, samples, strict=True):
        truth = truth_of(sample, protocol)
        pred.append(depth.values.ravel()[truth.index].astype(np.float64))
        target.append(truth.disparity)
        weight.append(np.full(truth.index.size, 1 / max(truth.index.size, 1)))
    fit = fit_scale_shift(np.concatenate(pred), np.concatenate(target), weight=np.concatenate(weight))
    return fit.scale, fit.shift


def render(tables: Sequence[Table], card: ModelCard, command: str) -> str:
    """Return the Markdown page."""
    parts = [
        f"""# What the protocol alone does to the number

One network ({card.name}), one set of predictions, the same pictures, scored under every protocol of leadline that applies to
them. Nothing differs between two lines of a table but the protocol and, where the column says so, how the numbers are read.

![delta1 of the same predictions under each protocol](../assets/protocols.png)
""",
        *(_section(table) for table in tables),
        f"""## How to read it

A line is the mean over the sets of the group, each set weighing the same; within a set the protocol's own averaging holds.
AbsRel of the depth-anything protocols is one of disparity, all others are of depth. The readings:

{chr(10).join(f"* *{name}*: {what}." for name, what in READINGS.items())}

Protocols on one line differ in nothing that these two metrics see. Those that fit scale and shift in disparity give the same
for every reading and are shown once. Protocols that fit in depth, or nothing, refuse a relative disparity, because the inverse
of an unknown shift is no depth; they are shown with the readings that they take. "No shift" is what many scripts do without
saying so. "Metres" has looked at the truth of the set, so it is no result of a metric network; it shows what fits, crops and
clamps do.

| | |
| --- | --- |
| model | {card.name}, sha256 {card.sha256 or "none"} |
| regenerate | `{command}` |

The definitions, with their sources: `leadline evaluate --list` and `leadline.evaluation.protocols`.
""",
    ]
    return "\n".join(parts)


def _section(table: Table) -> str:
    lines = sorted(table.lines, key=lambda line: (list(READINGS).index(line.reading), -line.means["delta1"]))
    rows = [
        [line.name, line.reading, *(number(line.means[m]) for m in METRICS), ", ".join(p.fingerprint for p in line.protocols)]
        for line in lines
    ]
    ranges = []
    for reading in READINGS:
        values = {m: [line.means[m] for line in lines if line.reading == reading] for m in METRICS}
        if values["delta1"]:
            ranges.append(
                f"* Read as *{reading}*, {len(values['delta1'])} ways: delta1 from {min(values['delta1']):.3f} to "
                f"{max(values['delta1']):.3f}, AbsRel from {min(values['abs_rel']):.3f} to {max(values['abs_rel']):.3f}."
            )
    left_out = "".join(
        f"* Not applicable: {', '.join(dict.fromkeys(names))} ({why}).\n" for why, names in table.refused.items()
    )
    failed = sum(line.failed for line in lines)
    return f"""## {table.group.title}

{", ".join(table.group.sets)}: {table.images} pictures. Failed predictions: {failed}.

{chr(10).join(ranges)}
{left_out}
{markdown_table(["protocol", "read as", "AbsRel", "delta1", "fingerprint"], rows)}

One field at a time, from MiDaS's protocol with a cap of {table.group.cap_m:g} m, read as *relative*:

{_changes_table(table)}
"""


def _changes_table(table: Table) -> str:
    base = table.changes["as it is"]
    assert isinstance(base, dict)
    rows = []
    for what, means in table.changes.items():
        if isinstance(means, str):
            continue
        moved = ["", ""] if means is base else [f"{means[m] - base[m]:+.3f}" for m in METRICS]
        rows.append([what, number(means["abs_rel"]), moved[0], number(means["delta1"]), moved[1]])
    return markdown_table(["changed", "AbsRel", "by", "delta1", "by"], rows)


def draw(tables: Sequence[Table], out: Path) -> None:
    """Write the plot: delta1 of each protocol, one panel a group, a colour and a shape for each reading."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    # Okabe and Ito's colours, which colour-blind people tell apart, and shapes that print.
    marks = dict(zip(READINGS, (("#0072b2", "o"), ("#d55e00", "X"), ("#009e73", "D")), strict=True))
    tallest = max(len({line.name for line in table.lines}) for table in tables)
    figure, axes = pyplot.subplots(1, len(tables), figsize=(9 * len(tables), 1.6 + 0.28 * tallest), squeeze=False)
    for axis, table in zip(axes[0], tables, strict=True):
        found: dict[str, list[float]] = {}
        for line in table.lines:
            found.setdefault(line.name, []).append(line.means["delta1"])
        names = sorted(found, key=lambda name: max(found[name]))
        axis.hlines(range(len(names)), [min(found[name]) for name in names], [max(found[name]) for name in names], "#aaaaaa")
        for reading, (colour, shape) in marks.items():
            shown = [line for line in table.lines if line.reading == reading]
            values, places = [line.means["delta1"] for line in shown], [names.index(line.name) for line in shown]
            axis.scatter(values, places, 45, color=colour, marker=shape, label=f"read as {reading}", zorder=3)
        axis.set_yticks(range(len(names)), [textwrap.shorten(name, 62, placeholder=" …") for name in names], fontsize=8)
        axis.set_xlabel("delta1, larger is better")
        low, high = (pick(min(v) if pick is min else max(v) for v in found.values()) for pick in (min, max))
        axis.set_title(f"{table.group.title}, the same predictions of {table.images} pictures: delta1 {low:.2f} to {high:.2f}")
        axis.grid(color="#dddddd", linewidth=0.6)
        axis.set_axisbelow(True)
        axis.legend(loc="lower right", fontsize=8)
    figure.tight_layout()
    with atomic_write(out) as temporary:
        figure.savefig(temporary, dpi=110)
    pyplot.close(figure)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m leadline.evaluation.protocols_page", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder with dev/ below it")
    parser.add_argument("--model", default="leadline-s", help="a network's name or an ONNX file, constant or ramp")
    parser.add_argument("--out", type=Path, default=Path("docs/results/protocols.md"), help="the Markdown file")
    parser.add_argument("--plot", type=Path, default=Path("docs/assets/protocols.png"), help="the PNG file")
    given = parser.parse_args(arguments)
    try:
        predictor = load(given.model)
        tables = score(predictor, given.data, say=lambda text: print(text, file=sys.stderr))
        command = f"python -m leadline.evaluation.protocols_page --data {given.data}"
        if given.model != "leadline-s":
            command += f" --model {given.model}"
        with atomic_write(given.out) as temporary:
            temporary.write_text(render(tables, predictor.card, command), encoding="utf-8")
        draw(tables, given.plot)
    except LeadlineError as error:
        print(error, file=sys.stderr)
        return 1
    print(given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
