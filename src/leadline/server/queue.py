"""The one queue before the network: bounded, first come first served, and work that nobody waits for is dropped.

A worker takes a request through all its stages (decode, predict, encode) and holds one picture meanwhile, so that memory is
bounded by the workers and not by the queue; at most `streams` of them are inside the network, while the others decode and
encode. What waits holds no more than the body's bytes.

Batches are not made, because they don't pay. leadline-s.v1 at 384 x 512 on two cores under OpenVINO, median of 9 alternating
rounds: 43.2 ms a picture for single ones on 2 streams, 44.0 in batches of 2 and 44.8 of 4 on 2 streams; on one stream 47.2
single, 51.4, 52.7 and 63.6 in batches of 2, 4 and 8. ``python -m benchmarks.serve_batches`` measures it again. Not measured on
an accelerator, where it may be otherwise.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

from leadline.runtime.engine import usable_cores

Result = TypeVar("Result")

# A frame of a job lets requests pass that come up to so many seconds after it; so neither waits for ever.
LOW = 5.0
_FIRST_GUESS_S = 0.5  # of one request, before any was measured
_MEMORY = 0.1  # weight of the newest request in the running mean


class QueueFull(Exception):
    """No room for another request.

    Attributes:
        retry_after: seconds after which there should be room.
    """

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"the queue is full; try again in {retry_after:.0f} s")
        self.retry_after = retry_after


class QueueClosed(Exception):
    """The server shuts down and takes no more work."""


class InferenceQueue:
    """Work for the network, from the event loop and from threads.

    Attributes:
        streams: how many calls the network runs at once.
        limit: how many requests may wait; frames of jobs don't count, since a job hands them in one by one.
        closing: whether the server shuts down: new requests and jobs are refused, those in hand may still queue their work.

    Args:
        streams: see there.
        limit: see there.
        workers: threads; one more than the streams, and one for each core, by default.
    """

    def __init__(self, streams: int = 1, limit: int = 64, workers: int | None = None) -> None:
        self.streams, self.limit = streams, limit
        self.workers = workers or max(streams + 1, usable_cores())
        self._network = threading.BoundedSemaphore(streams)
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, float, Callable[[], Any], Future[Any]]] = []
        self._order = itertools.count()
        self._threads: list[threading.Thread] = []
        self._busy = self._waiting_requests = self._dropped = 0
        self._mean_s = _FIRST_GUESS_S
        self._closed = False
        self.closing = False

    async def run(self, function: Callable[[], Result], *, later: float = 0.0) -> Result:
        """Run a function in a worker thread and return its result.

        When the caller is cancelled, work that has not begun is dropped; work that has begun runs out and its result is lost.

        Args:
            function: the work.
            later: `LOW` for a job's frame, which never finds the queue full.

        Raises:
            QueueFull: `limit` requests wait already.
            QueueClosed: the server shuts down.
        """
        return await asyncio.wrap_future(self.submit(function, later=later))

    def submit(self, function: Callable[[], Result], *, later: float = 0.0) -> Future[Result]:
        """Queue a function from any thread; see `run`. Cancelling the future drops work that has not begun."""
        future: Future[Result] = Future()
        with self._changed:
            if self._closed:
                raise QueueClosed
            if later == 0:
                self._forget_cancelled()
                if self._waiting_requests >= self.limit:
                    raise QueueFull(self.seconds_to_wait())
                self._waiting_requests += 1
            now = time.monotonic()
            heapq.heappush(self._waiting, (now + later, next(self._order), later, function, future))
            if len(self._threads) < self.workers:
                thread = threading.Thread(target=self._work, name="leadline-worker", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify()
        return future

    @contextmanager
    def network(self) -> Iterator[None]:
        """Hold one of the network's streams; to be used inside a function that runs here."""
        with self._network:
            yield

    @property
    def waiting(self) -> int:
        """How many pieces of work wait for a worker."""
        return sum(not entry[4].cancelled() for entry in list(self._waiting))

    @property
    def busy(self) -> int:
        """How many workers have work in hand."""
        return self._busy

    @property
    def dropped(self) -> int:
        """How many results were thrown away, because nobody waited for them any more."""
        return self._dropped

    def seconds_to_wait(self) -> float:
        """Return about how long it takes until there is room again, from the running mean of what a request takes."""
        return max(1.0, self._mean_s * (len(self._waiting) + 1) / self.workers)

    def close(self, timeout_s: float | None = None) -> None:
        """Take no more work, finish what waits, and wait for it."""
        with self._changed:
            self._closed = self.closing = True
            self._changed.notify_all()
        end = None if timeout_s is None else time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(None if end is None else max(0.0, end - time.monotonic()))

    def _forget_cancelled(self) -> None:
        kept = [entry for entry in self._waiting if not entry[4].cancelled()]
        if len(kept) < len(self._waiting):
            gone = [entry for entry in self._waiting if entry[4].cancelled()]
            self._waiting_requests -= sum(entry[2] == 0 for entry in gone)
            self._dropped += len(gone)
            self._waiting = kept
            heapq.heapify(self._waiting)

    def _work(self) -> None:
        while (entry := self._next()) is not None:
            _, _, later, function, future = entry
            if future.set_running_or_notify_cancel():
                self._run(function, future, counts=later == 0)
            else:
                with self._changed:
                    self._dropped += 1
            with self._changed:
                self._busy -= 1
            del entry, function, future  # a picture must not live on while the worker waits for the next one

    def _next(self) -> tuple[float, int, float, Callable[[], Any], Future[Any]] | None:
        with self._changed:
            while not self._waiting:
                if self._closed:
                    return None
                self._changed.wait()
            entry = heapq.heappop(self._waiting)
            self._waiting_requests -= entry[2] == 0
            self._busy += 1
            return entry

    def _run(self, function: Callable[[], Any], future: Future[Any], counts: bool) -> None:
        start = time.monotonic()
        try:  # a future that runs can't be cancelled any more, so that both always succeed
            future.set_result(function())
        except BaseException as error:
            future.set_exception(error)
        if counts:
            with self._changed:
                self._mean_s += _MEMORY * (time.monotonic() - start - self._mean_s)
