"""What happens to one picture of a label job: read, predict, finish. Functions of a `Work` alone, for any engine.

A stage either adds to the work's facts, or raises. A picture that is left out on purpose raises `LeftOut` and says at which
filter; whatever else is raised is a failure.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.depth_map import Ambiguity, DepthMap, Quantity, replace_map
from leadline.errors import LeadlineError
from leadline.io.conventions import to_counts
from leadline.io.header import header_of
from leadline.io.image import Photo, decode_image
from leadline.io.png import encode_png
from leadline.labels.label_files import as_half
from leadline.labels.options import LabelOptions
from leadline.labels.perceptual_hash import Gate, perceptual_hash
from leadline.labels.source_bytes import Item, read_bytes
from leadline.predictor import Prediction, Predictor
from leadline.runtime.averaging import mirrored
from leadline.runtime.pipeline import AnySizePredictor
from leadline.runtime.sizing import network_hw, resize_depth

# From a picture (h, w, 3) to where its sky is, (h, w) bool.
SkyMask = Callable[[NDArray[np.uint8]], NDArray[np.bool_]]

LABEL_SUFFIXES = {"png16": "depth.png", "npz": "depth.npz"}
_MOST_SAMPLES = 1 << 16  # of a label, for its order statistics


class LeftOut(LeadlineError):
    """A picture that a filter leaves out.

    Attributes:
        stage: the filter, "resolution", "near_duplicate", "flat" or "flip".
    """

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(reason)
        self.stage = stage


@dataclass
class Work:
    """A picture on its way through the stages.

    Attributes:
        shard, row: where it belongs.
        index: its number in the whole job.
        item: what to read.
        gate: of its shard, or None if near-duplicates are kept.
        facts: what has been found out, by column of the manifest.
        left_out: the filter that left it out, or None.
        label: the encoded label, once finished.
        picture: the encoded picture, if it is to be stored.
    """

    shard: int
    row: int
    index: int
    item: Item
    gate: Gate | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    left_out: LeftOut | None = None
    label: bytes = b""
    picture: bytes = b""


def read_stage(work: Work, options: LabelOptions, at_least: int | None) -> Photo:
    """Read and decode a picture; leave out small ones and near-duplicates.

    Args:
        work: see there.
        options: see there.
        at_least: pixels that the network needs of the longer side, or None for all.

    Raises:
        LeftOut: a filter says so.
        LeadlineError: it can't be read.
    """
    hashed: int | None = None
    try:
        data = read_bytes(work.item, options.max_bytes)
        photo = decode_image(data, at_least=at_least, max_pixels=options.max_pixels)
        work.facts |= {"height": photo.hw_full[0], "width": photo.hw_full[1]}
        if min(photo.hw_full) < options.min_side:
            height, width = photo.hw_full
            raise LeftOut("resolution", f"{width} x {height} pixels: the shorter side has fewer than {options.min_side}")
        hashed = perceptual_hash(photo.pixels)
        work.facts["phash"] = hashed
        if options.images == "bytes":
            work.picture = data
    finally:
        like = work.gate.admit(work.row, hashed) if work.gate else None  # in any case: later ones wait for this one's turn
    if like is not None:
        first = work.index - work.row + like
        work.facts["duplicate_of"] = first
        raise LeftOut("near_duplicate", f"looks like picture {first}")
    return photo


def predict_stage(
    work: Work, photo: Photo, predictor: Predictor, options: LabelOptions, sky: SkyMask | None = None
) -> Prediction:
    """Predict a picture's label, at the size that it will be stored at, with the sky at disparity 0."""
    prediction = _at_size(predictor, photo, photo.pixels, options)
    depth = prediction.depth
    if options.max_flip_difference is not None:
        other = _at_size(predictor, photo, np.ascontiguousarray(photo.pixels[:, ::-1]), options).depth
        work.facts["flip_difference"] = flip_difference(depth, mirrored(other))
    if sky is not None:
        mask = sky(photo.pixels)
        work.facts["sky_share"] = float(mask.mean())
        depth = with_sky(depth, mask)
    return Prediction(depth, None, prediction.notes)


def finish_stage(work: Work, prediction: Prediction, options: LabelOptions) -> None:
    """Leave out bad labels; encode the others.

    Raises:
        LeftOut: a filter says so.
        LeadlineError: the label has no valid pixel.
    """
    depth = prediction.depth
    work.facts |= statistics(depth)
    if not depth.valid.any():
        raise LeadlineError("the label has no valid pixel")
    most = options.max_flip_difference
    if most is not None and work.facts["flip_difference"] > most:
        difference = work.facts["flip_difference"]
        raise LeftOut("flip", f"its mirrored picture's map differs by {difference:.3f}, more than {most:g}")
    if work.facts["spread"] < options.min_spread:
        raise LeftOut("flat", f"the label's spread is {work.facts['spread']:.4f}, less than {options.min_spread:g}")
    work.label = encode_label(depth, options.write)
    work.facts |= {"label_bytes": len(work.label), "notes": "; ".join(prediction.notes) or None}


def with_sky(depth: DepthMap, mask: NDArray[np.bool_]) -> DepthMap:
    """Return a map with the sky infinitely far (Depth Anything, Yang et al. 2024, section 3.1: disparity 0).

    A disparity gets 0 there. If it is known up to a shift only and goes below 0 elsewhere, it is shifted so that its lowest
    value outside the sky is 0. Depth and ray distance, which have no number for it, are not valid there.

    Args:
        depth: (h, w) map.
        mask: bool, of any size; True is sky.
    """
    import cv2

    sky = mask
    if mask.shape != depth.hw:
        resized = cv2.resize(mask.astype(np.uint8), depth.hw[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        sky = np.asarray(resized, np.uint8) > 0
    if not sky.any():
        return depth
    if depth.kind.quantity not in (Quantity.DISPARITY, Quantity.PIXEL_DISPARITY):
        return replace_map(depth, valid=depth.valid & ~sky)
    values, rest = depth.values, depth.valid & ~sky
    if depth.kind.ambiguity in (Ambiguity.AFFINE_INVARIANT, Ambiguity.ORDINAL) and rest.any():
        values = values - min(np.float32(0), values[rest].min())
    return replace_map(depth, values=np.where(sky, np.float32(0), values), valid=depth.valid | sky)


def flip_difference(one: DepthMap, other: DepthMap) -> float:
    """Return how much two maps of one picture differ, whatever their scale and shift: the mean of absolute differences.

    Both are normalised by median and mean absolute deviation (Depth Anything, equations 2 and 3), so that 0 is equal up to
    scale and shift, and about 1 is unrelated. Compared where both are valid; 0 if nothing is.
    """
    both = one.valid & other.valid
    if not both.any():
        return 0.0
    first, second = (_normalised(depth.values[both].astype(np.float64)) for depth in (one, other))
    return float(np.abs(first - second).mean())


def statistics(depth: DepthMap) -> dict[str, Any]:
    """Return a label's numbers for the manifest, of its valid pixels.

    ``lowest``, ``highest``, ``mean``; ``median`` and ``spread`` from at most 65,536 evenly spaced ones. The spread is the
    distance of the 2nd to the 98th percentile over the larger of their absolute values: 0 is a map of one value, and a
    disparity that goes to 0 far away has 1. It is taken in the network's own numbers, and so it changes with a shift.
    """
    known = depth.values[depth.valid]
    facts = {"label_height": depth.hw[0], "label_width": depth.hw[1], "valid_share": known.size / depth.values.size}
    if known.size == 0:
        return facts
    some = known[:: -(-known.size // _MOST_SAMPLES)]
    low, median, high = (float(number) for number in np.percentile(some, (2, 50, 98)))
    largest = max(abs(low), abs(high))
    return facts | {
        "lowest": float(known.min()),
        "highest": float(known.max()),
        "mean": float(known.mean(dtype=np.float64)),
        "median": median,
        "spread": (high - low) / largest if largest > 0 else 0.0,
    }


def encode_label(depth: DepthMap, write: str) -> bytes:
    """Return a label file's bytes, the same for the same map; `leadline.read_depth` reads it.

    png16 uses the full range of counts, with scale and offset in the header. npz has half floats where these are fine enough.
    """
    if write == "png16":
        known = depth.values[depth.valid].astype(np.float64)
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
        step = (high - low) / 65534 or abs(low) or 1.0
        counts = to_counts(depth, step, low - step, 65535)
        return encode_png(counts, header_of(depth, scale=repr(step), offset=repr(low - step)))
    arrays: dict[str, Any] = {"values": as_half(depth.values, depth.valid), "valid": depth.valid}
    arrays |= {name: np.array(text) for name, text in header_of(depth).items()}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:  # numpy.savez would store the time of day
        for name, array in arrays.items():
            body = io.BytesIO()
            np.lib.format.write_array(body, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), body.getvalue())
    return file.getvalue()


def _at_size(predictor: Predictor, photo: Photo, pixels: NDArray[np.uint8], options: LabelOptions) -> Prediction:
    wanted = network_hw(photo.hw_full, predictor.card) if options.size == "network" else photo.hw_full
    if isinstance(predictor, AnySizePredictor):
        return predictor(pixels, photo.camera, output_hw=wanted)
    prediction = predictor(pixels, photo.camera)
    depth = prediction.depth
    if wanted == depth.hw or wanted[0] * wanted[1] > depth.hw[0] * depth.hw[1]:
        return prediction
    return Prediction(resize_depth(depth, wanted), notes=prediction.notes)


def _normalised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = values - np.median(values)
    size = np.abs(centred).mean()
    return centred / size if size > 0 else centred
