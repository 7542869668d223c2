"""The thread that works on jobs, one after the other, and the one that removes what has expired."""

from __future__ import annotations

import logging
import queue as queues
import threading
from pathlib import Path

from leadline.errors import LeadlineError
from leadline.runtime.pipeline import describe
from leadline.server.job_pictures import run_pictures
from leadline.server.job_predictor import QueuedPredictor
from leadline.server.job_store import SHUTTING_DOWN, Job, JobCancelled, JobStore
from leadline.server.job_video import run_video
from leadline.server.models import Models
from leadline.server.queue import InferenceQueue
from leadline.server.settings import Settings

# The longest time to an expired job's removal, unless somebody asks for it before.
_SWEEP_S = 30.0
_log = logging.getLogger("leadline.server")


class JobRunner:
    """Runs what it is given in the order that it comes, one at a time; threads start with the first job.

    Args:
        store: of the jobs.
        settings: the limits of pictures.
        queue: in which each picture waits for its turn.
        models: the networks.
    """

    def __init__(self, store: JobStore, settings: Settings, queue: InferenceQueue, models: Models) -> None:
        self._store, self._settings, self._queue, self._models = store, settings, queue, models
        self._inbox: queues.SimpleQueue[Job | None] = queues.SimpleQueue()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._running: Job | None = None

    def submit(self, job: Job) -> None:
        """Run a job after those before it."""
        with self._lock:
            if not self._threads:
                for target in (self._work, self._sweep):
                    thread = threading.Thread(target=target, name=f"leadline-jobs-{target.__name__.strip('_')}", daemon=True)
                    self._threads.append(thread)
                    thread.start()
        self._inbox.put(job)

    def cancel(self, job: Job, reason: str) -> None:
        """End a job now: its record says so at once, its thread stops within one frame, and its files are removed."""
        job.cancel(reason)
        self._store.end(job, "cancelled", reason)

    def close(self, timeout_s: float = 30.0) -> None:
        """Cancel everything, wait for the frame in hand, and remove all files."""
        self._closing.set()
        running = self._running
        if running is not None:
            running.cancel(SHUTTING_DOWN)
        self._inbox.put(None)
        for thread in self._threads:
            thread.join(timeout_s)
        self._store.close()

    def _work(self) -> None:
        while (job := self._inbox.get()) is not None:
            if self._closing.is_set() or self._queue.closing:
                self._store.end(job, "cancelled", SHUTTING_DOWN)
                continue
            if not job.start():
                continue
            self._running = job
            if self._closing.is_set():  # `close` may have looked before
                job.cancel(SHUTTING_DOWN)
            try:
                self._run(job)
            finally:
                self._running = None

    def _run(self, job: Job) -> None:
        try:
            result, message = self._result(job)
            job.raise_if_cancelled()
        except Exception as error:
            # The pipeline turns a cancelled frame into a failed one: the job itself knows better.
            if job.cancel_reason is not None:
                self._store.end(job, "cancelled", job.cancel_reason)
                return
            if not isinstance(error, LeadlineError | JobCancelled | MemoryError):
                _log.exception("job %s failed", job.id)
            self._store.end(job, "failed", job.without_paths(describe(error)))
        else:
            self._store.end(job, "done", None if message is None else job.without_paths(message), result)

    def _result(self, job: Job) -> tuple[Path, str | None]:
        predictor = QueuedPredictor(self._models.predictor(job.options.model), self._queue, job)
        if job.kind == "zip":
            return run_pictures(job, predictor, self._settings.max_bytes, self._settings.max_pixels)
        return run_video(job, predictor, self._settings.max_pixels)

    def _sweep(self) -> None:
        while not self._closing.wait(min(_SWEEP_S, self._settings.job_ttl_s / 4)):
            self._store.sweep()
