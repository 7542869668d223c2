"""Many pictures at once: decoding, the network and writing overlap.

Each worker thread takes the next item through all its stages; at most `streams` of them are inside the network, and while
they are, the others decode and encode. Codecs, resizing and networks all release Python's lock, so that the cores are never
idle while there is work. A worker holds one picture: memory is O(workers), not O(items).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import BoundedSemaphore, Event
from traceback import format_exception
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.errors import LeadlineError
from leadline.io.image import Photo, read_image
from leadline.predictor import Prediction, Predictor
from leadline.runtime.engine import one_line, usable_cores

Item = TypeVar("Item")
Written = TypeVar("Written")

_MOST_WORKERS = 10


@runtime_checkable
class AnySizePredictor(Predictor, Protocol):
    """A predictor that needs no more pixels than its network's input has, and gives maps of any size, as `OnnxPredictor`."""

    def longer_side_needed(self) -> int:
        """Return how many pixels of a picture's longer side it can make use of."""
        ...

    def __call__(
        self, image: NDArray[np.uint8], camera: Camera | None = None, *, output_hw: tuple[int, int] | None = None
    ) -> Prediction:
        """Predict the map of a picture at the size `output_hw`."""
        ...


@dataclass(frozen=True)
class ItemResult(Generic[Item, Written]):
    """What became of one item.

    Attributes:
        item: as given.
        value: what `write` returned, or None after a failure.
        error: one line, or None.
        traceback: of the failure, as text (a live one would keep its picture in memory); None without a failure.
        seconds: wall time of each stage that was reached, "read", "predict" and "write", without waiting for a free stream.
    """

    item: Item
    value: Written | None
    error: str | None
    traceback: str | None
    seconds: dict[str, float]


def run_pipeline(
    items: Iterable[Item],
    predictor: Predictor,
    write: Callable[[Item, Photo, Prediction], Written],
    *,
    read: Callable[[Item], Photo] | None = None,
    predict: Callable[[Item, Photo], Prediction] | None = None,
    full_size: bool = False,
    workers: int | None = None,
    ahead: int = 4,
) -> Iterator[ItemResult[Item, Written]]:
    """Read, predict and write every item; yield the results in the order of the items.

    A failure of one item is its result and stops nothing else. Leaving the loop early, Ctrl-C included, ends the work after
    the stage that each worker is in; what `write` puts in place atomically is never left half-written.

    Args:
        items: paths, or whatever `read` understands. Taken as they are needed.
        predictor: gets the pixels and the camera of each photo; an `AnySizePredictor` gets pictures decoded at a reduced size
            and gives the map at the full one.
        write: stores a prediction; called from several threads. Its return value becomes the result's.
        read: gives an item's photo; `leadline.read_image` by default.
        predict: predicts an item, with `predictor` in a way of its own; by default from the photo's pixels and camera.
        full_size: `write` needs the photo's pixels at full size: don't decode at a reduced size.
        workers: threads; by default one more than the calls that the predictor runs at once (its attribute `streams`, else
            1), at least one for each core.
        ahead: items in hand for each worker, so that a slow one does not stop those behind it. Items and results that
            hold pictures want 1.
    """
    streams = int(getattr(predictor, "streams", 1))
    count = workers or min(_MOST_WORKERS, max(streams + 1, usable_cores()))
    needed = predictor.longer_side_needed() if isinstance(predictor, AnySizePredictor) and not full_size else None
    load = read or _reader(needed)
    ask = predict or (lambda _, photo: _predict(predictor, photo))
    in_network, stop = BoundedSemaphore(streams), Event()

    def process(item: Item) -> ItemResult[Item, Written]:
        seconds: dict[str, float] = {}

        def timed(stage: str, call: Callable[[], Any]) -> Any:
            if stop.is_set():
                raise LeadlineError("stopped")
            start = time.perf_counter()
            try:
                return call()
            finally:
                seconds[stage] = time.perf_counter() - start

        try:
            photo: Photo = timed("read", lambda: load(item))
            with in_network:
                prediction: Prediction = timed("predict", lambda: ask(item, photo))
            value = timed("write", lambda: write(item, photo, prediction))
        except Exception as error:
            return ItemResult(item, None, describe(error), "".join(format_exception(error)), seconds)
        return ItemResult(item, value, None, None, seconds)

    pool = ThreadPoolExecutor(count, thread_name_prefix="leadline")
    pending: deque[Future[ItemResult[Item, Written]]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(process, item))
            if len(pending) >= count * ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def describe(error: Exception) -> str:
    """Return an error as one line: a LeadlineError's own words, or those of a library after the error's name."""
    if isinstance(error, LeadlineError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory: the picture is too large for this machine; make it smaller"
    return f"{type(error).__name__}: {one_line(error)}"


def _reader(at_least: int | None) -> Callable[[Any], Photo]:
    return lambda path: read_image(path, at_least=at_least)


def _predict(predictor: Predictor, photo: Photo) -> Prediction:
    if isinstance(predictor, AnySizePredictor):
        return predictor(photo.pixels, photo.camera, output_hw=photo.hw_full)
    return predictor(photo.pixels, photo.camera)
