"""Training views, decoded once into a file that is mapped into memory and may grow while it is read."""

from __future__ import annotations

import fcntl
import json
import os
import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.data.datasets.ordinal_sample import OrdinalSample
from leadline.depth_map import RELATIVE_DISPARITY, Ambiguity, DepthMap
from leadline.errors import LeadlineError
from leadline.sample import Sample

FORMAT = 1  # part of the cache's key: a change of what is stored makes a new file
INVALID = np.float16(-1)
# Smallest and largest inverse depth stored: half floats lose precision below 6e-5 and end at 65504.
NEAREST_M, FARTHEST_M = 1e-3, 1e4
HELD_OUT_SHARE = 0.05
# Groups of views whose part is settled; of others their name decides.
HELD_OUT, TRAINED_ON = "held out", "trained on"


@dataclass(frozen=True)
class View:
    """A picture and its target.

    Attributes:
        image: (h, w, 3) uint8 sRGB.
        disparity: (h, w) float16, 1/m or in a unit of its own; 0 is infinitely far (sky) or farthest, negative is not valid.
        pairs: (p, 5) float32, pairs of points known by their order alone: x and y of one, x and y of the other in pixels whose
            centres are at + 0.5, and 1 where the first is nearer, -1 where it is farther, 0 where there is nothing to learn.
    """

    image: NDArray[np.uint8]
    disparity: NDArray[np.float16]
    pairs: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 5), np.float32))


class Place(NamedTuple):
    """Where a view lies in its store's file, and what else its index says."""

    offset: int
    h: int
    w: int
    name: str
    pairs: tuple[tuple[float, ...], ...] = ()


def make_view(sample: Sample, longest: int, keep_unit: bool = False) -> View:
    """Return the view of a sample, shrunk so that its longer side is at most `longest` pixels.

    Sky is valid with disparity 0; z-depth, ray distance and disparity become inverse z-depth. A disparity of unknown shift is
    moved and scaled to 0..1, as MiDaS does with films. Of an ordinal sample the pairs are kept.

    Args:
        sample: with depth or pairs.
        longest: see above.
        keep_unit: leave a disparity of unknown shift as it is, for labels whose network's unit means something.

    Raises:
        LeadlineError: the sample holds nothing to learn from, or numbers that the store has no place for.
    """
    image = sample.image
    scale = min(1.0, longest / max(image.shape[:2]))
    if scale < 1:
        wh = round(image.shape[1] * scale), round(image.shape[0] * scale)
        image = np.asarray(cv2.resize(image, wh, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    image = np.ascontiguousarray(image)
    if isinstance(sample, OrdinalSample):
        scale_xy = np.array([image.shape[1], image.shape[0]]) / (sample.image.shape[1], sample.image.shape[0])
        # Our pairs say what is nearer, theirs what is farther.
        pairs = np.column_stack([sample.xy_a * scale_xy, sample.xy_b * scale_xy, -sample.relation]).astype(np.float32)
        return View(image, np.full(image.shape[:2], INVALID), pairs)
    if sample.depth is None:
        raise LeadlineError(f"{sample.name} has no depth to learn from: leave its source out of data.sources")
    disparity = _own_unit(sample.depth) if keep_unit and sample.depth.kind == RELATIVE_DISPARITY else _disparity(sample.depth)
    if "sky" in sample.masks:
        disparity = np.where(sample.masks["sky"].astype(bool), 0, disparity)
    # Nearest: a mean over an edge would be a distance where nothing is.
    small = cv2.resize(disparity.astype(np.float32), image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return View(image, np.ascontiguousarray(small.astype(np.float16)))


def _disparity(depth: DepthMap) -> NDArray[np.float32]:
    """Return (h, w) disparity, 0 or more; INVALID where unknown."""
    if depth.kind == RELATIVE_DISPARITY:
        numbers = depth.values[depth.valid]
        low, high = (float(numbers.min()), float(numbers.max())) if numbers.size else (0.0, 0.0)
        spread = high - low or 1.0
        return np.where(depth.valid, (depth.values - low) / spread, INVALID).astype(np.float32)
    if depth.kind.ambiguity not in (Ambiguity.METRIC, Ambiguity.SCALE_INVARIANT):
        raise LeadlineError(f"can't learn from {depth.kind}: expected depth up to scale, or disparity up to scale and shift")
    inverse = depth.to_disparity()
    known = inverse.valid & (inverse.values >= 0)
    return np.where(known, np.clip(inverse.values, 0, 1 / NEAREST_M), INVALID).astype(np.float32)


def _own_unit(depth: DepthMap) -> NDArray[np.float32]:
    """Return (h, w) disparity as it is; INVALID where unknown."""
    numbers = depth.values[depth.valid]
    low, high = (float(numbers.min()), float(numbers.max())) if numbers.size else (0.0, 0.0)
    if low < 0 or high > np.finfo(np.float16).max:
        raise LeadlineError(
            f"labels from {low:g} to {high:g}: expected 0 to 65504, as of a network that ends in ReLU or softplus"
        )
    return np.where(depth.valid, depth.values, INVALID).astype(np.float32)


def held_out(group: str, share: float = HELD_OUT_SHARE) -> bool:
    """Say whether a scene is kept for validation: a fixed property of its name, so views rendered later don't move others."""
    if group in (HELD_OUT, TRAINED_ON):
        return group == HELD_OUT
    return int.from_bytes(sha256(group.encode()).digest()[:4], "big") < share * 2**32


class ViewStore:
    """The decoded views of one source: `<folder>/<key>.bin` with an index of one JSON line a view.

    Any number of processes may read; the one that holds the lock appends. A view half-written when its process died is not in
    the index and is overwritten.

    Args:
        folder: of the cache.
        key: names the source and its version; another key is another file.
    """

    def __init__(self, folder: Path, key: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"{key}.v{FORMAT}"
        self._data, self._index = folder / f"{stem}.bin", folder / f"{stem}.jsonl"
        self._data.touch()
        self._index.touch()
        lock = os.open(folder / f"{stem}.lock", os.O_RDWR | os.O_CREAT)
        weakref.finalize(self, os.close, lock)  # closing gives the lock back
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.writable = True
        except BlockingIOError:
            self.writable = False
        self._read_to = 0
        self.names: set[str] = set()
        self.train: list[Place] = []
        self.validation: list[Place] = []
        self._end = 0
        self.refresh()

    def refresh(self) -> None:
        """Take in the views that were appended since the last look."""
        with self._index.open("rb") as file:
            file.seek(self._read_to)
            new = file.read()
        new = new[: new.rfind(b"\n") + 1]
        self._read_to += len(new)
        if new:
            self._map = np.memmap(self._data, dtype=np.uint8, mode="r")
        for line in new.splitlines():
            entry = json.loads(line)
            pairs = tuple(map(tuple, entry.get("pairs", ())))
            place = Place(entry["offset"], entry["h"], entry["w"], entry["name"], pairs)
            self.names.add(entry["name"])
            (self.validation if held_out(entry["group"]) else self.train).append(place)
            self._end = entry["offset"] + 5 * entry["h"] * entry["w"]

    def append(self, views: Iterable[tuple[str, str, View]]) -> None:
        """Write (name, group, view) triples; views of one group are held out together."""
        with self._data.open("r+b") as data, self._index.open("r+b") as index:
            index.seek(self._read_to)
            index.truncate()  # of a line that a crash cut off
            for name, group, view in views:
                data.seek(self._end)
                data.write(view.image.tobytes())
                data.write(view.disparity.tobytes())
                data.flush()
                h, w = view.disparity.shape
                entry = {"name": name, "group": group, "offset": self._end, "h": h, "w": w}
                if len(view.pairs):
                    entry["pairs"] = view.pairs.tolist()
                index.write(json.dumps(entry).encode() + b"\n")
                index.flush()
                self._end += 5 * h * w
        self.refresh()

    def view(self, place: Place) -> View:
        """Return a view (mapped, not copied)."""
        offset, h, w = place[:3]
        pixels = h * w
        image = self._map[offset : offset + 3 * pixels].reshape(h, w, 3)
        disparity = self._map[offset + 3 * pixels : offset + 5 * pixels].view(np.float16).reshape(h, w)
        return View(image, disparity, np.array(place.pairs, dtype=np.float32).reshape(-1, 5))
