"""Where films for training come from: video files, folders of frames, rendered worlds, data set readers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset
from leadline.data.datasets.files import read_json
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.data.film import UNEVEN, FilmSource, Frame
from leadline.data.film_cameras import OPTION, FilmCameras
from leadline.data.synthetic.layout import scene_folders
from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.io.image import IMAGE_SUFFIXES, read_image
from leadline.io.video import VIDEO_SUFFIXES, VideoReader

VIDEO = "video:"
# Where the pictures of a recording lie below its folder, and those of its right eye.
EYES = (("left", "right"), ("image_2", "image_3"), ("image_02/data", "image_03/data"), ("image_0", "image_1"))
FOLDERS = ("images", "rgb", "color", "frames", "image")


@dataclass(frozen=True)
class VideoSource:
    """A source of films.

    Attributes:
        text: as the user wrote it, one of

            * ``video:FILE``: a video;
            * ``video:FOLDER`` or ``video:FOLDER/*.color.jpg``: pictures in the order of their names, or a recording with
              ``left`` and ``right`` (KITTI's ``image_2`` and ``image_3``, too), or with ``images``, ``rgb``, ``color``;
            * ``video:ROOT`` of KITTI's raw recordings or its odometry sequences (`leadline.data.kitti_films`), of nuScenes
              (`leadline.data.road_films`) or of DDAD's training scenes;
            * ``FOLDER``: films of ``leadline synth WORLD --video``;
            * ``READER@FOLDER``: a data set whose samples are consecutive frames;

            with the camera behind ``video:``, see `leadline.data.film_cameras.FilmCameras`.
        reader: what stands before ``:`` or ``@``, "" for a world.
        path: the file or folder.
        cameras: what stands behind ``::``.
    """

    text: str
    reader: str
    path: Path
    cameras: FilmCameras

    @classmethod
    def parse(cls, text: str) -> VideoSource:
        """Read what the user wrote.

        Raises:
            LeadlineError: it is none of the above.
        """
        where, *options = text.split(OPTION)
        cameras = FilmCameras.parse(options, text)
        if where.startswith(VIDEO):
            return cls(text, VIDEO, Path(where.removeprefix(VIDEO)), cameras)
        reader, at, path = where.partition("@")
        return cls(text, reader if at else "", Path(path if at else where), cameras)

    def films(self) -> list[FilmSource]:
        """Return the films that there are now.

        Raises:
            LeadlineError: there is no such file, folder or reader, or none that may be trained on, or no film in it.
        """
        if self.reader == VIDEO:
            return self._given()
        if not self.path.is_dir():
            raise LeadlineError(
                f"no folder {self.path} of films: render one with leadline synth --video, or correct data.sources"
            )
        return list(self._of_reader() if self.reader else self._of_world())

    def _given(self) -> list[FilmSource]:
        from leadline.data.datasets.ddad import make_dataset
        from leadline.data.kitti_films import kitti_films
        from leadline.data.road_films import nuscenes_films

        if self.path.suffix.lower() in VIDEO_SUFFIXES and not self.path.is_dir():
            return [_of_file(self.path, self.cameras.beside(self.path.parent))]
        if "*" in self.path.name:
            return [
                _of_pictures(str(self.path), sorted(self.path.parent.glob(self.path.name)), [], self.cameras, self.path.parent)
            ]
        if not self.path.is_dir():
            raise LeadlineError(f"no video or folder {self.path}: expected a file such as walk.mp4, or a folder of its frames")
        if films := kitti_films(self.path) or nuscenes_films(self.path):
            return films
        if (self.path / "ddad.json").is_file():
            ddad = make_dataset("train")
            return [_of_samples(ddad, self.path, run, run[0], None) for run in consecutive(ddad.names(self.path))]
        for left, right in EYES:
            if (self.path / left).is_dir():
                partners = list_frames(self.path / right) if (self.path / right).is_dir() else []
                return [_of_pictures(str(self.path), list_frames(self.path / left), partners, self.cameras, self.path / left)]
        pictures = next((self.path / name for name in FOLDERS if (self.path / name).is_dir()), self.path)
        return [_of_pictures(str(self.path), list_frames(pictures), [], self.cameras, pictures)]

    def _of_world(self) -> Iterator[FilmSource]:
        from leadline.data.datasets.leadline_folder import DATASET

        scenes = scene_folders(self.path)
        if not scenes:
            raise LeadlineError(
                f"{self.path} holds no scenes: expected a world of leadline synth --video, or video:{self.path}"
            )
        for scene in scenes:
            views = read_json(scene / "camera.json").get("views", [])
            if len(views) > 1 and not all("frame" in view for view in views):
                raise LeadlineError(f"{scene} holds separate views: expected a film, as leadline synth --video 60 renders it")
            names = [f"{scene.name}/{index:03d}" for index in range(len(views))]
            baseline = views[0].get("baseline_m") if views else None
            yield _of_samples(DATASET, self.path, names, f"{self.path.name}/{scene.name}", baseline)

    def _of_reader(self) -> Iterator[FilmSource]:
        from leadline.data.datasets.registry import get_dataset

        dataset = get_dataset(self.reader)
        if not dataset.info.training_allowed:
            raise LeadlineError(
                f"{dataset.info.title} may not be trained on ({dataset.info.licence}): leave it out of data.sources"
            )
        for names in consecutive(dataset.names(self.path)):
            yield _of_samples(dataset, self.path, names, f"{self.reader}/{names[0]}", None)


def consecutive(names: Sequence[str]) -> list[list[str]]:
    """Return names in runs of one film: their last numbers grow evenly, and what stands around the numbers stays the same.

    A step of more than 1.5 times the median begins a new run, so that frame numbers and time stamps both do.
    """
    matches = [re.fullmatch(r"(.*?)(\d+)(\D*)", name) for name in names]
    parsed = [((m[1], m[3]), int(m[2])) if m else ((name, ""), 0) for name, m in zip(names, matches, strict=True)]
    steps = [b[1] - a[1] for a, b in pairwise(parsed) if a[0] == b[0] and b[1] > a[1]]
    longest = UNEVEN * median(steps) if steps else 0
    runs: list[list[str]] = []
    for index, (around, number) in enumerate(parsed):
        goes_on = index > 0 and around == parsed[index - 1][0] and 0 < number - parsed[index - 1][1] <= longest
        if goes_on:
            runs[-1].append(names[index])
        else:
            runs.append([names[index]])
    return runs


def _of_file(path: Path, cameras: FilmCameras) -> FilmSource:
    if not path.is_file():
        raise LeadlineError(f"no video {path}: expected a file such as walk.mp4, or a folder of its frames")
    about = path.stat()

    def frames() -> Iterator[Frame]:
        reader = VideoReader(path)
        known = cameras.read(reader.hw).cameras
        for frame in reader:
            yield Frame(frame.pixels, camera_at(known, frame.index, path), time_s=frame.time_s)

    identity = f"{path.resolve()} {about.st_size} {about.st_mtime_ns} {_identity(cameras)}"
    return FilmSource(path.name, identity, frames, notes=(cameras.note,) if cameras.note else ())


def _of_pictures(
    name: str, pictures: Sequence[Path], partners: Sequence[Path], cameras: FilmCameras, folder: Path
) -> FilmSource:
    if not pictures:
        raise LeadlineError(f"no pictures in {name}: expected the frames of a film")
    others = {path.stem: path for path in partners}
    if others and (alone := next((path for path in pictures if path.stem not in others), None)) is not None:
        raise LeadlineError(f"no right picture for {alone}: expected one named {alone.stem}")
    cameras = cameras.beside(folder)
    first = read_image(pictures[0])
    hw = (first.pixels.shape[0], first.pixels.shape[1])
    known, baseline_m, offset_px = cameras.read(hw)
    notes = [cameras.note] if cameras.note else []
    if not known and first.camera is not None:
        known = (first.camera,)
        notes.append(f"its camera is that of {pictures[0].name}'s EXIF data, which many phones round")
    if others and baseline_m is None:
        raise LeadlineError(f"{name} has a right eye and no baseline: expected ::baseline=METRES, or a calibration file")

    def frames() -> Iterator[Frame]:
        for index, path in enumerate(pictures):
            camera = camera_at(known, index, folder)
            pixels = read_image(path).pixels
            if not others or camera is None:
                yield Frame(pixels, camera)
            else:
                yield Frame(pixels, camera, read_image(others[path.stem]).pixels, replace(camera, cx=camera.cx + offset_px))

    times = sum(path.stat().st_mtime_ns for path in pictures) % 2**61
    identity = f"{folder.resolve()} {pictures[0].name} {len(pictures)} {times} {len(others)} {_identity(cameras)}"
    return FilmSource(name, identity, frames, baseline_m if others else None, notes=tuple(notes))


def _of_samples(dataset: Dataset, root: Path, names: Sequence[str], title: str, baseline_m: float | None) -> FilmSource:
    def frames() -> Iterable[Frame]:
        for name in names:
            sample = dataset.read(root, name)
            right = sample.right if isinstance(sample, StereoPair) else None
            paired = right is not None and baseline_m is not None
            yield Frame(sample.image, sample.camera, right if paired else None, sample.camera if paired else None)

    identity = f"{dataset.info.name} {root.resolve()} {names[0]} {len(names)} {_changed(root, names)}"
    return FilmSource(title, identity, frames, baseline_m, partial(_read_depth, dataset, root, names))


def _read_depth(dataset: Dataset, root: Path, names: Sequence[str], number: int) -> DepthMap | None:
    return dataset.read(root, names[number]).depth


def _changed(root: Path, names: Sequence[str]) -> int:
    """Return when the first sample's folder was written, for a world that was rendered anew."""
    folder = root / names[0].partition("/")[0]
    return (folder if folder.is_dir() else root).stat().st_mtime_ns


def camera_at(known: Sequence[Camera], index: int, where: Path) -> Camera | None:
    """Return the camera of a frame: the only one, or its own; None if nothing is known.

    Raises:
        LeadlineError: there are several, and none for this frame.
    """
    if len(known) < 2:
        return known[0] if known else None
    if index >= len(known):
        raise LeadlineError(f"{where} has more frames than the {len(known)} cameras given for it: expected one a frame, or one")
    return known[index]


def _identity(cameras: FilmCameras) -> str:
    text = cameras.path.read_text("utf-8", errors="replace") if cameras.path and cameras.path.is_file() else ""
    return f"{cameras} {text}"


def list_frames(folder: Path) -> list[Path]:
    """Return the pictures in a folder, sorted by name."""
    return [
        path for path in sorted(folder.iterdir()) if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    ]
