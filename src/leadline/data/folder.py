"""Where training views come from: rendered worlds, data set readers and labelled photos, as they are or degraded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np

from leadline.data.degrade import DEGRADATIONS, degrade
from leadline.data.labelled import identity_of, list_labels, read_labelled
from leadline.data.views import HELD_OUT, TRAINED_ON, View, ViewStore, make_view
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError
from leadline.sample import Sample

CHUNK = 64  # views between two writes
FRAMES_A_BLOCK = 16
LABELS_OF = "::"
FEWEST_BLOCKS = 40  # of fewer, chance may hold out none

# Name and group of a view, and what reads it.
Unread = tuple[str, str, Callable[[], Sample]]


@dataclass(frozen=True)
class Source:
    """A folder of training views.

    Attributes:
        text: as the user wrote it: ``PATH`` of a rendered world (layout leadline-folder/1), ``READER@PATH``, or
            ``PHOTOS::LABELS`` for photos and what ``leadline label`` made of them, in the labels' own unit; with ``#FAMILY``
            behind it the truth is made as wrong as that family's (`leadline.data.degrade`).
        reader: name of a data set reader, or "".
        root: the folder.
        degradation: the family, "" for the truth as it is.
        labels: folder of the labels of photos, else None.
    """

    text: str
    reader: str
    root: Path
    degradation: str = ""
    labels: Path | None = None

    @classmethod
    def parse(cls, text: str) -> Source:
        """Read ``PATH``, ``READER@PATH`` or ``PHOTOS::LABELS``, perhaps with ``#FAMILY`` behind it.

        Raises:
            LeadlineError: there is no such family.
        """
        where, _, family = text.partition("#")
        if family and family not in DEGRADATIONS:
            raise LeadlineError(f"data.sources has {text!r}: expected #{', #'.join(DEGRADATIONS)} or nothing behind the folder")
        photos, pair, labels = where.partition(LABELS_OF)
        if pair:
            return cls(text, "", Path(photos), family, Path(labels))
        reader, at, path = where.partition("@")
        return cls(text, reader if at else "", Path(path if at else where), family)

    @property
    def name(self) -> str:
        """Short name for logs."""
        name = self.reader or (self.labels or self.root).name
        return f"{name}-{self.degradation}" if self.degradation else name

    def open_store(self, folder: Path, longest: int) -> ViewStore:
        """Return the source's decoded views, empty at first."""
        family = f"#{self.degradation}" if self.degradation else ""
        labels = f"{LABELS_OF}{self.labels.resolve()} {identity_of(self.labels)}" if self.labels else ""
        key = sha256(f"{self.reader}@{self.root.resolve()}{labels}{family} {longest}".encode()).hexdigest()[:12]
        return ViewStore(folder, f"{self.name}-{key}")

    def ingest(self, store: ViewStore, longest: int, broken: dict[str, str] | None = None) -> int:
        """Decode what is new into `store`; return how many views were added.

        Args:
            store: as `open_store` gave it.
            longest: longer side of a view at most, pixels.
            broken: gets the names of the views that can't be read, with the reason; None makes the first of them an error.

        Raises:
            LeadlineError: the folder or the reader is not there, or a view can't be read.
        """
        if not store.writable:
            store.refresh()
            return 0
        added = 0
        chunk: list[tuple[str, str, View]] = []
        for item in self._iter_new(store.names, longest, broken):
            chunk.append(item)
            added += 1
            if len(chunk) == CHUNK:
                store.append(chunk)
                chunk = []
        store.append(chunk)
        return added

    def _iter_new(self, known: set[str], longest: int, broken: dict[str, str] | None) -> Iterator[tuple[str, str, View]]:
        if not self.root.is_dir():
            raise LeadlineError(
                f"no folder {self.root} of training views: render one with leadline synth, or correct data.sources"
            )
        for name, group, read in self._iter_unread(known, longest):
            try:
                view = make_view(read(), longest, keep_unit=self.labels is not None)
            except LeadlineError as error:
                if broken is None:
                    raise
                broken[f"{self.text}: {name}"] = str(error)
                continue
            if self.degradation:
                view = degrade(view, self.degradation, np.random.default_rng(list(name.encode())))
            yield name, group, view

    def _iter_unread(self, known: set[str], longest: int) -> Iterator[Unread]:
        if self.labels is not None:
            pairs = list_labels(self.root, self.labels)
            return _grouped(self.labels.name, {n: partial(read_labelled, *pairs[n], longest) for n in pairs}, known)
        return self._iter_reader(known) if self.reader else self._iter_rendered(known)

    def _iter_rendered(self, known: set[str]) -> Iterator[Unread]:
        scenes = {name.partition("/")[0] for name in known}
        for scene in sorted(path.parent for path in self.root.glob("*/camera.json")):
            # Scene folders appear whole, by a rename; those that start with a dot are unfinished.
            if scene.name.startswith(".") or scene.name in scenes:
                continue
            for path in sorted((scene / "image").iterdir()):
                name = f"{scene.name}/{path.stem}"
                yield name, f"{self.root.name}/{scene.name}", partial(_read_rendered, scene, path, name)

    def _iter_reader(self, known: set[str]) -> Iterator[Unread]:
        from leadline.data.datasets.registry import get_dataset

        dataset = get_dataset(self.reader)
        if not dataset.info.training_allowed:
            raise LeadlineError(
                f"{dataset.info.title} may not be trained on ({dataset.info.licence}): leave it out of data.sources"
            )
        readers = {name: partial(dataset.read, self.root, name) for name in dataset.names(self.root)}
        yield from _grouped(self.reader, readers, known)


def _grouped(title: str, readers: Mapping[str, Callable[[], Sample]], known: set[str]) -> Iterator[Unread]:
    """Yield what is not known yet.

    Neighbouring frames look alike: they are held out, or not, in blocks. A small set gives its last tenth.
    """
    size = max(1, min(FRAMES_A_BLOCK, len(readers) // 10))
    last = (len(readers) - 1) // size
    for i, (name, read) in enumerate(readers.items()):
        if name not in known:
            block = i // size
            group = f"{title}/{block}" if last >= FEWEST_BLOCKS else HELD_OUT if block == last else TRAINED_ON
            yield name, group, read


def _read_rendered(scene: Path, picture: Path, name: str) -> Sample:
    """Read of a view in layout leadline-folder/1 only what training needs: picture, depth and sky."""
    try:
        depth = np.load(scene / "depth" / f"{picture.stem}.npy")
    except (OSError, ValueError, EOFError) as error:
        raise LeadlineError(
            f"can't read the depth of {picture} ({error}): delete the scene's folder and render it again"
        ) from None
    sky = cv2.imread(str(scene / "sky" / f"{picture.stem}.png"), cv2.IMREAD_GRAYSCALE)
    bgr = cv2.imread(str(picture), cv2.IMREAD_COLOR)
    if bgr is None or sky is None:
        raise LeadlineError(f"{picture} or its sky mask is no picture: delete the scene's folder and render it again")
    image = np.ascontiguousarray(bgr[..., ::-1], dtype=np.uint8)
    return Sample(name, image, DepthMap(depth, depth > 0, METRIC_DEPTH), masks={"sky": sky > 127})
