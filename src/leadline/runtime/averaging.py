"""One answer from several: of a picture and its mirrored copy, of several networks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.alignment import fit_median_mad, fit_median_scale
from leadline.camera import Camera
from leadline.depth_map import Ambiguity, DepthMap, replace_map
from leadline.errors import LeadlineError
from leadline.predictor import ModelCard, Prediction, Predictor
from leadline.runtime.pipeline import AnySizePredictor
from leadline.runtime.sizing import resize_depth

# Pixels along each side that a fit between two answers looks at: medians need no more.
_FIT_SIDE = 128
_ALL_PIXELS = 2**30


class AveragedPredictor:
    """The mean of what networks say of a picture and, perhaps, of its mirrored copy (test-time augmentation).

    Answers are brought to the first one's numbers as far as their kind leaves them free (by median and mean absolute
    deviation, or by median), and averaged pixel by pixel; a pixel is valid where it is in all. The uncertainty is their
    standard deviation. It takes as many predictions as there are answers.

    Args:
        predictors: networks whose maps mean the same.
        mirrored: ask each for the mirrored picture, too.

    Raises:
        LeadlineError: there is none, their kinds differ, or maps of their kind have no mean (ordinal ones).
    """

    def __init__(self, predictors: Sequence[Predictor], *, mirrored: bool = True) -> None:
        if not predictors:
            raise LeadlineError("no network to average: give one or more")
        first = predictors[0].card
        for card in (predictor.card for predictor in predictors):
            if card.kind != first.kind:
                raise LeadlineError(f"{card.name} gives {card.kind} and {first.name} {first.kind}: expected maps of one kind")
        if first.kind.ambiguity is Ambiguity.ORDINAL:
            raise LeadlineError(f"{first.name} gives {first.kind}: an order has no mean; ask for one prediction")
        self.predictors, self.mirrored = tuple(predictors), mirrored

    @property
    def card(self) -> ModelCard:
        """The first network's card, with a name and a checksum of what is averaged, and without scores."""
        cards = [predictor.card for predictor in self.predictors]
        names = [card.name for card in cards] + ["mirrored"] * self.mirrored
        checksums = "\n".join(card.sha256 for card in cards)
        sha256 = cards[0].sha256 if len(cards) == 1 else hashlib.sha256(checksums.encode()).hexdigest()
        return replace(cards[0], name="+".join(names), sha256=sha256, scores={})

    @property
    def streams(self) -> int:
        """How many calls run at the same time without waiting for each other."""
        return min(int(getattr(predictor, "streams", 1)) for predictor in self.predictors)

    def longer_side_needed(self) -> int:
        """Return how many pixels of a picture's longer side the networks can make use of."""
        return max(p.longer_side_needed() if isinstance(p, AnySizePredictor) else _ALL_PIXELS for p in self.predictors)

    def __call__(
        self, image: NDArray[np.uint8], camera: Camera | None = None, *, output_hw: tuple[int, int] | None = None
    ) -> Prediction:
        """Predict the map of one (h, w, 3) uint8 picture at the size `output_hw`, by default its own."""
        hw = output_hw or (image.shape[0], image.shape[1])
        views = [(image, camera)]
        if self.mirrored:
            views.append((np.ascontiguousarray(image[:, ::-1]), camera.flip() if camera else None))
        answers: list[DepthMap] = []
        notes: list[str] = []
        for predictor in self.predictors:
            for pixels, seen_by in views:
                prediction = _predict(predictor, pixels, seen_by, hw)
                notes += prediction.notes
                answers.append(prediction.depth if pixels is image else mirrored(prediction.depth))
        first = answers[0]
        stack: list[NDArray[np.floating[Any]]] = [first.values.astype(np.float64)]
        valid = first.valid.copy()
        for answer in answers[1:]:
            scale, shift, reason = _fit(answer, first)
            if reason:
                notes.append(f"an answer of {answer.source} is left out of the mean: {reason}")
                continue
            stack.append(answer.values * scale + shift)
            valid &= answer.valid
        if camera is not None and camera.hw != hw:
            camera = camera.resize(hw)
        mean, spread = np.mean(stack, axis=0).astype(np.float32), np.std(stack, axis=0).astype(np.float32)
        return Prediction(DepthMap(mean, valid, first.kind, camera, self.card.name), spread, tuple(dict.fromkeys(notes)))


def _predict(predictor: Predictor, pixels: NDArray[np.uint8], camera: Camera | None, hw: tuple[int, int]) -> Prediction:
    if isinstance(predictor, AnySizePredictor):
        return predictor(pixels, camera, output_hw=hw)
    prediction = predictor(pixels, camera)
    return replace(prediction, depth=resize_depth(prediction.depth, hw))


def mirrored(depth: DepthMap) -> DepthMap:
    """Return a map with left and right exchanged, as its camera sees it then."""
    camera = depth.camera.flip() if depth.camera else None
    return replace_map(depth, values=depth.values[:, ::-1], valid=depth.valid[:, ::-1], camera=camera)


def _fit(answer: DepthMap, first: DepthMap) -> tuple[float, float, str]:
    """Return the scale and shift that bring an answer to the first one's numbers, and why there are none, or ""."""
    ambiguity = first.kind.ambiguity
    if ambiguity is Ambiguity.METRIC:
        return 1.0, 0.0, ""
    rows, columns = (slice(None, None, -(-side // _FIT_SIDE)) for side in first.hw)
    fit = (fit_median_scale if ambiguity is Ambiguity.SCALE_INVARIANT else fit_median_mad)(
        answer.values[rows, columns], first.values[rows, columns], (answer.valid & first.valid)[rows, columns]
    )
    return fit.scale, fit.shift, fit.reason if fit.degenerate else ""
