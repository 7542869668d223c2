"""Regenerate ``docs/results/ssim.md``: SSIM of one network's disparity and depth on the same rendered streets (METHODS F).

leadline synth street --count 24 --views-per-scene 3 --size 640 384 --spp 8 --seed 99 --out worlds/ssim-street
python -m leadline.evaluation.ssim_page --views worlds/ssim-street --out docs/results/ssim.md
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

from leadline.alignment import depth_from_disparity
from leadline.data.contact_sheet import Tile, write_sheet
from leadline.data.datasets.registry import get_dataset
from leadline.depth_map import METRIC_DEPTH, METRIC_DISPARITY, Ambiguity, DepthMap, Kind, Quantity, replace_map
from leadline.errors import LeadlineError
from leadline.evaluation.report import markdown_table, number
from leadline.io.atomic import atomic_write
from leadline.io.preview import colourise
from leadline.metrics.depth import abs_rel, delta
from leadline.metrics.structural import SsimInputs, StructuralSimilarity, depth_edges, split_at, structural_similarity
from leadline.predictor import Predictor
from leadline.sample import Sample

CAP_M = 80.0
# A disparity scaled to 0..1 is inverted no closer to zero than this: one level of 8 bits.
SMALLEST = 1 / 255
SHIFTS = (0.0, 0.01, 0.02, 0.05, 0.1)
RELATIVE_DEPTH = Kind(Quantity.DEPTH, Ambiguity.SCALE_INVARIANT)

# Title -> (what is compared, how it is scaled); the first and the second are the essay's two cases as far as they can be told.
DISPARITY, INVERTED = "disparity, min-max, 8 bits", "depth by inverting the min-max disparity, 8 bits"
CASES = {
    DISPARITY: ("disparity", SsimInputs("min_max", "uint8_truncated")),  # type: ignore[arg-type]  # words become members
    "disparity, min-max, floats": ("disparity", SsimInputs("min_max")),  # type: ignore[arg-type]
    "disparity, fitted, 8 bits": ("disparity", SsimInputs("fitted_disparity", "uint8_truncated")),  # type: ignore[arg-type]
    "disparity, fitted, floats": ("disparity", SsimInputs("fitted_disparity")),  # type: ignore[arg-type]
    INVERTED: ("inverted", SsimInputs("min_max", "uint8_truncated")),  # type: ignore[arg-type]
    "depth by inverting the min-max disparity, floats": ("inverted", SsimInputs("min_max")),  # type: ignore[arg-type]
    "depth, fitted in disparity, then inverted and capped, 8 bits": (
        "disparity", SsimInputs("capped_depth", "uint8_truncated", CAP_M)),  # type: ignore[arg-type]
    "depth, fitted in disparity, then inverted and capped, floats": (
        "disparity", SsimInputs("capped_depth", cap_m=CAP_M)),  # type: ignore[arg-type]
}  # fmt: skip


@dataclass(frozen=True)
class Frame:
    """One street under every case.

    Attributes:
        sample: picture and truth.
        cases: by title.
        split: by title, mean SSIM at edges of the truth and elsewhere.
        abs_rel, delta1: of the fitted, capped depth.
    """

    sample: Sample
    cases: dict[str, StructuralSimilarity]
    split: dict[str, tuple[float, float]]
    abs_rel: float
    delta1: float

    def ssim(self, title: str) -> float:
        """Mean SSIM."""
        return self.cases[title].ssim.tally.value


def true_depth(sample: Sample) -> DepthMap:
    """Return the truth with nothing missing: sky, and whatever is farther, lies at the cap."""
    if sample.depth is None or not (sample.depth.valid | sample.masks.get("sky", np.zeros(1)).astype(bool)).all():
        raise LeadlineError(f"sample {sample.name!r} has pixels that are neither depth nor sky: expected a rendered street")
    far = ~sample.depth.valid | (sample.depth.values > CAP_M)
    return DepthMap(np.where(far, CAP_M, sample.depth.values), None, METRIC_DEPTH)


def inverted(disparity: DepthMap) -> DepthMap:
    """Return what scripts make of a relative disparity: scaled to 0..1 by its own range, then 1 / value.

    This is no depth, since the shift is unknown: it is here to show what comes of it.
    """
    low, high = float(disparity.values.min()), float(disparity.values.max())
    unit = (disparity.values - low) / max(high - low, 1e-12)
    return DepthMap(1 / np.maximum(unit, SMALLEST), None, RELATIVE_DEPTH)


def score(predictor: Predictor, sample: Sample) -> Frame:
    """Score one street."""
    truth = true_depth(sample)
    pred = predictor(sample.image, sample.camera).depth
    edges = depth_edges(truth)
    cases = {}
    for title, (what, inputs) in CASES.items():
        # Min-max compares like with like, so its target is the truth in the same quantity.
        target = truth if what == "inverted" or inputs.cap_m is not None else truth.to_disparity()
        cases[title] = structural_similarity(inverted(pred) if what == "inverted" else pred, target, inputs)
    split = {}
    for title, case in cases.items():
        at_edges, inside = split_at(case.ssim, edges)
        split[title] = (at_edges.value, inside.value)
    fit = cases["disparity, fitted, floats"].scaled.fit
    assert fit is not None
    depth = depth_from_disparity(replace_map(pred, values=fit.apply(pred.values), kind=METRIC_DISPARITY), CAP_M)
    counts = (truth.values < CAP_M) & depth.valid
    first = delta(depth.values, truth.values, counts)[0].value
    return Frame(sample, cases, split, abs_rel(depth.values, truth.values, counts).value, first)


def shifted_truth(sample: Sample, shift: float) -> tuple[float, float]:
    """Return SSIM in disparity and in inverted depth of the *truth* whose disparity is off by `shift` of its range."""
    truth = true_depth(sample)
    disparity = truth.to_disparity()
    moved = disparity.values + shift * (disparity.values.max() - disparity.values.min())
    relative = replace_map(disparity, values=moved, kind=Kind(Quantity.DISPARITY, Ambiguity.AFFINE_INVARIANT))
    inputs = CASES[DISPARITY][1]
    depth = DepthMap(1 / moved, None, RELATIVE_DEPTH)
    return (
        structural_similarity(relative, disparity, inputs).ssim.tally.value,
        structural_similarity(depth, truth, inputs).ssim.tally.value,
    )


def render(frames: Sequence[Frame], shifts: Sequence[tuple[float, float]], model: str, picture: str, command: str) -> str:
    """Return the page."""
    rows = [
        [
            title,
            number(median(frame.ssim(title) for frame in frames)),
            number(fmean(frame.ssim(title) for frame in frames)),
            *(number(fmean(v for f in frames if not isnan(v := f.split[title][i]))) for i in (0, 1)),
        ]
        for title in CASES
    ]
    above = sum(frame.ssim(DISPARITY) > frame.ssim(INVERTED) for frame in frames)
    gap = fmean(frame.ssim(DISPARITY) - frame.ssim(INVERTED) for frame in frames)
    fitted = "depth, fitted in disparity, then inverted and capped, 8 bits"
    table = markdown_table(["compared as", "median SSIM", "mean", "at edges", "elsewhere"], rows)
    by_frame = markdown_table(
        ["frame", "SSIM disparity", "SSIM inverted", "SSIM fitted depth", "AbsRel", "delta1"],
        [
            [f.sample.name, *(number(f.ssim(t)) for t in (DISPARITY, INVERTED, fitted)), number(f.abs_rel), number(f.delta1)]
            for f in frames
        ],
    )
    shift_table = markdown_table(
        ["disparity off by, of its range", "SSIM disparity, min-max", "SSIM of 1/disparity, min-max"],
        [[f"{100 * s:g} %", number(a), number(b)] for s, (a, b) in zip(SHIFTS, shifts, strict=True)],
    )
    levels = fmean(float(np.median(f.cases[INVERTED].scaled.target)) for f in frames)
    pairs = np.array([(f.ssim(DISPARITY), f.delta1) for f in frames])
    correlation = np.corrcoef(pairs.T)[0, 1] if (np.ptp(pairs, axis=0) > 0).all() else np.nan
    return f"""# SSIM of disparity and of depth

An essay compared Depth Anything V2 with the truth of a rendered stereo set by SSIM: 0.801 and 0.705 in disparity on two frames,
but 0.417 in depth on the first. Its pictures can't be had, so the digits can't be repeated; the finding can. Here are
{len(frames)} rendered streets ({frames[0].sample.depth.hw[1] if frames[0].sample.depth else 0} x {
        frames[0].sample.depth.hw[0] if frames[0].sample.depth else 0
    } pixels, none of them trained on) and {model}.

{table}

**Disparity is above inverted depth on {above} of {len(frames)} frames, by {
        gap:.2f} on average.** Below: the frames of highest and of
lowest SSIM in disparity; bright in their maps is similar.

![Photo, disparity, inverted depth, fitted depth, with their truth and their SSIM maps]({picture})

## Why

SSIM compares brightness, contrast and pattern of 7 x 7 windows, so it sees a shift. A relative disparity has an unknown shift,
which min-max takes out of a disparity but which 1/value turns into another curve. The next table shows it without any network:
the *true* disparity, wrong by nothing but a shift, is perfect as disparity at once and loses as depth.

{shift_table}

The truth adds to it: scaled to its own range, half of a street's depth lies below level {levels:.0f} of 255 (the cap, which sky
gets, is 255): the near street shares few levels, and the far tail, where disparity says least, has the rest.

Fitting scale and shift in disparity first, inverting and capping then, is the right way to depth, and its SSIM is as high as
that of disparity: the low number was the conversion's, not the network's. So an SSIM without its space, scaling and rounding
says nothing; leadline's metric takes them as an argument and puts them into its name.

Over these frames SSIM in disparity and delta1 of the fitted depth correlate with r = {number(correlation, 2)}.

## Every frame

{by_frame}

## How

* Truth is the rendered z-depth; sky, and what lies beyond {CAP_M:g} m, counts as {CAP_M:g} m: no window has a hole.
  AbsRel and delta1 leave it out.
* SSIM: 7 x 7 uniform window, K1 0.01, K2 0.03, sample covariance, data range 255, mean without a rim of 3 pixels
  (scikit-image's defaults). *8 bits* truncates, as `astype(uint8)` does.
* *inverted*: the prediction scaled to 0..1 by its own range, then 1/value, no closer to zero
  than 1/255; then min-max again.
* *fitted*: least squares of scale and shift to the true disparity, over all pixels of the frame; both maps then share the
  truth's range.
* *edges*: windows that touch a jump of the true depth above 10 %; a frame without one is left out there.

Regenerate: `{command}`, on views of
`leadline synth street --count 24 --views-per-scene 3 --size 640 384 --spp 8 --seed 99 --out worlds/ssim-street`.
"""


def write_pictures(frames: Sequence[Frame], path: Path) -> None:
    """Write a PNG: for each frame photo and three rows of truth, prediction and SSIM map."""
    rows = []
    for frame in frames:
        photo = Tile(frame.sample.image, frame.sample.name)
        for title, name in (
            (DISPARITY, "disparity, min-max"),
            (INVERTED, "depth: 1 / min-max disparity"),
            ("depth, fitted in disparity, then inverted and capped, 8 bits", "depth: fitted, inverted, capped"),
        ):
            case = frame.cases[title]
            kind = RELATIVE_DEPTH if "depth" in name else Kind(Quantity.DISPARITY, Ambiguity.AFFINE_INVARIANT)
            truth, pred = (
                colourise(DepthMap(levels, None, kind), value_range=(0.0, 255.0))
                for levels in (case.scaled.target, case.scaled.pred)
            )
            rows.append([
                photo,
                Tile(truth, f"{name}: truth"),
                Tile(pred, "prediction"),
                Tile(_grey(case.ssim.map), f"SSIM map, mean {frame.ssim(title):.3f}"),
            ])  # fmt: skip
            photo = Tile(None)
    write_sheet(path, rows, tile_hw=(240, 400))


def _grey(similarity: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.repeat((np.clip(similarity, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m leadline.evaluation.ssim_page", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--views", type=Path, required=True, help="what leadline synth street has written")
    parser.add_argument("--model", default="leadline-s", help="a network's name or an ONNX file")
    parser.add_argument(
        "--out", type=Path, required=True, help="the Markdown file; its picture goes to ../assets/ssim.png from there"
    )
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
    frames = [score(predictor, sample) for sample in get_dataset("leadline").iter_samples(given.views)]
    shifts = [np.mean([shifted_truth(frame.sample, shift) for frame in frames], axis=0) for shift in SHIFTS]
    ordered = sorted(frames, key=lambda frame: frame.ssim(DISPARITY))
    assets = given.out.parent.parent / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    write_pictures([ordered[-1], ordered[0]], assets / "ssim.png")
    command = f"python -m leadline.evaluation.ssim_page --views worlds/ssim-street --out {given.out}"
    page = render(frames, [(float(a), float(b)) for a, b in shifts], predictor.card.name, "../assets/ssim.png", command)
    with atomic_write(given.out) as temporary:
        temporary.write_text(page, encoding="utf-8")
    print(page.split("## Why")[0].strip())


if __name__ == "__main__":
    sys.exit(main())
