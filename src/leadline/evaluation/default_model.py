"""Regenerate ``docs/results/default-model.md``: the shipped network on real samples, beside what needs no network.

    python -m leadline.evaluation.default_model --model leadline-s --data ../shared/data --out docs/results/default-model.md

``--sheet FILE.png`` also draws photo, truth and prediction; with ``--photos FOLDER`` photo and prediction of a folder instead.
``--model`` takes a network's name, an ONNX file, or one of the baselines ``constant`` and ``ramp``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from pathlib import Path

from leadline.errors import LeadlineError
from leadline.evaluation.baselines import ConstantMap, VerticalRamp
from leadline.evaluation.protocol import fingerprint_of
from leadline.evaluation.real_sets import REAL_SETS, RealSet
from leadline.evaluation.report import markdown_table, number
from leadline.evaluation.result import Result
from leadline.evaluation.runner import evaluate
from leadline.io.atomic import atomic_write
from leadline.predictor import Predictor

# PEERS.md: METER-XXS (0.7 M parameters), measured on real samples of these sets after *median scaling*: another protocol.
METER_XXS = {"KITTI object": (0.244, 0.645), "7-Scenes kitchen": (0.340, 0.51), "TUM": (0.114, 0.83), "SUN RGB-D": (0.32, 0.46)}
TARGET_DELTA1 = 0.75


@dataclass(frozen=True)
class Line:
    """One set's results: of the model, the constant map and the ramp."""

    real: RealSet
    model: Result
    constant: Result
    ramp: Result


def score(predictor: Predictor, root: Path) -> list[Line]:
    """Score a predictor and both baselines on every real set.

    Raises:
        LeadlineError: a set is missing: a table without one of its lines would have another mean.
    """
    missing = [folder for real in REAL_SETS for _, folder in real.parts if not (root / folder).is_dir()]
    if missing:
        raise LeadlineError(f"{', '.join(missing)} not in {root}: expected all real samples; check --data")
    lines = []
    for real in REAL_SETS:
        samples = list(real.iter_samples(root))
        results = [evaluate(p, samples, real.protocol, real.title) for p in (predictor, ConstantMap(), VerticalRamp())]
        lines.append(Line(real, *results))
    return lines


def suite_fingerprint() -> str:
    """Return eight hex digits of what the table's mean depends on: the sets, their frames and their protocols."""
    return fingerprint_of([(r.title, r.parts, r.every, r.in_mean, r.protocol.fingerprint) for r in REAL_SETS])


def mean_over_sets(results: Sequence[Result], metric: str) -> float:
    """Return the mean of the sets' means: each set weighs the same."""
    return fsum(result.mean(metric) for result in results) / len(results)


def render(lines: Sequence[Line], command: str) -> str:
    """Return the Markdown page."""
    counting = [line for line in lines if line.real.in_mean]
    beside = [line for line in lines if not line.real.in_mean]
    model = lines[0].model
    name = model.model.name
    header = [
        "set",
        "images",
        *_columns(name),
        *_columns("constant"),
        *_columns("ramp"),
        *_columns("METER-XXS"),
        "cap",
        "protocol",
    ]
    mean = [
        "**mean over sets**",
        str(sum(len(line.model.scored) for line in counting)),
        *(
            number(mean_over_sets([getattr(line, who) for line in counting], metric))
            for who in ("model", "constant", "ramp")
            for metric in ("abs_rel", "delta1")
        ),
        *["–"] * 4,
    ]
    reached = mean_over_sets([line.model for line in counting], "delta1")
    verdict = "reached" if reached >= TARGET_DELTA1 else "NOT reached"
    behind = [line.real.title for line in counting if line.model.mean("delta1") <= line.ramp.mean("delta1")]
    behind_in_abs_rel = [line.real.title for line in counting if line.model.mean("abs_rel") >= line.ramp.mean("abs_rel")]
    return f"""# {name} on real samples

{markdown_table(header, [*map(_cells, counting), mean])}

Outside the mean, because their truth is sparse, covers objects only, or leaves mirrors out:

{markdown_table(header, [_cells(line) for line in beside])}

* Mean delta1 {reached:.3f}; the target is at least {TARGET_DELTA1:.2f}: {verdict}.
* Sets in the mean where it does not beat the ramp by delta1: {", ".join(behind) or "none"}.
* Sets in the mean where it does not beat the ramp by AbsRel: {", ".join(behind_in_abs_rel) or "none"}.
* Failed images (scored as the nearest depth): {sum(len(line.model.failures) for line in lines)}.
* Images skipped because too little of their truth is valid: {sum(len(line.model.skipped) for line in lines)}.
* Fits of negative scale (the prediction was upside down): {sum(line.model.upside_down for line in lines)}.

## How

AbsRel (lower is better) is the mean of |z - z*| / z*; delta1 (higher is better) is the share of pixels with
max(z / z*, z* / z) < 1.25. Both are averaged over the valid pixels of an image, then over images, then over sets.
Scale and shift are fitted to each image by least squares in disparity; the aligned disparity is clamped from below at 1/cap
and inverted (MiDaS, arXiv 1907.01341). Resampling is bilinear, to the truth's size; there is no crop.

* *constant*: the same disparity everywhere. *ramp*: disparity grows linearly from the top to the bottom of the picture.
* *METER-XXS*: published figures of a small network on samples of these sets after median scaling, which is another protocol
  (one number is fitted, not two, and in depth): for orientation, not for comparison to the third digit.
* Middlebury's truth is pixel_disparity, fitted as it is. Of the 2003 scenes depth is known up to scale only; the clamp is the
  farthest true point. The 2005 scenes have a focal length, a baseline and the offset of their crop (dmin), so metres.
* 7-Scenes: every 5th frame. Its depth is not registered to the picture, which bounds every score there.
* Some sets are single pictures: a difference of a few hundredths there says little. No network is trained on these samples;
  while one trains, a light subset of them is reported and the best checkpoint is kept by it.

| | |
| --- | --- |
| model | {name}, sha256 {model.model.sha256 or "none"} |
| suite | {suite_fingerprint()} (sets, frames and protocols) |
| protocol | disparity-scale-shift version {model.protocol["version"]}; the column above has each cap's fingerprint |
| regenerate | `{command}` |
"""


def _columns(name: str) -> list[str]:
    return [f"{name} AbsRel", "delta1"]


def _cells(line: Line) -> list[str]:
    published = METER_XXS.get(line.real.title, (None, None))
    return [
        line.real.title,
        str(len(line.model.scored)),
        *(number(result.mean(metric)) for result in (line.model, line.constant, line.ramp) for metric in ("abs_rel", "delta1")),
        *("–" if value is None else f"{value:g}" for value in published),  # as many digits as were published
        f"{line.real.cap_m:g} m",
        line.real.protocol.fingerprint,
    ]


def load(name: str) -> Predictor:
    """Return a baseline or a network by name.

    Raises:
        LeadlineError: there is none.
    """
    if name in ("constant", "ramp"):
        return ConstantMap() if name == "constant" else VerticalRamp()
    from leadline.runtime.predictor import load_predictor

    return load_predictor(name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m leadline.evaluation.default_model", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--model", default="leadline-s", help="a network's name, an ONNX file, constant or ramp")
    parser.add_argument("--data", type=Path, help="the folder with dev/ below it")
    parser.add_argument("--out", type=Path, help="the Markdown file; a JSON file with every image goes beside it")
    parser.add_argument("--sheet", type=Path, help="a PNG with photo, truth and prediction")
    parser.add_argument("--photos", type=Path, help="draw the sheet of this folder's pictures instead")
    parser.add_argument("--count", type=int, default=24, help="how many photos")
    given = parser.parse_args(arguments)
    try:
        _run(given)
    except LeadlineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run(given: argparse.Namespace) -> None:
    if not (given.out or given.sheet):
        raise LeadlineError("nothing to do: give --out FILE.md, --sheet FILE.png or both")
    if given.data is None and (given.out or not given.photos):
        raise LeadlineError("no --data: expected the folder with dev/ below it")
    predictor = load(given.model)
    if given.out:
        lines = score(predictor, given.data)
        command = f"python -m leadline.evaluation.default_model --model {given.model} --data {given.data} --out {given.out}"
        page = render(lines, command)
        _write(given.out, page)
        _write(
            given.out.with_suffix(".json"), json.dumps([json.loads(line.model.to_json()) for line in lines], indent=1) + "\n"
        )
        print(page.split("## How")[0].strip())
    if given.sheet:
        from leadline.evaluation.sheet import write_photo_sheet, write_truth_sheet

        if given.photos:
            write_photo_sheet(predictor, given.photos, given.sheet, given.count)
        else:
            write_truth_sheet(predictor, given.data, given.sheet)
        print(given.sheet)


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
