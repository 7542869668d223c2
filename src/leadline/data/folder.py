"""Where training views come from: folders of rendered worlds and data set readers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np

from leadline.data.views import View, ViewStore, make_view
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError
from leadline.sample import Sample

CHUNK = 64


@dataclass(frozen=True)
class Source:
    """A folder of training views.

    Attributes:
        text: as the user wrote it: ``PATH`` of a rendered world (layout leadline-folder/1), or ``READER@PATH``.
        reader: name of a data set reader, or "" for a rendered world.
        root: the folder.
    """

    text: str
    reader: str
    root: Path

    @classmethod
    def parse(cls, text: str) -> Source:
        """Read ``PATH`` or ``READER@PATH``."""
        reader, at, path = text.partition("@")
        return cls(text, reader if at else "", Path(path if at else text))

    @property
    def name(self) -> str:
        """Short name for logs."""
        return self.reader or self.root.name

    def open_store(self, folder: Path, longest: int) -> ViewStore:
        """Return the source's decoded views, empty at first."""
        key = sha256(f"{self.reader}@{self.root.resolve()} {longest}".encode()).hexdigest()[:12]
        return ViewStore(folder, f"{self.name}-{key}")

    def ingest(self, store: ViewStore, longest: int) -> int:
        """Decode what is new into `store`; return how many views were added."""
        if not store.writable:
            store.refresh()
            return 0
        added = 0
        chunk: list[tuple[str, str, View]] = []
        for item in self._iter_new(store.names, longest):
            chunk.append(item)
            added += 1
            if len(chunk) == CHUNK:
                store.append(chunk)
                store.refresh()
                chunk = []
        store.append(chunk)
        store.refresh()
        return added

    def _iter_new(self, known: set[str], longest: int) -> Iterator[tuple[str, str, View]]:
        if not self.root.is_dir():
            raise LeadlineError(f"no folder {self.root} of training views: render one with leadline synth, or correct data.sources")
        if self.reader:
            from leadline.data.datasets.registry import load_dataset

            dataset = load_dataset(self.reader)
            if not dataset.info.training_allowed:
                raise LeadlineError(f"{dataset.info.title} may not be trained on ({dataset.info.licence}): leave it out of data.sources")
            names = dataset.names(self.root)
            for i, name in enumerate(names):
                if name not in known:
                    # Neighbouring frames look alike: they are held out, or not, in blocks.
                    yield name, f"{self.reader}/{i // 16}", make_view(dataset.read(self.root, name), longest)
            return
        for image_path in sorted(self.root.glob("*/image/*.png")):
            scene, stem = image_path.parts[-3], image_path.stem
            name = f"{scene}/{stem}"
            if name not in known and (sample := _read_rendered(image_path.parent.parent, stem, name)) is not None:
                yield name, f"{self.root.name}/{scene}", make_view(sample, longest)


def _read_rendered(scene: Path, stem: str, name: str) -> Sample | None:
    """Read one view of a scene in layout leadline-folder/1, or None while the renderer is still writing it."""
    paths = scene / "image" / f"{stem}.png", scene / "depth" / f"{stem}.npy", scene / "sky" / f"{stem}.png"
    if not all(path.exists() for path in paths):
        return None
    bgr, sky = cv2.imread(str(paths[0]), cv2.IMREAD_COLOR), cv2.imread(str(paths[2]), cv2.IMREAD_GRAYSCALE)
    if bgr is None or sky is None:
        raise LeadlineError(f"{paths[0]} or its sky mask is no picture: delete the scene's folder and render it again")
    depth = np.load(paths[1])
    return Sample(name, np.ascontiguousarray(bgr[..., ::-1]), DepthMap(depth, depth > 0, METRIC_DEPTH), masks={"sky": sky > 127})
