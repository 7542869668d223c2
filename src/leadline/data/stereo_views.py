"""Batches of stereo pairs from several sources; batch number n is a function of the seed and n alone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.data.ahead import made_ahead
from leadline.data.stereo_layers import Pair
from leadline.data.stereo_sources import Found, StereoSource
from leadline.data.stereo_transforms import StereoAugmentation, changed_pair
from leadline.errors import LeadlineError

# Decoded pairs kept in memory, bytes; a world of 600 pairs of 256 x 192 takes half of it.
KEPT_BYTES = 600_000_000


class StereoBatch(NamedTuple):
    """Crops of rectified pairs, the same window of both pictures.

    Attributes:
        left, right: (N, h, w, 3) uint8 sRGB.
        disparity: (N, h, w) float32 true pixel_disparity of the left pictures.
        valid: (N, h, w) bool.
        names: of the pairs.
    """

    left: NDArray[np.uint8]
    right: NDArray[np.uint8]
    disparity: NDArray[np.float32]
    valid: NDArray[np.bool_]
    names: tuple[str, ...] = ()


class StereoViews:
    """An endless, reproducible stream of augmented batches of pairs.

    Resuming needs no sampler state: batch n draws its own generator from (seed, n). What can't be read is left out and kept in
    `broken`; more than `most_broken` of them end the run.

    Args:
        sources: where pairs come from, found once.
        weights: relative frequency of each source; sources without a pair are left out.
        shapes: (h, w) of batches; each batch has one, drawn evenly.
        batch_size: pairs a batch.
        augmentation: how pairs are changed.
        seed: of everything random.
        workers: threads that make batches ahead; any number gives the same batches.
        most_broken: see above.

    Raises:
        LeadlineError: a source is not there, or none has a pair.
    """

    def __init__(
        self,
        sources: Sequence[StereoSource],
        weights: Sequence[float],
        shapes: Sequence[tuple[int, int]],
        batch_size: int,
        augmentation: StereoAugmentation,
        seed: int,
        workers: int = 1,
        most_broken: int = 20,
    ) -> None:
        if len(weights) != len(sources):
            raise LeadlineError(f"{len(weights)} data.weights for {len(sources)} data.sources: expected one each")
        self.sources, self.shapes, self.batch_size, self.augmentation = sources, shapes, batch_size, augmentation
        self.seed, self.workers, self.most_broken = seed, workers, most_broken
        self.found = [source.find() for source in sources]
        self.training = [[pair for pair in found if not pair.held_out] for found in self.found]
        frequency = np.where([bool(pairs) for pairs in self.training], np.asarray(weights, np.float64), 0.0)
        if not frequency.sum() > 0:
            raise LeadlineError("no stereo pair in data.sources: expected a world of leadline synth --stereo, or layers:48")
        self.frequency = frequency / frequency.sum()
        self.broken: dict[str, str] = {}
        self._kept: OrderedDict[tuple[int, str], Pair] = OrderedDict()

    @property
    def counts(self) -> dict[str, int]:
        """Training pairs of each source."""
        return {source.text: len(pairs) for source, pairs in zip(self.sources, self.training, strict=True)}

    def batch(self, number: int) -> StereoBatch:
        """Return batch `number`.

        Raises:
            LeadlineError: more pairs than `most_broken` can't be read.
        """
        rng = np.random.default_rng([self.seed, number])
        hw = self.shapes[int(rng.integers(len(self.shapes)))]
        pairs: list[Pair] = []
        names: list[str] = []
        while len(pairs) < self.batch_size:
            index = int(rng.choice(len(self.sources), p=self.frequency))
            place = self.training[index][int(rng.integers(len(self.training[index])))]
            own = np.random.default_rng(int(rng.integers(2**62)))
            name = f"{self.sources[index].text}: {place.name}"
            if name in self.broken:
                continue
            try:
                pair = self._read(index, place, own)
            except Exception as error:  # whatever a damaged file can do to a decoder
                self._note(name, str(error) if isinstance(error, LeadlineError) else f"{type(error).__name__}: {error}")
                continue
            pairs.append(changed_pair(pair, hw, own, self.augmentation))
            names.append(name)
        return collate_pairs(pairs, names)

    def iter_batches(self, start: int = 0, step: int = 1) -> Iterator[StereoBatch]:
        """Yield every `step`-th batch from number `start` on, made ahead by threads while the network computes."""
        for future in made_ahead(self.batch, start, step, self.workers):
            yield future.result()

    def validation_pairs(self, most: int) -> list[Pair]:
        """Return up to `most` held-out pairs as they are, evenly from all sources, spread over each."""
        held = [(index, [p for p in found if p.held_out]) for index, found in enumerate(self.found)]
        held = [(index, pairs) for index, pairs in held if pairs]
        share = max(1, most // max(1, len(held)))
        chosen: list[Pair] = []
        for index, pairs in held:
            step = max(1, len(pairs) // share)
            chosen += [self._read(index, place, np.random.default_rng(i)) for i, place in enumerate(pairs[::step][:share])]
        return chosen

    def _read(self, index: int, place: Found, rng: np.random.Generator) -> Pair:
        if self.sources[index].draws:
            return place.read(rng)
        key = index, place.name
        if key not in self._kept:
            pair = place.read(rng)
            self._kept[key] = pair
            bytes_each = sum(array.nbytes for array in pair)
            while len(self._kept) > max(1, KEPT_BYTES // bytes_each):
                self._kept.popitem(last=False)
            return pair
        return self._kept[key]

    def _note(self, name: str, reason: str) -> None:
        self.broken[name] = reason
        if len(self.broken) > self.most_broken:
            first, why = next(iter(self.broken.items()))
            raise LeadlineError(
                f"{len(self.broken)} pairs can't be read, more than data.most_broken={self.most_broken}; the first: {first} "
                f"({why}): run leadline data check"
            )


def collate_pairs(pairs: Sequence[Pair], names: Sequence[str] = ()) -> StereoBatch:
    """Stack pairs of one size; what is not valid gets disparity 0."""
    valid = np.stack([pair.valid for pair in pairs])
    disparity = np.where(valid, np.stack([pair.disparity for pair in pairs]), 0).astype(np.float32)
    left, right = (np.stack([getattr(pair, side) for pair in pairs]) for side in ("left", "right"))
    return StereoBatch(left, right, disparity, valid, tuple(names))
