"""Which prediction file belongs to which sample.

| sample | its file, in any format, first found |
| --- | --- |
| ``a/b`` | ``a/b.npy``, ``a/b.depth.png``, ``a_b.npy``, or ``b.npy`` if no other sample is called ``b`` |
| ``frame-0`` | ``frame-0.color.npz``: the picture's name begins with the sample's, and goes on with no letter or digit |
| ``7/0001`` | ``7/rgb/0001.npz``: the parts of the name, in order, among the folders of the path |
| ``Art`` | ``Art/view1.npz``, if the folder holds no other prediction |

The last three are how `leadline predict` names the predictions of a data set's pictures. A file that might belong to several
samples, or a sample with several files, is refused: a guess would score the wrong picture.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from leadline.errors import LeadlineError
from leadline.io.depth import FORMATS

# `leadline predict` writes NAME.depth.png and NAME.preview.png; the second is a picture for eyes.
_DEPTH_PART, _PREVIEW_PART = ".depth", ".preview"


def files_below(folder: Path) -> dict[str, Path]:
    """Return the depth files below a folder by their relative name without suffix, previews left out."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        stem = path.relative_to(folder).with_suffix("").as_posix()
        if path.suffix.lower() not in FORMATS or path.name.startswith(".") or stem.endswith(_PREVIEW_PART):
            continue
        found.setdefault(stem.removesuffix(_DEPTH_PART), path)
    return found


def files_of_samples(files: Mapping[str, Path], names: Sequence[str]) -> dict[str, Path]:
    """Return the file of each sample that has one, in the order of the samples.

    Args:
        files: by relative name, as `files_below` gives them.
        names: of the samples.

    Raises:
        LeadlineError: a file might belong to several samples, or a sample has several files.
    """
    last = [name.rpartition("/")[2] for name in names]
    often = Counter(last)
    found = {}
    for name, short in zip(names, last, strict=True):
        wanted = [name, name.replace("/", "_"), *([short] if often[short] == 1 else [])]
        stem = next((stem for stem in wanted if stem in files), None)
        if stem is not None:
            found[name] = stem
    found |= _named_as_pictures(sorted(files.keys() - set(found.values())), [name for name in names if name not in found])
    return {name: files[found[name]] for name in names if name in found}


def _named_as_pictures(stems: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Return sample -> file for files whose path holds the sample's name."""
    by_last: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
    for name in names:
        parts = [part for part in name.split("/") if part != "."]  # a data set of one picture may call it "."
        by_last[parts[-1] if parts else ""].append((name, parts))
    owners: dict[str, list[str]] = defaultdict(list)
    for stem in stems:
        fitting = dict(_fitting(stem.split("/"), by_last))
        if not fitting:
            continue
        # "a_1" is nearer to a_1_color than "a" is.
        longest = max(map(_length, fitting.values()))
        best = [name for name, parts in fitting.items() if _length(parts) == longest]
        if len(best) > 1:
            raise LeadlineError(f"prediction {stem!r} might be of {best[0]!r} or {best[1]!r}: name it as its sample")
        owners[best[0]].append(stem)
    for name, held in owners.items():
        if len(held) > 1:
            shown = ", ".join(held[:3]) + (", ..." if len(held) > 3 else "")
            raise LeadlineError(f"{len(held)} predictions might be of sample {name!r} ({shown}): keep one, or name it {name!r}")
    return {name: held[0] for name, held in owners.items()}


def _fitting(path: Sequence[str], by_last: Mapping[str, Sequence[tuple[str, list[str]]]]) -> Iterator[tuple[str, list[str]]]:
    """Yield the samples, with the parts of their names, that a path might be of."""
    yield from by_last.get("", ())
    for i, part in enumerate(path):
        for beginning in (part, *(part[: match.start()] for match in re.finditer(r"[^0-9A-Za-z]", part))):
            for name, parts in by_last.get(beginning, ()) if beginning else ():
                before = iter(path[:i])
                if all(folder in before for folder in parts[:-1]):  # in order, others between them
                    yield name, parts


def _length(parts: Sequence[str]) -> int:
    return sum(len(part) + 1 for part in parts)
