"""Labels for a folder of photos: the label job against a loop over a transformers pipeline, with the same network.

    python -m benchmarks.label_job

The network is Depth Anything V2 Small's architecture with random weights, at 686 x 518; the photos are JPEGs of 1.2 megapixels.
The loop saves what the pipeline gives, an 8-bit PNG at the photo's size. The job lists and plans the folder, and writes a tar
of 16-bit PNGs at the network's size, a manifest and its checksums. ``one_core`` is the same job on one core: over the cores, it
is the time that no overlap can beat. Each contestant has a process of its own; they take turns.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness import arguments, report, summary
from benchmarks.predict_folder import _make_network, _make_photos, _transformers_pipeline

PRECISIONS = ("fp32", "bf16")
CONTESTANTS = ("transformers_loop", *(f"label_job_{precision}" for precision in PRECISIONS))
HW = (960, 1280)


def main() -> None:
    parser = arguments(__doc__)
    parser.set_defaults(rounds=3)
    parser.add_argument("--photos", type=int, default=48)
    parser.add_argument("--work", type=Path, help="folder to keep photos and network in for the next run")
    parser.add_argument("--contestant", help="internal: run one contestant, once for each line of input")
    given = parser.parse_args()
    if given.contestant:
        _serve(given.contestant, given.work, given.threads)
        return
    with tempfile.TemporaryDirectory() as temporary:
        work = (given.work or Path(temporary)).resolve()
        _make_folder(work, given.photos)
        difference = _make_network(work)
        seconds = _take_turns([*CONTESTANTS, *(f"one_core_{precision}" for precision in PRECISIONS)], work, given)
    against = CONTESTANTS[0]
    results: dict[str, Any] = dict(summary({name: seconds[name] for name in CONTESTANTS}, against, given.photos))
    for precision in PRECISIONS:
        bound = [alone / given.threads for alone in seconds[f"one_core_{precision}"]]
        shares = [least / own for least, own in zip(bound, seconds[f"label_job_{precision}"], strict=True)]
        results[f"overlap_{precision}"] = {"bound_s": statistics.median(bound), "share_of_bound": statistics.median(shares)}
    settings = {
        "photos": given.photos, "hw": HW, "threads": given.threads, "rounds": given.rounds,
        "network": "depth_anything_v2_small, random weights",
        "largest_difference_of_the_exported_network": difference,
    }  # fmt: skip
    report("label_job", settings, results, given.out)


def _make_folder(work: Path, count: int) -> None:
    """Shrink the photos of `benchmarks.predict_folder`, and repeat them until there are `count`."""
    import cv2

    _make_photos(work / "photos")
    folder = work / f"pictures-{count}"
    if folder.is_dir():
        return
    part = folder.with_suffix(".part")
    part.mkdir(parents=True, exist_ok=True)
    photos = [cv2.imread(str(path)) for path in sorted((work / "photos").glob("*.jpg"))]
    for number in range(count):
        small = cv2.resize(photos[number % len(photos)], HW[::-1], interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(part / f"{number:05d}.jpg"), small, [cv2.IMWRITE_JPEG_QUALITY, 90])
    part.rename(folder)


def _take_turns(names: list[str], work: Path, given: Any) -> dict[str, list[float]]:
    workers = {name: _start(name, work, given) for name in names}
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(given.rounds + 1):
        for name, worker in workers.items():
            worker.stdin.write(f"{given.photos}\n")
            worker.stdin.flush()
            answer = worker.stdout.readline()
            if not answer:
                raise SystemExit(f"{name} stopped: {(work / f'{name}.log').read_text()[-500:]}")
            if turn > 0:  # the first turn loads and compiles
                seconds[name].append(json.loads(answer))
                print(f"{name}: {1000 * seconds[name][-1] / given.photos:.0f} ms a photo", file=sys.stderr, flush=True)
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()
    return seconds


def _start(name: str, work: Path, given: Any) -> Any:
    command = [sys.executable, "-m", "benchmarks.label_job", "--contestant", name, "--work", str(work)]
    command += ["--threads", str(given.threads)]
    with (work / f"{name}.log").open("w") as log:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)


def _serve(name: str, work: Path, threads: int) -> None:
    """Label the folder of so many photos each time a line says so; answer with the seconds."""
    if name.startswith("one_core") and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        threads = 1
    stdout, sys.stdout = sys.stdout, sys.stderr  # libraries print
    out = work / "out" / name
    run = _loop(work, out, threads) if name == "transformers_loop" else _job(work, out, name.rpartition("_")[2], threads)
    for line in sys.stdin:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        folder = work / f"pictures-{int(line)}"
        started = time.perf_counter()
        run(folder)
        print(json.dumps(time.perf_counter() - started), file=stdout, flush=True)


def _loop(work: Path, out: Path, threads: int) -> Callable[[Path], None]:
    estimate = _transformers_pipeline(work, out, threads)
    return lambda folder: estimate(sorted(folder.glob("*.jpg")))


def _job(work: Path, out: Path, precision: str, threads: int) -> Callable[[Path], None]:
    from leadline.labels.job import LabelJob
    from leadline.predictor import ModelCard
    from leadline.runtime.engine import EngineOptions
    from leadline.runtime.malloc import keep_freed_memory
    from leadline.runtime.onnx_predictor import OnnxPredictor

    keep_freed_memory()  # as the command line does
    if threads == 1:
        import cv2

        cv2.setNumThreads(1)
    card = ModelCard.from_json((work / "network.json").read_text())
    predictor = OnnxPredictor(work / "network.onnx", card, EngineOptions(precision=precision, throughput=True))

    def run(folder: Path) -> None:
        job = LabelJob([str(folder)], predictor, out, threads=1 if threads == 1 else None)
        counts = [done.counts for done in job.run()]
        if sum(count.get("labelled", 0) for count in counts) != job.plan.summary.images:
            raise SystemExit(f"not all labelled: {counts}")

    return run


if __name__ == "__main__":
    main()
