"""A predictor for jobs: each picture takes its turn in the server's one queue, behind the people who wait for theirs."""

from __future__ import annotations

from concurrent.futures import CancelledError

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.io.image import Photo
from leadline.predictor import ModelCard, Prediction, Predictor
from leadline.runtime.pipeline import AnySizePredictor
from leadline.server.job_store import SHUTTING_DOWN, Job, JobCancelled
from leadline.server.queue import LOW, InferenceQueue, QueueClosed


class QueuedPredictor:
    """A predictor whose calls wait in the queue at low priority, one at a time, and end when their job is cancelled.

    Args:
        predictor: what is asked.
        queue: where.
        job: for whom.
    """

    streams = 1

    def __init__(self, predictor: Predictor, queue: InferenceQueue, job: Job) -> None:
        self._predictor, self._queue, self._job = predictor, queue, job

    @property
    def card(self) -> ModelCard:
        """Who is asked and what its maps mean."""
        return self._predictor.card

    @property
    def longer_side(self) -> int | None:
        """How many pixels of a picture's longer side are needed at most, or None for all."""
        return self._predictor.longer_side_needed() if isinstance(self._predictor, AnySizePredictor) else None

    def __call__(self, image: NDArray[np.uint8], camera: Camera | None = None) -> Prediction:
        """Predict the map of a picture at its own size.

        Raises:
            JobCancelled: the job is to end, or the server shuts down.
        """
        return self.predict_photo(Photo(image, (image.shape[0], image.shape[1]), camera))

    def predict_photo(self, photo: Photo) -> Prediction:
        """Predict the map of a picture at its full size, although it may have been decoded at a smaller one."""

        def predict() -> Prediction:
            with self._queue.network():
                if isinstance(self._predictor, AnySizePredictor):
                    return self._predictor(photo.pixels, photo.camera, output_hw=photo.hw_full)
                return self._predictor(photo.pixels, photo.camera)

        if self._queue.closing:
            self._job.cancel(SHUTTING_DOWN)
        self._job.raise_if_cancelled()
        try:
            future = self._queue.submit(predict, later=LOW)
            self._job.hold(future)
            return future.result()
        except QueueClosed:
            self._job.cancel(SHUTTING_DOWN)
            raise JobCancelled(SHUTTING_DOWN) from None
        except CancelledError:
            raise JobCancelled(self._job.cancel_reason) from None
        finally:
            self._job.hold(None)
