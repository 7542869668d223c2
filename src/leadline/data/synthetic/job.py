"""Render many views of a world with several processes: resumable, exact about what failed, deterministic per scene.

Scene i depends only on (world, seed, i) and the options, so a job can be stopped, resumed and extended. Each process renders
with one thread, which beats one process with many: denoising and writing are not parallel.
"""

from __future__ import annotations

import argparse
import os
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from zlib import crc32

import cv2
import numpy as np

from leadline import __version__
from leadline.data.synthetic.layout import StoredView, count_views, read_dataset, write_dataset, write_scene
from leadline.data.synthetic.path import smooth_path
from leadline.data.synthetic.render import RenderedView, Renderer
from leadline.data.synthetic.scene import Scene, View
from leadline.data.synthetic.sensor import auto_exposure, develop, draw_sensor
from leadline.errors import LeadlineError

# make_scene(rng, assets, *, views) -> Scene for Mitsuba; "analytic" draws and renders by itself, see `_analytic`
WORLDS = {
    "rooms": "leadline.data.synthetic.rooms:make_scene",
    "tabletop": "leadline.data.synthetic.tabletop:make_scene",
    "street": "leadline.data.synthetic.street:make_scene",
    "terrain": "leadline.data.synthetic.terrain:make_scene",
    "analytic": "leadline.data.synthetic.analytic:make_world",
}
_GIVE_UP_AFTER = 20  # scenes without a picture, in a row: the world is broken, not unlucky
_RENEW_AFTER = 100  # scenes per process, since Mitsuba's memory grows with each

Size = tuple[int, int]


@dataclass(frozen=True)
class Options:
    """What a scene depends on besides its number; pickled to the workers and written to dataset.json."""

    world: str
    seed: int = 0
    sizes: tuple[Size, ...] = ((320, 240),)
    views_per_scene: int = 8
    stereo: bool = False
    video: int = 0
    spp: int = 4
    jpeg: int | None = None
    assets: str | None = None


@dataclass(frozen=True)
class SceneResult:
    """What became of one scene: how many views were written, and why others were not."""

    index: int
    views: int
    rejected: Counter[str] = field(default_factory=Counter)
    failure: str | None = None
    seconds: float = 0.0


@dataclass
class Report:
    """What a job did. `views` and `scenes` count what is in the folder, `rendered` what this run added."""

    out: Path
    views: int = 0
    scenes: int = 0
    rendered: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def failed(self) -> int:
        """Number of scenes that gave an error."""
        return len(self.failures)

    @property
    def views_per_second(self) -> float:
        """Throughput of this run."""
        return self.rendered / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        text = f"{self.out}: {self.views} views in {self.scenes} scenes; {self.rendered} new at {self.views_per_second:.2f} views/s"
        if self.rejected:
            text += "; rejected " + ", ".join(f"{n} ({why})" for why, n in self.rejected.most_common())
        if self.failures:
            text += f"; {self.failed} scenes failed, the first: {next(iter(self.failures.values()))}"
        return text + ("; interrupted" if self.interrupted else "")


def synthesize(
    world: str,
    count: int,
    out: Path,
    *,
    seed: int = 0,
    size: Size | Sequence[Size] = (320, 240),
    views_per_scene: int = 8,
    workers: int | None = None,
    stereo: bool = False,
    video: int = 0,
    spp: int = 4,
    jpeg: int | None = None,
    assets: Path | None = None,
    on_progress: Callable[[Report, int], None] | None = None,
) -> Report:
    """Render scenes of `world` into the folder `out` until it holds at least `count` views.

    Args:
        size: (width, height), or several to draw from per scene.
        stereo: add a right eye. video: frames of one smooth path per scene instead of separate views.
        spp: light paths per pixel, a multiple of 4. jpeg: store pictures as JPEG of this quality instead of PNG.
        assets: folder for `Assets.load`. workers: processes (default: one a core; 1 works in this process).
        on_progress: called with the report so far and `count` after each scene; default: a progress bar on stderr.

    Raises:
        LeadlineError: the world is unknown, or `out` holds data made with other options.
    """
    if world not in WORLDS:
        raise LeadlineError(f"unknown world {world!r}; choose from {', '.join(WORLDS)}")
    if spp <= 0 or spp % 4:
        raise LeadlineError(f"spp is {spp}: expected a multiple of 4")
    sizes = (size,) if isinstance(size[0], int) else tuple(size)
    options = Options(world, seed, sizes, views_per_scene, stereo, video, spp, jpeg, str(assets) if assets else None)  # type: ignore[arg-type]
    out = Path(out)
    _open_dataset(out, options)
    report = Report(out)
    start = time.monotonic()
    with _progress(on_progress) as tell:
        try:
            for result in _results(options, out, count, workers or _cores()):
                _add(report, result, options)
                report.seconds = time.monotonic() - start
                tell(report, count)
        except KeyboardInterrupt:
            report.interrupted = True
    report.seconds = time.monotonic() - start
    return report


def scene_name(options: Options, index: int) -> str:
    """Return the folder name of scene `index`."""
    return f"{options.world}-{options.seed}-{index:05d}"


def make_scene(options: Options, index: int) -> Scene:
    """Build scene `index` of a world that Mitsuba renders, as the job would."""
    module, _, function = WORLDS[options.world].partition(":")
    make: Callable[..., Scene] = getattr(import_module(module), function)
    views = 6 if options.video else options.views_per_scene
    return make(_generator(options, index, 0), _assets(options.assets), views=views)


def render_scene(options: Options, out: Path, index: int) -> SceneResult:
    """Build, render, judge and store one scene; errors become the result's `failure`."""
    start = time.monotonic()
    try:
        views, rejected = _make_views(options, index)
        if views:
            write_scene(out, scene_name(options, index), views, {"world": options.world, "seed": options.seed}, jpeg=options.jpeg)
        return SceneResult(index, len(views), rejected, None, time.monotonic() - start)
    except Exception as error:  # a job of hours must outlive one bad scene; the reason is kept
        frame = traceback.extract_tb(error.__traceback__)[-1]
        failure = f"{type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})"
        return SceneResult(index, 0, Counter(), failure, time.monotonic() - start)


def _make_views(options: Options, index: int) -> tuple[list[StoredView], Counter[str]]:
    rng = _generator(options, index, 1)
    size = options.sizes[int(rng.integers(len(options.sizes)))]
    rendered = (_analytic if options.world == "analytic" else _path_traced)(options, index, size, rng)
    sensor = draw_sensor(rng)
    gain, stored, rejected = None, list[StoredView](), Counter[str]()
    for i, view in enumerate(rendered):
        reason = _unusable(view)
        if reason is None:
            if gain is None or not options.video:  # a film keeps its exposure
                gain = auto_exposure(view.radiance, sensor.key)
            image = develop(view.radiance, sensor, gain, rng)
            if image.std() < 4 or not 8 < image.mean() < 247:
                reason = "flat picture"
        if reason is not None:
            rejected[reason] += 1
            continue
        right = None if view.right_radiance is None else develop(view.right_radiance, sensor, gain, rng)
        extra: dict[str, Any] = {"exposure": gain, "sensor": asdict(sensor)} | ({"frame": i} if options.video else {})
        stored.append(
            StoredView(
                image, view.depth, view.normals, view.material, view.instance, view.sky, view.intrinsics, view.world_from_camera,
                right, view.pixel_disparity, view.occluded, view.baseline_m, extra,
            )
        )  # fmt: skip
    if options.video and rejected:  # a film with holes is no film
        return [], Counter({f"film with {why}": n for why, n in rejected.items()})
    return stored, rejected


def _path_traced(options: Options, index: int, size: Size, rng: np.random.Generator) -> list[RenderedView]:
    scene = make_scene(options, index)
    loaded = _renderer(options.spp).load(scene)
    views: Sequence[View] = scene.views[: options.views_per_scene]
    if options.video:
        views = smooth_path(scene.views, options.video, loaded.first_hit, rng)
    baseline_m = None
    if options.stereo:  # so wide that disparities are of the order of a tenth of the focal length, as rigs are built
        pose = scene.views[0].world_from_camera
        slopes = np.stack([*np.meshgrid(np.linspace(-0.4, 0.4, 9), np.linspace(-0.3, 0.3, 7)), np.ones((7, 9))], axis=-1).reshape(-1, 3)
        directions = slopes / np.linalg.norm(slopes, axis=1, keepdims=True) @ pose[:3, :3].T
        far = loaded.first_hit(np.broadcast_to(pose[:3, 3], directions.shape), directions)
        typical = float(np.median(far[np.isfinite(far)])) if np.isfinite(far).any() else 5.0
        baseline_m = round(float(np.clip(typical * rng.uniform(0.03, 0.1), 0.005, 0.6)), 4)
    return loaded.render(views, size, seed=int(rng.integers(2**31)), baseline_m=baseline_m)


def _analytic(options: Options, index: int, size: Size, rng: np.random.Generator) -> list[RenderedView]:
    from leadline.data.synthetic.analytic import make_world, render_view

    if options.video:
        raise LeadlineError("the analytic world has no films; choose another world")
    draw = _generator(options, index, 0)
    baseline_m = round(float(rng.uniform(0.05, 0.2)), 4) if options.stereo else None
    worlds = [make_world(draw) for _ in range(options.views_per_scene)]
    return [render_view(world, view, (size[1], size[0]), baseline_m=baseline_m) for world, view in worlds]


def _unusable(view: RenderedView) -> str | None:
    """Why a view is not worth keeping, or None."""
    if (view.valid & (view.depth < 0.15)).mean() > 0.6:
        return "too near"
    if view.sky.mean() > 0.85:
        return "only sky"
    if not np.isfinite(view.radiance).all() or view.radiance.mean() < 1e-7:
        return "black picture"
    return None


def _results(options: Options, out: Path, count: int, workers: int) -> Iterator[SceneResult]:
    """Yield results of finished scenes, in order of completion, until `count` views are there."""
    views, barren, index = 0, 0, 0
    crashes = Counter[int]()
    pending: dict[Future[SceneResult], int] = {}
    retry: list[int] = []
    pool = _pool(workers) if workers > 1 else None
    try:
        while True:
            while len(pending) < 2 * workers and barren < _GIVE_UP_AFTER and (retry or views + _expected(options, len(pending)) < count):
                number, index = (retry.pop(), index) if retry else (index, index + 1)
                folder = out / scene_name(options, number)
                if (folder / "camera.json").is_file():
                    views += count_views(folder)
                    yield SceneResult(number, count_views(folder), seconds=-1.0)
                elif pool is None:
                    future: Future[SceneResult] = Future()
                    future.set_result(render_scene(options, out, number))
                    pending[future] = number
                    break
                else:
                    pending[pool.submit(render_scene, options, out, number)] = number
            if not pending:
                return
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                number = pending.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:  # a worker died, and took the others' scenes with it: try each once more, then give up on it
                    for lost in (number, *pending.values()):
                        crashes[lost] += 1
                        retry.append(lost)
                    pending.clear()
                    pool = _pool(1 if len(retry) > 1 else workers)
                    for lost in [n for n in retry if crashes[n] > 2]:
                        retry.remove(lost)
                        yield SceneResult(lost, 0, failure="the process died (out of memory, or a crash in the renderer)")
                    break
                views += result.views
                barren = 0 if result.views else barren + 1
                yield result
    finally:
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)


def _expected(options: Options, scenes: int) -> int:
    return scenes * (options.video or options.views_per_scene)


def _add(report: Report, result: SceneResult, options: Options) -> None:
    report.views += result.views
    report.scenes += result.views > 0
    report.rejected += result.rejected
    if result.seconds >= 0:  # else it was there before
        report.rendered += result.views
    if result.failure is not None:
        report.failures[scene_name(options, result.index)] = result.failure


def _open_dataset(out: Path, options: Options) -> None:
    """Write dataset.json, or make sure that the one that is there says the same."""
    if out.exists() and not out.is_dir():
        raise LeadlineError(f"{out} is a file: give a folder")
    mine: dict[str, Any] = asdict(options) | {"sizes": [list(s) for s in options.sizes]}
    del mine["assets"]  # a place on this machine; what was used is listed under "licences"
    if (out / "dataset.json").is_file():
        theirs = read_dataset(out).get("options", {})
        differing = [k for k in mine if theirs.get(k) != mine[k]]
        if differing:
            was = ", ".join(f"{k} {theirs.get(k)!r} not {mine[k]!r}" for k in differing)
            raise LeadlineError(f"{out} was made with other options ({was}): use these or another folder")
        return
    write_dataset(
        out,
        {
            "world": options.world,
            "seed": options.seed,
            "options": mine,
            "licences": _licences(options.assets),
            "leadline_version": __version__,
        },
    )


def _licences(root: str | None) -> list[dict[str, str]]:
    """Licence and author of every asset that the scenes may use."""
    if root is None:
        return []
    assets = _assets(root)
    return [{"id": a.id, "licence": a.licence, "author": a.author, "source": a.source} for a in (*assets.models, *assets.textures)]


def _generator(options: Options, index: int, stream: int) -> np.random.Generator:
    return np.random.default_rng([options.seed, crc32(options.world.encode()), index, stream])


@lru_cache(maxsize=1)
def _assets(root: str | None) -> Any:
    from leadline.data.synthetic.assets import Assets

    return Assets.load(Path(root) if root else None)


@lru_cache(maxsize=1)
def _renderer(spp: int) -> Renderer:
    return Renderer(spp=spp, threads=1)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, max_tasks_per_child=_RENEW_AFTER)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C lets the scenes in progress finish
    cv2.setNumThreads(1)


@contextmanager
def _progress(on_progress: Callable[[Report, int], None] | None) -> Iterator[Callable[[Report, int], None]]:
    if on_progress is not None:
        yield on_progress
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("views")

        def tell(report: Report, count: int) -> None:
            failed = f", {report.failed} scenes failed" if report.failures else ""
            bar.update(task, completed=report.views, total=count, description=f"{report.views_per_second:.2f} views/s{failed}")

        yield tell


def main() -> None:
    """``python -m leadline.data.synthetic.job``: the bare job, with a contact sheet."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--world", required=True, choices=list(WORLDS))
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", default="320x240", help="WxH, or several separated by commas to draw from")
    parser.add_argument("--views-per-scene", type=int, default=8)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--stereo", action="store_true")
    parser.add_argument("--video", type=int, default=0)
    parser.add_argument("--spp", type=int, default=4)
    parser.add_argument("--assets", type=Path)
    parser.add_argument("--sheet", type=Path, help="write a contact sheet of the result here")
    args = vars(parser.parse_args())
    sheet = args.pop("sheet")
    args["size"] = [tuple(int(v) for v in s.split("x")) for s in args["size"].split(",")]
    report = synthesize(args.pop("world"), args.pop("count"), args.pop("out"), **args)
    print(report)
    if sheet is not None:
        from leadline.data.synthetic.sheet import contact_sheet

        cv2.imwrite(str(sheet), contact_sheet(report.out)[..., ::-1])


if __name__ == "__main__":
    main()
