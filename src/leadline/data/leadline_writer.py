"""Samples of any data set into the folder that `leadline synth` writes (`leadline.data.synthetic.layout`).

The layout holds z-depth in metres with a camera, the masks sky, material and instance, and poses. What a data set does not
have is filled in and named in camera.json: ``"unknown": ["normals", "material", ...]``; ``"source"`` is the sample's name.

Samples with poses that lie side by side in one folder become scenes of up to 16 views in one world frame. A sample without a
pose is a scene of its own, whose world frame is the camera's.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.dataset import DatasetInfo
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.data.synthetic.layout import StoredView, clear_unfinished, write_dataset, write_scene
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError
from leadline.geometry import pixel_disparity_from_depth
from leadline.io.header import software
from leadline.sample import Sample

VIEWS_A_SCENE = 16
_MASKS = {"material": (np.uint8, 2), "instance": (np.uint16, 65535), "sky": (np.bool_, 1)}  # type and largest number
_OCCLUDED = "occ"  # the readers' name of the mask of left pixels that the right picture does not show


class LeadlineWriter:
    """Writes scenes; see `leadline.data.convert.Writer`."""

    def __init__(self, out: Path, info: DatasetInfo, without: Sequence[str] = ()) -> None:
        self._out, self._info, self._without = out, info, frozenset(without)

    def blocks(self, names: Sequence[str], posed: bool) -> list[list[str]]:
        """Return a scene's names each.

        Raises:
            LeadlineError: two scenes would have the same name.
        """
        if posed:
            folders = [list(group) for _, group in groupby(names, key=lambda name: name.rpartition("/")[0])]
        else:
            folders = [[name] for name in names]
        blocks = [folder[i : i + VIEWS_A_SCENE] for folder in folders for i in range(0, len(folder), VIEWS_A_SCENE)]
        scenes: dict[str, str] = {}
        for first, *_ in blocks:
            if (other := scenes.setdefault(scene_name(first), first)) != first:
                raise LeadlineError(
                    f"samples {other!r} and {first!r} would be the scene {scene_name(first)}: rename one of them"
                )
        return blocks

    def refusal(self, sample: Sample) -> str:
        """Return why the layout can't hold a sample."""
        depth, camera = sample.depth, sample.camera
        if depth is None:
            return "no depth, and the leadline layout is one of depth: keep the data set as it is"
        other = "use --to png16"
        if depth.kind != METRIC_DEPTH:
            return f"a map of {depth.kind}, and the leadline layout holds {METRIC_DEPTH}: {other}"
        if depth.hw != sample.image.shape[:2]:
            return f"a map of {depth.hw} under a picture of {sample.image.shape[:2]}: the leadline layout has one size; {other}"
        if camera is None:
            known = " (the depth's own is, but the two are not registered)" if depth.camera is not None else ""
            return f"the picture's camera is not known{known}, and the leadline layout needs it: {other}"
        if depth.camera is not None and depth.camera != camera:
            return f"picture and depth have two cameras, and the leadline layout has one: {other}"
        if camera.distortion:
            return f"lens distortion {camera.distortion}, and the leadline layout holds pinholes: undistort it, or {other}"
        return self._refused_mask(sample) or self._refused_right(sample)

    def has(self, block: Sequence[str]) -> bool:
        """Return whether the scene is there with all of these samples."""
        path = self._out / scene_name(block[0]) / "camera.json"
        return path.is_file() and set(block) <= {view.get("source") for view in json.loads(path.read_text())["views"]}

    def write(self, block: Sequence[str], read: Callable[[str], Sample]) -> None:
        """Write a scene, which appears whole; a view is read when its turn comes."""
        if not (self._out / "dataset.json").is_file():
            about = {"world": self._info.name, "licences": [{"id": self._info.title, "licence": self._info.licence}]}
            write_dataset(self._out, {**about, "citation": self._info.citation, "software": software()})
        write_scene(self._out, scene_name(block[0]), _Views([partial(self._read_view, name, read) for name in block]))

    def close(self) -> None:
        """Remove what was not finished."""
        unfinished = self._out / ".unfinished"
        for folder in unfinished.glob(f"*.{os.getpid()}"):
            shutil.rmtree(folder, ignore_errors=True)
        clear_unfinished(self._out)
        if unfinished.is_dir() and not any(unfinished.iterdir()):
            unfinished.rmdir()

    def _refused_mask(self, sample: Sample) -> str:
        stereo = self._right_of(sample) is not None
        for name, mask in sample.masks.items():
            if name in self._without or (name == _OCCLUDED and stereo):
                continue
            instead = f"leave it out (--without {name}), or use --to png16"
            if name not in _MASKS:
                return f"a mask {name!r}, which has no place in the leadline layout: {instead}"
            if mask.shape != sample.image.shape[:2]:
                return f"a mask {name!r} of {mask.shape} under a picture of {sample.image.shape[:2]}: expected one size"
            if mask.size and not 0 <= int(mask.min()) <= int(mask.max()) <= _MASKS[name][1]:
                return f"the mask {name!r} holds {mask.min()} to {mask.max()}, expected 0 to {_MASKS[name][1]}: {instead}"
        return ""

    def _refused_right(self, sample: Sample) -> str:
        pair = self._right_of(sample)
        if pair is None:
            return ""
        missing = [] if pair.baseline_m else ["the baseline"]
        missing += [] if _OCCLUDED in pair.masks else [f"what it does not show (a mask {_OCCLUDED!r})"]
        missing += [f"one principal point for both (they differ by {pair.offset_px:g} px)"] if pair.offset_px else []
        if not missing:
            return ""
        needs = " and ".join(missing)
        return (
            f"a right picture, for which the leadline layout needs {needs}: leave it out (--without right), or use --to png16"
        )

    def _right_of(self, sample: Sample) -> StereoPair | None:
        """Return the sample if it has a right picture that is not to be left out."""
        return sample if isinstance(sample, StereoPair) and sample.right is not None and "right" not in self._without else None

    def _read_view(self, name: str, read: Callable[[str], Sample]) -> StoredView:
        return self._view(read(name))

    def _view(self, sample: Sample) -> StoredView:
        depth, camera = cast(DepthMap, sample.depth), cast(Camera, sample.camera)
        masks = {name: mask for name, mask in sample.masks.items() if name not in self._without}
        unknown = ["normals", *(name for name in _MASKS if name not in masks)]
        if sample.world_from_camera is None:
            unknown.append("world_from_camera")

        def mask_of(name: str) -> NDArray[Any]:
            return masks[name].astype(_MASKS[name][0]) if name in masks else np.zeros(depth.hw, _MASKS[name][0])

        stereo: dict[str, Any] = {}
        if (pair := self._right_of(sample)) is not None:
            baseline = float(pair.baseline_m or 0)
            disparity = pixel_disparity_from_depth(depth.values, camera.fx, baseline).astype(np.float32)
            stereo = {"right": pair.right, "baseline_m": baseline, "pixel_disparity": disparity}
            stereo["occluded"] = pair.masks[_OCCLUDED].astype(bool)
        return StoredView(
            image=sample.image,
            depth=depth.values,
            normals=np.zeros((*depth.hw, 3), np.float32),
            material=mask_of("material"),
            instance=mask_of("instance"),
            sky=mask_of("sky"),
            intrinsics=camera.intrinsics,
            world_from_camera=np.eye(4) if sample.world_from_camera is None else sample.world_from_camera,
            extra={"source": sample.name, "unknown": unknown},
            **stereo,
        )


def scene_name(sample: str) -> str:
    """Return the folder's name of the scene that begins with a sample."""
    # A leading dot would hide it.
    return sample.replace("/", "+").removeprefix(".")


class _Views(Sequence[StoredView]):
    """Views that are made when their turn comes, because a scene of large pictures would fill the memory."""

    def __init__(self, makers: Sequence[Callable[[], StoredView]]) -> None:
        self._makers = makers

    def __len__(self) -> int:
        return len(self._makers)

    def __iter__(self) -> Iterator[StoredView]:
        return (make() for make in self._makers)

    def __getitem__(self, index: Any) -> Any:
        return self._makers[index]()
