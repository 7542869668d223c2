"""Merged stereo labels of whole folders, resumed after a stop."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from leadline.data.mask_files import MaskSource
from leadline.depth_map import PIXEL_DISPARITY, DepthMap
from leadline.errors import LeadlineError
from leadline.io.depth import FORMATS, read_depth, read_header, write_depth
from leadline.io.header import kind_in
from leadline.labels.label_files import SPREAD_SUFFIX
from leadline.labels.provenance import LabelRecord, refuse_foreign
from leadline.labels.stereo_merge import merge_stereo
from leadline.labels.virtual_folder import Labelled
from leadline.runtime.pipeline import describe

# Half floats are too coarse for disparities: 0.125 px from 128 px on.
SUFFIXES = {"png16": ".disparity.png", "npz": ".npz", "pfm": ".pfm"}
# What programs put behind a picture's name, leadline itself included.
_ENDINGS = (".depth", ".disparity")


def iter_merged(
    disparities: Path,
    virtual: Path,
    masks: MaskSource,
    out: Path,
    *,
    convention: str | None = None,
    robust: bool = False,
    write: str = "png16",
) -> Iterator[Labelled]:
    """Merge every disparity with the virtual depth and the mask of its name; yield what became of each.

    One that lacks either, or that can't be merged, fails, and the others go on.

    Args:
        disparities: folder of depth files, pixel_disparity by their headers or, where they have none, by assumption.
        virtual: folder of `label_virtual`, of the left pictures.
        masks: of the left pictures.
        out: folder for the labels; gets a ``labels.json``.
        convention: of disparities in integers, by name (`leadline.io.conventions`).
        robust: see `merge_stereo`.
        write: "png16", "npz" or "pfm".

    Raises:
        LeadlineError: a folder that is not there or empty, an unknown format, or `out` holds other labels.
    """
    if write not in SUFFIXES:
        raise LeadlineError(f"label format {write!r}: expected one of {', '.join(SUFFIXES)}")
    if out.resolve() in (disparities.resolve(), virtual.resolve()):
        raise LeadlineError(f"{out} is a folder of the inputs: expected another one for the labels")
    stereo, mono = _depth_files(disparities), _depth_files(virtual)
    files = {name: out / f"{name}{SUFFIXES[write]}" for name in stereo}
    settings = {"robust": robust, "write": write, "convention": convention, "masks_as": masks.mapping or masks.convention}
    record = LabelRecord(out, "stereo-merge", settings)
    refuse_foreign(list(files.values()), record)
    inputs = {"disparities": str(disparities), "virtual": str(virtual), "masks": str(masks.path)}
    return _run(stereo, mono, masks, files, record, inputs, convention, robust)


def _run(
    stereo: dict[str, Path],
    mono: dict[str, Path],
    masks: MaskSource,
    files: dict[str, Path],
    record: LabelRecord,
    inputs: dict[str, str],
    convention: str | None,
    robust: bool,
) -> Iterator[Labelled]:
    done = kept = 0
    failures: dict[str, str] = {}
    try:
        for name, path in stereo.items():
            if files[name].exists():
                kept += 1
                yield Labelled(path, "kept", (files[name],))
                continue
            begun = time.perf_counter()
            try:
                notes = _merge_one(name, path, mono, masks, files[name], convention, robust)
            except Exception as error:
                failures[str(path)] = describe(error)
                yield Labelled(path, "failed", error=failures[str(path)], seconds=time.perf_counter() - begun)
                continue
            done += 1
            yield Labelled(path, "done", (files[name],), None, notes, time.perf_counter() - begun)
    finally:
        record.close(inputs, done, kept, failures)


def _merge_one(
    name: str, path: Path, mono: dict[str, Path], masks: MaskSource, file: Path, convention: str | None, robust: bool
) -> tuple[str, ...]:
    if name not in mono:
        raise LeadlineError(f"no virtual depth for {path.name}: expected {name}.npz or {name}.depth.png")
    surfaces = masks.read(Path(name), Path(name))
    if surfaces is None:
        raise LeadlineError(f"no mask for {path.name} in {masks.path}: expected {name}.png or {name}_mask.png")
    merge = merge_stereo(_read_disparity(path, convention), read_depth(mono[name]), surfaces.regions, robust=robust)
    write_depth(file, merge.depth)
    return merge.notes


def _read_disparity(path: Path, convention: str | None) -> DepthMap:
    if convention is not None:
        return read_depth(path, convention=convention)
    return read_depth(path, kind=None if kind_in(read_header(path)) else PIXEL_DISPARITY)


def _depth_files(folder: Path) -> dict[str, Path]:
    """Return depth files by their path below the folder, without suffix."""
    if not folder.is_dir():
        raise LeadlineError(f"no folder {str(folder)!r}: expected one of depth files ({', '.join(FORMATS)})")
    found: dict[str, Path] = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in sorted(Path(parent, name) for name in names):
            if path.suffix.lower() not in FORMATS or path.name.startswith(".") or path.name.endswith(SPREAD_SUFFIX):
                continue
            stem = path.with_suffix("").relative_to(folder).as_posix()
            for ending in _ENDINGS:
                stem = stem.removesuffix(ending)
            if stem in found:
                raise LeadlineError(f"{found[stem]} and {path} are of one picture: expected one depth file for each")
            found[stem] = path
    if not found:
        raise LeadlineError(f"no depth files in {str(folder)!r}: expected some of {', '.join(FORMATS)}")
    return found
