"""Does the server gain from predicting several requests in one batch? Ways take turns; medians over the rounds.

    python -m benchmarks.serve_batches [--rounds 9] [--engine openvino onnxruntime]

Pictures of noise, 384 x 512: the time of a network does not depend on what they show.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.harness import interleaved, summary
from leadline.runtime.predictor import load_predictor

PICTURES = 8
SINGLE = "single, all streams"


def ways_of(engine: str) -> dict[str, Callable[[], object]]:
    """Return the ways to predict the pictures, by name."""
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (384, 512, 3), dtype=np.uint8) for _ in range(PICTURES)]
    many = load_predictor("leadline-s", engine=engine, throughput=True)
    one = load_predictor("leadline-s", engine=engine)
    pool = ThreadPoolExecutor(many.streams)

    def parts(size: int) -> list[list[np.ndarray]]:
        return [pictures[start : start + size] for start in range(0, PICTURES, size)]

    streams = f"{many.streams} streams"
    found: dict[str, Callable[[], object]] = {SINGLE: lambda: list(pool.map(many, pictures))}
    for size in (2, 4):
        found[f"batches of {size}, {streams}"] = lambda size=size: list(pool.map(many.predict_many, parts(size)))
    for size in (1, 2, 4, 8):
        found[f"batches of {size}, one stream"] = lambda size=size: [one.predict_many(part) for part in parts(size)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--engine", nargs="+", default=["openvino", "onnxruntime"])
    asked = parser.parse_args()
    for engine in asked.engine:
        seconds = interleaved(ways_of(engine), asked.rounds)
        for name, row in summary(seconds, SINGLE, PICTURES).items():
            speed = row[f"speedup_over_{SINGLE}"]
            print(f"{engine:12} {name:26} {1000 * row['median_s'] / PICTURES:6.1f} ms a picture, {speed:.2f} times as fast")


if __name__ == "__main__":
    main()
