"""Scoring images with scale and shift fitted to each: leadline against the NumPy script that people copy around.

    python -m benchmarks.evaluate

Two workloads, on one thread: KITTI's 375 x 1242 with truth at 5 % of the pixels, and NYU's 480 x 640 with truth everywhere.
Prediction (disparity) and truth (depth) lie in memory. A turn is many passes over a few images, so that a contestant works as
in an evaluation of hundreds: its code is warm, and the maps lie in the cache, as those of a picture just predicted do. (With
``--images 16 --repeats 1`` each finds memory as the others have left it.)

``script`` fits with numpy.linalg.lstsq at the masked pixels, aligns, clips and inverts the whole map and takes nine metrics
where the mask is, in the order of Marigold's src/util/alignment.py, of which public code holds many copies;
``script_gathered`` is a more careful one, which computes nothing where there is no truth. ``leadline`` is what its runner does
with a sample; ``leadline_numpy`` the same where numba is not installed; ``leadline_from_arrays`` also makes the depth maps,
with the checks that reading a file else does. All numbers agree within 1e-9, or it stops.

The third workload is a command: ``leadline evaluate --predictions ... --report`` on 697 such images in files, as many as the
test split of Eigen et al. 2014 has, on all cores. Making the files is not counted.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.harness import arguments, interleaved, report, summary
from leadline.depth_map import METRIC_DEPTH, RELATIVE_DISPARITY, DepthMap
from leadline.evaluation.protocols.registry import get_protocol
from leadline.evaluation.runner import score_map
from leadline.io.depth import write_depth
from leadline.sample import Sample

PROTOCOL = get_protocol("disparity-scale-shift-80m")
CAP_M = 80.0
WORKLOADS = {"sparse": ((375, 1242), 0.05), "dense": ((480, 640), 1.0)}  # size, share of the pixels with truth
BASE = "script"
TOLERANCE = 1e-9
COPIES = 17  # of each image among the files: the codecs don't know

Map = NDArray[np.float32]
Image = tuple[Map, Map]  # disparity up to scale and shift; depth in metres, 0 without truth
Scores = dict[str, float]


def main() -> None:
    parser = arguments(__doc__)
    parser.set_defaults(rounds=11, threads=1)
    parser.add_argument("--images", type=int, default=4, help="in memory, of each workload")
    parser.add_argument("--repeats", type=int, default=8, help="passes over them in a turn")
    parser.add_argument("--report-images", type=int, default=697, help="in files, for the report; 0 leaves it out")
    parser.add_argument("--report-rounds", type=int, default=3)
    given = parser.parse_args()
    results: dict[str, Any] = {}
    cv2.setNumThreads(given.threads)
    with threadpool_limits(given.threads):
        for name, (hw, share) in WORKLOADS.items():
            images = [make_image(hw, share, seed) for seed in range(given.images)]
            difference = check_agreement(images)
            contestants = make_contestants(images * given.repeats)
            # The thread's own clock stands still while other programs have the core; nothing waits for a file here.
            seconds = interleaved(contestants, given.rounds, warmup=2, clock=time.thread_time)
            found = summary(seconds, BASE, given.images * given.repeats)
            results |= {f"{name}_{contestant}": {**row, "largest_difference": difference} for contestant, row in found.items()}
    if given.report_images:
        results["report"] = time_report(given.report_images, given.report_rounds)
    settings = {
        "images": given.images, "repeats": given.repeats, "rounds": given.rounds, "threads": given.threads,
        "protocol": PROTOCOL.name,
        "clock": "CPU seconds of the thread; the report: wall clock, and CPU seconds of its process",
        "report_images": given.report_images, "report_rounds": given.report_rounds,
    }  # fmt: skip
    report("evaluate", settings, results, given.out)


def script(pred: Map, target: Map) -> Scores:
    """Score one image as the scripts do: fit at the masked pixels, align, clip and invert the whole map, mask it again."""
    mask = (target > 1e-3) & (target < CAP_M)
    gt = target[mask].astype(np.float64)
    scale, shift = _lstsq(pred[mask].astype(np.float64), 1 / gt)
    depth = 1 / np.clip(scale * pred + shift, 1 / CAP_M, None)
    return _script_metrics(depth[mask], gt)


def script_gathered(pred: Map, target: Map) -> Scores:
    """Score one image as a careful script would: nothing is computed where there is no truth."""
    mask = (target > 1e-3) & (target < CAP_M)
    gathered, gt = pred[mask].astype(np.float64), target[mask].astype(np.float64)
    scale, shift = _lstsq(gathered, 1 / gt)
    return _script_metrics(1 / np.clip(scale * gathered + shift, 1 / CAP_M, None), gt)


def _lstsq(pred: NDArray[np.float64], target: NDArray[np.float64]) -> tuple[float, float]:
    design = np.stack([pred, np.ones_like(pred)], axis=1)
    scale, shift = np.linalg.lstsq(design, target, rcond=None)[0]
    return scale, shift


def _script_metrics(pred: NDArray[np.float64], gt: NDArray[np.float64]) -> Scores:
    thresh = np.maximum(gt / pred, pred / gt)
    err = np.log(pred) - np.log(gt)
    return {
        "abs_rel": np.mean(np.abs(gt - pred) / gt),
        "sq_rel": np.mean((gt - pred) ** 2 / gt),
        "rmse": np.sqrt(((gt - pred) ** 2).mean()),
        "rmse_log": np.sqrt(((np.log(gt) - np.log(pred)) ** 2).mean()),
        "log10": np.abs(np.log10(gt) - np.log10(pred)).mean(),
        "silog": np.sqrt(np.mean(err**2) - np.mean(err) ** 2) * 100,
        "delta1": (thresh < 1.25).mean(),
        "delta2": (thresh < 1.25**2).mean(),
        "delta3": (thresh < 1.25**3).mean(),
    }


def ours(pred: DepthMap, sample: Sample) -> Scores:
    """Score one image as `leadline.evaluation.runner` does."""
    return score_map(pred, sample, PROTOCOL).metrics["all"]


def as_maps(pred: Map, target: Map) -> tuple[DepthMap, Sample]:
    """Return an image as what the runner gets from a predictor and from a data set."""
    picture = np.zeros((*pred.shape, 3), np.uint8)
    return DepthMap(pred, None, RELATIVE_DISPARITY), Sample("", picture, DepthMap(target, target > 0, METRIC_DEPTH))


def make_contestants(images: list[Image]) -> dict[str, Callable[[], object]]:
    """Return calls that score all images."""
    made = {id(image): as_maps(*image) for image in images}  # an image may be there several times
    maps = [made[id(image)] for image in images]

    def in_numpy() -> object:
        with without_numba():
            return [ours(*pair) for pair in maps]

    return {
        BASE: lambda: [script(*image) for image in images],
        "script_gathered": lambda: [script_gathered(*image) for image in images],
        "leadline": lambda: [ours(*pair) for pair in maps],
        "leadline_numpy": in_numpy,
        "leadline_from_arrays": lambda: [ours(*as_maps(*image)) for image in images],
    }


@contextmanager
def without_numba() -> Iterator[None]:
    """Let every loop that numba would compile be done by NumPy."""
    modules = tuple(
        f"leadline.{name}" for name in ("alignment.inverse", "alignment.pixels", "alignment.sums", "metrics.depth_sums")
    )
    with ExitStack() as stack:
        for module in modules:
            stack.enter_context(mock.patch(f"{module}.compiled", return_value=None))
        yield


def check_agreement(images: list[Image]) -> float:
    """Return the largest difference between contestants' numbers; stop where one is above the tolerance."""
    largest = 0.0
    for image in images:
        expected = script(*image)
        others = [script_gathered(*image), ours(*as_maps(*image))]
        with without_numba():
            others.append(ours(*as_maps(*image)))
        for scores in others:
            if scores.keys() != expected.keys():
                raise SystemExit(f"metrics {', '.join(scores)}: expected {', '.join(expected)}")
            largest = max(largest, *(abs(float(scores[name] - value)) for name, value in expected.items()))
    if not largest <= TOLERANCE:
        raise SystemExit(f"the contestants' numbers differ by {largest:g}: expected at most {TOLERANCE:g}")
    return largest


def make_image(hw: tuple[int, int], share: float, seed: int) -> Image:
    """Return a prediction with noise and an unknown scale and shift, and its truth at a random share of the pixels."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(2.3, 0.8, (12, 24)).astype(np.float32)
    depth = np.clip(np.exp(cv2.resize(coarse, hw[::-1], interpolation=cv2.INTER_CUBIC)), 2.0, 79.0)
    pred = 0.7 * (1 / depth + rng.normal(0, 0.004, hw)) + 0.05
    target = depth if share == 1 else np.where(rng.random(hw) < share, depth, 0)
    return pred.astype(np.float32), target.astype(np.float32)


def time_report(count: int, rounds: int) -> dict[str, Any]:
    """Return the seconds that ``leadline evaluate --report`` takes on files, and how large they are."""
    with tempfile.TemporaryDirectory() as folder:
        root, predictions, out = (Path(folder, name) for name in ("truth", "predictions", "out"))
        write_files(root, predictions, count)
        size = {
            f"{what}_kb": round(sum(path.stat().st_size for path in place.glob("*.png")) / count / 1000)
            for what, place in (("picture", root / "rgb"), ("truth", root / "depth"), ("prediction", predictions))
        }
        seconds, busy, page_mb, load = [], [], 0.0, os.getloadavg()[0]
        for turn in range(rounds + 1):  # the first, on few images, lets numba compile what it then keeps on disk
            shutil.rmtree(out, ignore_errors=True)
            command = [
                sys.executable, "-m", "leadline", "evaluate", "--predictions", str(predictions), "--protocol", PROTOCOL.name,
                "--dataset", "images_and_depths", "--root", str(root), "--json", str(out / "scores.json"), "--report", str(out),
                *([] if turn else ["--limit", "9"]),
            ]  # fmt: skip
            started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run(command, capture_output=True, text=True)
            spent, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
            if done.returncode != 0 or not (out / "index.html").is_file():
                raise SystemExit(f"leadline evaluate stopped: {done.stderr[-500:]}")
            if turn:
                seconds.append(spent)
                busy.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
                page_mb = (out / "index.html").stat().st_size / 1e6
                print(f"report of {count} images: {spent:.1f} s", file=sys.stderr, flush=True)
    median = statistics.median(seconds)
    cpu_s = statistics.median(busy)  # of all cores together: what a busy machine changes less
    return {
        "median_s": median,
        "seconds": seconds,
        "cpu_s": cpu_s,
        "load": load,
        "items_per_s": count / median,
        "page_mb": round(page_mb, 2),
        **size,
    }


def write_files(root: Path, predictions: Path, count: int) -> None:
    """Write pictures, sparse truths in millimetres and predictions as 16-bit PNGs."""
    for folder in (root / "rgb", root / "depth", predictions):
        folder.mkdir(parents=True)
    settings = 'images = "rgb/*.png"\ndepths = "depth/*.png"\nkind = "depth/metric"\nscale = 0.002\n'
    (root / "leadline_images.toml").write_text(settings)
    places = [(root / "rgb", ".png"), (root / "depth", ".png"), (predictions, ".depth.png")]
    for index in range(count):
        original = index - index % COPIES
        if index != original:
            for folder, suffix in places:
                shutil.copyfile(folder / f"{original:06d}{suffix}", folder / f"{index:06d}{suffix}")
            continue
        pred, target = make_image(*WORKLOADS["sparse"], seed=index)
        grain = np.random.default_rng(index).normal(0, 5, (*pred.shape, 3))
        grey = 255 * (pred - pred.min()) / np.ptp(pred)
        paths = [folder / f"{index:06d}{suffix}" for folder, suffix in places]
        cv2.imwrite(str(paths[0]), np.clip(grey[..., None] + grain, 0, 255).astype(np.uint8))
        cv2.imwrite(str(paths[1]), np.rint(target / 0.002).astype(np.uint16))
        write_depth(paths[2], DepthMap(pred, None, RELATIVE_DISPARITY))


if __name__ == "__main__":
    main()
