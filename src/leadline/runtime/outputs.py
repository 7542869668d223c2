"""The files that one picture's prediction becomes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import DepthMap, replace_map
from leadline.errors import LeadlineError

SUFFIXES = {
    "png16": ".depth.png",
    "npz": ".npz",
    "npy": ".npy",
    "exr": ".exr",
    "pfm": ".pfm",
    "tiff": ".depth.tiff",
    "preview": ".preview.png",
    "ply": ".ply",
    "glb": ".glb",
}
COLOURED = ("ply", "glb")  # these need the photo's own pixels at full size


@dataclass(frozen=True)
class OutputOptions:
    """What to write of each picture, and how.

    Attributes:
        formats: keys of `SUFFIXES`.
        colormap: of previews.
        value_range: fixed colour range in the map's own numbers; None takes each map's.
        side_by_side: previews show the photo beside its depth.
    """

    formats: tuple[str, ...] = ("png16", "preview")
    colormap: str = "inferno"
    value_range: tuple[float, float] | None = None
    side_by_side: bool = False

    def __post_init__(self) -> None:
        if not self.formats:
            raise LeadlineError(f"nothing to write: expected some of {', '.join(SUFFIXES)}")
        if unknown := [name for name in self.formats if name not in SUFFIXES]:
            raise LeadlineError(f"unknown format {unknown[0]!r}: expected some of {', '.join(SUFFIXES)}")

    @property
    def needs_full_photo(self) -> bool:
        """Whether the photo's own pixels at full size are needed, or a smaller decode will do."""
        return self.side_by_side or any(name in COLOURED for name in self.formats)


def output_paths(folder: Path, stem: Path, options: OutputOptions) -> list[Path]:
    """Return the path of each format's file: ``folder/stem`` with the format's suffix (a dot in the stem stays)."""
    return [folder / stem.parent / (stem.name + SUFFIXES[name]) for name in options.formats]


def write_outputs(
    depth: DepthMap, pixels: NDArray[np.uint8], camera: Camera | None, folder: Path, stem: Path, options: OutputOptions
) -> list[Path]:
    """Write every file that `options` asks for, each whole or not at all, and return their paths.

    Args:
        depth: (h, w) map at the photo's full size.
        pixels: (h, w, 3) uint8 photo (any size if no format needs its colours).
        camera: the photo's camera at full size, or None.
        folder: where to; made if absent.
        stem: name relative to `folder`, without suffix.
        options: what to write.

    Raises:
        LeadlineError: a file can't be written.
    """
    from leadline.io.cloud import write_glb, write_ply
    from leadline.io.depth import write_depth
    from leadline.io.preview import write_preview

    if camera is not None and depth.camera is None:
        depth = replace_map(depth, camera=camera)
    paths = output_paths(folder, stem, options)
    try:
        paths[0].parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LeadlineError(
            f"can't make the folder {str(paths[0].parent)!r} ({error.strerror}): choose another with --out"
        ) from None
    for name, path in zip(options.formats, paths, strict=True):
        if name == "ply":
            write_ply(path, depth, pixels)
        elif name == "glb":
            write_glb(path, depth, pixels)
        elif name == "preview":
            photo = pixels if options.side_by_side else None
            write_preview(path, depth, photo, colormap=options.colormap, value_range=options.value_range)
        else:
            write_depth(path, depth)
    return paths
