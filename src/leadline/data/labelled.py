"""Photos in one folder and what a network said of them in another: what ``leadline label`` writes, as training views."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import numpy as np

from leadline.depth_map import DepthMap, replace_map
from leadline.errors import LeadlineError
from leadline.io.depth import read_depth
from leadline.io.image import Photo, list_images, read_image
from leadline.runtime.sizing import resize_map, resize_picture
from leadline.sample import Sample

RECORD = "labels.json"
ENDINGS = (".npz", ".depth.png")
BESIDE = ".spread.npz"  # of a PNG, no label itself


def list_labels(photos: Path, labels: Path) -> dict[str, tuple[Path, Path]]:
    """Return photo and label by their common path without suffix, in order.

    A photo without a label is no view: `leadline label` says at its end which ones failed.

    Raises:
        LeadlineError: a folder is missing, there is no label, or a label has no photo or two.
    """
    if not labels.is_dir():
        raise LeadlineError(f"no folder {labels} of labels: make them with leadline label virtual PHOTOS --out {labels}")
    pictures: dict[str, list[Path]] = {}
    for path in list_images(photos):
        pictures.setdefault(path.relative_to(photos).with_suffix("").as_posix(), []).append(path)
    found = {}
    for path in sorted(labels.rglob("*")):
        ending = next((ending for ending in ENDINGS if path.name.endswith(ending)), None)
        if ending is None or path.name.endswith(BESIDE):
            continue
        name = path.relative_to(labels).as_posix().removesuffix(ending)
        fitting = pictures.get(name, [])
        if len(fitting) != 1:
            what = "no photo" if not fitting else f"two photos, {fitting[0].name} and {fitting[1].name}"
            raise LeadlineError(f"{path}: {what} of that name in {photos}; expected the folder that was labelled")
        found[name] = (fitting[0], path)
    if not found:
        raise LeadlineError(f"no label in {labels}: expected .npz or .depth.png files as leadline label writes them")
    return found


def read_labelled(photo: Path, label: Path, longest: int) -> Sample:
    """Return a photo, shrunk so that its longer side is at most `longest` pixels, with its label at the same size.

    Raises:
        LeadlineError: a file can't be read, or the two are of different shapes.
    """
    return labelled_sample(label.name, read_image(photo, at_least=longest), read_depth(label), longest, f"{photo}, {label}")


def labelled_sample(name: str, photo: Photo, depth: DepthMap, longest: int, where: str) -> Sample:
    """Return a photo that is decoded already with its label, both at one size; see `read_labelled`.

    Args:
        name: of the sample.
        photo: the picture.
        depth: its label, of any size.
        longest: longer side at most, pixels.
        where: photo and label in words, for errors.

    Raises:
        LeadlineError: the two are of different shapes.
    """
    (height, width), (label_h, label_w) = photo.hw_full, depth.hw
    # A network rounds its sides to multiples of 32 or 14, which may be a fifth of a small picture's.
    if max(width * label_h, height * label_w) > 1.5 * min(width * label_h, height * label_w):
        raise LeadlineError(
            f"{where}: the photo is {width} x {height}, the label {label_w} x {label_h}; expected one shape: same photo?"
        )
    scale = min(1.0, longest / max(height, width))
    hw = max(1, round(height * scale)), max(1, round(width * scale))
    pixels = photo.pixels if photo.pixels.shape[:2] == hw else resize_picture(photo.pixels, hw)
    return Sample(name, pixels, _resized(depth, hw))


def identity_of(labels: Path) -> str:
    """Return eight hex digits that change when a folder's labels are made anew, but not when their job goes on."""
    try:
        content = json.loads((labels / RECORD).read_text("utf-8"))
        runs = content.pop("runs", [])
    except (OSError, ValueError, AttributeError):
        return ""  # somebody else's labels
    begun = runs[0].get("begun", "") if runs else ""
    return sha256(json.dumps([content, begun], sort_keys=True).encode()).hexdigest()[:8]


def _resized(depth: DepthMap, hw: tuple[int, int]) -> DepthMap:
    """Return a network's map at another size: it has no edge that a mean would spoil more than the network did."""
    if depth.hw == hw:
        return depth
    whole = bool(depth.valid.all())
    valid = np.ones(hw, bool) if whole else resize_map(depth.valid.astype(np.float32), hw) > 1 - 1e-6
    return replace_map(depth, values=resize_map(depth.values.astype(np.float32), hw), valid=valid, camera=None)
