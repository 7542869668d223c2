"""What the user named on the command line, as a list of jobs with the names of their outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from leadline.errors import LeadlineError

OWN_OUTPUTS = (".depth.png", ".preview.png", ".depth.tiff", ".preview.mp4")
MAPS = (".depth.png", ".depth.tiff", ".npz", ".npy", ".exr", ".pfm")


@dataclass(frozen=True)
class Input:
    """One picture, video or webcam, and the path of its outputs without suffix, relative to the output folder."""

    path: Path
    stem: Path
    medium: Literal["picture", "video", "webcam"]


def find_inputs(names: Sequence[str]) -> list[Input]:
    """Return the inputs that files, folders (searched deep, outputs of earlier runs left out) and webcam numbers stand for.

    Two inputs that would share an output name (A.jpg and A.png) keep their suffix in it (A.jpg.npz and A.png.npz).

    Raises:
        LeadlineError: a name does not exist, or a folder holds no picture and no video.
    """
    from leadline.io.image import IMAGE_SUFFIXES
    from leadline.io.video import VIDEO_SUFFIXES

    known = {*IMAGE_SUFFIXES, *VIDEO_SUFFIXES}
    found: list[tuple[Path, Path]] = []  # the file, and its name relative to what the user gave
    for name in names:
        path = Path(name)
        if path.is_dir():
            inside = sorted(
                file
                for file in path.rglob("*")
                if file.suffix.lower() in known
                and not any(part.startswith(".") for part in file.relative_to(path).parts)
                and not file.name.endswith(OWN_OUTPUTS)
                and file.is_file()
            )
            if not inside:
                raise LeadlineError(f"no pictures or videos in the folder {name!r}: expected files such as .jpg, .png, .mp4")
            found += [(file, file.relative_to(path)) for file in inside]
        elif path.exists() or not name.isdecimal():
            found.append((path, Path(path.name)))
        else:
            found.append((path, Path(f"webcam-{name}")))

    unique = list(dict.fromkeys(found))
    shared = Counter(relative.with_suffix("") for _, relative in unique)
    inputs: list[Input] = []
    taken: Counter[Path] = Counter()
    for file, relative in unique:
        stem = relative.with_suffix("") if shared[relative.with_suffix("")] == 1 else relative
        taken[stem] += 1
        if taken[stem] > 1:  # the same name in two folders: b/A.jpg beside a/A.jpg
            stem = stem.with_name(f"{stem.name}-{taken[stem]}")
        if not file.exists() and file.name.isdecimal():
            inputs.append(Input(file, relative, "webcam"))
        else:
            medium: Literal["picture", "video"] = "video" if file.suffix.lower() in VIDEO_SUFFIXES else "picture"
            inputs.append(Input(file, stem, medium))
    return inputs


def find_maps(paths: Sequence[Path], *, pictures: bool) -> list[tuple[str, Path]]:
    """Return the maps that files and folders (searched deep) stand for, each with the name of its picture.

    The name of A.depth.png is A, and in a folder that was given, with its folders in there: "drive/000".

    Args:
        paths: as the user gave them; files are not looked for.
        pictures: they are pictures, which are still to be predicted.

    Raises:
        LeadlineError: a folder without any, or two of one name.
    """
    found: list[tuple[str, Path]] = []
    for path in paths:
        if not path.is_dir():
            found.append((map_stem(path), path))
        elif pictures:
            shown = [item for item in find_inputs([str(path)]) if item.medium == "picture"]
            if not shown:
                raise LeadlineError(f"no pictures in the folder {str(path)!r}: expected files such as .jpg or .png")
            found += [(item.stem.as_posix(), item.path) for item in shown]
        else:
            inside = sorted(file for file in path.rglob("*") if file.name.endswith(MAPS) and not file.name.startswith("."))
            if not inside:
                raise LeadlineError(f"no depth files in the folder {str(path)!r}: expected files such as A.npz or A.depth.png")
            found += [(file.relative_to(path).with_name(map_stem(file)).as_posix(), file) for file in inside]
    known: dict[str, Path] = {}
    for name, path in found:
        if known.setdefault(name, path) != path:
            raise LeadlineError(
                f"two maps named {name!r}, {known[name]} and {path}: give them other names, or the folder that both lie in"
            )
    return list(dict.fromkeys(found))


def map_stem(path: Path) -> str:
    """Return the name of the picture that a map is of: A of A.depth.png."""
    return path.stem.removesuffix(".depth")
