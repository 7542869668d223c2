"""Training views of what each pixel is: pictures with a class map instead of a depth.

They lie in the same store, go through the same crops and are mixed in the same way as those of `leadline.data.mixing`: a class
map takes the place of the disparity, which is sampled at the nearest pixel and marked -1 where unknown, as classes want it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.data.folder import Source, Unread
from leadline.data.mixing import Batch, MixedViews
from leadline.data.transforms import Augmentation
from leadline.data.views import View, ViewStore
from leadline.errors import LeadlineError
from leadline.runtime.segmenter_card import MIRROR, OPAQUE, SKY
from leadline.sample import Sample


class ClassBatch(NamedTuple):
    """Pictures and their classes.

    Attributes:
        image: (N, h, w, 3) uint8 sRGB.
        classes: (N, h, w) uint8 numbers of `leadline.runtime.segmenter_card.CLASSES`; 0 where not valid.
        valid: (N, h, w) bool, False beyond a turned picture's edge.
        names: of the views.
    """

    image: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    valid: NDArray[np.bool_]
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClassSource(Source):
    """A folder of views with classes: of a rendered world, or of a data set whose reader gives a mask "material"."""

    @classmethod
    def parse(cls, text: str) -> ClassSource:
        """Read ``PATH`` or ``READER@PATH``.

        Raises:
            LeadlineError: labels or a family of wrong truth are asked for, which are of depths.
        """
        source = Source.parse(text)
        if source.degradation or source.labels is not None:
            raise LeadlineError(f"data.sources has {text!r}, which speaks of depths: expected FOLDER or READER@FOLDER alone")
        return cls(source.text, source.reader, source.root)

    def open_store(self, folder: Path, longest: int) -> ViewStore:
        """See `Source.open_store`; a store of its own, beside that of the depths."""
        key = sha256(f"classes {self.reader}@{self.root.resolve()} {longest}".encode()).hexdigest()[:12]
        return ViewStore(folder, f"{self.name}-classes-{key}")

    def _iter_new(self, known: set[str], longest: int, broken: dict[str, str] | None) -> Iterator[tuple[str, str, View]]:
        if not self.root.is_dir():
            raise LeadlineError(
                f"no folder {self.root} of training views: render one with leadline synth tom, or correct data.sources"
            )
        for name, group, read in self._iter_reader(known) if self.reader else self._iter_rendered(known):
            try:
                view = make_class_view(read(), longest)
            except LeadlineError as error:
                if broken is None:
                    raise
                broken[f"{self.text}: {name}"] = str(error)
                continue
            yield name, group, view

    def _iter_rendered(self, known: set[str]) -> Iterator[Unread]:
        for name, group, _ in super()._iter_rendered(known):
            scene, _, view = name.rpartition("/")
            picture = next((self.root / scene / "image").glob(f"{view}.*"))
            # Scenes of one name are held out together: a world and its opaque twin show the same rooms.
            yield name, group.rpartition("/")[2], partial(_read_rendered, self.root / scene, picture, name)


class ClassViews:
    """An endless, reproducible stream of augmented batches with classes; see `leadline.data.mixing.MixedViews`."""

    def __init__(
        self,
        sources: list[ClassSource],
        weights: list[float],
        cache: Path,
        shapes: tuple[tuple[int, int], ...],
        batch_size: int,
        augmentation: Augmentation,
        seed: int,
        **options: Any,
    ) -> None:
        self.views = MixedViews(sources, weights, cache, shapes, batch_size, augmentation, seed, **options)

    def ingest(self) -> int:
        """Decode what the sources have gained; return the number of new views."""
        return self.views.ingest()

    def batch(self, number: int) -> ClassBatch:
        """Return batch `number`."""
        return as_classes(self.views.batch(number))

    def iter_batches(self, start: int = 0, step: int = 1) -> Iterator[ClassBatch]:
        """Yield every `step`-th batch from number `start` on, made ahead by threads."""
        batches = self.views.iter_batches(start, step)
        try:
            for batch in batches:
                yield as_classes(batch)
        finally:
            batches.close()  # type: ignore[attr-defined]

    def validation_views(self, most: int) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        """Return up to `most` held-out pictures with their (h, w) classes, evenly from all sources."""
        return [(view.image, view.disparity.astype(np.uint8)) for view in self.views.validation_views(most)]


def as_classes(batch: Batch) -> ClassBatch:
    """Read the numbers of a batch of `MixedViews` as classes."""
    return ClassBatch(batch.image, batch.disparity.astype(np.uint8), batch.valid, batch.names)


def class_map(sample: Sample) -> NDArray[np.uint8]:
    """Return the (h, w) classes of a sample: its mask "material", and its mask "sky", if it has one, where that is opaque.

    Raises:
        LeadlineError: it has no mask of materials, or one with other numbers than 0, 1 and 2.
    """
    if "material" not in sample.masks:
        raise LeadlineError(
            f"{sample.name} has no mask 'material': expected a rendered world, or a data set of glass or mirrors"
        )
    classes = np.asarray(sample.masks["material"]).astype(np.uint8)
    if classes.max(initial=0) > MIRROR:
        raise LeadlineError(f"{sample.name}: material {classes.max()}, expected 0 opaque, 1 transparent, 2 mirror")
    if "sky" in sample.masks:
        classes[np.asarray(sample.masks["sky"]).astype(bool) & (classes == OPAQUE)] = SKY
    return classes


def make_class_view(sample: Sample, longest: int) -> View:
    """Return the view of a sample, shrunk so that its longer side is at most `longest` pixels; its disparity is a class number.

    Raises:
        LeadlineError: see `class_map`.
    """
    image, classes = sample.image, class_map(sample)
    scale = min(1.0, longest / max(image.shape[:2]))
    if scale < 1:
        wh = round(image.shape[1] * scale), round(image.shape[0] * scale)
        image = np.asarray(cv2.resize(image, wh, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    small = cv2.resize(classes, image.shape[1::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return View(np.ascontiguousarray(image), np.ascontiguousarray(small.astype(np.float16)))


def _read_rendered(scene: Path, picture: Path, name: str) -> Sample:
    """Read of a view in layout leadline-folder/1 only what is needed: picture, materials and sky."""
    unknown = _unknown(scene, int(picture.stem))
    if "material" in unknown:
        raise LeadlineError(f"{picture}: its scene does not know its materials: leave the folder out of data.sources")
    parts: list[Any] = [cv2.imread(str(picture), cv2.IMREAD_COLOR)]
    parts += [cv2.imread(str(scene / kind / f"{picture.stem}.png"), cv2.IMREAD_GRAYSCALE) for kind in ("material", "sky")]
    bgr, material, sky = parts
    if bgr is None or material is None or sky is None:
        raise LeadlineError(f"{picture} or one of its masks is no picture: delete the scene's folder and render it again")
    masks: dict[str, NDArray[np.generic]] = {"material": material}
    if "sky" not in unknown:
        masks["sky"] = sky > 127
    return Sample(name, np.ascontiguousarray(bgr[..., ::-1], dtype=np.uint8), masks=masks)


def _unknown(scene: Path, index: int) -> list[str]:
    """Return which parts of a view its scene does not know, see `leadline.data.leadline_writer`."""
    try:
        return list(json.loads((scene / "camera.json").read_text("utf-8"))["views"][index].get("unknown", ()))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise LeadlineError(f"{scene / 'camera.json'}: {error!r}; expected a list of views") from None
