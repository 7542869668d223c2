"""Batches that threads make while the network computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Made = TypeVar("Made")


def made_ahead(make: Callable[[int], Made], start: int, step: int, workers: int) -> Iterator[Future[Made]]:
    """Yield the finished ``make(start)``, ``make(start + step)``, ... in order and without end.

    Each is yielded as its future, whose `result` raises what its making raised. Leaving early cancels what has not begun.

    Args:
        make: called in `workers` threads; keeps twice as many results, and one, ready.
        start, step: of the numbers that it is called with.
        workers: threads.
    """
    ahead = 2 * workers + 1
    with ThreadPoolExecutor(workers, thread_name_prefix="batches") as pool:
        futures = [pool.submit(make, start + i * step) for i in range(ahead)]
        number = start + ahead * step
        try:
            while True:
                future = futures.pop(0)
                future.exception()  # waits
                futures.append(pool.submit(make, number))
                number += step
                yield future
        finally:
            for future in futures:
                future.cancel()
