"""Anybody's own pictures beside depth files: `leadline_images.toml` in the root says which file is whose and what it holds."""

from __future__ import annotations

from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path

import numpy as np

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_picture
from leadline.data.datasets.image_layout import SETTINGS, ImageLayout, read_settings
from leadline.data.datasets.picture_size import picture_at
from leadline.depth_map import Ambiguity, DepthMap, replace_map
from leadline.errors import LeadlineError
from leadline.io.depth import FORMATS, read_depth
from leadline.io.header import StoredMap, kind_in
from leadline.sample import Sample

INFO = DatasetInfo(
    name="images_and_depths",
    title="pictures beside depth files",
    layout=f"{SETTINGS} with images, depths, kind and scale; the files as it says",
    kind=None,
    unit="as `scale` or `convention` says, or as the depth files' headers do",
    invalid="as `invalid` says (0 if it is not there), NaN and infinity; in maps of depth and distance all that is not "
    "positive",
    camera="[camera] of the settings; its first_pixel_centre says where the first pixel's centre is (0 as in OpenCV)",
    licence="yours",
    citation="yours",
    training_allowed=True,
    notes="a picture larger than its depth file is averaged down to it, and its camera with it",
)


def make_dataset(layout: ImageLayout) -> Dataset:
    """Return a reader of folders with this layout, for those that have no settings file.

    Example:
        >>> make_dataset(ImageLayout("rgb/*.jpg", "depth/*.png", convention="nyu")).info.name
        'images_and_depths'
    """
    return Dataset(INFO, partial(_list, layout), partial(_read, layout))


def read_layout_map(path: Path, layout: ImageLayout) -> DepthMap:
    """Return a depth file as the layout says.

    Raises:
        LeadlineError: the file is missing or damaged, says something else of itself, or nothing says what its numbers are.
    """
    if layout.convention is not None:
        return _positive(read_depth(path, convention=layout.convention))
    if layout.kind is None:
        try:
            return _positive(read_depth(path))
        except LeadlineError as error:
            raise LeadlineError(
                f'{error} (in {SETTINGS}: kind = "depth/metric" and scale = 0.001, or convention = "nyu")'
            ) from None
    stored = _stored(path)
    stated = kind_in(stored.header)
    if stated is not None:
        if stated != layout.kind or layout.scale is not None:
            raise LeadlineError(
                f"{path}: its header says {stated} and how it is stored; leave kind and scale out of {SETTINGS}"
            )
        return _positive(read_depth(path))
    if stored.numbers.dtype.kind != "f" and layout.scale is None and layout.kind.ambiguity is Ambiguity.METRIC:
        raise LeadlineError(
            f"{path} holds integers (up to {stored.numbers.max(initial=0)}), and nothing says what one is worth in "
            f"{layout.kind.unit}: expected a scale in {SETTINGS}, such as scale = 0.001 for millimetres"
        )
    numbers = stored.numbers
    valid = np.isfinite(numbers) if stored.valid is None else stored.valid.copy()
    for marker in layout.invalid:
        valid &= numbers != marker
    return _positive(DepthMap(numbers * np.float64(layout.scale or 1.0), valid, layout.kind))


def _stored(path: Path) -> StoredMap:
    name = FORMATS.get(path.suffix.lower())
    if name is None:
        raise LeadlineError(f"{path}: no format of depth files; expected {', '.join(FORMATS)}")
    try:
        stored: StoredMap = import_module(f"leadline.io.{name}").read(path)
    except OSError as error:
        raise LeadlineError(f"can't read {path}: {error.strerror or error}; has each picture its depth?") from None
    except LeadlineError as error:
        raise LeadlineError(f"can't read {path}: {error}") from None
    return stored


def _positive(depth: DepthMap) -> DepthMap:
    """Return the map without numbers that can't be distances; a disparity of unknown shift may have any sign."""
    if depth.kind.ambiguity in (Ambiguity.AFFINE_INVARIANT, Ambiguity.ORDINAL):
        return depth
    positive = depth.values > 0  # what is not valid is 0
    return depth if np.array_equal(positive, depth.valid) else replace_map(depth, valid=depth.valid & positive)


@lru_cache(maxsize=4)  # a folder is not listed again for each sample
def _pairs(layout: ImageLayout, root: Path) -> dict[str, tuple[Path, Path]]:
    return layout.pairs(root)


def _list(layout: ImageLayout, root: Path) -> list[str]:
    _pairs.cache_clear()  # files may have come since
    return list(_pairs(layout, root))


def _read(layout: ImageLayout, root: Path, name: str) -> Sample:
    if name not in (pairs := _pairs(layout, root)):
        raise LeadlineError(f'{root}: no sample {name!r}; expected one of those that images = "{layout.images}" finds')
    picture, path = pairs[name]
    depth = read_layout_map(path, layout)
    full = read_picture(picture)
    image = picture_at(full, depth.hw, path)
    camera: Camera | None = depth.camera
    if layout.camera is not None:
        camera = layout.camera.camera((full.shape[0], full.shape[1])).resize(depth.hw)
    return Sample(name, image, replace_map(depth, camera=camera, source=depth.source or root.name), camera)


def _list_by_file(root: Path) -> list[str]:
    return _list(read_settings(root), root)


def _read_by_file(root: Path, name: str) -> Sample:
    return _read(read_settings(root), root, name)


DATASET = Dataset(INFO, _list_by_file, _read_by_file)
iter_samples = DATASET.iter_samples
