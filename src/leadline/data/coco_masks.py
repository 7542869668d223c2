"""Masks from the polygons of a COCO annotation file, which most annotation programs write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.data.datasets.files import read_json
from leadline.data.masks import CLASSES, MIRROR, TRANSPARENT, SurfaceMask
from leadline.errors import LeadlineError


class CocoMasks:
    """The masks of a COCO file, drawn when they are asked for.

    COCO counts from the picture's upper left corner, so that the first pixel covers 0 to 1; see `fill_polygon`. Where things
    overlap the later annotation wins. Pictures without annotations have an empty mask.

    Args:
        path: JSON with images, annotations and categories.
        classes: class of each category, by the category's name; None takes all for transparent but those whose name holds
            "mirror". With classes, categories that are not named are opaque.

    Raises:
        LeadlineError: no such file, no COCO file, or a category in `classes` that the file does not have.
    """

    def __init__(self, path: Path, classes: Mapping[str, int] | None = None) -> None:
        self.path = path
        content = read_json(path)
        try:
            names = {int(entry["id"]): str(entry["name"]) for entry in content["categories"]}
            self._images: dict[str, dict[str, Any]] = {str(entry["file_name"]): entry for entry in content["images"]}
            self._by_file = {Path(name).name: name for name in reversed(self._images)}
            self._annotations: dict[int, list[dict[str, Any]]] = {}
            for entry in content["annotations"]:
                self._annotations.setdefault(int(entry["image_id"]), []).append(entry)
        except (KeyError, TypeError, ValueError) as error:
            raise LeadlineError(f"{path}: no COCO file ({error!r}); expected images, annotations and categories") from None
        if classes is not None and (unknown := sorted(set(classes) - set(names.values()))):
            raise LeadlineError(f"{path} has no category {unknown[0]!r}: expected some of {', '.join(sorted(names.values()))}")
        self._classes = {
            number: (MIRROR if "mirror" in name.lower() else TRANSPARENT) if classes is None else classes.get(name, 0)
            for number, name in names.items()
        }

    def names(self) -> list[str]:
        """Return the pictures' file names, as the file has them."""
        return list(self._images)

    def find(self, picture: Path) -> str | None:
        """Return the name under which the file knows a picture: that of the longest end of its path, or None."""
        parts = picture.as_posix().split("/")
        ends = ("/".join(parts[i:]) for i in range(len(parts)))
        return next((end for end in ends if end in self._images), None) or self._by_file.get(picture.name)

    def read(self, name: str) -> SurfaceMask:
        """Draw the mask of a picture, at the size that the file says it has.

        Raises:
            LeadlineError: a broken or compressed annotation.
        """
        entry = self._images[name]
        try:
            hw = int(entry["height"]), int(entry["width"])
            material, instance = np.zeros(hw, np.uint8), np.zeros(hw, np.int32)
            for number, annotation in enumerate(self._annotations.get(int(entry["id"]), []), start=1):
                where = self._drawn(annotation["segmentation"], hw)
                material[where] = self._classes[int(annotation["category_id"])]
                instance[where] = number
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise LeadlineError(f"{self.path}: a broken annotation of {name} ({error!r}); export it again") from None
        return SurfaceMask(material, np.where(material > 0, instance, 0))

    def _drawn(self, segmentation: Any, hw: tuple[int, int]) -> NDArray[np.bool_]:
        if isinstance(segmentation, dict):
            counts = segmentation["counts"]
            if isinstance(counts, str):
                raise LeadlineError(f"{self.path} holds compressed masks: expected polygons or plain counts; export polygons")
            values = np.arange(len(counts)) % 2 == 1
            return np.repeat(values, counts).reshape(hw[::-1]).T  # run lengths go down the columns
        drawn = np.zeros(hw, bool)
        for polygon in segmentation:
            drawn |= fill_polygon(np.asarray(polygon, dtype=np.float64).reshape(-1, 2), hw)
        return drawn


def fill_polygon(corners: NDArray[np.float64], hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels whose centres lie within a polygon (even-odd); OpenCV would mark its rim, too, half a pixel too far.

    Args:
        corners: (n, 2) positions x, y; the first pixel covers 0 to 1.
        hw: the picture's size.
    """
    height, width = hw
    turns = np.zeros((height, width + 1), np.int32)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        # Rows whose centre the side passes: from the lower end, which counts, to the upper, which does not.
        first, last = (int(np.clip(np.ceil(y - 0.5), 0, height)) for y in sorted((y0, y1)))
        if first < last:
            rows = np.arange(first, last)
            x = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
            turns[rows, np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)] += 1
    inside: NDArray[np.bool_] = np.cumsum(turns, axis=1)[:, :-1] % 2 == 1
    return inside


def parse_categories(text: str) -> dict[str, int]:
    """Read ``"window=transparent,mirror=mirror"``.

    Raises:
        LeadlineError: an entry is not of that form.
    """
    classes: dict[str, int] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        category, _, name = (part.strip() for part in entry.rpartition("="))
        if not category or name not in CLASSES:
            raise LeadlineError(f"category {entry!r}: expected CATEGORY=CLASS, CLASS of {', '.join(CLASSES)}")
        classes[category] = CLASSES[name]
    return classes
