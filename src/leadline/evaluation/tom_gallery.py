"""Regenerate ``docs/results/tom-gallery.md``: glass and mirrors as a network sees them, with virtual depth, and fine-tuned.

python -m leadline.evaluation.tom_gallery --model BASE --finetuned FT --worlds runs/worlds/tom-held-out \\
    --data ../shared/data --out docs/results/tom-gallery.md
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.alignment import fit_scale_shift
from leadline.data.contact_sheet import Tile, compose
from leadline.data.datasets.files import read_json, read_picture
from leadline.data.datasets.registry import get_dataset
from leadline.data.mask_files import MaskSource
from leadline.depth_map import DepthMap, replace_map
from leadline.errors import LeadlineError
from leadline.evaluation.report import markdown_table, number
from leadline.evaluation.surface_scores import PROTOCOL, Scorer
from leadline.evaluation.tom_colours import iter_views, marked
from leadline.io.atomic import atomic_write
from leadline.io.preview import colourise, robust_range
from leadline.labels.tom_predictor import TomPredictor
from leadline.predictor import Predictor
from leadline.runtime.predictor import load_predictor
from leadline.sample import Sample

RENDERED, REAL, UNKNOWN = "rendered, held out", "real, with truth", "real, without truth"
OUTLINES = "outlines.json"
# Of each kind of surface so many rendered views, each of another scene, with so much of it that there is something to see.
EACH_KIND = 3
SHOWN_SHARE = (0.06, 0.5)
TILE_HW = (170, 226)
MOST_BYTES = 60_000
_GLASS, _MIRROR = (86, 180, 233), (230, 159, 0)  # Okabe and Ito's sky blue and orange


@dataclass(frozen=True)
class Subject:
    """A picture of the gallery.

    Attributes:
        title: what is seen.
        group: where the picture is from: RENDERED, REAL or UNKNOWN.
        sample: picture, mask "material" and, but for UNKNOWN, truth.
        credit: whose picture it is, and its licence.
    """

    title: str
    group: str
    sample: Sample
    credit: str = ""


@dataclass(frozen=True)
class Row:
    """A subject with its maps.

    Attributes:
        subject: the picture.
        maps: title -> map, fitted, of the photo's or the truth's size; what is shown.
        errors: title -> AbsRel on glass and mirrors, NaN without truth.
    """

    subject: Subject
    maps: dict[str, DepthMap]
    errors: dict[str, float]


def subjects(worlds: Path, data: Path, outlines: Path) -> Iterator[Subject]:
    """Yield the pictures: rendered views, real ones with truth, then photos with outlines drawn by eye.

    Rendered views are the first ones of a shuffled list that show enough: nobody chose them by what networks say of them.

    Raises:
        LeadlineError: a folder or a photo is missing.
    """
    yield from _rendered(worlds)
    for sample in get_dataset("cleargrasp_real").iter_samples(data / "dev" / "cleargrasp"):
        yield Subject("glass and plastic on a table", REAL, sample, "ClearGrasp, Sajjan et al., Apache-2.0")
    masks = MaskSource(outlines)
    for entry in read_json(outlines)["images"]:
        path = data / entry["file_name"]
        surfaces = masks.read(path, Path(path.stem))
        assert surfaces is not None  # it is in the list
        left, top, width, height = entry["crop"]  # rectified pictures have empty rims
        part = np.s_[top : top + height, left : left + width]
        sample = Sample(path.stem, read_picture(path)[part], masks={"material": surfaces.material[part]})
        yield Subject(entry["title"], UNKNOWN, sample, entry["credit"])


def _rendered(worlds: Path) -> Iterator[Subject]:
    left = {1: EACH_KIND, 2: EACH_KIND}
    scenes: set[str] = set()
    for item in iter_views(worlds, None):
        if item is None:
            continue
        sample = item[0]
        scene = sample.name.partition("/")[0]
        material = np.asarray(sample.masks["material"])
        kind = 2 if (material == 2).sum() > (material == 1).sum() else 1
        if scene in scenes or not left[kind] or not SHOWN_SHARE[0] <= (material > 0).mean() <= SHOWN_SHARE[1]:
            continue
        left[kind] -= 1
        scenes.add(scene)
        yield Subject({1: "glass", 2: "mirror"}[kind] + f", view {sample.name}", RENDERED, sample)
        if not any(left.values()):
            return


def make_row(subject: Subject, base: Predictor, finetuned: Predictor | None) -> Row:
    """Predict a picture plainly, with virtual depth inside its mask, and with the fine-tuned network, and fit all three.

    With truth each map is fitted to it over all pixels, as it is scored; without, the others are fitted to the plain prediction
    over the pixels outside the mask.
    """
    sample = subject.sample
    tom = TomPredictor(base)
    found = {
        "plain": base(sample.image, sample.camera).depth,
        "virtual depth": tom(sample.image, sample.camera, mask=marked(sample), name=sample.name).depth,
    }
    if finetuned is not None:
        found["fine-tuned"] = finetuned(sample.image, sample.camera).depth
    if sample.depth is None:
        outside = np.asarray(sample.masks["material"]) == 0
        plain = found["plain"]
        for title, depth in found.items():
            fit = fit_scale_shift(depth.values, plain.values, outside)
            found[title] = depth if fit.degenerate else replace_map(depth, values=fit.apply(depth.values))
        return Row(subject, found, dict.fromkeys(found, float("nan")))
    scorer = Scorer(sample, replace(PROTOCOL, min_valid_pixels=100))
    maps, errors = {}, {}
    for title, depth in found.items():
        fitted = scorer.fit(depth)
        maps[title] = replace_map(fitted.prepared, values=fitted.fit.apply(fitted.prepared.values))
        errors[title] = scorer(depth).tom["abs_rel"]
    true = sample.depth
    maps["truth"] = DepthMap(true.to_disparity().values, true.valid, maps["plain"].kind)
    return Row(subject, maps, errors)


def draw(row: Row) -> NDArray[np.uint8]:
    """Return the row as one picture: photo, mask and maps, in the colours of one range."""
    sample = row.subject.sample
    reference = row.maps.get("truth", row.maps["plain"])
    colours = robust_range(reference)
    tiles = [Tile(sample.image, "photo"), Tile(tinted(sample.image, np.asarray(sample.masks["material"])), "mask")]
    for title, depth in row.maps.items():
        error = row.errors.get(title, float("nan"))
        tiles.append(Tile(colourise(depth, value_range=colours), title if isnan(error) else f"{title}: ToM AbsRel {error:.3f}"))
    if "truth" not in row.maps:
        tiles.append(Tile(None, "no truth"))  # all rows of a page have one width
    return compose([tiles], TILE_HW)


def tinted(image: NDArray[np.uint8], material: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the photo in dim greys, glass in blue and mirrors in orange."""
    grey = image.astype(np.float32).mean(axis=2, keepdims=True) * 0.45
    picture = np.repeat(grey, 3, axis=2)
    for number_of, colour in ((1, _GLASS), (2, _MIRROR)):
        where = material == number_of
        picture[where] = 0.35 * picture[where] + 0.75 * np.array(colour, np.float32)
    return np.asarray(np.clip(picture, 0, 255), dtype=np.uint8)


def as_jpeg(picture: NDArray[np.uint8]) -> bytes:
    """Return a JPEG of at most 60 KB: the best quality that is small enough.

    Raises:
        LeadlineError: there is none.
    """
    import cv2

    for quality in range(92, 29, -4):
        done, encoded = cv2.imencode(".jpg", np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
        if done and len(encoded) <= MOST_BYTES:
            return encoded.tobytes()
    raise LeadlineError(
        f"a row of {picture.shape[1]} x {picture.shape[0]} has no JPEG of {MOST_BYTES} bytes: use smaller tiles"
    )


def render(rows: Sequence[Row], files: Sequence[str], base: str, finetuned: str | None, command: str) -> str:
    """Return the Markdown page."""
    titles = [title for title in rows[0].maps if title != "truth"]
    scored = [row for row in rows if row.subject.sample.depth is not None]
    table = markdown_table(
        ["AbsRel on glass and mirrors", "", *titles],
        [
            [row.subject.title, row.subject.group.partition(",")[0], *(number(row.errors[title]) for title in titles)]
            for row in scored
        ],
    )
    better = sum(row.errors["virtual depth"] < row.errors["plain"] for row in scored)
    tuned = ""
    if finetuned is not None:
        won = sum(row.errors["fine-tuned"] < row.errors["plain"] for row in scored)
        tuned = f"*fine-tuned* is {finetuned}, which is given no mask; its error is lower on {won}."
    parts = []
    for group in (RENDERED, REAL, UNKNOWN):
        parts.append(f"## {group[0].upper()}{group[1:]}")
        for row, file in zip(rows, files, strict=True):
            if row.subject.group == group:
                credit = f" ({row.subject.credit})" if row.subject.credit else ""
                parts.append(f"{row.subject.title[0].upper()}{row.subject.title[1:]}{credit}\n\n![{_spoken(row)}]({file})")
    gallery = "\n\n".join(parts)
    also = ", the fine-tuned network" if finetuned else ""
    return f"""# Glass and mirrors, looked at

Each row: photo, mask (glass blue, mirrors orange), the plain prediction of {base},
its [virtual depth](../how-to/glass.md) laid inside the mask (`leadline predict --tom-mask`, five colours){also},
and the truth where there is one. Bright is near. A row has one range of colours: that of its truth, to which each map is fitted
by scale and shift in disparity over all pixels; without a truth that of the plain prediction, to which the others are fitted
outside the mask.

Virtual depth has a lower error on glass and mirrors than the plain prediction on {better} of the {len(scored)} pictures with
truth. {tuned}

The rendered views were not chosen by how they come out: they are the first of a shuffled list with enough glass, or mirror.

{gallery}

## Numbers

{table}

Protocol `{PROTOCOL.name}` {PROTOCOL.fingerprint}; many views are in [how many colours](tom-colours.md).
Single pictures show, they don't prove. Outlines of the photos without truth were drawn by eye
(`docs/assets/tom-gallery/{OUTLINES}`). Pictures whose licence does not let them be passed on are left out.

Regenerate: `{command}`
"""


def _spoken(row: Row) -> str:
    return f"{row.subject.title}: photo, mask, {', '.join(row.maps)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m leadline.evaluation.tom_gallery", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--model", default="leadline-s", help="a network's name or an ONNX file")
    parser.add_argument("--finetuned", help="the same network, fine-tuned on virtual depth")
    parser.add_argument("--worlds", type=Path, required=True, help="what leadline synth tom-held-out has written")
    parser.add_argument("--data", type=Path, required=True, help="the folder with dev/ and unlabelled/ below it")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help=f"the Markdown file; pictures and {OUTLINES} are in ../assets/tom-gallery from there",
    )
    given = parser.parse_args(arguments)
    try:
        _run(given)
    except LeadlineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run(given: argparse.Namespace) -> None:
    base, finetuned = load_predictor(given.model), load_predictor(given.finetuned) if given.finetuned else None
    assets = given.out.parent.parent / "assets" / given.out.stem
    rows, files = [], []
    for index, subject in enumerate(subjects(given.worlds, given.data, assets / OUTLINES), 1):
        rows.append(make_row(subject, base, finetuned))
        path = assets / f"{index:02d}.jpg"
        with atomic_write(path) as temporary:
            temporary.write_bytes(as_jpeg(draw(rows[-1])))
        files.append(f"../assets/{assets.name}/{path.name}")
    second = f" --finetuned {given.finetuned}" if given.finetuned else ""
    command = (
        f"python -m leadline.evaluation.tom_gallery --model {given.model}{second} --worlds {given.worlds} "
        f"--data {given.data} --out {given.out}"
    )
    page = render(rows, files, base.card.name, finetuned.card.name if finetuned else None, command)
    with atomic_write(given.out) as temporary:
        temporary.write_text(page, encoding="utf-8")
    print(given.out)


if __name__ == "__main__":
    sys.exit(main())
