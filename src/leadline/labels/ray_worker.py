"""A worker of a label job in a Ray cluster: one process with one network, which labels the shards that it is given.

It is a worker as any other: it claims a shard, labels it with the same stages, and commits it on the shared folder. Ray carries
numbers of shards and counts, and no pictures.
"""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from leadline.errors import LeadlineError
from leadline.labels.job import LabelJob, ShardDone
from leadline.labels.options import LabelOptions
from leadline.labels.stages import SkyMask
from leadline.predictor import Predictor
from leadline.runtime.engine import usable_cores
from leadline.runtime.malloc import keep_freed_memory

_SEE_S = 10.0  # a network file system may show a new file late


@dataclass(frozen=True)
class Order:
    """What every worker of a job is told.

    Attributes:
        inputs: with full paths.
        make_predictor: returns the teacher; called in each worker.
        out: folder of the job, with its full path.
        options, shard_images: see `leadline.labels.job.LabelJob`.
        make_sky: returns what finds the sky, or None.
        sky_name: what that is.
        cpus: cores for each worker.
        must_see: files and folders that a worker must see, besides the job's own.
        mark: a file that the driver has made in the job's folder, to tell it from another of the same name.
        stale_s, beat_s: see `leadline.labels.claims.Claims`.
    """

    inputs: tuple[str, ...]
    make_predictor: Callable[[], Predictor]
    out: Path
    options: LabelOptions
    shard_images: int
    make_sky: Callable[[], SkyMask] | None
    sky_name: str
    cpus: int
    must_see: tuple[str, ...]
    mark: Path
    stale_s: float
    beat_s: float


class ShardWorker:
    """Labels shards, several given at once so that one pipeline runs through all of them.

    Args:
        order: see there.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._given: SimpleQueue[tuple[int, int | None, Future[ShardDone | None]] | None] = SimpleQueue()
        self._promised: dict[int, Future[ShardDone | None]] = {}
        self._cores: list[Any] = []
        self._job: LabelJob | None = None
        self._thread = Thread(target=self._run, name="leadline-shards", daemon=True)

    def ready(self) -> tuple[str, str]:
        """Get ready; return the machine's name and the token of this worker's claims.

        Raises:
            LeadlineError: this machine does not see the job's folder or its inputs, or has another teacher.
        """
        order, host = self._order, socket.gethostname()
        check_sees(order.mark, order.must_see, host)
        keep_freed_memory()
        self._cores = keep_to_cores(order.cpus)
        sky = order.make_sky() if order.make_sky else None
        try:
            job = LabelJob(
                order.inputs, order.make_predictor(), order.out, order.options, shard_images=order.shard_images, sky=sky,
                sky_name=order.sky_name, stale_s=order.stale_s, beat_s=order.beat_s,
            )  # fmt: skip
        except LeadlineError as error:
            raise LeadlineError(f"worker on {host}: {error}") from None
        self._job = job
        self._thread.start()
        return host, job.claims.token

    def label(self, shard: int, made_at: int | None) -> ShardDone | None:
        """Label a shard; return None if another worker holds it.

        Args:
            shard: its number.
            made_at: when the part was made that is to be replaced, or None if there was none: see `LabelJob.redo`.

        Raises:
            LeadlineError: the folder can't be written, or the disk is full.
        """
        promise: Future[ShardDone | None] = Future()
        self._given.put((shard, made_at, promise))
        return promise.result()

    def leave(self) -> None:
        """Discard what is unfinished, and give all claims back."""
        if self._job is None:
            return
        self._job.leave()
        self._given.put(None)
        self._thread.join()
        self._job.close()

    def _run(self) -> None:
        assert self._job is not None
        while (given := self._given.get()) is not None:
            try:
                for done in self._job.label(self._shards(given), held=lambda shard: self._keep(shard, None)):
                    self._keep(done.shard, done)
                lost: BaseException = LeadlineError("the worker was stopped")
            except BaseException as error:
                lost = error
            for promise in self._promised.values():
                promise.set_exception(lost)
            self._promised.clear()

    def _shards(self, given: tuple[int, int | None, Future[ShardDone | None]]) -> Iterator[int]:
        """Yield the given shard and those that have been given meanwhile; never wait, for results of others are due."""
        following: tuple[int, int | None, Future[ShardDone | None]] | None = given
        while following is not None:
            shard, made_at, promise = following
            self._promised[shard] = promise
            if self._job is not None and made_at is not None:
                self._job.redo[shard] = made_at
            yield shard
            try:
                following = self._given.get_nowait()
            except Empty:
                return
        self._given.put(None)  # to leave: for the loop, too

    def _keep(self, shard: int, done: ShardDone | None) -> None:
        self._promised.pop(shard).set_result(done)


def check_sees(mark: Path, must_see: tuple[str, ...], host: str, seconds: float = _SEE_S) -> None:
    """Check that this machine sees the job's folder, and what is to be labelled.

    Args:
        mark: a file in the job's folder.
        must_see: paths of inputs.
        host: this machine's name, for messages.
        seconds: how long to wait for the mark.

    Raises:
        LeadlineError: it does not.
    """
    until = time.monotonic() + seconds
    while not mark.exists():
        if time.monotonic() > until:
            raise LeadlineError(
                f"the worker on {host} does not see the folder of the labels, {mark.parent.parent}: put it on a disk that all "
                "nodes mount under this path"
            )
        time.sleep(0.2)
    for path in must_see:
        if not Path(path).exists():
            raise LeadlineError(f"the worker on {host} does not see {path}: put it on a disk that all nodes mount there")


def keep_to_cores(count: int) -> list[Any]:
    """Keep this process and its threads to so many cores of its machine that no other worker keeps to.

    Networks and codecs choose their threads by the cores that they may use. A core is held by a lock on a file in the machine's
    temporary folder, which the system frees when the process ends. If too few are free, all are used; where there are no such
    locks (macOS, Windows), too.

    Returns:
        The open files; the cores are held as long as these are.
    """
    held: list[Any] = []
    if not hasattr(os, "sched_setaffinity") or count >= usable_cores():
        return held
    import fcntl

    import cv2

    folder = Path(tempfile.gettempdir()) / f"leadline-cores-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    cores: list[int] = []
    for core in sorted(os.sched_getaffinity(0)):
        file = (folder / str(core)).open("ab")
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held.append(file)
            cores.append(core)
            if len(cores) == count:
                cv2.setNumThreads(count)  # it has counted the cores when it was imported
                for thread in os.listdir("/proc/self/task"):  # noqa: PTH208, those that Ray has begun, too
                    with contextlib.suppress(OSError):
                        os.sched_setaffinity(int(thread), cores)
                return held
            continue
        file.close()
    for file in held:
        file.close()
    return []
