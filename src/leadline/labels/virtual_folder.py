"""Virtual depth of folders of pictures: read, predicted and written at once, resumed after a stop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from leadline.data.mask_files import MaskSource
from leadline.errors import LeadlineError
from leadline.io.image import Photo, read_image
from leadline.labels.label_files import label_paths, write_label
from leadline.labels.predicted_masks import PredictedMasks
from leadline.labels.provenance import LabelRecord, plain_settings, refuse_foreign
from leadline.labels.tom_predictor import MaskedPhoto
from leadline.labels.virtual import VirtualOptions, virtual_depth
from leadline.predictor import Prediction, Predictor
from leadline.runtime.pipeline import AnySizePredictor, run_pipeline


class Picture(NamedTuple):
    """A picture to label, and the path of its label without suffix, relative to the output folder."""

    path: Path
    stem: Path


@dataclass(frozen=True)
class Labelled:
    """What became of one picture.

    Attributes:
        path: of the picture.
        state: "done", "kept" (it was there already) or "failed".
        outputs: files of its label; none if it failed.
        error: one line, or None.
        notes: what the user should know, in sentences.
        seconds: of reading, predicting and writing.
    """

    path: Path
    state: Literal["done", "kept", "failed"]
    outputs: tuple[Path, ...] = ()
    error: str | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


def label_virtual(
    pictures: Sequence[Picture],
    predictor: Predictor,
    masks: MaskSource | PredictedMasks,
    out: Path,
    options: VirtualOptions | None = None,
    *,
    at_network_size: bool = True,
    write: str = "npz",
    spread: bool = True,
) -> Iterator[Labelled]:
    """Write virtual depth of every picture; yield what became of each, those that are there already first.

    A picture without a mask fails, as do unreadable ones; the others go on. The folder's ``labels.json`` says how the labels
    were made and what failed. A label is seeded by the picture's path below the folder that was given, so that neither the
    order nor the other pictures matter.

    Args:
        pictures: what to label; see `Picture`.
        predictor: the network.
        masks: of the pictures, from files or from a segmenter.
        out: folder for the labels.
        options: see there.
        at_network_size: labels at the network's resolution, as Depth4ToM stores them, or at the pictures'.
        write: "npz" (half floats, with the spread) or "png16" (with the spread in an npz beside).
        spread: whether to keep the spread over the colours.

    Raises:
        LeadlineError: `out` holds labels of other settings or of unknown origin, or can't be written.
    """
    options = options or VirtualOptions()
    files = {picture.stem: label_paths(out, picture.stem, write, spread) for picture in pictures}
    if len(files) < len(pictures):
        raise LeadlineError("two pictures would have one label: expected different names; give their common folder")
    settings = plain_settings(
        options,
        size="network" if at_network_size else "image",
        write=write,
        spread=spread,
        masks_as=masks.mapping or masks.convention,
    )
    record = LabelRecord(out, "virtual", settings, predictor.card)
    refuse_foreign([path for paths in files.values() for path in paths], record)
    return _run(pictures, predictor, masks, files, options, record, at_network_size, spread)


def _run(
    pictures: Sequence[Picture],
    predictor: Predictor,
    masks: MaskSource | PredictedMasks,
    files: dict[Path, list[Path]],
    options: VirtualOptions,
    record: LabelRecord,
    at_network_size: bool,
    spread: bool,
) -> Iterator[Labelled]:
    there = [picture for picture in pictures if all(path.exists() for path in files[picture.stem])]
    left = [picture for picture in pictures if picture not in set(there)]
    at_least = predictor.longer_side_needed() if isinstance(predictor, AnySizePredictor) else None

    def read(picture: Picture) -> Photo:
        mask = masks.read(picture.path, picture.stem)
        if mask is None:
            raise LeadlineError(
                f"no mask for {picture.path} in {masks.path}: expected {picture.stem}.png or {picture.stem}_mask.png"
            )
        photo = read_image(picture.path, at_least=at_least)
        return MaskedPhoto(photo.pixels, photo.hw_full, photo.camera, mask.regions)

    def predict(picture: Picture, photo: Photo) -> Prediction:
        assert isinstance(photo, MaskedPhoto)
        assert photo.mask is not None
        virtual = virtual_depth(
            predictor, photo.pixels, photo.mask, photo.camera, name=picture.stem.as_posix(), options=options,
            output_hw=photo.hw_full, at_network_size=at_network_size,
        )  # fmt: skip
        return Prediction(virtual.depth, virtual.spread, virtual.notes)

    def store(picture: Picture, photo: Photo, prediction: Prediction) -> tuple[str, ...]:
        write_label(files[picture.stem], prediction.depth, prediction.uncertainty if spread else None)
        return prediction.notes

    done, failures = 0, {}
    try:
        for picture in there:
            yield Labelled(picture.path, "kept", tuple(files[picture.stem]))
        for result in run_pipeline(left, predictor, store, read=read, predict=predict):
            seconds = sum(result.seconds.values())
            if result.error is not None:
                failures[str(result.item.path)] = result.error
                yield Labelled(result.item.path, "failed", error=result.error, seconds=seconds)
                continue
            done += 1
            yield Labelled(result.item.path, "done", tuple(files[result.item.stem]), None, result.value or (), seconds)
    finally:
        inputs = {"masks": str(masks.path), "pictures": str(len(pictures))}
        record.close(inputs, done, len(there), failures)
