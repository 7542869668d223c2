"""Virtual depth of glass and mirrors: paint them over, predict, take the median (Depth4ToM, arXiv 2307.15052, section 3).

A network looks through glass and into mirrors. Painted in one colour they look like what they are, surfaces; any one colour may
match the background, the median over several does not mind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.masks import fit_mask
from leadline.depth_map import Ambiguity, DepthMap, replace_map
from leadline.errors import LeadlineError
from leadline.labels.aggregate import ALIGNS, Align, CopyStack, fit_copies, refuse_too_many
from leadline.labels.painting import (
    FILLS,
    GREY,
    PAINTED_ALIKE,
    Fill,
    PaintedAlike,
    dilated,
    draw_colours,
    filled_from_surroundings,
    iter_painted,
    regions_of,
)
from leadline.predictor import Prediction, Predictor
from leadline.runtime.engine_predictor import MOST_IN_A_BATCH
from leadline.runtime.pipeline import AnySizePredictor
from leadline.runtime.sizing import network_hw, resize_map


@runtime_checkable
class BatchPredictor(Protocol):
    """A predictor that takes several pictures in one call, as `OnnxPredictor`."""

    def predict_many(
        self,
        images: Sequence[NDArray[np.uint8]],
        cameras: Sequence[Camera | None] | None = None,
        output_hws: Sequence[tuple[int, int] | None] | None = None,
    ) -> list[Prediction]:
        """Predict the maps of several pictures."""
        ...


@dataclass(frozen=True)
class VirtualOptions:
    """How virtual depth is made.

    Attributes:
        colours: copies of the picture; Depth4ToM takes 5.
        fill: "random" colours; random "greys"; "grey", the same in all copies (what Depth4ToM does with one copy);
            "surroundings", filled smoothly from around. With the latter two one copy is enough, and `colours` does not count.
        alike: what gets one colour: all of the "image" (as Depth4ToM), each "instance" of the mask's numbers, or each connected
            "component" of one number.
        align: fit each copy's map to the first one's, on the pixels that are not painted, before the median: "none" (as
            Depth4ToM), "least_squares" or "robust".
        dilate_px: grow the mask by so many of the picture's pixels, where its rim leaves some glass.
        seed: for other colours.
    """

    colours: int = 5
    fill: Fill = "random"
    alike: PaintedAlike = "image"
    align: Align = "none"
    dilate_px: float = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.colours < 1:
            raise LeadlineError(f"{self.colours} colours: expected at least 1; Depth4ToM takes 5")
        if not 0 <= self.dilate_px <= 1000:
            raise LeadlineError(f"a mask dilated by {self.dilate_px:g} pixels: expected 0 to 1000")
        if self.seed < 0:
            raise LeadlineError(f"seed {self.seed}: expected 0 or more")
        for name, value, known in (
            ("fill", self.fill, FILLS), ("alike", self.alike, PAINTED_ALIKE), ("align", self.align, ALIGNS)
        ):  # fmt: skip
            if value not in known:
                raise LeadlineError(f"{name} {value!r}: expected one of {', '.join(known)}")

    @property
    def copies(self) -> int:
        """How many copies are predicted."""
        return self.colours if self.fill in ("random", "greys") else 1

    def __str__(self) -> str:
        many = "s" * (self.colours > 1)
        painted = {"random": f"{self.colours} colour{many}", "greys": f"{self.colours} grey{many}"}
        return f"virtual depth of {painted.get(self.fill, f'fill {self.fill}')}"


@dataclass(frozen=True, eq=False)
class VirtualDepth:
    """Virtual depth of one picture.

    Attributes:
        depth: (h, w) median over the copies, of the whole picture; its kind is the network's.
        spread: (h, w) float32, half the inter-quartile range over the copies, in the map's unit; None of a single copy.
        mask: (h, w) bool, what was painted.
        colours: (n, k, 3) uint8, of each copy and region; empty where no colour was drawn.
        plain: the prediction of the picture as it is, where it was asked for.
        notes: what the user should know, in sentences.
    """

    depth: DepthMap
    spread: NDArray[np.float32] | None
    mask: NDArray[np.bool_]
    colours: NDArray[np.uint8]
    plain: DepthMap | None = None
    notes: tuple[str, ...] = ()


def virtual_depth(
    predictor: Predictor,
    image: NDArray[np.uint8],
    mask: NDArray[Any],
    camera: Camera | None = None,
    *,
    name: str = "",
    options: VirtualOptions | None = None,
    output_hw: tuple[int, int] | None = None,
    at_network_size: bool = False,
    with_plain: bool = False,
) -> VirtualDepth:
    """Predict a picture whose glass and mirrors are painted over, and return the median over the colours.

    Costs as many predictions as there are copies, and one more `with_plain`; a predictor that takes several pictures at once
    gets them in batches of at most eight. Where the predictor gives maps of any size, the copies are reduced at the
    network's resolution, and the median is brought to the picture's.

    Args:
        predictor: of any kind of map.
        image: (h, w, 3) uint8 sRGB.
        mask: (h', w'), not 0 on glass and mirrors (bool, 0/255, classes or instance numbers); of the picture's aspect ratio to
            a pixel.
        camera: the picture's.
        name: of the picture; decides on its colours, together with the seed.
        options: how; see there.
        output_hw: the size of the whole picture, where `image` was decoded at a reduced one.
        at_network_size: leave the label at the network's resolution, as Depth4ToM stores it (`AnySizePredictor` alone).
        with_plain: predict the picture as it is, too.

    Returns:
        The label. With an empty mask it is the plain prediction, and a note says so.

    Raises:
        LeadlineError: the mask covers everything or has another aspect ratio, there is no room for so many copies, or they
            can't be aligned.
    """
    options = options or VirtualOptions()
    full_hw = output_hw or (image.shape[0], image.shape[1])
    labels = dilated(_numbered(fit_mask(mask, full_hw)), options.dilate_px)
    any_size = isinstance(predictor, AnySizePredictor)
    work_hw = network_hw(full_hw, predictor.card) if any_size else full_hw
    final_hw = work_hw if at_network_size else full_hw
    ask_hw = work_hw if any_size else None
    marked = labels > 0
    if marked.all():
        grown = f" once it is dilated by {options.dilate_px:g} pixels" if options.dilate_px and not mask.all() else ""
        raise LeadlineError(
            f"the mask covers the whole picture{grown}: nothing is left to tell a depth from; mark the glass or mirror alone"
        )
    if not marked.any():
        (plain,) = _predict([image], predictor, camera, [final_hw if any_size else None])
        depth = replace_map(_resized(plain.depth, final_hw), source=f"{predictor.card.name}, nothing masked")
        none = np.zeros(final_hw, bool), np.zeros((0, 0, 3), np.uint8)
        said = (*plain.notes, "the mask is empty: this is the plain prediction")
        return VirtualDepth(depth, None, *none, depth if with_plain else None, said)

    refuse_too_many(options.copies, work_hw)
    colours, copies = _copies(image, fit_mask(labels, (image.shape[0], image.shape[1])), name, options)
    pictures = chain([image], copies) if with_plain else copies
    sizes = chain([full_hw if any_size else None] if with_plain else [], [ask_hw] * options.copies)
    predictions = _predict(pictures, predictor, camera, sizes)
    plain_prediction = next(predictions) if with_plain else None
    notes = dict.fromkeys(plain_prediction.notes if plain_prediction else ())
    first: DepthMap | None = None
    stack: CopyStack | None = None
    untouched = resize_map(marked.astype(np.float32), work_hw) == 0
    for prediction in predictions:
        copy = prediction.depth
        notes.update(dict.fromkeys(prediction.notes))
        if first is None or stack is None:
            first, stack = copy, CopyStack(options.copies, copy.hw)
            untouched = untouched if copy.hw == work_hw else resize_map(marked.astype(np.float32), copy.hw) == 0
        elif options.align != "none":
            copy, note = _aligned(copy, first, untouched, options.align)
            notes.update(dict.fromkeys(note))
        stack.add(copy.values, copy.valid)
    assert first is not None
    assert stack is not None
    reduced = stack.reduce()
    depth = DepthMap(reduced.median, reduced.valid, first.kind, first.camera, f"{predictor.card.name}, {options}")
    spread = reduced.spread if options.copies > 1 else None
    depth = _resized(depth, final_hw)
    spread = None if spread is None else resize_map(spread, final_hw)
    plain_depth = None if plain_prediction is None else _resized(plain_prediction.depth, full_hw)
    return VirtualDepth(depth, spread, fit_coverage(marked, final_hw), colours, plain_depth, tuple(notes))


def merge_virtual(
    plain: DepthMap, virtual: DepthMap, mask: NDArray[np.bool_], align: Align = "least_squares"
) -> tuple[DepthMap, float, tuple[str, ...]]:
    """Return the plain prediction outside the mask and virtual depth inside, put on the plain one's scale.

    Args:
        plain: the prediction of the picture as it is.
        virtual: of the same network, size and kind.
        mask: (h, w) bool.
        align: how virtual depth is fitted to the plain one on the pixels outside: see `VirtualOptions`.

    Returns:
        The map, the scale of the fit (1 without one), and notes: where no fit could be made virtual depth stays as it is.

    Raises:
        LeadlineError: the maps differ in size or kind.
    """
    if plain.hw != virtual.hw or plain.hw != mask.shape:
        raise LeadlineError(f"maps of {plain.hw} and {virtual.hw} and a mask of {mask.shape} to merge: expected one size")
    if plain.kind != virtual.kind:
        raise LeadlineError(f"can't merge {virtual.kind} into {plain.kind}: expected maps of one network")
    inside = virtual.values
    scale = 1.0
    notes: tuple[str, ...] = ()
    if align != "none" and plain.kind.ambiguity is not Ambiguity.ORDINAL:
        fit = fit_copies(virtual, plain, ~mask, align)
        if fit.degenerate:
            notes = (f"virtual depth could not be fitted to the plain prediction ({fit.reason}) and was taken as it is",)
        else:
            inside, scale = fit.apply(inside).astype(np.float32), fit.scale
    merged = replace_map(
        plain,
        values=np.where(mask, inside, plain.values),
        valid=np.where(mask, virtual.valid, plain.valid),
        source=f"{virtual.source}, inside the mask alone" if virtual.source else "",
    )
    return merged, scale, notes


def fit_coverage(mask: NDArray[np.bool_], hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a mask at another size: true where at least half of a pixel is covered."""
    return mask if mask.shape == hw else resize_map(mask.astype(np.float32), hw) >= 0.5


def _numbered(mask: NDArray[Any]) -> NDArray[np.int32]:
    """Return a mask of any type as numbers, above 0 where it is marked."""
    if mask.dtype.kind not in "biuf":
        raise LeadlineError(f"a mask of {mask.dtype}: expected bool or numbers, not 0 on glass and mirrors")
    if mask.dtype.kind == "f":
        return np.asarray(mask != 0, dtype=np.int32)
    numbers: NDArray[np.int64] = np.abs(mask.astype(np.int64))
    return numbers.clip(max=np.iinfo(np.int32).max).astype(np.int32, copy=False)


def _copies(
    image: NDArray[np.uint8], labels: NDArray[np.int32], name: str, options: VirtualOptions
) -> tuple[NDArray[np.uint8], Iterator[NDArray[np.uint8]]]:
    """Return the colours and the painted pictures."""
    if options.fill == "surroundings":
        return np.zeros((0, 0, 3), np.uint8), iter([filled_from_surroundings(image, labels > 0)])
    if options.fill == "grey":
        grey = np.full((1, 1, 3), GREY, np.uint8)
        return grey, iter_painted(image, regions_of(labels, "image"), grey)
    regions = regions_of(labels, options.alike)
    colours = draw_colours(options.copies, max(1, int(regions.max())), name, options.seed, grey=options.fill == "greys")
    return colours, iter_painted(image, regions, colours)


def _predict(
    pictures: Iterable[NDArray[np.uint8]],
    predictor: Predictor,
    camera: Camera | None,
    sizes: Iterable[tuple[int, int] | None],
) -> Iterator[Prediction]:
    """Yield the predictions of pictures, in batches where the predictor takes them."""
    pairs = zip(pictures, sizes, strict=True)
    while part := list(islice(pairs, MOST_IN_A_BATCH if isinstance(predictor, BatchPredictor) else 1)):
        images, output_hws = [picture for picture, _ in part], [hw for _, hw in part]
        if isinstance(predictor, BatchPredictor):
            yield from predictor.predict_many(images, [camera] * len(part), output_hws)
        elif isinstance(predictor, AnySizePredictor):
            yield predictor(images[0], camera, output_hw=output_hws[0])
        else:
            yield predictor(images[0], camera)


def _aligned(copy: DepthMap, first: DepthMap, untouched: NDArray[np.bool_], align: Align) -> tuple[DepthMap, tuple[str, ...]]:
    fit = fit_copies(copy, first, untouched, align)
    if fit.degenerate:
        return copy, (f"a copy could not be fitted to the first one ({fit.reason}) and was taken as it is",)
    return replace_map(copy, values=fit.apply(copy.values)), ()


def _resized(depth: DepthMap, hw: tuple[int, int]) -> DepthMap:
    if depth.hw == hw:
        return depth
    camera = None if depth.camera is None else depth.camera.resize(hw)
    # A pixel is valid where all that it was mixed from is.
    valid = None if depth.valid.all() else resize_map(depth.valid.astype(np.float32), hw) > 1 - 1e-6
    return DepthMap(resize_map(depth.values, hw), valid, depth.kind, camera, depth.source)
