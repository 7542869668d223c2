"""Work on several items at once, results in the order of the items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")

# Items in hand for each worker, so that a slow one does not stop those behind it; few, because a sample holds a picture.
_AHEAD = 2


def overlapped(items: Iterable[Item], work: Callable[[Item], Done], workers: int) -> Iterator[Done]:
    """Yield ``work(item)`` of every item, in order, computed by threads.

    Items are taken as they are needed: memory is O(workers). NumPy, OpenCV, codecs and networks release Python's lock, so that
    reading, predicting and scoring overlap. The first error ends the work after the items that are in hand.

    Args:
        items: taken by the calling thread.
        work: called by several threads at once.
        workers: how many; 1 makes no thread.
    """
    if workers == 1:
        yield from map(work, items)
        return
    pending: deque[Future[Done]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="leadline-evaluate")
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) >= workers * _AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
