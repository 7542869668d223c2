"""KITTI's recordings as films: the raw ones, all or those frames that a split's list names, and the odometry sequences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from leadline.camera import Camera
from leadline.data.datasets.kitti_calibration import baseline_m, camera_of, read_calibration
from leadline.data.datasets.kitti_lists import RAW_FOLDERS, find_list, read_list
from leadline.data.film import FilmSource, Frame
from leadline.errors import LeadlineError
from leadline.io.image import IMAGE_SUFFIXES, read_image

OTHER = {2: 3, 3: 2}
LICENCE = "KITTI is CC BY-NC-SA 3.0: weights that learnt from it are for research"


def kitti_films(root: Path) -> list[FilmSource]:
    """Return the films of a root of KITTI's raw recordings or odometry sequences; none if it is neither.

    Raw: ``DATE/DRIVE_sync/image_02/data``, with ``image_03`` as partner, and ``DATE/calib_cam_to_cam.txt``. Where the root
    holds one ``*files*.txt`` (a split such as Eigen-Zhou's, lines as `leadline.data.datasets.kitti_lists` reads them), its
    frames are the targets, of the left eye and of the right. Odometry: ``sequences/NN/image_2``, ``image_3``, ``calib.txt``.

    Raises:
        LeadlineError: a calibration or a picture that the list names is missing.
    """
    drives = [path for folder in RAW_FOLDERS for path in sorted((root / folder).glob("*/*_sync"))]
    if drives:
        return list(_raw(root, drives))
    return [_odometry(path) for path in sorted((root / "sequences").glob("*")) if (path / "image_2").is_dir()]


def _raw(root: Path, drives: Sequence[Path]) -> Iterator[FilmSource]:
    path = find_list(root)
    wanted: dict[tuple[str, int], set[str]] = defaultdict(set)
    for frame in read_list(path).values() if path else ():
        wanted[frame.drive, frame.camera].add(frame.number)
    found = {drive.name for drive in drives}
    if missing := sorted({drive for drive, _ in wanted} - found):
        raise LeadlineError(
            f"{path} names {missing[0]} and {len(missing) - 1} more that are not in {root}: is the download whole?"
        )
    for drive in drives:
        names = {2: "P_rect_02", 3: "P_rect_03"}
        shapes: dict[str, tuple[int, ...]] = {**dict.fromkeys(names.values(), (3, 4)), "S_rect_02": (2,)}
        rig = read_calibration(drive.parent / "calib_cam_to_cam.txt", shapes)
        width, height = rig["S_rect_02"].astype(int)
        cameras = {n: camera_of(rig[name], (int(height), int(width))) for n, name in names.items()}
        baseline = baseline_m(rig["P_rect_02"], rig["P_rect_03"])
        for eye in (2, 3):
            numbers = wanted[drive.name, eye]
            if (path is None and eye == 3) or (path is not None and not numbers):
                continue
            folders = {n: drive / f"image_0{n}" / "data" for n in OTHER}
            film = _film(f"{drive.name}/image_0{eye}", folders, eye, cameras, baseline if eye == 2 else -baseline, numbers)
            if film is not None:
                yield film


def _odometry(folder: Path) -> FilmSource:
    rig = read_calibration(folder / "calib.txt", {"P2": (3, 4), "P3": (3, 4)})
    folders = {2: folder / "image_2", 3: folder / "image_3"}
    pictures = _listed(folders[2])
    if not pictures:
        raise LeadlineError(f"no pictures in {folders[2]}: expected those of the odometry benchmark")
    hw = read_image(pictures[0]).pixels.shape[:2]
    cameras = {2: camera_of(rig["P2"], hw), 3: camera_of(rig["P3"], hw)}
    film = _film(f"odometry {folder.name}", folders, 2, cameras, baseline_m(rig["P2"], rig["P3"]), set())
    assert film is not None
    return film


def _film(
    name: str, folders: dict[int, Path], eye: int, cameras: dict[int, Camera], baseline: float, numbers: set[str]
) -> FilmSource | None:
    """Return the film of one eye, None without pictures; with `numbers`, those frames are its targets."""
    pictures = _listed(folders[eye])
    if not pictures:
        return None
    index = {path.stem: i for i, path in enumerate(pictures)}
    if missing := sorted(numbers - set(index)):
        raise LeadlineError(f"{folders[eye]} lacks the picture {missing[0]} and {len(missing) - 1} more that the list names")
    others = {path.stem: path for path in _listed(folders[OTHER[eye]])}
    paired = all(stem in others for stem in index)
    return FilmSource(
        name,
        f"kitti {folders[eye].resolve()} {len(pictures)} {folders[eye].stat().st_mtime_ns} {paired}",
        partial(_frames, pictures, others if paired else {}, cameras[eye], cameras[OTHER[eye]]),
        baseline if paired else None,
        targets=frozenset(index[number] for number in numbers) if numbers else None,
        notes=(LICENCE,),
    )


def _frames(pictures: Sequence[Path], others: dict[str, Path], camera: Camera, other: Camera) -> Iterator[Frame]:
    for path in pictures:
        pixels = read_image(path).pixels
        # Recordings of other days are a few pixels wider or narrower than the calibration says of the first.
        own, partner = (each.resize((pixels.shape[0], pixels.shape[1])) for each in (camera, other))
        if others:
            yield Frame(pixels, own, read_image(others[path.stem]).pixels, partner)
        else:
            yield Frame(pixels, own)


def _listed(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if path.suffix.lower() in IMAGE_SUFFIXES]
