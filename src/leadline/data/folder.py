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

CHUNK = 64  # views between two writes
FRAMES_A_BLOCK = 16


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
                chunk = []
        store.append(chunk)
        return added

    def _iter_new(self, known: set[str], longest: int) -> Iterator[tuple[str, str, View]]:
        if not self.root.is_dir():
            raise LeadlineError(
                f"no folder {self.root} of training views: render one with leadline synth, or correct data.sources"
            )
        if self.reader:
            yield from self._iter_reader(known, longest)
            return
        scenes = {name.partition("/")[0] for name in known}
        for scene in sorted(path.parent for path in self.root.glob("*/camera.json")):
            # Scene folders appear whole, by a rename; those that start with a dot are unfinished.
            if scene.name.startswith(".") or scene.name in scenes:
                continue
            for path in sorted((scene / "image").iterdir()):
                sample = _read_rendered(scene, path)
                yield sample.name, f"{self.root.name}/{scene.name}", make_view(sample, longest)

    def _iter_reader(self, known: set[str], longest: int) -> Iterator[tuple[str, str, View]]:
        from leadline.data.datasets.registry import get_dataset

        dataset = get_dataset(self.reader)
        if not dataset.info.training_allowed:
            raise LeadlineError(
                f"{dataset.info.title} may not be trained on ({dataset.info.licence}): leave it out of data.sources"
            )
        for i, name in enumerate(dataset.names(self.root)):
            if name not in known:
                # Neighbouring frames look alike: they are held out, or not, in blocks.
                yield name, f"{self.reader}/{i // FRAMES_A_BLOCK}", make_view(dataset.read(self.root, name), longest)


def _read_rendered(scene: Path, picture: Path) -> Sample:
    """Read of a view in layout leadline-folder/1 only what training needs: picture, depth and sky."""
    depth, sky = (
        np.load(scene / "depth" / f"{picture.stem}.npy"),
        cv2.imread(str(scene / "sky" / f"{picture.stem}.png"), cv2.IMREAD_GRAYSCALE),
    )
    bgr = cv2.imread(str(picture), cv2.IMREAD_COLOR)
    if bgr is None or sky is None:
        raise LeadlineError(f"{picture} or its sky mask is no picture: delete the scene's folder and render it again")
    image = np.ascontiguousarray(bgr[..., ::-1], dtype=np.uint8)
    name = f"{scene.name}/{picture.stem}"
    return Sample(name, image, DepthMap(depth, depth > 0, METRIC_DEPTH), masks={"sky": sky > 127})
