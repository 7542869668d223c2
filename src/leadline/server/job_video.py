"""A video to a video of its depth, or to a zip with one depth map a frame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from leadline.errors import LeadlineError
from leadline.io.header import software
from leadline.io.preview import colourise
from leadline.io.video import VideoFrame, VideoReader, VideoWriter
from leadline.runtime.outputs import OutputOptions, write_outputs
from leadline.runtime.sizing import resize_picture
from leadline.runtime.video import DepthFrame, iter_depth
from leadline.server.job_input import open_video
from leadline.server.job_predictor import QueuedPredictor
from leadline.server.job_store import Job
from leadline.server.result_zip import ResultZip


def run_video(job: Job, predictor: QueuedPredictor, most_pixels: int) -> tuple[Path, str | None]:
    """Predict every frame of a job's video; return the result, and what the user should know.

    A video that is damaged after some frames gives those, and the message says so.

    Args:
        job: whose folder the work is done in.
        predictor: through the queue.
        most_pixels: the largest frame.

    Raises:
        LeadlineError: no video that can be read, a frame that can't be predicted, or the result can't be written.
        JobCancelled: the job is to end.
    """
    reader = open_video(job.input, most_pixels)
    job.advance(total=reader.frame_count)
    notes: list[str] = []
    depths = iter_depth(_whole_frames(reader, job, most_pixels, notes), predictor)
    if job.options.output == "preview":
        result = _write_movie(job, depths, reader.fps, notes)
    else:
        result = _write_zip(job, depths, predictor)
    missing = (job.total or 0) - job.done
    job.advance(total=max(job.total or 0, job.done), failed=max(0, missing) if notes else 0)
    return result, "; ".join(notes) or None


def _whole_frames(reader: VideoReader, job: Job, most_pixels: int, notes: list[str]) -> Iterator[VideoFrame]:
    """Yield the frames up to the first that can't be decoded."""
    count = 0
    try:
        for frame in reader:
            job.raise_if_cancelled()
            if frame.pixels.shape[0] * frame.pixels.shape[1] > most_pixels:
                raise LeadlineError(f"frame {frame.index} is larger than those before it: cut the video there")
            yield frame
            count += 1
    except LeadlineError as error:
        if not count:
            raise
        notes.append(f"{error}; the first {count} frames are there")


def _write_movie(job: Job, depths: Iterator[DepthFrame], fps: float, notes: list[str]) -> Path:
    path = job.folder / "result.mp4"
    options = job.options
    with ExitStack() as stack:
        writer: VideoWriter | None = None
        for done in depths:
            job.raise_if_cancelled()
            picture = colourise(done.depth, colormap=options.colormap, value_range=done.value_range)
            if options.side_by_side:
                picture = np.concatenate([resize_picture(done.frame.pixels, done.depth.hw), picture], axis=1)
            if writer is None:
                writer = stack.enter_context(VideoWriter(path, fps, (picture.shape[0], picture.shape[1])))
                notes += writer.notes
            writer.write(picture, done.frame.time_s)
            job.advance(done=1)
    return path


def _write_zip(job: Job, depths: Iterator[DepthFrame], predictor: QueuedPredictor) -> Path:
    path = job.folder / "result.zip"
    options = OutputOptions((job.options.output,))
    card = predictor.card
    about = {"software": software(), "model": card.name, "kind": str(card.kind), "unit": card.kind.unit or None}
    with ResultZip(path, about) as made:
        for done in depths:
            job.raise_if_cancelled()
            stem = Path(f"{done.frame.index:06d}")
            (written,) = write_outputs(done.depth, done.frame.pixels, None, job.folder / "maps", stem, options)
            made.move_in(written, written.name)
            made.add_line(name=f"frame {done.frame.index}", output=written.name, error=None, time_s=round(done.frame.time_s, 4))
            job.advance(done=1)
    return path
