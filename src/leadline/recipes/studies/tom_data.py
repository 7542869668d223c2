"""What the study of virtual labels is made of: views without truth on glass, photos with masks, and the labels of a network."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.data.folder import Source
from leadline.data.mask_files import MaskSource
from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write
from leadline.io.image import list_images, read_image
from leadline.labels.label_files import write_label
from leadline.labels.tom_predictor import TomPredictor
from leadline.labels.virtual_folder import Picture, label_virtual
from leadline.predictor import Predictor
from leadline.recipes.studies.study import LONGEST
from leadline.recipes.studies.tom import CLEARED, MOST_GLASS, PHOTOS, Folders, TomArm, TomStudy

# A picture to its materials, (h, w): 1 transparent, 2 mirror, 0 neither.
Segment = Callable[[NDArray[np.uint8]], NDArray[Any]]


def prepare(study: TomStudy, folders: Folders) -> None:
    """Clear views of the truth on glass, lay out photos and masks, and decode the base's views; what is there already is kept.

    Done before the trainings start, so that none of them waits for another's cache.

    Raises:
        LeadlineError: a world is missing.
    """
    for world in CLEARED:
        _clear_of_glass(folders.worlds / world, folders.cleared / world)
    for world in PHOTOS:
        lay_out_photos(folders.worlds / world, folders.photos)
    for text in study.base_config(0, folders).data.sources:
        source = Source.parse(text)
        source.ingest(source.open_store(folders.cache, LONGEST), LONGEST)


def lay_out_photos(world: Path, out: Path) -> None:
    """Link the pictures of a world into one folder of photos, and masks, true ones, numbered things and black ones, beside it.

    Nothing else of the world is taken: a fine-tuning sees no depth.
    """
    for scene in _scenes(world):
        for picture in sorted((scene / "image").iterdir()):
            name = f"{world.name}-{scene.name}-{picture.stem}.png"
            mask = scene / "material" / f"{picture.stem}.png"
            _write_mask(out / "masks-none" / name, partial(_nothing, mask))
            _write_mask(out / "masks-things" / name, partial(_things, mask))
            _link(mask, out / "masks-true" / name)
            _link(picture, out / "photos" / f"{world.name}-{scene.name}-{picture.name}")


def _write_mask(path: Path, make: Callable[[], NDArray[Any]]) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{os.getpid()}{path.name}")
        cv2.imwrite(str(temporary), make())
        temporary.replace(path)


def _segmented(segment: Segment, picture: Path) -> NDArray[np.uint8]:
    return np.asarray(segment(read_image(picture).pixels), dtype=np.uint8)


def _nothing(mask: Path) -> NDArray[np.uint8]:
    return np.zeros_like(_read_mask(mask))


def _things(mask: Path) -> NDArray[np.uint16]:
    """Return the (h, w) numbers of a world's things, from 1, where the mask marks glass or mirrors."""
    path = mask.parent.with_name("instance") / mask.name
    things = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if things is None:
        raise LeadlineError(f"{path} is no mask: delete its scene and render it again")
    return np.where(_read_mask(mask) > 0, things.astype(np.int64) + 1, 0).astype(np.uint16)


def write_proxy_masks(photos: Path, out: Path, segment: Segment) -> float:
    """Write the masks that a segmenter predicts; return their intersection over union with the true ones in ``masks-true``.

    Args:
        photos: folder that `lay_out_photos` has written.
        out: folder for the masks; those that are there are kept.
        segment: see `Segment`.
    """
    both = either = 0
    for picture in list_images(photos / "photos"):
        path = out / f"{picture.stem}.png"
        _write_mask(path, partial(_segmented, segment, picture))
        found, true = _read_mask(path) > 0, _read_mask(photos / "masks-true" / path.name) > 0
        both, either = both + int((found & true).sum()), either + int((found | true).sum())
    return both / max(1, either)


def write_labels(arm: TomArm, predictor: Predictor, photos: Path, masks: Path, out: Path) -> int:
    """Label the photos by an arm's way; return how many have a label. What is there is kept.

    Photos that have none, such as those that are glass all over, are not trained on.

    Raises:
        LeadlineError: more than one photo in ten can't be labelled.
    """
    pictures = [Picture(path, path.relative_to(photos).with_suffix("")) for path in list_images(photos)]
    source = MaskSource(masks, "mirror3d" if arm.labels == "things" else "material")  # the former has numbers of things
    if arm.merged:
        found = [(picture.path, _write_merged(arm, predictor, picture, source, out)) for picture in pictures]
    else:
        rows = label_virtual(pictures, predictor, source, out, arm.options, spread=False)
        found = [(Path(row.path), row.error) for row in rows]
    failed = [(path, error) for path, error in found if error is not None]
    if 10 * len(failed) > len(pictures):
        raise LeadlineError(f"{len(failed)} of {len(pictures)} photos have no label, {failed[0][0]}: {failed[0][1]}")
    return len(pictures) - len(failed)


def _write_merged(arm: TomArm, predictor: Predictor, picture: Picture, masks: MaskSource, out: Path) -> str | None:
    """Write a label; return why there is none."""
    path = out / f"{picture.stem}.npz"
    if path.exists():
        return None
    mask = masks.read(picture.path, picture.stem)
    if mask is None:
        return f"no mask in {masks.path}"
    tom = TomPredictor(predictor, mask.regions, options=arm.options)
    try:
        label = tom(read_image(picture.path).pixels, name=picture.stem.as_posix()).depth
    except LeadlineError as error:
        return str(error)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The fit's shift may take the farthest below what the network can say.
    write_label([path], replace(label, values=np.maximum(label.values, np.float32(0))), None)
    return None


def _clear_of_glass(world: Path, out: Path) -> None:
    """Lay out, in the world's own layout, the views that show little glass and mirror, without depth on it."""
    for scene in _scenes(world):
        target = out / scene.name
        if (target / "camera.json").exists():
            continue
        masks = {p: _read_mask(scene / "material" / f"{p.stem}.png") > 0 for p in sorted((scene / "image").iterdir())}
        kept = [picture for picture, mask in masks.items() if mask.mean() <= MOST_GLASS]
        if not kept:
            continue
        _link(scene / "sky", target / "sky")
        for picture in kept:
            _link(picture, target / "image" / picture.name)
            with atomic_write(target / "depth" / f"{picture.stem}.npy") as temporary:
                depth = np.load(scene / "depth" / f"{picture.stem}.npy")
                np.save(temporary, np.where(masks[picture], np.float32(0), depth))
        _link(scene / "camera.json", target / "camera.json")  # the last: with it the scene counts


def _scenes(world: Path) -> list[Path]:
    scenes = sorted(path.parent for path in world.glob("*/camera.json") if not path.parent.name.startswith("."))
    if not scenes:
        raise LeadlineError(f"no scene in {world}: render it with leadline synth")
    return scenes


def _read_mask(path: Path) -> NDArray[np.uint8]:
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise LeadlineError(f"{path} is no mask: delete its scene and render it again")
    return np.asarray(mask, dtype=np.uint8)


def _link(path: Path, link: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        try:
            link.symlink_to(path.resolve())
        except FileExistsError:  # another training was faster
            return
