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
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from itertools import count as numbers
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from zlib import crc32

import cv2
import numpy as np

from leadline import __version__
from leadline.data.synthetic.layout import StoredView, clear_unfinished, count_views, read_dataset, write_dataset, write_scene
from leadline.data.synthetic.opaque import opaque_twin
from leadline.data.synthetic.path import FRAMES_PER_S, smooth_path
from leadline.data.synthetic.render import LoadedScene, RenderedView, Renderer, Size
from leadline.data.synthetic.scene import Scene, View
from leadline.data.synthetic.sensor import auto_exposure, develop, draw_sensor
from leadline.errors import LeadlineError

# "analytic" draws and renders by itself (`_analytic`); the others are make_scene(rng, assets, *, views) -> Scene for Mitsuba.
WORLDS = {
    "analytic": "leadline.data.synthetic.analytic:make_world",
    "rooms": "leadline.data.synthetic.rooms:make_scene",
    "tabletop": "leadline.data.synthetic.tabletop:make_scene",
    "street": "leadline.data.synthetic.street:make_scene",
    "terrain": "leadline.data.synthetic.terrain:make_scene",
    "tom": "leadline.data.synthetic.tom:make_scene",
    "tom-held-out": "leadline.data.synthetic.tom:make_held_out_scene",
    "drive": "leadline.data.synthetic.drive:make_scene",
    "walk": "leadline.data.synthetic.walk:make_scene",
}
FILM_WORLDS = ("drive", "walk")  # their views are the frames of a film, in order
_GIVE_UP_AFTER = 20  # scenes without a picture, in a row: the world is broken, not unlucky
_RENEW_AFTER = 100  # scenes per process, since Mitsuba's memory grows with each
_VIEWS_TO_MOVE_BETWEEN = 6


@dataclass(frozen=True)
class Options:
    """What a scene depends on besides its number: pickled to the workers, and written to dataset.json."""

    world: str
    seed: int = 0
    sizes: tuple[Size, ...] = ((320, 240),)
    views_per_scene: int = 8
    stereo: bool = False
    video: int = 0
    spp: int = 4
    jpeg: int | None = None
    assets: str | None = None
    opaque: bool = False
    fov_deg: float | None = None
    camera_height: float | None = None


@dataclass(frozen=True)
class SceneResult:
    """What became of one scene.

    Attributes:
        views: how many are in its folder.
        rejected: how many were not worth keeping, by reason.
        failure: the error that ended it, or None.
        resumed: it was there before this job.
    """

    index: int
    views: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    failure: str | None = None
    resumed: bool = False


@dataclass
class Report:
    """What a job did. `views` and `scenes` count what is in the folder now, `rendered` the views that this run added."""

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
        """Number of scenes that ended with an error."""
        return len(self.failures)

    @property
    def views_per_second(self) -> float:
        """Throughput of this run."""
        return self.rendered / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        speed = f"{self.rendered} new at {self.views_per_second:.2f} views/s"
        parts = [f"{self.out}: {self.views} views in {self.scenes} scenes, {speed}"]
        parts += [f"{n} views rejected ({why})" for why, n in self.rejected.most_common()]
        if self.failures:
            parts.append(f"{self.failed} scenes failed, the first with {next(iter(self.failures.values()))}")
        return "; ".join(parts + ["interrupted"] * self.interrupted)


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
    opaque: bool = False,
    fov_deg: float | None = None,
    camera_height: float | None = None,
    on_progress: Callable[[Report, int], None] | None = None,
) -> Report:
    """Render scenes of `world` into the folder `out` until it holds at least `count` views.

    Args:
        world: one of `WORLDS`.
        count: of views; whole scenes are rendered, so a few more may come. What is in `out` already counts.
        out: folder in the layout of `layout`.
        seed: of the world.
        size: (width, height), or several to draw from per scene.
        views_per_scene: fewer where views had to be rejected.
        workers: processes; by default one a core, and 1 works in this process.
        stereo: add a right eye.
        video: frames of one smooth path per scene instead of separate views.
        spp: light paths per pixel, a multiple of 4.
        jpeg: store pictures as JPEG of this quality instead of PNG.
        assets: folder for `Assets.load`.
        opaque: make glass and mirrors matte; the same scenes, views and truth otherwise.
        fov_deg: horizontal field of view of all views, instead of one drawn for each view or film.
        camera_height: of a film's camera above the ground, metres, instead of one drawn for each film: one rig for all.
        on_progress: called with the report so far and `count` after each scene; by default a progress bar on stderr.

    Raises:
        LeadlineError: the world is unknown, a number is out of range, or `out` holds data made with other options.
        ImportError: the world needs Mitsuba, which is not installed.
    """
    root = None if assets is None else str(assets)
    options = Options(
        world, seed, _sizes(size), views_per_scene, stereo, video, spp, jpeg, root, opaque, fov_deg, camera_height
    )
    _check(options, count)
    out = Path(out)
    _open_dataset(out, options)
    clear_unfinished(out)
    report, start = Report(out), time.monotonic()
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
    rng, assets = _generator(options, index, 0), _assets(options.assets)
    if options.world in FILM_WORLDS:
        scene = make(rng, assets, views=options.video, camera_height=options.camera_height)
    else:
        scene = make(rng, assets, views=_VIEWS_TO_MOVE_BETWEEN if options.video else options.views_per_scene)
    if options.fov_deg is not None:
        scene = replace(scene, views=tuple(replace(view, fov_x_deg=options.fov_deg) for view in scene.views))
    return opaque_twin(scene, _generator(options, index, 2)) if options.opaque else scene


def render_scene(options: Options, out: Path, index: int) -> SceneResult:
    """Build, render, judge and store one scene; an error becomes the result's `failure`."""
    try:
        views, rejected = _stored_views(options, index)
        if views:
            about = {"world": options.world, "seed": options.seed, "scene": index}
            write_scene(out, scene_name(options, index), views, about, jpeg=options.jpeg)
        return SceneResult(index, len(views), rejected)
    except Exception as error:  # a job of hours must outlive one bad scene; the reason is kept
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return SceneResult(index, failure=f"{type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})")


def _stored_views(options: Options, index: int) -> tuple[list[StoredView], Counter[str]]:
    """Take the pictures of a scene with one camera, and count those that show nothing."""
    rng = _generator(options, index, 1)
    size = options.sizes[int(rng.integers(len(options.sizes)))]
    rendered = (_analytic if options.world == "analytic" else _path_traced)(options, index, size, rng)
    sensor = draw_sensor(rng)
    gain = 0.0
    stored, rejected = list[StoredView](), Counter[str]()
    for i, view in enumerate(rendered):
        reason = _unusable(view)
        if reason is not None:
            rejected[reason] += 1
            continue
        if gain == 0 or not options.video:  # a film keeps its exposure
            gain = auto_exposure(view.radiance, sensor.key)
        image = develop(view.radiance, sensor, gain, rng)
        if image.std() < 4 or not 8 < image.mean() < 247:
            rejected["flat picture"] += 1
            continue
        stored.append(
            StoredView(
                image=image,
                depth=view.depth,
                normals=view.normals,
                material=view.material,
                instance=view.instance,
                sky=view.sky,
                intrinsics=view.intrinsics,
                world_from_camera=view.world_from_camera,
                right=None if view.right_radiance is None else develop(view.right_radiance, sensor, gain, rng),
                pixel_disparity=view.pixel_disparity,
                occluded=view.occluded,
                baseline_m=view.baseline_m,
                moving=np.zeros_like(view.sky) if view.moving is None and options.world in FILM_WORLDS else view.moving,
                extra={"exposure": gain, "sensor": asdict(sensor)} | _times(options, i),
            )
        )
    if options.video and rejected:  # a film with holes is no film
        return [], rejected + Counter({"film with a bad frame": len(stored)})
    return stored, rejected


def _times(options: Options, index: int) -> dict[str, float]:
    """Return the number of a frame, and its time where the film has a rate."""
    if not options.video:
        return {}
    return {"frame": index} | ({"time_s": index / FRAMES_PER_S} if options.world in FILM_WORLDS else {})


def _path_traced(options: Options, index: int, size: Size, rng: np.random.Generator) -> list[RenderedView]:
    scene = make_scene(options, index)
    loaded = _renderer(options.spp).load(scene)
    views: Sequence[View] = scene.views if options.video else scene.views[: options.views_per_scene]
    if options.video and options.world not in FILM_WORLDS:
        views = smooth_path(scene.views, options.video, loaded.first_hit, rng)
    baseline_m = _fitting_baseline(loaded, views[0], rng) if options.stereo else None
    return loaded.render(views, size, seed=int(rng.integers(2**31)), baseline_m=baseline_m)


def _fitting_baseline(loaded: LoadedScene, view: View, rng: np.random.Generator) -> float:
    """Draw a baseline in metres of 3 to 10 % of the distance of what the view shows, as stereo rigs are built."""
    x, y = (v.ravel() for v in np.meshgrid(np.linspace(-0.4, 0.4, 9), np.linspace(-0.3, 0.3, 7)))
    rays = np.stack([x, y, np.ones_like(x)], axis=-1) / np.sqrt(x * x + y * y + 1)[:, None]
    pose = view.world_from_camera
    far = loaded.first_hit(np.broadcast_to(pose[:3, 3], rays.shape), rays @ pose[:3, :3].T)
    typical = float(np.median(far[np.isfinite(far)])) if np.isfinite(far).any() else 5.0
    return round(float(np.clip(typical * rng.uniform(0.03, 0.1), 0.005, 0.6)), 4)


def _analytic(options: Options, index: int, size: Size, rng: np.random.Generator) -> list[RenderedView]:
    from leadline.data.synthetic.analytic import make_world, render_view

    baseline_m = round(float(rng.uniform(0.05, 0.2)), 4) if options.stereo else None
    draw = _generator(options, index, 0)
    worlds = [make_world(draw, options.fov_deg) for _ in range(options.views_per_scene)]
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
    """Yield scenes as they finish until `count` views are there, or nothing comes of them any more."""
    views, barren = 0, 0
    fresh = numbers()
    with _Pool(workers) as pool:
        while True:
            expected = views + len(pool) * (options.video or options.views_per_scene)
            if expected < count and pool.has_room and barren < _GIVE_UP_AFTER:
                index = next(fresh)
                folder = out / scene_name(options, index)
                if (folder / "camera.json").is_file():
                    views += count_views(folder)
                    yield SceneResult(index, count_views(folder), resumed=True)
                else:
                    pool.submit(options, out, index)
                continue
            if not len(pool):
                return
            for result in pool.finished():
                views += result.views
                barren = 0 if result.views else barren + 1
                yield result


class _Pool:
    """Processes that render scenes. One that dies is replaced and its scene reported; all are renewed now and then."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._executor: ProcessPoolExecutor | None = None
        self._pending: dict[Future[SceneResult], tuple[Options, Path, int]] = {}
        self._submitted = 0

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def has_room(self) -> bool:
        """Whether to submit more: a short queue keeps all busy; before a renewal it runs dry."""
        return len(self) < 2 * self._workers and self._submitted < _RENEW_AFTER * self._workers

    def submit(self, options: Options, out: Path, index: int) -> None:
        """Queue a scene."""
        if self._workers == 1:
            future: Future[SceneResult] = Future()  # made in `finished`, in this process
        else:
            if self._executor is None:
                self._executor = _executor(self._workers)
            try:
                future = self._executor.submit(render_scene, options, out, index)
            except BrokenProcessPool as error:
                future = Future()
                future.set_exception(error)
        self._pending[future] = (options, out, index)
        self._submitted += 1

    def finished(self) -> list[SceneResult]:
        """Wait for at least one scene and return those that are done."""
        if self._workers == 1:
            self._submitted = 0
            return [render_scene(*self._pending.pop(next(iter(self._pending))))]
        done = wait(self._pending, return_when=FIRST_COMPLETED).done
        try:
            results = [future.result() for future in done]
        except BrokenProcessPool:
            # One process died and took all scenes in progress with it. Alone, the guilty one dies again.
            lost = list(self._pending.values())
            self._pending.clear()
            self._close()
            return [_render_alone(*scene) for scene in lost]
        for future in done:
            del self._pending[future]
        if not self._pending:  # the end, or time to renew
            self._close()
        return results

    def _close(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
        self._executor, self._submitted = None, 0


def _render_alone(options: Options, out: Path, index: int) -> SceneResult:
    if (out / scene_name(options, index) / "camera.json").is_file():  # it had finished, only its answer was lost
        return SceneResult(index, count_views(out / scene_name(options, index)))
    with _executor(1) as alone:
        try:
            return alone.submit(render_scene, options, out, index).result()
        except BrokenProcessPool:
            return SceneResult(index, failure="the process died: out of memory, or a crash in the renderer")


def _executor(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, get_context("spawn"), _start_worker)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C lets the scenes in progress finish
    cv2.setNumThreads(1)


def _add(report: Report, result: SceneResult, options: Options) -> None:
    report.views += result.views
    report.scenes += result.views > 0
    report.rendered += 0 if result.resumed else result.views
    report.rejected += result.rejected
    if result.failure is not None:
        report.failures[scene_name(options, result.index)] = result.failure


def _sizes(size: Size | Sequence[Size]) -> tuple[Size, ...]:
    pairs = np.array(size, int).reshape(-1, 2).tolist()
    return tuple((w, h) for w, h in pairs)


def _check(options: Options, count: int) -> None:
    if options.world not in WORLDS:
        raise LeadlineError(f"unknown world {options.world!r}: choose one of {', '.join(WORLDS)}")
    if options.spp <= 0 or options.spp % 4:
        raise LeadlineError(f"{options.spp} samples per pixel: expected a multiple of 4")
    if count < 1 or options.views_per_scene < 1 or options.video < 0:
        raise LeadlineError(f"count {count}, views per scene {options.views_per_scene}, video {options.video}: expected more")
    if not options.sizes or any(w < 16 or h < 16 for w, h in options.sizes):
        raise LeadlineError(f"size {options.sizes}: expected width and height of at least 16 pixels")
    if options.fov_deg is not None and not 5 <= options.fov_deg <= 150:
        raise LeadlineError(f"field of view {options.fov_deg:g}: expected 5 to 150 degrees")
    if options.camera_height is not None:
        if options.world not in FILM_WORLDS:
            raise LeadlineError(f"a camera height in the world {options.world!r}: only {' and '.join(FILM_WORLDS)} have one")
        if not 0.3 <= options.camera_height <= 3:
            raise LeadlineError(f"camera height {options.camera_height:g} m: expected 0.3 to 3")
    if options.world in FILM_WORLDS and options.video < 2:
        raise LeadlineError(f"the world {options.world!r} is a film: give its number of frames, for instance video 60")
    if options.world == "analytic":
        if options.video:
            raise LeadlineError("the analytic world has no films: choose another world, or drop video")
        if options.opaque:
            raise LeadlineError("the analytic world has no opaque twin: choose another world, or drop opaque")
    elif find_spec("mitsuba") is None:
        raise ModuleNotFoundError(f"the world {options.world!r} is rendered with Mitsuba", name="mitsuba")


def _open_dataset(out: Path, options: Options) -> None:
    """Write dataset.json, or make sure that the one that is there says the same."""
    if out.exists() and not out.is_dir():
        raise LeadlineError(f"{out} is a file: give a folder")
    mine: dict[str, Any] = asdict(options) | {"sizes": [list(s) for s in options.sizes]}
    del mine["assets"]  # a place on one machine; what was used is listed under "licences"
    if (out / "dataset.json").is_file():
        before = {"opaque": False, "fov_deg": None, "camera_height": None}  # what sets from before these options don't say
        theirs = before | read_dataset(out).get("options", {})
        if differing := [f"{k} {theirs.get(k)!r}, not {mine[k]!r}" for k in mine if theirs.get(k) != mine[k]]:
            raise LeadlineError(f"{out} was made with {'; '.join(differing)}: use the same options, or another folder")
        return
    about = {"world": options.world, "seed": options.seed, "options": mine}
    write_dataset(out, about | {"licences": _licences(options.assets), "leadline_version": __version__})


def _licences(root: str | None) -> list[dict[str, str]]:
    """Licence and author of every asset that the scenes may use."""
    if root is None:
        return []
    assets = _assets(root)
    listed = (*assets.models, *assets.textures)
    return [{"id": a.id, "licence": a.licence, "author": a.author, "source": a.source} for a in listed]


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
            speed = f"{report.views_per_second:.2f} views/s{failed}"
            bar.update(task, completed=report.views, total=count, description=speed)

        yield tell


def main() -> None:
    """Render a world and, if asked, a contact sheet of it. ``leadline synth`` is the same for users."""
    parser = argparse.ArgumentParser(prog="python -m leadline.data.synthetic.job", description=main.__doc__)
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
    parser.add_argument("--jpeg", type=int)
    parser.add_argument("--assets", type=Path)
    parser.add_argument("--opaque", action="store_true")
    parser.add_argument("--fov-deg", type=float)
    parser.add_argument("--camera-height", type=float)
    parser.add_argument("--sheet", type=Path, help="write a contact sheet of the result to this picture")
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
