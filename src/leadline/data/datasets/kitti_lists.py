"""Lists of KITTI frames as people pass them around, and where the files that they name lie."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from leadline.data.datasets.files import read_bytes
from leadline.errors import LeadlineError

CAMERAS = {"l": 2, "r": 3, "2": 2, "3": 3}
_PICTURE = re.compile(r"(?:.*/)?(\d{4}_\d\d_\d\d)/([^/]+)/image_0([23])/data/(\d{10})\.(?:png|jpg)")
# Where the pictures of the raw recordings lie below a root, and the annotated depth maps.
RAW_FOLDERS = ("", "raw", "raw_data", "input")
TRUTH_FOLDERS = ("", "train", "val", "data_depth_annotated/train", "data_depth_annotated/val", "gt_depth")


@dataclass(frozen=True)
class Frame:
    """One picture of the raw recordings.

    Attributes:
        date: the day, which shares a calibration, for instance "2011_09_26".
        drive: the recording, for instance "2011_09_26_drive_0002_sync".
        camera: 2, the left colour camera, or 3, the right one.
        number: of the picture, ten digits.
        truth: path of its annotated depth map as the list gives it, or "" where the truth is the laser scan.
    """

    date: str
    drive: str
    camera: int
    number: str
    truth: str = ""

    @property
    def name(self) -> str:
        """The sample's name."""
        return f"{self.date}/{self.drive}/image_0{self.camera}/{self.number}"


def frame_named(name: str) -> Frame:
    """Return the frame of a sample's name, with the laser scan as truth."""
    date, drive, camera, number = name.split("/")
    return Frame(date, drive, int(camera[-1]), number)


def read_list(path: Path) -> Mapping[str, Frame]:
    """Return the frames of a list by their names, in its order.

    A line is one of

    * ``FOLDER NUMBER SIDE``: 2011_09_26/2011_09_26_drive_0002_sync 69 l (Monodepth2),
    * ``PICTURE TRUTH [FOCAL]``: .../image_02/data/0000000069.png .../groundtruth/image_02/0000000069.png 721.5377 (BTS);
      where the truth is "None" there is none, and the line is left out,
    * ``PICTURE``: .../image_02/data/0000000069.png (SfMLearner).

    Raises:
        LeadlineError: the file is missing, or a line is none of these.
    """
    # A list is needed again for each of its frames; a changed file is read anew.
    return _frames(path, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=4)
def _frames(path: Path, changed_ns: int) -> Mapping[str, Frame]:
    frames = {}
    for line in read_bytes(path).decode("utf-8", errors="replace").splitlines():
        words = line.split()
        if not words or (len(words) > 1 and words[1] == "None"):
            continue
        frame = _frame(words)
        if frame is None:
            raise LeadlineError(f"{path}: line {line[:60]!r}; expected FOLDER NUMBER SIDE, PICTURE TRUTH or PICTURE")
        frames[frame.name] = frame
    return frames


def find_list(root: Path) -> Path | None:
    """Return the only ``*files*.txt`` in a folder, or None.

    Raises:
        LeadlineError: there are several.
    """
    lists = sorted(root.glob("*files*.txt"))
    if len(lists) > 1:
        names = ", ".join(path.name for path in lists)
        raise LeadlineError(f"{root}: several lists of frames ({names}); keep the one that is meant, or give it with with_list")
    return lists[0] if lists else None


def find_picture(root: Path, frame: Frame, *folders: str) -> Path:
    """Return where the picture lies below `root`, as PNG or JPEG; `folders` are looked into besides RAW_FOLDERS.

    Raises:
        LeadlineError: nowhere.
    """
    inside = f"{frame.drive}/image_0{frame.camera}/data/{frame.number}"
    stems = [f"{folder}/{frame.date}/{inside}" for folder in RAW_FOLDERS] + [f"{folder}/{inside}" for folder in folders]
    for stem in stems:
        for suffix in (".png", ".jpg"):
            if (path := root / f"{stem.lstrip('/')}{suffix}").exists():
                return path
    raise LeadlineError(f"no picture {frame.date}/{inside}.png (or .jpg) in {root}; expected KITTI's raw recordings there")


def find_calibration(root: Path, frame: Frame) -> Path | None:
    """Return the folder with the day's calib_cam_to_cam.txt, or None."""
    for folder in RAW_FOLDERS:
        if (path := root / folder / frame.date).joinpath("calib_cam_to_cam.txt").exists():
            return path
    return None


def find_truth(root: Path, frame: Frame) -> Path:
    """Return where the annotated depth map that the list names lies below `root`.

    Raises:
        LeadlineError: nowhere.
    """
    for folder in TRUTH_FOLDERS:
        if (path := root / folder / frame.truth).exists():
            return path
    places = ", ".join(folder or "." for folder in TRUTH_FOLDERS)
    raise LeadlineError(f"no depth map {frame.truth} in {root} (looked into {places}); is the annotated depth there?")


def _frame(words: list[str]) -> Frame | None:
    if len(words) == 3 and words[1].isdigit() and words[2] in CAMERAS and words[0].count("/") == 1:
        date, drive = words[0].split("/")
        return Frame(date, drive, CAMERAS[words[2]], f"{int(words[1]):010d}")
    if (picture := _PICTURE.fullmatch(words[0])) is None or len(words) > 3:
        return None
    return Frame(picture[1], picture[2], int(picture[3]), picture[4], words[1] if len(words) > 1 else "")
