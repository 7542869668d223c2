"""A Predictor that puts glass and mirrors right where a mask marks them (ToM: transparent or mirror)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.errors import LeadlineError
from leadline.io.image import Photo
from leadline.labels.virtual import VirtualOptions, merge_virtual, virtual_depth
from leadline.predictor import ModelCard, Prediction, Predictor
from leadline.sample import Sample


def at_inference(colours: int = 5) -> VirtualOptions:
    """Return how virtual depth is made where it is not for training: a colour for each thing (docs/results/tom-colours.md)."""
    return VirtualOptions(colours, alike="component")


@dataclass(frozen=True, eq=False)
class MaskedPhoto(Photo):
    """A photo with its mask.

    Attributes:
        mask: (h, w) numbers, not 0 on glass and mirrors, or None where there is no mask.
    """

    mask: NDArray[Any] | None = None


class TomPredictor:
    """Any network, with virtual depth on glass and mirrors.

    It takes as many predictions a picture as there are colours, and one more with `merge`; one where nothing is masked.

    Attributes:
        predictor: the network.
        mask: the mask of every picture (a camera that stands still), or a function from a picture to its mask, or None where
            each call brings its own.
        merge: True keeps the plain prediction outside the mask, as sharp as without it, and lays virtual depth inside, fitted
            to the plain one by scale and shift on the pixels outside. False gives virtual depth for the whole picture,
            as Depth4ToM's labels are.
        options: how virtual depth is made; by default as `at_inference` says.
        tag: what the card's name ends in, so that results of different masks can be told apart.
    """

    def __init__(
        self,
        predictor: Predictor,
        mask: NDArray[Any] | Callable[[NDArray[np.uint8]], NDArray[Any]] | None = None,
        *,
        merge: bool = True,
        options: VirtualOptions | None = None,
        tag: str = "tom",
    ) -> None:
        self.predictor, self.mask, self.merge, self.tag = predictor, mask, merge, tag
        self.options = options or at_inference()

    @property
    def card(self) -> ModelCard:
        """The network's card, whose name says that glass and mirrors are painted over."""
        card = self.predictor.card
        where = "inside the mask" if self.merge else "of the whole picture"
        return replace(card, name=f"{card.name}+{self.tag}", notes=f"{card.notes} {self.options} {where}".strip(), scores={})

    @property
    def streams(self) -> int:
        """How many calls run at the same time without waiting for each other."""
        return int(getattr(self.predictor, "streams", 1))

    def __call__(
        self,
        image: NDArray[np.uint8],
        camera: Camera | None = None,
        *,
        mask: NDArray[Any] | None = None,
        name: str = "",
        output_hw: tuple[int, int] | None = None,
    ) -> Prediction:
        """Predict the map of one picture; see `leadline.labels.virtual_depth` for the arguments.

        Returns:
            The map, with the spread over the colours as its uncertainty.

        Raises:
            LeadlineError: there is no mask, or as `virtual_depth`.
        """
        if mask is None and callable(self.mask):
            mask = self.mask(image)
            if not mask.any() or mask.all():
                found = "all was taken for glass or mirrors" if mask.all() else "no glass or mirror was found"
                plain = self(image, camera, mask=np.zeros(mask.shape, bool), name=name, output_hw=output_hw)
                return replace(plain, notes=(*plain.notes[:-1], f"{found}: this is the plain prediction"))
        elif mask is None and not callable(self.mask):
            mask = self.mask
        if mask is None:
            raise LeadlineError("no mask of glass and mirrors: give one with the call, or to TomPredictor")
        virtual = virtual_depth(
            self.predictor,
            image,
            mask,
            camera,
            name=name,
            options=self.options,
            output_hw=output_hw,
            with_plain=self.merge,
        )
        if virtual.plain is None or not virtual.mask.any():
            return Prediction(virtual.depth, virtual.spread, virtual.notes)
        align = "least_squares" if self.options.align == "none" else self.options.align
        merged, scale, notes = merge_virtual(virtual.plain, virtual.depth, virtual.mask, align)
        spread = None if virtual.spread is None else virtual.spread * np.float32(scale)
        return Prediction(merged, spread, (*virtual.notes, *notes))

    def predict_photo(self, photo: Photo, name: str = "") -> Prediction:
        """Predict a `MaskedPhoto`, perhaps decoded at a reduced size; one without a mask is predicted plainly, and says so."""
        mask = photo.mask if isinstance(photo, MaskedPhoto) else None
        has_mask = mask is not None or self.mask is not None
        nothing = None if has_mask else np.zeros(photo.hw_full, bool)
        prediction = self(photo.pixels, photo.camera, mask=mask if has_mask else nothing, name=name, output_hw=photo.hw_full)
        if has_mask:
            return prediction
        return replace(prediction, notes=(*prediction.notes[:-1], "no mask: this is the plain prediction"))

    def predict_sample(self, sample: Sample) -> Prediction:
        """Predict a sample of a data set from the predictor's own mask or, without one, the true one that it carries.

        Raises:
            LeadlineError: there is no mask of surfaces.
        """
        if self.mask is not None:
            return self(sample.image, sample.camera, name=sample.name)
        masks = sample.masks
        if "material" in masks:
            marked = np.asarray(masks["material"]) > 0
        elif "mask_cat" in masks:  # Booster's classes: 2 and 3 are transparent or mirroring
            marked = np.asarray(masks["mask_cat"]) >= 2
        else:
            raise LeadlineError(f"{sample.name} has no mask 'material': expected a data set with masks of glass and mirrors")
        instance = masks.get("instance")
        labels = np.where(marked, np.asarray(instance) + 1, 0) if instance is not None else marked
        return self(sample.image, sample.camera, mask=labels, name=sample.name)
