"""Batches drawn from several sources with weights; batch number n is a function of the seed and n alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.data.folder import Source
from leadline.data.transforms import Augmentation, random_colours, random_crop
from leadline.data.views import View, ViewStore
from leadline.errors import LeadlineError


class Batch(NamedTuple):
    """Pictures and targets of one size.

    Attributes:
        image: (N, h, w, 3) uint8 sRGB.
        disparity: (N, h, w) float32, 1/m, 0 where infinitely far or not valid.
        valid: (N, h, w) bool.
    """

    image: NDArray[np.uint8]
    disparity: NDArray[np.float32]
    valid: NDArray[np.bool_]


class MixedViews:
    """An endless, reproducible stream of augmented batches from sources that may grow.

    Resuming needs no sampler state: batch n draws its own generator from (seed, n). (While sources grow, what a draw hits
    depends on how many views there were; with finished sources a resumed run sees exactly the batches it would have seen.)

    Args:
        sources: where views come from.
        weights: relative frequency of each source; sources that are still empty are left out.
        cache: folder of the decoded views.
        shapes: (h, w) of batches; each batch has one, drawn evenly.
        batch_size: views a batch.
        augmentation: how views are changed.
        seed: of everything random.
        longest: longer side of the stored views at most, pixels.
        workers: threads that make batches ahead; any number gives the same batches.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        weights: Sequence[float],
        cache: Path,
        shapes: Sequence[tuple[int, int]],
        batch_size: int,
        augmentation: Augmentation,
        seed: int,
        longest: int,
        workers: int = 1,
    ) -> None:
        if len(weights) != len(sources):
            raise LeadlineError(f"{len(weights)} data.weights for {len(sources)} data.sources: expected one each")
        self.sources, self.weights, self.longest = sources, np.asarray(weights, dtype=np.float64), longest
        self.workers = workers
        self.shapes, self.batch_size, self.augmentation, self.seed = shapes, batch_size, augmentation, seed
        self.stores: list[ViewStore] = [source.open_store(cache, longest) for source in sources]

    def ingest(self) -> int:
        """Decode what the sources have gained; return the number of new views."""
        return sum(source.ingest(store, self.longest) for source, store in zip(self.sources, self.stores, strict=True))

    @property
    def counts(self) -> dict[str, int]:
        """Training views of each source."""
        return {source.text: len(store.train) for source, store in zip(self.sources, self.stores, strict=True)}

    def batch(self, number: int) -> Batch:
        """Return batch `number`."""
        rng = np.random.default_rng([self.seed, number])
        hw = self.shapes[int(rng.integers(len(self.shapes)))]
        places = [list(store.train) for store in self.stores]
        weights = np.where([bool(p) for p in places], self.weights, 0.0)
        if weights.sum() <= 0:
            raise LeadlineError("no training view in data.sources: expected folders that leadline synth has written")
        views = []
        for index in rng.choice(len(places), self.batch_size, p=weights / weights.sum()):
            view = self.stores[index].view(places[index][rng.integers(len(places[index]))])
            view = random_crop(view, hw, rng, self.augmentation)
            views.append(View(random_colours(view.image, rng, self.augmentation), view.disparity))
        return collate(views)

    def iter_batches(self, start: int = 0, step: int = 1) -> Iterator[Batch]:
        """Yield every `step`-th batch from number `start` on, made ahead by threads while the network computes."""
        ahead = 2 * self.workers + 1
        with ThreadPoolExecutor(self.workers, thread_name_prefix="batches") as pool:
            futures = [pool.submit(self.batch, start + i * step) for i in range(ahead)]
            number = start + ahead * step
            try:
                while True:
                    yield futures.pop(0).result()
                    futures.append(pool.submit(self.batch, number))
                    number += step
            finally:
                for future in futures:
                    future.cancel()

    def validation_views(self, most: int) -> list[View]:
        """Return up to `most` held-out views, evenly from all sources, spread over each."""
        share = max(1, most // max(1, len(self.stores)))
        views = []
        for store in self.stores:
            step = max(1, len(store.validation) // share)
            views += [store.view(place) for place in store.validation[::step][:share]]
        return views


def collate(views: Sequence[View]) -> Batch:
    """Stack views of one size."""
    disparity = np.stack([view.disparity for view in views]).astype(np.float32)
    valid = disparity >= 0
    return Batch(np.stack([view.image for view in views]), np.where(valid, disparity, 0).astype(np.float32), valid)
