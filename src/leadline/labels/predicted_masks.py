"""Masks of glass and mirrors that a segmenter finds, where others come from files."""

from __future__ import annotations

from pathlib import Path

from leadline.data.masks import SurfaceMask
from leadline.io.image import read_image
from leadline.runtime.segmenter import Segmenter

LEAST_PX = 768  # longer side at which a picture is decoded for the segmenter, which sees fewer


class PredictedMasks:
    """A segmenter as a source of masks; see `leadline.data.mask_files.MaskSource`.

    Attributes:
        path: the segmenter's name, which a record of labels gives as where the masks lay.
        convention: says in a record which segmenter it was.
        mapping: None.
    """

    def __init__(self, segmenter: Segmenter) -> None:
        card = segmenter.card
        self._segmenter, self.path, self.mapping = segmenter, Path(card.name), None
        self.convention = f"predicted by {card.name} {card.sha256}".strip()

    def read(self, picture: Path, stem: Path) -> SurfaceMask:
        """Return what the segmenter says of a picture's file, perhaps decoded at a reduced size; `stem` does not matter."""
        return SurfaceMask(self._segmenter.surfaces(read_image(picture, at_least=LEAST_PX).pixels))
