"""Pictures of predictions beside truth, for eyes: a mean hides what a glance shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path

import numpy as np

from leadline.data.contact_sheet import Tile, write_sheet
from leadline.data.preview import thickened
from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.evaluation.classes import ALL
from leadline.evaluation.fitting import Fitted, fitted
from leadline.evaluation.real_sets import REAL_SETS
from leadline.evaluation.runner import score_map
from leadline.evaluation.truth import SCALED_DISPARITY, truth_of
from leadline.io.image import list_images, read_image
from leadline.io.preview import colourise, robust_range
from leadline.predictor import Predictor

# Photos are shown at a few hundred pixels, and no network of this project looks at more than this.
PHOTO_SIDE = 1024


def write_truth_sheet(predictor: Predictor, root: Path, out: str | PathLike[str], per_set: int = 2) -> None:
    """Write a PNG with photo, truth and prediction of `per_set` samples of each real set.

    Truth and aligned prediction are drawn as disparity in the truth's own range, so that equal colours are equal depths.

    Raises:
        LeadlineError: a set is missing, or the file can't be written.
    """
    tiles = []
    for real in REAL_SETS:
        samples = list(real.iter_samples(root))
        # Evenly spread: the first frames of a video are alike.
        for sample in samples[:: max(1, len(samples) // per_set)][:per_set]:
            truth = truth_of(sample, real.protocol)
            predicted = predictor(sample.image, sample.camera).depth
            metrics = score_map(predicted, sample, real.protocol, truth).metrics[ALL]
            shown = truth.as_map()
            value_range = robust_range(shown)
            score = f"AbsRel {metrics['abs_rel']:.3f}  delta1 {metrics['delta1']:.3f}"
            tiles.append([
                Tile(sample.image, f"{real.title}: {sample.name}"),
                Tile(colourise(thickened(shown), value_range=value_range), "truth"),
                Tile(colourise(_aligned(fitted(predicted, truth, real.protocol), shown), value_range=value_range), score),
            ])  # fmt: skip
    write_sheet(out, list(_side_by_side(tiles, 2)))


def _aligned(found: Fitted | str, truth: DepthMap) -> DepthMap:
    """Return the fitted disparity; nothing where a hole made the image fail."""
    if isinstance(found, str):
        return DepthMap(truth.values, np.zeros(truth.hw, dtype=bool), SCALED_DISPARITY)
    return DepthMap(1 / found.whole_depth, found.prepared.valid, SCALED_DISPARITY)


def write_photo_sheet(predictor: Predictor, photos: Path, out: str | PathLike[str], count: int = 24) -> None:
    """Write a PNG with photo and prediction of up to `count` pictures of a folder, spread evenly over their names.

    Raises:
        LeadlineError: no picture in the folder, one that can't be read, or the file can't be written.
    """
    paths = list_images(photos)
    if not paths:
        raise LeadlineError(f"no picture in {photos}: expected JPEG, PNG, ... files")
    chosen = paths if len(paths) <= count else [paths[int((i + 0.5) * len(paths) / count)] for i in range(count)]
    write_sheet(out, list(_side_by_side([_photo_tiles(predictor, path) for path in chosen], 4)))


def _photo_tiles(predictor: Predictor, path: Path) -> list[Tile]:
    pixels = read_image(path, at_least=PHOTO_SIDE).pixels
    return [Tile(pixels, path.stem), Tile(colourise(predictor(pixels).depth), "")]


def _side_by_side(rows: Iterable[list[Tile]], columns: int) -> Iterator[list[Tile]]:
    """Join each `columns` rows into one."""
    rows = list(rows)
    for start in range(0, len(rows), columns):
        yield [tile for row in rows[start : start + columns] for tile in row]
