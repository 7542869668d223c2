"""Batches drawn from several sources; batch number n is a function of the seed and n alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.data.ahead import made_ahead
from leadline.data.folder import Source
from leadline.data.label_shards import LabelShards, ShardSource
from leadline.data.transforms import Augmentation, random_colours, random_crop
from leadline.data.views import View, ViewStore
from leadline.errors import LeadlineError

Mixing = Literal["weighted", "equal", "parts", "proportional", "temperature"]
IN_PARTS = ("equal", "parts")  # the number of views of each source in a batch is no matter of chance
NO_PAIRS = np.zeros((0, 0, 5), np.float32)


class Batch(NamedTuple):
    """Pictures and targets of one size.

    Attributes:
        image: (N, h, w, 3) uint8 sRGB.
        disparity: (N, h, w) float32, 1/m or in a unit of each view's own, 0 where infinitely far or not valid.
        valid: (N, h, w) bool.
        pairs: (N, p, 5) float32 as `View.pairs`, filled up with relation 0; p is the batch's largest number.
        source: (N,) which of the sources each view is from.
        names: of the views.
    """

    image: NDArray[np.uint8]
    disparity: NDArray[np.float32]
    valid: NDArray[np.bool_]
    pairs: NDArray[np.float32] = NO_PAIRS
    source: NDArray[np.int64] = np.zeros(0, np.int64)
    names: tuple[str, ...] = ()


class MixedViews:
    """An endless, reproducible stream of augmented batches from sources that may grow.

    Views of label shards come in their own order (`leadline.data.label_shards`): with the mixings "equal" and "parts", and of a
    source that is alone, each comes once in an epoch; with the others an epoch passes over those whose turn another source had.

    Resuming needs no sampler state: batch n draws its own generator from (seed, n). (While sources grow, what a draw hits
    depends on how many views there were; with finished sources a resumed run sees exactly the batches it would have seen.)

    What can't be read is left out, and a batch that can't be made is passed over; both are kept in `broken`, and more than
    `most_broken` of them end the run.

    Args:
        sources: where views come from.
        weights: relative frequency of each source, if the mixing is "weighted"; sources that are still empty are left out.
        cache: folder of the decoded views.
        shapes: (h, w) of batches; each batch has one, drawn evenly.
        batch_size: views a batch.
        augmentation: how views are changed.
        seed: of everything random.
        longest: longer side of the stored views at most, pixels.
        workers: threads that make batches ahead; any number gives the same batches.
        mixing: "weighted" draws each view's source by `weights`; "equal" gives every source the same part of each batch (MiDaS:
            what is left over goes round), "parts" as many as `weights` say, which are whole numbers; "proportional" draws as
            if all views lay in one heap; "temperature" in between, by the number of views to the power of 1 / `temperature`.
        temperature: 1 is proportional, infinity equal on average.
        most_broken: see above.
        plain: sources, by number, whose pictures keep their colours: a task changes them.
    """

    def __init__(
        self,
        sources: Sequence[Source | ShardSource],
        weights: Sequence[float],
        cache: Path,
        shapes: Sequence[tuple[int, int]],
        batch_size: int,
        augmentation: Augmentation,
        seed: int,
        longest: int,
        workers: int = 1,
        mixing: Mixing = "weighted",
        temperature: float = 2.0,
        most_broken: int = 20,
        plain: frozenset[int] = frozenset(),
    ) -> None:
        if len(weights) != len(sources):
            raise LeadlineError(f"{len(weights)} data.weights for {len(sources)} data.sources: expected one each")
        if not temperature >= 1:
            raise LeadlineError(f"data.temperature={temperature:g}: expected 1 (proportional) or more")
        if mixing == "equal" and batch_size < len(sources):
            raise LeadlineError(
                f"data.batch_size={batch_size} for {len(sources)} data.sources in equal parts: expected one view of each"
            )
        if mixing == "parts" and not all(weight >= 1 and float(weight).is_integer() for weight in weights):
            raise LeadlineError(
                f"data.weights={','.join(f'{w:g}' for w in weights)} in parts: expected whole numbers, 1 or more"
            )
        self.plain = plain
        self.sources, self.weights, self.longest = sources, np.asarray(weights, dtype=np.float64), longest
        self.workers, self.mixing, self.temperature, self.most_broken = workers, mixing, temperature, most_broken
        self.shapes, self.batch_size, self.augmentation, self.seed = shapes, batch_size, augmentation, seed
        self.stores: list[ViewStore | LabelShards] = [source.open_store(cache, longest) for source in sources]
        self.broken: dict[str, str] = {}

    def ingest(self) -> int:
        """Decode what the sources have gained; return the number of new views."""
        new = 0
        for source, store in zip(self.sources, self.stores, strict=True):
            new += source.ingest(store, self.longest, self.broken)  # type: ignore[arg-type]  # each opened its own
            self._check_broken()
        return new

    @property
    def counts(self) -> dict[str, int]:
        """Training views of each source."""
        return {source.text: _size(store) for source, store in zip(self.sources, self.stores, strict=True)}

    def batch(self, number: int) -> Batch:
        """Return batch `number`."""
        rng = np.random.default_rng([self.seed, number])
        hw = self.shapes[int(rng.integers(len(self.shapes)))]
        places = [[] if isinstance(store, LabelShards) else list(store.train) for store in self.stores]
        views, names = [], []
        counts = np.array(
            [_size(s) if isinstance(s, LabelShards) else len(p) for s, p in zip(self.stores, places, strict=True)]
        )
        chosen = self._draw_sources(number, rng, counts)
        for index, position in zip(chosen, self._positions(number, chosen, counts), strict=True):
            store = self.stores[index]
            if isinstance(store, LabelShards):
                name, whole = self._next_of(store, int(position))
            else:
                place = places[index][rng.integers(len(places[index]))]
                name, whole = place.name, store.view(place)
            view = random_crop(whole, hw, rng, self.augmentation)
            if index not in self.plain:
                view = replace(view, image=random_colours(view.image, rng, self.augmentation))
            views.append(view)
            names.append(f"{self.sources[index].text}: {name}")
        return collate(views, chosen, names)

    def _next_of(self, store: LabelShards, position: int) -> tuple[str, View]:
        """Return name and view at a position of a stream of labels; of one that can't be read, the next that can."""
        for further in range(self.most_broken + 1):
            shard, row = store.place(position + further, self.seed)
            try:
                return store.read(shard, row)
            except LeadlineError as error:
                self.broken[f"{store.root}: label {row} of shard {shard}"] = str(error)
                self._check_broken()
        name, reason = list(self.broken.items())[-1]
        raise LeadlineError(f"{self.most_broken + 1} labels in a row can't be read; the last: {name} ({reason})")

    def _positions(self, number: int, chosen: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return for each view of batch `number` how many of its source came before it."""
        first = number * self.batch_size
        if self.mixing not in IN_PARTS:
            return first + np.arange(len(chosen))
        cycle = self._cycle(counts)
        rounds, rest = divmod(first, len(cycle))
        before = rounds * np.bincount(cycle, minlength=len(counts)) + np.bincount(cycle[:rest], minlength=len(counts))
        return np.asarray(before[chosen] + np.arange(len(chosen)) - np.searchsorted(chosen, chosen))  # they are sorted

    def _cycle(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return whose turn it is, over and over; empty sources have none."""
        weights = self.weights if self.mixing == "parts" else np.ones(len(counts))
        whole = np.where(counts > 0, weights, 0).astype(np.int64)
        return in_turns(whole // np.gcd.reduce(whole))

    def _draw_sources(self, number: int, rng: np.random.Generator, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the source of each view of batch `number`, given how many views each source has."""
        if not counts.any():
            raise LeadlineError("no training view in data.sources: expected folders that leadline synth has written")
        if self.mixing in IN_PARTS:
            cycle = self._cycle(counts)
            # Where the parts don't divide the batch, the remainder goes round from batch to batch.
            first = number * self.batch_size
            return np.sort(cycle[(first + np.arange(self.batch_size)) % len(cycle)])
        if self.mixing == "weighted":
            weights = np.where(counts > 0, self.weights, 0.0)
        else:
            weights = counts ** (1 / self.temperature if self.mixing == "temperature" else 1.0)
        if weights.sum() <= 0:
            raise LeadlineError("data.weights leaves no source that has views: expected one with a weight above 0")
        return rng.choice(len(counts), self.batch_size, p=weights / weights.sum())

    def _check_broken(self) -> None:
        if len(self.broken) > self.most_broken:
            name, reason = next(iter(self.broken.items()))
            raise LeadlineError(
                f"{len(self.broken)} views or batches can't be read, more than data.most_broken={self.most_broken}; "
                f"the first: {name} ({reason}): run leadline data check"
            )

    def iter_batches(self, start: int = 0, step: int = 1) -> Iterator[Batch]:
        """Yield every `step`-th batch from number `start` on, made ahead by threads while the network computes."""
        for future in made_ahead(self.batch, start, step, self.workers):
            batch = self._made(future)
            if batch is not None:
                yield batch

    def _made(self, future: Future[Batch]) -> Batch | None:
        """Return a batch, None if making it failed."""
        try:
            return future.result()
        except LeadlineError:
            raise
        except Exception as error:  # whatever a damaged file can do to a decoder
            self.broken[f"batch {len(self.broken)}"] = f"{type(error).__name__}: {error}"
            self._check_broken()
            return None

    def validation_views(self, most: int) -> list[View]:
        """Return up to `most` held-out views, evenly from all sources, spread over each."""
        share = max(1, most // max(1, len(self.stores)))
        views = []
        for store in self.stores:
            if isinstance(store, LabelShards):
                views += store.held_out(share)
                continue
            step = max(1, len(store.validation) // share)
            views += [store.view(place) for place in store.validation[::step][:share]]
        return views


def in_turns(weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return numbers 0, 1, ..., each as often as its weight says, spread as evenly as can be.

    Weights 1, 1 and 4 give two thirds to the last in every three: 2, 0, 2, 2, 1, 2.
    """
    turns = []
    for number, weight in enumerate(weights):
        alike = np.flatnonzero(weights == weight)
        # Those of one weight take turns within one of its periods.
        phase = (int(np.searchsorted(alike, number)) + 0.5) / len(alike)
        turns += [((turn + phase) / weight, number) for turn in range(int(weight))]
    return np.array([number for _, number in sorted(turns)], dtype=np.int64)


def _size(store: ViewStore | LabelShards) -> int:
    return len(store) if isinstance(store, LabelShards) else len(store.train)


def collate(views: Sequence[View], source: Sequence[int] | NDArray[np.int64] = (), names: Sequence[str] = ()) -> Batch:
    """Stack views of one size."""
    disparity = np.stack([view.disparity for view in views]).astype(np.float32)
    valid = disparity >= 0
    pairs = np.zeros((len(views), max(len(view.pairs) for view in views), 5), np.float32)
    for row, view in zip(pairs, views, strict=True):
        row[: len(view.pairs)] = view.pairs
    return Batch(
        np.stack([view.image for view in views]),
        np.where(valid, disparity, 0).astype(np.float32),
        valid,
        pairs,
        np.asarray(source if len(source) else np.zeros(len(views)), dtype=np.int64),
        tuple(names),
    )
