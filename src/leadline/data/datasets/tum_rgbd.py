"""TUM RGB-D sequences as downloaded: pictures, depths and poses with a time each, put together here."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.datasets.dataset import Dataset, DatasetInfo
from leadline.data.datasets.files import read_bytes, read_map, read_picture
from leadline.data.datasets.poses import rigid, rotation_matrix
from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.sample import Sample

INFO = DatasetInfo(
    name="tum_rgbd",
    title="TUM RGB-D (sequences)",
    layout="rgbd_dataset_*/rgb.txt, depth.txt, groundtruth.txt, rgb/*.png, depth/*.png",
    kind=METRIC_DEPTH,
    unit="1/5000 m, uint16 PNG",
    invalid="0",
    camera="the benchmark's default fx = fy = 525, cx = 319.5, cy = 239.5; first pixel's centre at 0 (so exactly centred)",
    licence="CC BY 4.0",
    citation="Sturm et al., A benchmark for the evaluation of RGB-D SLAM systems, IROS 2012",
    training_allowed=False,
    notes="kept for evaluation; a picture without a depth within 0.02 s is left out, as the benchmark's associate.py does, "
    "and its pose is None without one within 0.02 s; the measured intrinsics of freiburg1 to 3 differ from the default by up "
    "to 2 % and a lens distortion, but the depth was registered with the default",
)

MOST_SECONDS = 0.02  # associate.py's default
_CAMERA = Camera.from_opencv([[525.0, 0, 319.5], [0, 525.0, 239.5], [0, 0, 1]], (480, 640))


class Frame(NamedTuple):
    """A picture of a sequence with what was measured at the same time.

    Attributes:
        rgb, depth: file names below the sequence's folder.
        pose: (4, 4) world_from_camera in metres, or None.
    """

    rgb: str
    depth: str
    pose: NDArray[np.float64] | None


def associate(first: NDArray[np.float64], second: NDArray[np.float64], most: float = MOST_SECONDS) -> list[tuple[int, int]]:
    """Return pairs of indices whose times differ by less than `most`, closest pairs first served, each index used once.

    The rule of the benchmark's associate.py.

    Args:
        first, second: (n,) and (m,) seconds, each in order.
        most: seconds.
    """
    low, high = np.searchsorted(second, first - most, "right"), np.searchsorted(second, first + most, "left")
    close = [(abs(first[i] - second[j]), i, j) for i in range(len(first)) for j in range(low[i], high[i])]
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in sorted(close):
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return sorted(pairs.items())


def _read_list(path: Path, columns: int) -> list[list[str]]:
    """Return the words of each line that is no comment, in the order of their times."""
    lines = [line.split() for line in read_bytes(path).decode("utf-8", errors="replace").splitlines() if line.strip()]
    rows = [words for words in lines if not words[0].startswith("#")]
    try:
        if any(len(words) != columns for words in rows):
            raise ValueError(f"a line of other than {columns} words")
        return sorted(rows, key=lambda words: float(words[0]))
    except ValueError as error:
        raise LeadlineError(f"{path}: {error}; expected a time and {columns - 1} more words in each line") from None


def _times(rows: list[list[str]]) -> NDArray[np.float64]:
    return np.array([float(words[0]) for words in rows])


@lru_cache(maxsize=4)  # thousands of lines, and needed for each picture of a sequence
def _frames(sequence: Path) -> dict[str, Frame]:
    """Return the frames of a sequence by the picture's stem (its time)."""
    pictures, depths = (_read_list(sequence / f"{name}.txt", 2) for name in ("rgb", "depth"))
    poses = _read_list(sequence / "groundtruth.txt", 8) if (sequence / "groundtruth.txt").exists() else []
    pose_of = dict(associate(_times(pictures), _times(poses)))
    frames = {}
    for i, j in associate(_times(pictures), _times(depths)):
        try:
            pose = _pose(poses[pose_of[i]]) if i in pose_of else None
        except ValueError as error:
            raise LeadlineError(f"{sequence / 'groundtruth.txt'}: {error}; expected tx ty tz qx qy qz qw") from None
        frames[Path(pictures[i][1]).stem] = Frame(pictures[i][1], depths[j][1], pose)
    return frames


def _pose(words: list[str]) -> NDArray[np.float64]:
    """Return world_from_camera of ``time tx ty tz qx qy qz qw``: the real part comes last."""
    x, y, z, w = (float(word) for word in words[4:])
    return rigid(rotation_matrix((w, x, y, z)), [float(word) for word in words[1:4]])


def _names(root: Path) -> list[str]:
    sequences = sorted(path.parent for path in root.glob("**/rgb.txt"))
    return [(sequence.relative_to(root) / stem).as_posix() for sequence in sequences for stem in _frames(sequence)]


def _read(root: Path, name: str) -> Sample:
    # Times hold a dot, so that Path.stem would cut them.
    folder, _, time = name.rpartition("/")
    frame = _frames(root / folder).get(time)
    if frame is None:
        raise LeadlineError(
            f"{root / folder}: no picture {time!r} with a depth within {MOST_SECONDS} s in rgb.txt and depth.txt"
        )
    image = read_picture(root / folder / frame.rgb)
    camera = _CAMERA.resize(image.shape[:2])
    depth = read_map(root / folder / frame.depth, camera.hw, convention="tum", camera=camera, source=INFO.title)
    return Sample(name, image, depth, camera, world_from_camera=frame.pose)


DATASET = Dataset(INFO, _names, _read)
iter_samples = DATASET.iter_samples
