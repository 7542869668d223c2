"""A zip of pictures to a zip of depth maps. A picture that fails is counted and reported; it stops nothing else."""

from __future__ import annotations

import threading
import time
from pathlib import Path, PurePosixPath
from typing import Any

from leadline.errors import LeadlineError
from leadline.io.header import software
from leadline.io.image import Photo, decode_image
from leadline.predictor import Prediction
from leadline.runtime.outputs import OutputOptions, write_outputs
from leadline.runtime.pipeline import run_pipeline
from leadline.server.job_predictor import QueuedPredictor
from leadline.server.job_store import Job
from leadline.server.result_zip import REPORT, ResultZip
from leadline.server.zip_input import UniqueNames, ZipEntry, ZipInput, ZipLimits


def run_pictures(job: Job, predictor: QueuedPredictor, most_bytes: int, most_pixels: int) -> tuple[Path, str | None]:
    """Predict every picture of a job's zip; return the resulting zip, and what the user should know.

    Args:
        job: whose folder the work is done in.
        predictor: through the queue.
        most_bytes: the largest picture, packed or not.
        most_pixels: the largest picture.

    Raises:
        LeadlineError: no zip that can be read, without any picture, or the result can't be written.
        JobCancelled: the job is to end.
    """
    options = OutputOptions((job.options.output,), job.options.colormap, side_by_side=job.options.side_by_side)
    at_least = None if options.needs_full_photo else predictor.longer_side
    card = predictor.card
    about = {"software": software(), "model": card.name, "kind": str(card.kind), "unit": card.kind.unit or None}
    with ZipInput(job.input, ZipLimits(entry_bytes=most_bytes)) as packed:
        pictures = packed.pictures
        if not pictures:
            raise LeadlineError(f"the zip has no pictures, but {len(packed.entries)} other files: expected JPEG, PNG, ...")
        job.advance(total=len(pictures))
        reading = threading.Lock()
        number = {entry.safe_name: index for index, entry in enumerate(pictures)}

        def read(entry: ZipEntry) -> Photo:
            job.raise_if_cancelled()
            with reading:
                data = packed.read(entry)
            return decode_image(data, at_least=at_least, max_pixels=most_pixels)

        def write(entry: ZipEntry, photo: Photo, prediction: Prediction) -> tuple[list[Path], tuple[str, ...]]:
            stem = Path(f"{number[entry.safe_name]:05d}")  # a name of ours: the entry's is for the zip alone
            folder = job.folder / "maps"
            return write_outputs(prediction.depth, photo.pixels, photo.camera, folder, stem, options), prediction.notes

        names = UniqueNames()
        names.add(REPORT)
        result = job.folder / "result.zip"
        with ResultZip(result, about) as made:
            start = time.monotonic()
            for done in run_pipeline(
                pictures, predictor, write, read=read, predict=lambda _, photo: predictor.predict_photo(photo), ahead=1
            ):
                job.raise_if_cancelled()
                line: dict[str, Any] = {"name": done.item.name, "output": None, "error": done.error, "notes": []}
                if done.value is not None:
                    (path,), notes = done.value
                    name = names.add(_output_name(done.item.safe_name, path.name))
                    made.move_in(path, name)
                    line |= {"output": name, "notes": list(notes)}
                elif done.error is not None:
                    line["error"] = job.without_paths(done.error)
                now = time.monotonic()
                made.add_line(**line, seconds=round(now - start, 3))
                start = now
                job.advance(done=int(done.error is None), failed=int(done.error is not None))
            for entry in packed.entries:
                if entry.ignored is not None:
                    made.add_line(name=entry.name, output=None, error=None, notes=[], ignored=entry.ignored)
    ignored = len(packed.entries) - len(pictures)
    said = [f"{job.failed} of {len(pictures)} pictures failed"] * bool(job.failed)
    said += [f"{ignored} other files were left out"] * bool(ignored)
    return result, f"{', '.join(said)}: {REPORT} in the zip says why" if said else None


def _output_name(entry: str, written: str) -> str:
    """Return the entry's name with the output's suffix: "in/a.jpg" and "00007.depth.png" make "in/a.depth.png"."""
    path = PurePosixPath(entry)
    return str(path.with_name(path.stem + written[written.index(".") :]))
