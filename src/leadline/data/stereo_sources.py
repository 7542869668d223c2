"""Where stereo pairs for training come from: rendered worlds, data set readers, one's own folders, and drawn pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.data.datasets.dataset import Dataset
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.data.stereo_layers import Pair, layered_pair
from leadline.data.stereo_warp import warped_pair
from leadline.data.views import HELD_OUT, TRAINED_ON, held_out
from leadline.depth_map import PIXEL_DISPARITY, DepthMap, Quantity
from leadline.errors import LeadlineError
from leadline.io.depth import read_depth, read_header
from leadline.io.header import kind_in
from leadline.io.image import IMAGE_SUFFIXES, read_image

LAYERS, WARP = "layers", "warp"
USUAL_PX = 48.0
MOST_PHOTOS, PHOTO_SIDE = 300, 320
FRAMES_A_BLOCK, FEWEST_BLOCKS = 16, 40  # as `leadline.data.folder` holds readers' samples out
LABEL_SUFFIXES = (".disparity.png", ".npz", ".pfm", ".png")
DRAWN_HW = (240, 320)
_DRAWN = "drawn"

# A pair, given the generator that pairs are drawn with; pairs that are read don't use it.
Read = Callable[[np.random.Generator], Pair]


@dataclass(frozen=True)
class Found:
    """A pair that can be read.

    Attributes:
        name: of the pair.
        group: pairs of one group are held out together.
        read: reads it.
    """

    name: str
    group: str
    read: Read

    @property
    def held_out(self) -> bool:
        """Whether it is kept for validation."""
        return self.group != _DRAWN and held_out(self.group)


@dataclass(frozen=True)
class StereoSource:
    """A source of pairs.

    Attributes:
        text: as the user wrote it, one of

            * ``FOLDER``: a world of ``leadline synth --stereo``, or one's own pairs: pictures of the same names in
              ``FOLDER/left`` and ``FOLDER/right``, with ``::LABELS`` behind it;
            * ``READER@FOLDER``: a data set of stereo pairs;
            * ``layers:PX`` or ``layers:PX@PHOTOS``: planes of disparities up to PX pixels, some textures cut from photos
              (`leadline.data.stereo_layers`);
            * ``warp:PX@WORLD``: pairs drawn from the pictures and the depth of a world without a right eye, the nearest surface
              at up to PX pixels (`leadline.data.stereo_warp`);

            ``::LABELS`` behind a folder takes the disparity from files named as the pairs, as ``leadline label stereo-merge``
            writes them, instead of the truth; pairs without such a file are left out.
        reader: what stands before ``@`` or ``:``, "" for a folder.
        root: the folder.
        labels: folder of labels, or None.
        largest_px: PX.
    """

    text: str
    reader: str
    root: Path | None
    labels: Path | None = None
    largest_px: float = USUAL_PX
    _photos: list[NDArray[np.uint8]] = field(default_factory=list, compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> StereoSource:
        """Read what the user wrote.

        Raises:
            LeadlineError: it is none of the above.
        """
        where, _, labels = text.partition("::")
        before, at, path = where.partition("@")
        reader, _, largest = before.partition(":")
        if reader in (LAYERS, WARP):
            try:
                largest_px = float(largest or USUAL_PX)
            except ValueError:
                raise LeadlineError(f"data.sources has {text!r}: expected pixels behind {reader}:, for instance 48") from None
            if labels or (reader == WARP and not at):
                raise LeadlineError(f"data.sources has {text!r}: expected layers:48, layers:48@PHOTOS or warp:48@WORLD")
            return cls(text, reader, Path(path) if at else None, None, largest_px)
        return cls(text, before if at else "", Path(path if at else where), Path(labels) if labels else None)

    @property
    def draws(self) -> bool:
        """Whether a pair is another one each time it is read."""
        return self.reader in (LAYERS, WARP)

    def find(self) -> list[Found]:
        """Return the pairs that there are now; of drawn layers one, which is another each time it is read.

        Raises:
            LeadlineError: no such folder or reader, or one that may not be trained on.
        """
        if self.root is not None and not self.root.is_dir():
            raise LeadlineError(
                f"no folder {self.root} of stereo pairs: render one with leadline synth --stereo, or correct data.sources"
            )
        if self.reader == LAYERS:
            return [Found(LAYERS, _DRAWN, self._draw_layers)]
        found = list(self._iter_reader() if self.reader not in ("", WARP) else self._iter_folder())
        if self.labels is None:
            return found
        if not self.labels.is_dir():
            raise LeadlineError(f"no folder {self.labels} of labels: expected what leadline label stereo-merge wrote")
        labelled = [(each, _label_of(self.labels, each.name)) for each in found]
        return [Found(e.name, e.group, partial(_with_label, e.read, path)) for e, path in labelled if path is not None]

    def _iter_folder(self) -> Iterator[Found]:
        assert self.root is not None
        if (self.root / "left").is_dir():
            yield from _iter_own(self.root, self.labels is not None)
            return
        for scene in sorted(path.parent for path in self.root.glob("*/camera.json")):
            if scene.name.startswith("."):  # unfinished
                continue
            for picture in sorted((scene / "image").iterdir()):
                if self.reader == WARP:
                    read: Read = partial(self._warp, scene, picture)
                else:
                    read = partial(_read_rendered, scene, picture)
                yield Found(f"{scene.name}/{picture.stem}", f"{self.root.name}/{scene.name}", read)

    def _iter_reader(self) -> Iterator[Found]:
        from leadline.data.datasets.registry import get_dataset

        assert self.root is not None
        dataset = get_dataset(self.reader)
        if not dataset.info.training_allowed:
            raise LeadlineError(
                f"{dataset.info.title} may not be trained on ({dataset.info.licence}): leave it out of data.sources"
            )
        names = dataset.names(self.root)
        size = max(1, min(FRAMES_A_BLOCK, len(names) // 10))
        last = (len(names) - 1) // size
        root = self.root
        for i, name in enumerate(names):
            block = i // size
            group = f"{self.reader}/{block}" if last >= FEWEST_BLOCKS else HELD_OUT if block == last else TRAINED_ON
            yield Found(name, group, partial(_read_sample, dataset, root, name))

    def _draw_layers(self, rng: np.random.Generator) -> Pair:
        return layered_pair(rng, DRAWN_HW, self.largest_px, self._pictures())

    def _warp(self, scene: Path, picture: Path, rng: np.random.Generator) -> Pair:
        depth, sky = _load(scene / "depth" / f"{picture.stem}.npy"), _read_sky(scene, picture.stem)
        inverse = np.divide(1, depth, out=np.zeros_like(depth), where=depth > 0)
        others = self._pictures()
        behind = cv2.resize(others[int(rng.integers(len(others)))], depth.shape[::-1], interpolation=cv2.INTER_LINEAR)
        largest = self.largest_px * rng.uniform(0.3, 1.0)
        return warped_pair(_picture(picture), inverse, (depth > 0) | sky, largest, np.asarray(behind, dtype=np.uint8))

    def _pictures(self) -> Sequence[NDArray[np.uint8]]:
        """Return photos for textures, read once."""
        if not self._photos and self.root is not None:
            paths = sorted(p for p in self.root.glob("*/image/*")) or sorted(self.root.rglob("*"))
            paths = [path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES]
            if not paths:
                raise LeadlineError(f"no pictures below {self.root}: expected some to cut textures from")
            step = max(1, len(paths) // MOST_PHOTOS)
            self._photos.extend(_shrunk(_picture(path)) for path in paths[::step][:MOST_PHOTOS])
        return self._photos


def _iter_own(root: Path, labelled: bool) -> Iterator[Found]:
    """Yield one's own pairs; their last tenth is held out."""
    if not labelled:
        raise LeadlineError(f"{root} has pairs without disparities: expected {root}::LABELS")
    right = {path.stem: path for path in (root / "right").glob("*")}
    paths = [path for path in sorted((root / "left").glob("*")) if path.suffix.lower() in IMAGE_SUFFIXES]
    for i, path in enumerate(paths):
        if path.stem not in right:
            raise LeadlineError(f"no right picture for {path}: expected one named {path.stem} in {root / 'right'}")
        group = HELD_OUT if i >= len(paths) - max(1, len(paths) // 10) else TRAINED_ON
        yield Found(path.stem, group, partial(_read_own, path, right[path.stem]))


def _read_own(left: Path, right: Path, _: np.random.Generator) -> Pair:
    pictures = read_image(left).pixels, read_image(right).pixels
    hw = pictures[0].shape[:2]
    return _checked(Pair(*pictures, np.zeros(hw, np.float32), np.zeros(hw, bool)), str(left))


def _read_rendered(scene: Path, picture: Path, _: np.random.Generator) -> Pair:
    disparity = _load(scene / "pixel_disparity" / f"{picture.stem}.npy")
    sky = _read_sky(scene, picture.stem)
    pair = Pair(_picture(picture), _picture(scene / "right" / picture.name), disparity, (disparity > 0) | sky)
    return _checked(pair, str(picture))


def _read_sample(dataset: Dataset, root: Path, name: str, _: np.random.Generator) -> Pair:
    return _pair_of(dataset.read(root, name))


def _pair_of(sample: object) -> Pair:
    """Return the pair of a data set's sample, its truth in pixels of the left picture."""
    if not isinstance(sample, StereoPair) or sample.right is None or sample.depth is None:
        name = getattr(sample, "name", "a sample")
        raise LeadlineError(f"{name} is no stereo pair with truth: leave its source out of data.sources")
    disparity = _disparity_of(sample.depth, sample)
    return _checked(Pair(sample.image, sample.right, disparity.values, disparity.valid), sample.name)


def _disparity_of(depth: DepthMap, sample: StereoPair) -> DepthMap:
    if depth.kind == PIXEL_DISPARITY:
        return depth
    camera = depth.camera or sample.camera
    if depth.kind.quantity is not Quantity.DEPTH or sample.baseline_m is None or camera is None:
        raise LeadlineError(f"{sample.name} has a {depth.kind} truth: expected pixel_disparity, or depth with a known rig")
    inverse = depth.to_disparity()
    values = np.where(inverse.valid, camera.fx * sample.baseline_m * inverse.values - sample.offset_px, 0)
    return DepthMap(values.astype(np.float32), inverse.valid, PIXEL_DISPARITY, camera, depth.source)


def _checked(pair: Pair, name: str) -> Pair:
    if not pair.left.shape[:2] == pair.right.shape[:2] == pair.disparity.shape:
        raise LeadlineError(
            f"{name}: pictures of {pair.left.shape[:2]} and {pair.right.shape[:2]} with a disparity of {pair.disparity.shape}: "
            "expected one size"
        )
    return pair


def _label_of(folder: Path, name: str) -> Path | None:
    return next((path for suffix in LABEL_SUFFIXES if (path := folder / f"{name}{suffix}").is_file()), None)


def _with_label(read: Read, path: Path, rng: np.random.Generator) -> Pair:
    pair = read(rng)
    label = read_depth(path, kind=None if kind_in(read_header(path)) else PIXEL_DISPARITY)
    if label.kind != PIXEL_DISPARITY:
        raise LeadlineError(f"{path} holds {label.kind}: expected a pixel_disparity")
    values = np.where(label.valid, label.values, 0).astype(np.float32)
    return _checked(Pair(pair.left, pair.right, values, label.valid), str(path))


def _picture(path: Path) -> NDArray[np.uint8]:
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise LeadlineError(f"{path} is no picture: delete the scene's folder and render it again")
    return np.ascontiguousarray(bgr[..., ::-1], dtype=np.uint8)


def _load(path: Path) -> NDArray[np.float32]:
    try:
        return np.asarray(np.load(path), dtype=np.float32)
    except (OSError, ValueError, EOFError) as error:
        raise LeadlineError(f"can't read {path} ({error}): was the world rendered with --stereo?") from None


def _read_sky(scene: Path, stem: str) -> NDArray[np.bool_]:
    sky = cv2.imread(str(scene / "sky" / f"{stem}.png"), cv2.IMREAD_GRAYSCALE)
    if sky is None:
        raise LeadlineError(f"no sky mask of {scene / stem}: delete the scene's folder and render it again")
    return np.asarray(sky > 127)


def _shrunk(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = PHOTO_SIDE / max(picture.shape[:2])
    if scale >= 1:
        return picture
    wh = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    return np.asarray(cv2.resize(picture, wh, interpolation=cv2.INTER_AREA), dtype=np.uint8)
