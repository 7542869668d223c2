"""A worker of a label job in a process of its own, with a teacher in NumPy; killed by tests at any instant.

python -m tests.end_to_end.label_worker IN OUT SHARD_IMAGES SECONDS_A_PICTURE

Prints a line when the job is planned, so that a test may kill it at work rather than at its imports.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.unit.labels.pictures_and_teachers import GreyTeacher

from leadline.labels.job import LabelJob


def main() -> None:
    source, out, shard_images, seconds = sys.argv[1:]
    job = LabelJob([source], GreyTeacher(seconds=float(seconds)), Path(out), shard_images=int(shard_images), threads=2)
    print("planned", flush=True)
    mine = sum(done.by == "this" for done in job.run())
    print(mine, flush=True)


if __name__ == "__main__":
    main()
