"""Regenerate ``docs/results/tom-seg.md``: how well a segmenter finds glass, mirrors and sky, rendered and real.

    python -m leadline.evaluation.tom_segmenter --worlds worlds/tom-held-out --data ../shared/data --out docs/results/tom-seg.md

``--model`` takes the name of a segmenter that ships with leadline, or an ONNX file. Beside the page go its counts (JSON) and
pictures of the best and the worst (PNG).
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.data.class_views import class_map
from leadline.data.contact_sheet import TILE_HW, Tile, write_sheet
from leadline.data.datasets.registry import get_dataset
from leadline.errors import LeadlineError
from leadline.evaluation.report import markdown_table, number
from leadline.io.atomic import atomic_write
from leadline.metrics.segmentation import ClassScores, class_scores, confusion, merged_classes
from leadline.runtime.segmenter import DEFAULT_SEGMENTER, SURE, Segmenter, load_segmenter
from leadline.runtime.segmenter_card import CLASSES, MIRROR, OPAQUE, SKY, TRANSPARENT
from leadline.sample import Sample

TOM = "transparent or mirror"
SURELY = f"{TOM}, at least {SURE:.0%} sure"
FOUND = 0.5
SHOWN = 2  # best ones, and as many worst ones, of each set
COLOURS = np.array([(0, 0, 0), (0, 200, 255), (255, 60, 160), (255, 220, 0)], np.uint8)  # of the classes, in pictures


class RealSet(NamedTuple):
    """Real or foreign pictures, of which some classes are marked and others are not.

    Attributes:
        title: of the table's lines.
        dataset: name of its reader.
        folder: below the data root.
        marked: the class that its masks mark.
        note: what else to know of them.
    """

    title: str
    dataset: str
    folder: str
    marked: int
    note: str


REAL_SETS = (
    RealSet("ClearGrasp real", "cleargrasp_real", "dev/cleargrasp", TRANSPARENT, "photos, all transparent objects marked"),
    RealSet("ClearGrasp synthetic", "cleargrasp_synthetic", "dev/cleargrasp", TRANSPARENT, "renderings of another project"),
    RealSet(
        "Transparent D435",
        "transparent_d435",
        "dev/transparent_d435",
        TRANSPARENT,
        "photos, the measured containers alone marked",
    ),
    RealSet("Mirror3D NYU", "mirror3d_nyu", "dev/mirror3d_nyu", MIRROR, "photos, mirrors alone marked"),
)


class Shown(NamedTuple):
    """A picture for the sheet."""

    iou: float
    tiles: list[Tile]


@dataclass
class SetScore:
    """What was counted on a set.

    Attributes:
        title: of the set.
        classes: that its truth marks, besides opaque.
        note: about its masks.
        matrix: (4, 4) pixels by true and predicted class.
        sure: (2, 2) the same of "transparent or mirror" where the segmenter is sure, as `Segmenter.surfaces`.
        images: pictures.
        found: pictures whose glass and mirrors were found with an IoU of `FOUND` or more, and pictures that have any.
        image_ious: of "transparent or mirror", of pictures that have any or where any was said.
        shown: best and worst pictures.
    """

    title: str
    classes: tuple[int, ...]
    note: str
    matrix: NDArray[np.int64] = field(default_factory=lambda: np.zeros((len(CLASSES), len(CLASSES)), np.int64))
    sure: NDArray[np.int64] = field(default_factory=lambda: np.zeros((2, 2), np.int64))
    images: int = 0
    found: tuple[int, int] = (0, 0)
    image_ious: list[float] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)

    def scores(self) -> dict[str, ClassScores]:
        """Return the scores of each marked class, and of glass and mirrors together, by name, pooled over pixels."""
        one = {CLASSES[index]: class_scores(self.matrix, index) for index in self.classes}
        return {**one, TOM: class_scores(_either(self.matrix), 1), SURELY: class_scores(self.sure, 1)}

    def said(self, name: str) -> int:
        """Return how many pixels were said to be of a line of `scores`."""
        if name == SURELY:
            return int(self.sure[:, 1].sum())
        return int(_either(self.matrix)[:, 1].sum() if name == TOM else self.matrix[:, CLASSES.index(name)].sum())


def score_set(
    segmenter: Segmenter, samples: Iterable[Sample], title: str, classes: tuple[int, ...], note: str = ""
) -> SetScore:
    """Count a segmenter's pixels on samples that have a mask "material"; see `SetScore` for the other arguments.

    What is none of `classes` counts as opaque where the truth has it, and sky where it is not marked, too.
    """
    found = SetScore(title, classes, note)
    for sample in samples:
        true, said = class_map(sample), segmenter(sample.image)
        counted = said.copy()
        if SKY not in classes:
            counted[counted == SKY] = OPAQUE
        everywhere = np.ones(true.shape, bool)
        matrix = confusion(counted, true, everywhere, len(CLASSES))
        marked, sure = (
            ((true == TRANSPARENT) | (true == MIRROR)).astype(int),
            (segmenter.surfaces(sample.image) > 0).astype(int),
        )
        found.sure = found.sure + confusion(sure, marked, everywhere, 2)
        tom = class_scores(_either(matrix), 1)
        found.matrix, found.images = found.matrix + matrix, found.images + 1
        if tom.pixels:
            found.found = found.found[0] + (tom.iou >= FOUND), found.found[1] + 1
        if not isnan(tom.iou):
            found.image_ious.append(tom.iou)
            found.shown = _kept([*found.shown, Shown(tom.iou, _tiles(sample, true, said, title, tom.iou))])
    if not found.images:
        raise LeadlineError(f"no sample in {title}: expected pictures with masks of materials")
    return found


def score(segmenter: Segmenter, worlds: Sequence[Path], data: Path | None, every: int = 1) -> list[SetScore]:
    """Score held-out worlds and, with `data`, every real set.

    Raises:
        LeadlineError: a set is missing, or nothing is asked for.
    """
    if not worlds and data is None:
        raise LeadlineError("nothing to score: give --worlds FOLDER, --data FOLDER or both")
    missing = [real.folder for real in REAL_SETS if data is not None and not (data / real.folder).is_dir()]
    if missing:
        raise LeadlineError(f"{', '.join(missing)} not in {data}: expected all real samples; check --data")
    found = []
    for world in worlds:
        samples = get_dataset("leadline").iter_samples(world, every)
        found.append(
            score_set(segmenter, samples, world.name, (OPAQUE, TRANSPARENT, MIRROR, SKY), "rendered, all classes marked")
        )
    for real in REAL_SETS if data is not None else ():
        assert data is not None
        samples = get_dataset(real.dataset).iter_samples(data / real.folder)
        found.append(score_set(segmenter, samples, real.title, (real.marked,), real.note))
    return found


def render(scored: Sequence[SetScore], segmenter: Segmenter, command: str, sheet: str) -> str:
    """Return the Markdown page."""
    rows = []
    for one in scored:
        for name, scores in one.scores().items():
            shares = [f"{100 * part / one.matrix.sum():.1f}" for part in (scores.pixels, one.said(name))]
            rows.append([f"{one.title}: {name}", str(one.images), *map(number, scores[:3]), *shares])
    header = ["set: class", "images", "IoU", "precision", "recall", "true %", "said %"]
    per_image = [
        [
            one.title,
            f"{one.found[0]} of {one.found[1]}",
            number(float(np.mean(one.image_ious)) if one.image_ious else None),
            one.note,
        ]
        for one in scored
    ]
    card = segmenter.card
    return f"""# {card.name} on glass, mirrors and sky

{markdown_table(header, rows)}

Pixels are pooled over a set. "Transparent or mirror" asks only whether a pixel is one of the two. `--tom auto` marks those that
are so with a probability of {SURE:.0%}, since painting by mistake costs more than what is missed would gain. *true %* and
*said %* are shares of all pixels: where nothing is true, what is said is a false alarm.

{markdown_table(["set", f"pictures with an IoU of {FOUND} or more", "mean IoU of pictures", "masks"], per_image)}

Where masks leave glass or mirrors unmarked, or mark one thing alone, precision is too low by what they leave out. Sky is
marked in rendered worlds alone; elsewhere it counts as opaque.

The {SHOWN} best and the {SHOWN} worst of each set, by the IoU of glass and mirrors: photo, truth, prediction (blue:
transparent, pink: mirror, yellow: sky).

![Best and worst]({sheet})

| | |
| --- | --- |
| model | {card.name}, sha256 {card.sha256 or "none"} |
| regenerate | `{command}` |
"""


def _either(matrix: NDArray[np.int64]) -> NDArray[np.int64]:
    return merged_classes(matrix, ((OPAQUE, SKY), (TRANSPARENT, MIRROR)))


def _kept(shown: list[Shown]) -> list[Shown]:
    """Return the best and the worst ones, in order; a picture is kept once."""
    ordered = sorted(shown, key=lambda one: -one.iou)
    return ordered if len(ordered) <= 2 * SHOWN else ordered[:SHOWN] + ordered[-SHOWN:]


def _tiles(sample: Sample, true: NDArray[np.uint8], said: NDArray[np.uint8], title: str, iou: float) -> list[Tile]:
    texts = (f"{title}: {sample.name}", "truth", f"IoU {iou:.3f}")
    scale = min(1.0, TILE_HW[1] / sample.image.shape[1], TILE_HW[0] / sample.image.shape[0])
    wh = max(1, round(sample.image.shape[1] * scale)), max(1, round(sample.image.shape[0] * scale))
    pictures = [sample.image, *(_overlaid(sample.image, classes) for classes in (true, said))]
    return [
        Tile(np.asarray(cv2.resize(picture, wh, interpolation=cv2.INTER_AREA), dtype=np.uint8), text)
        for picture, text in zip(pictures, texts, strict=True)
    ]


def _overlaid(image: NDArray[np.uint8], classes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the picture in grey with its classes in colour."""
    grey = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=-1)
    mixed = (0.4 * grey + 0.6 * COLOURS[classes]).astype(np.uint8)
    return np.where((classes == OPAQUE)[..., None], grey, mixed).astype(np.uint8)


def _rows(scored: Sequence[SetScore]) -> Iterator[list[Tile]]:
    """Yield the sheet's rows, two pictures in each."""
    for one in scored:
        for start in range(0, len(one.shown), 2):
            yield [tile for shown in one.shown[start : start + 2] for tile in shown.tiles]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m leadline.evaluation.tom_segmenter", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--model", default=DEFAULT_SEGMENTER, help="a segmenter's name, or an ONNX file")
    parser.add_argument("--worlds", type=Path, nargs="*", default=[], help="held-out worlds that leadline synth wrote")
    parser.add_argument("--every", type=int, default=1, help="score the first of each so many views of a world")
    parser.add_argument("--data", type=Path, help="the folder of real samples, with dev/ below it")
    parser.add_argument("--out", type=Path, required=True, help="the Markdown file")
    given = parser.parse_args(arguments)
    try:
        segmenter = load_segmenter(given.model)
        scored = score(segmenter, given.worlds, given.data, given.every)
    except LeadlineError as error:
        print(error, file=sys.stderr)
        return 1
    words = ["python", "-m", "leadline.evaluation.tom_segmenter", *(sys.argv[1:] if arguments is None else arguments)]
    sheet = given.out.with_suffix(".png")
    page = render(scored, segmenter, shlex.join(words), sheet.name)
    counts = [{"set": s.title, "images": s.images, "matrix": s.matrix.tolist(), "image_ious": s.image_ious} for s in scored]
    for path, text in ((given.out, page), (given.out.with_suffix(".json"), json.dumps(counts, indent=1) + "\n")):
        with atomic_write(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    if rows := list(_rows(scored)):
        write_sheet(sheet, rows)
    print(page.partition("![")[0].strip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
