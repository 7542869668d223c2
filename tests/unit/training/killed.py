"""Train in a process that a test kills: python -m tests.unit.training.killed RUN_DIR STEPS SECONDS_A_BATCH [--resume]."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from tests.unit.training.small import SquaredError, ramps, small_config, small_network

from leadline.data.mixing import Batch
from leadline.training.loop import run_loop


def main(run_dir: Path, steps: int, pause: float, resume: bool) -> None:
    def slowly(start: int, step: int) -> Iterator[Batch]:
        for batch in ramps(start, step):
            time.sleep(pause)
            yield batch

    torch.set_num_threads(1)
    # What a resumed run starts from must not matter.
    run_loop(small_config(run_dir, steps, checkpoint_every=3), small_network(int(resume)), SquaredError, slowly, resume=resume)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), "--resume" in sys.argv)
