"""Which mask belongs to which picture: one for all, a folder of masks by the pictures' names, or a COCO file."""

from __future__ import annotations

from pathlib import Path

from leadline.data.coco_masks import CocoMasks, parse_categories
from leadline.data.masks import CONVENTIONS, SurfaceMask, parse_mapping, read_surfaces
from leadline.errors import LeadlineError
from leadline.io.image import list_images

# What a mask's name may have behind the picture's.
ENDINGS = ("", "_mask", "-mask")


class MaskSource:
    """Masks for pictures.

    In a folder, the mask of ``a/photo.jpg`` is ``a/photo.png``, ``a/photo_mask.png``, ``a/photo-mask.png`` or
    ``a/photo.jpg.png``, of any picture format; if there is no such path, the only one of that name in any of its folders.

    Attributes:
        path: a mask file for all pictures (a camera that stands still), a folder, or a COCO JSON file.
        convention: of the files' numbers, see `leadline.data.masks.CONVENTIONS`.
        mapping: text of a mapping instead, see `parse_mapping`; for a COCO file categories, see `parse_categories`.

    Raises:
        LeadlineError: no such file or folder, no mask in the folder, an unknown convention or a mapping that can't be read.
    """

    def __init__(self, path: Path, convention: str = "any", mapping: str | None = None) -> None:
        self.path, self.convention, self.mapping = path, convention, mapping
        if convention not in CONVENTIONS:
            raise LeadlineError(f"mask convention {convention!r}: expected one of {', '.join(CONVENTIONS)}")
        if mapping is not None and convention != "any":
            raise LeadlineError(f"mask convention {convention!r} and a mapping {mapping!r}: give one of them")
        self._coco: CocoMasks | None = None
        self._files: dict[str, list[Path]] = {}
        self._paths_of: dict[str, list[str]] = {}
        if path.is_dir():
            for file in list_images(path):
                self._files.setdefault(file.relative_to(path).with_suffix("").as_posix(), []).append(file)
            if not self._files:
                raise LeadlineError(f"no masks in the folder {str(path)!r}: expected pictures such as PHOTO.png")
            for name in self._files:
                self._paths_of.setdefault(name.rpartition("/")[2], []).append(name)
        elif not path.exists():
            raise LeadlineError(f"no masks {str(path)!r}: expected a mask file, a folder of masks or a COCO .json")
        elif path.suffix.lower() == ".json":
            self._coco = CocoMasks(path, None if mapping is None else parse_categories(mapping))
        self._parsed = parse_mapping(mapping) if mapping is not None and self._coco is None else None

    @property
    def is_for_all(self) -> bool:
        """Whether it is one mask for every picture."""
        return self._coco is None and not self._files

    def has(self, picture: Path, stem: Path) -> bool:
        """Return whether there is a mask for a picture; see `read`."""
        return bool(self._coco.find(picture) if self._coco else self._find(picture, stem))

    def read(self, picture: Path, stem: Path) -> SurfaceMask | None:
        """Return a picture's mask at the mask's own size, None if there is none.

        Args:
            picture: the picture's file.
            stem: its path without suffix, relative to the folder that the user gave.

        Raises:
            LeadlineError: two files could be its mask, or it can't be read.
        """
        if self._coco is not None:
            name = self._coco.find(picture)
            return None if name is None else self._coco.read(name)
        path = self._find(picture, stem)
        return None if path is None else read_surfaces(path, self.convention, self._parsed)

    def _find(self, picture: Path, stem: Path) -> Path | None:
        if self.is_for_all:
            return self.path
        whole, itself = stem.as_posix(), picture.resolve()
        wanted = [f"{whole}{ending}" for ending in ENDINGS] + [stem.with_name(picture.name).as_posix()]
        for last in (*(f"{picture.stem}{ending}" for ending in ENDINGS), picture.name):
            if len(paths := self._paths_of.get(last, [])) == 1:
                wanted += paths
        for name in wanted:
            # A folder may hold the pictures, too.
            files = [file for file in self._files.get(name, []) if file.resolve() != itself]
            if len(files) > 1:
                raise LeadlineError(f"two masks for {picture.name}, {files[0].name} and {files[1].name}: remove one of them")
            if files:
                return files[0]
        return None
