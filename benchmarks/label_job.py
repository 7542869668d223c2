"""Labels for a folder of photos: the label job against a loop over a transformers pipeline, with the same network.

    python -m benchmarks.label_job

The network is Depth Anything V2 Small's architecture with random weights, at 686 x 518; the photos are JPEGs of 1.2 megapixels.
The loop saves what the pipeline gives, an 8-bit PNG at the photo's size. The job lists and plans the folder, and writes a tar
of 16-bit PNGs at the network's size, a manifest and its checksums. ``one_core`` is the same job on one core: over the cores, it
is the time that no overlap can beat. ``ray_job`` is the job on Ray, with one worker that has all cores, as the local engine
does; Ray runs already, and the time until its worker is ready is told apart. Each contestant has a process of its own; they
take turns. ``--only label_job_fp32 ray_job_fp32`` compares these two alone.
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
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.harness import arguments, report, summary
from benchmarks.predict_folder import _make_network, _make_photos, _transformers_pipeline

PRECISIONS = ("fp32", "bf16")
CONTESTANTS = ("transformers_loop", *(f"label_job_{precision}" for precision in PRECISIONS))
ON_RAY = "ray_job_fp32"
HW = (960, 1280)


def main() -> None:
    parser = arguments(__doc__)
    parser.set_defaults(rounds=3)
    parser.add_argument("--photos", type=int, default=48)
    parser.add_argument("--work", type=Path, help="folder to keep photos and network in for the next run")
    parser.add_argument("--only", nargs="+", metavar="CONTESTANT", help="compare these alone, with the first one")
    parser.add_argument("--contestant", help="internal: run one contestant, once for each line of input")
    given = parser.parse_args()
    if given.contestant:
        _serve(given.contestant, given.work, given.threads)
        return
    with tempfile.TemporaryDirectory() as temporary:
        work = (given.work or Path(temporary)).resolve()
        _make_folder(work, given.photos)
        difference = _make_network(work)
        everyone = [*CONTESTANTS, *([ON_RAY] if find_spec("ray") else []), *(f"one_core_{each}" for each in PRECISIONS)]
        seconds, starts = _take_turns(given.only or everyone, work, given)
    shown = [name for name in seconds if not name.startswith("one_core")]
    results: dict[str, Any] = dict(summary({name: seconds[name] for name in shown}, shown[0], given.photos))
    if ON_RAY in seconds:
        results["ray"] = {"worker_ready_after_s": statistics.median(starts[ON_RAY])}
        if (local := "label_job_fp32") in seconds:
            ratios = [own / least for own, least in zip(seconds[ON_RAY], seconds[local], strict=True)]
            results["ray"]["time_over_local"] = statistics.median(ratios)
    for precision in PRECISIONS:
        if not {f"one_core_{precision}", f"label_job_{precision}"} <= set(seconds):
            continue
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


def _take_turns(names: list[str], work: Path, given: Any) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Return the seconds of every turn by contestant, and those before it could begin."""
    workers = {name: _start(name, work, given) for name in names}
    seconds: dict[str, list[float]] = {name: [] for name in names}
    starts: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(given.rounds + 1):
        for name, worker in workers.items():
            worker.stdin.write(f"{given.photos}\n")
            worker.stdin.flush()
            answer = worker.stdout.readline()
            if not answer:
                raise SystemExit(f"{name} stopped: {(work / f'{name}.log').read_text()[-500:]}")
            if turn > 0:  # the first turn loads and compiles
                whole, start = json.loads(answer)
                seconds[name].append(whole - start)
                starts[name].append(start)
                print(f"{name}: {1000 * seconds[name][-1] / given.photos:.0f} ms a photo", file=sys.stderr, flush=True)
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()
    return seconds, starts


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
    if name == "transformers_loop":
        run = _loop(work, out, threads)
    else:
        make = _ray_job if name == ON_RAY else _job
        run = make(work, out, name.rpartition("_")[2], threads)
    for line in sys.stdin:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        folder = work / f"pictures-{int(line)}"
        started = time.perf_counter()
        start = run(folder) or 0.0
        print(json.dumps([time.perf_counter() - started, start]), file=stdout, flush=True)


def _loop(work: Path, out: Path, threads: int) -> Callable[[Path], float | None]:
    estimate = _transformers_pipeline(work, out, threads)
    return lambda folder: estimate(sorted(folder.glob("*.jpg")))


def _predictor(work: Path, precision: str) -> Any:
    from leadline.predictor import ModelCard
    from leadline.runtime.engine import EngineOptions
    from leadline.runtime.onnx_predictor import OnnxPredictor

    card = ModelCard.from_json((work / "network.json").read_text())
    return OnnxPredictor(work / "network.onnx", card, EngineOptions(precision=precision, throughput=True))


def _job(work: Path, out: Path, precision: str, threads: int) -> Callable[[Path], float | None]:
    from leadline.labels.job import LabelJob
    from leadline.runtime.malloc import keep_freed_memory

    keep_freed_memory()  # as the command line does
    if threads == 1:
        import cv2

        cv2.setNumThreads(1)
    predictor = _predictor(work, precision)

    def run(folder: Path) -> None:
        job = LabelJob([str(folder)], predictor, out, threads=1 if threads == 1 else None)
        _check_all([done.counts for done in job.run()], job.plan.summary.images)

    return run


def _ray_job(work: Path, out: Path, precision: str, threads: int) -> Callable[[Path], float | None]:
    import ray

    from benchmarks.label_job import _predictor as predictor_of  # workers don't know this module as __main__
    from leadline.labels.ray_job import RayLabelJob

    ray.init(
        address="local", num_cpus=threads, object_store_memory=80 << 20, include_dashboard=False, log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join(sys.path)}},
    )  # fmt: skip

    def run(folder: Path) -> float | None:
        started = time.perf_counter()
        job = RayLabelJob([str(folder)], partial(predictor_of, work, precision), out, workers=(1, 1), cpus_per_worker=threads)
        planned = time.perf_counter() - started
        _check_all([done.counts for done in job.run()], job.plan.summary.images)
        return planned + (job.ready_after_s or 0.0)

    return run


def _check_all(counts: list[dict[str, int]], images: int) -> None:
    if sum(count.get("labelled", 0) for count in counts) != images:
        raise SystemExit(f"not all labelled: {counts}")


if __name__ == "__main__":
    main()
